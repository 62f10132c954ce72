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

    /// Was it ended by a fault of its own: a bad access, an assertion that failed, a call its sandbox forbids?
    #[must_use]
    pub fn is_crash(&self) -> bool {
        const FAULTS: [i32; 8] = [
            libc::SIGABRT,
            libc::SIGBUS,
            libc::SIGFPE,
            libc::SIGILL,
            libc::SIGQUIT,
            libc::SIGSEGV,
            libc::SIGSYS,
            libc::SIGTRAP,
        ];
        self.core_dumped || self.signal.is_some_and(|signal| FAULTS.contains(&signal))
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
    fn a_fault_of_its_own_is_told_from_being_ended() {
        let killed_by = |signal| Exit {
            code: None,
            signal: Some(signal),
            core_dumped: false,
        };
        assert!(
            [libc::SIGSEGV, libc::SIGABRT, libc::SIGSYS]
                .map(killed_by)
                .iter()
                .all(Exit::is_crash)
        );
        assert!(
            ![libc::SIGKILL, libc::SIGTERM]
                .map(killed_by)
                .iter()
                .any(Exit::is_crash)
        );
    }

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
