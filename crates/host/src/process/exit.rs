//! How a process ended.

use std::fmt;

use rustix::process::WaitIdStatus;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// Its exit status, if it ended by itself.
    pub code: Option<i32>,
    /// The signal that killed it, otherwise.
    pub signal: Option<i32>,
    /// Did the kernel write a core dump?
    pub core_dumped: bool,
}

impl Exit {
    /// Did it end by itself with status 0?
    #[must_use]
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }

    pub(crate) fn from_status(status: &WaitIdStatus) -> Self {
        Exit {
            code: status.exit_status(),
            signal: status.terminating_signal(),
            core_dumped: status.dumped(),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "exited with status {code}"),
            (None, Some(signal)) => {
                write!(f, "was killed by {}", signal_name(signal))?;
                if self.core_dumped {
                    write!(f, " (core dumped)")
                } else {
                    Ok(())
                }
            }
            (None, None) => write!(f, "ended in an unknown way"),
        }
    }
}

/// The usual name of a signal.
fn signal_name(number: i32) -> String {
    let name = match number {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        libc::SIGSYS => "SIGSYS",
        _ => return format!("signal {number}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_reads_as_a_sentence() {
        let exit = |code, signal, core_dumped| {
            Exit {
                code,
                signal,
                core_dumped,
            }
            .to_string()
        };
        assert_eq!(exit(Some(1), None, false), "exited with status 1");
        assert_eq!(
            exit(None, Some(11), true),
            "was killed by SIGSEGV (core dumped)"
        );
        assert_eq!(exit(None, Some(9), false), "was killed by SIGKILL");
        assert_eq!(exit(None, Some(34), false), "was killed by signal 34");
    }
}
