//! What can go wrong with a running machine.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use guest::{Cause, GuestError};
use host::ledger::LedgerError;
use host::process::{SpawnError, WaitError};
use machine::MachineError;

use crate::exit::ExitReport;
use crate::health::Finding;
use crate::plug::PlugError;
use crate::qmp::{EventError, QmpError};

/// Why something could not be done with a machine.
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    /// The machine contradicts itself, or this QEMU lacks what it needs.
    #[error("failed to describe machine \"{vm}\" to QEMU: {source}")]
    Machine {
        /// Name of the machine.
        vm: String,
        /// What is wrong.
        source: Box<MachineError>,
    },
    /// QEMU ended before it spoke.
    #[error("QEMU of machine \"{vm}\" did not start: it {exit}{}", after(stderr))]
    Start {
        /// Name of the machine.
        vm: String,
        /// How QEMU ended.
        exit: host::process::Exit,
        /// What it said on stderr.
        stderr: String,
    },
    /// A monitor command failed.
    #[error("failed to {verb} machine \"{vm}\": {source}")]
    Monitor {
        /// Name of the machine.
        vm: String,
        /// What was tried.
        verb: String,
        /// What went wrong.
        source: Box<QmpError>,
        /// The last that was heard.
        last_words: Box<LastWords>,
    },
    /// Talking to the guest failed.
    #[error("machine \"{vm}\": {source}")]
    Guest {
        /// Name of the machine.
        vm: String,
        /// What went wrong.
        source: Box<GuestError>,
        /// The last that was heard.
        last_words: Box<LastWords>,
    },
    /// An event cannot be found.
    #[error("machine \"{vm}\": {source}")]
    Event {
        /// Name of the machine.
        vm: String,
        /// Why.
        source: Box<EventError>,
    },
    /// Something awaited did not happen in time.
    #[error("machine \"{vm}\" showed no {awaited} within {:.1} s{}", waited.as_secs_f64(), last_words.brief())]
    Wait {
        /// Name of the machine.
        vm: String,
        /// What was awaited.
        awaited: String,
        /// How long.
        waited: Duration,
        /// The last that was heard.
        last_words: Box<LastWords>,
    },
    /// The machine was found to be fatally unwell.
    #[error("machine \"{vm}\" became unwell {:.1} s into the wait for {awaited}: {finding}{}", waited.as_secs_f64(), last_words.brief())]
    Unwell {
        /// Name of the machine.
        vm: String,
        /// What was awaited.
        awaited: String,
        /// How long.
        waited: Duration,
        /// What was found.
        finding: Box<Finding>,
        /// The last that was heard.
        last_words: Box<LastWords>,
    },
    /// QEMU ended while something else was awaited.
    #[error("machine \"{vm}\" ended {:.1} s into the wait for {awaited}: QEMU {exit}{}", waited.as_secs_f64(), last_words.brief())]
    Ended {
        /// Name of the machine.
        vm: String,
        /// What was awaited.
        awaited: String,
        /// How long.
        waited: Duration,
        /// How it ended.
        exit: Box<ExitReport>,
        /// The last that was heard.
        last_words: Box<LastWords>,
    },
    /// A background job ended in a way it was not to.
    #[error("job \"{id}\" of machine \"{vm}\" {end}, while {awaited} was awaited")]
    Job {
        /// Name of the machine.
        vm: String,
        /// Id of the job.
        id: String,
        /// What was awaited.
        awaited: String,
        /// How it ended.
        end: String,
    },
    /// The machine has no such channel, or it is taken.
    #[error("machine \"{vm}\" has no free channel \"{channel}\" (hint: its channels are {known})")]
    NoChannel {
        /// Name of the machine.
        vm: String,
        /// What was asked for.
        channel: String,
        /// What there is.
        known: String,
    },
    /// The machine has no such disk.
    #[error("machine \"{vm}\" has no disk \"{disk}\"")]
    NoDisk {
        /// Name of the machine.
        vm: String,
        /// What was asked for.
        disk: String,
    },
    /// No port of the host leads to this one of the guest.
    #[error(
        "no port of the host leads to port {port} of machine \"{vm}\" (hint: give a network card of type user the forward \
         tcp:127.0.0.1:0-:{port})"
    )]
    NotForwarded {
        /// Name of the machine.
        vm: String,
        /// The port of the guest.
        port: u16,
    },
    /// A device could not be plugged or unplugged.
    #[error("machine \"{vm}\": {source}")]
    Plug {
        /// Name of the machine.
        vm: String,
        /// Which step failed, and why.
        source: Box<PlugError>,
        /// The last that was heard.
        last_words: Box<LastWords>,
    },
    /// The machine was not started so that it may outlive this program.
    #[error(
        "machine \"{vm}\" cannot be left running (hint: start it with Context::may_outlive_us)"
    )]
    NotDetachable {
        /// Name of the machine.
        vm: String,
    },
    /// A file or socket of ours failed us.
    #[error("cannot {verb} {path}: {source}")]
    Io {
        /// What was tried.
        verb: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The host would not lend what the machine needs.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The program could not be run at all.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// The process could not be supervised.
    #[error(transparent)]
    Supervise(#[from] WaitError),
}

/// Whose fault an error is, as far as it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The machine under test, guest or QEMU: a test that meets it has failed.
    Machine,
    /// Our side: a test that meets it could not be carried out.
    Host,
    /// This QEMU or this host cannot do what is asked: a test that meets it is to be skipped.
    Unsupported,
}

impl VmError {
    /// Whose fault it is.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Machine { source, .. } if matches!(**source, MachineError::Unsupported(_)) => {
                Blame::Unsupported
            }
            Self::Guest { source, .. } if matches!(*source.cause, Cause::NoProgram { .. }) => {
                Blame::Unsupported
            }
            Self::Guest { source, .. }
                if matches!(
                    *source.cause,
                    Cause::LocalFile { .. } | Cause::Unsupported { .. }
                ) =>
            {
                Blame::Host
            }
            Self::Plug { source, .. } => source.blame(),
            Self::Monitor { .. }
            | Self::Guest { .. }
            | Self::Wait { .. }
            | Self::Unwell { .. }
            | Self::Job { .. }
            | Self::Ended { .. } => Blame::Machine,
            Self::Machine { .. }
            | Self::Start { .. }
            | Self::Event { .. }
            | Self::NoChannel { .. }
            | Self::NoDisk { .. }
            | Self::NotForwarded { .. }
            | Self::NotDetachable { .. }
            | Self::Io { .. }
            | Self::Ledger(_)
            | Self::Spawn(_)
            | Self::Supervise(_) => Blame::Host,
        }
    }

    /// The last that was heard of guest and monitor, where that helps.
    #[must_use]
    pub fn last_words(&self) -> Option<&LastWords> {
        match self {
            Self::Monitor { last_words, .. }
            | Self::Guest { last_words, .. }
            | Self::Plug { last_words, .. }
            | Self::Wait { last_words, .. }
            | Self::Unwell { last_words, .. }
            | Self::Ended { last_words, .. } => Some(last_words),
            _ => None,
        }
    }
}

/// What follows a sentence, if there is anything.
fn after(text: &str) -> String {
    let text = text.trim_end();
    if text.is_empty() {
        String::new()
    } else {
        format!(": {text}")
    }
}

/// The last that was heard of a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastWords {
    /// Last lines of the console, oldest first.
    pub console: Vec<String>,
    /// Last lines of the firmware's log, oldest first.
    pub firmware: Vec<String>,
    /// Last messages of the control monitor, oldest first.
    pub monitor: Vec<String>,
    /// End of QEMU's stderr.
    pub stderr: String,
}

impl LastWords {
    /// What ends a message: the last of the guest and the last of the monitor.
    fn brief(&self) -> String {
        let spoken = |lines: &[String]| {
            let mut last = lines.iter().rev();
            last.find(|line| !line.trim().is_empty()).cloned()
        };
        let guest = if let Some(line) = spoken(&self.console) {
            format!("the console's last line: {}", shortened(&line))
        } else if let Some(line) = spoken(&self.firmware) {
            let line = shortened(&line);
            format!("the console is silent, the firmware's last line: {line}")
        } else {
            "the console is silent".to_owned()
        };
        match spoken(&self.monitor) {
            Some(line) => format!("; {guest}; the monitor's: {}", shortened(&line)),
            None => format!("; {guest}"),
        }
    }
}

/// As much of a line as a message has room for.
fn shortened(line: &str) -> String {
    const ROOM: usize = 160;
    let line = line.trim();
    match line.char_indices().nth(ROOM) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// All of it, under headings, for a log.
impl fmt::Display for LastWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stderr: Vec<String> = self.stderr.lines().map(str::to_owned).collect();
        let parts = [
            ("console", &self.console),
            ("firmware", &self.firmware),
            ("monitor", &self.monitor),
            ("QEMU's stderr", &stderr),
        ];
        for (name, lines) in parts {
            if !lines.is_empty() {
                writeln!(f, "{name}:")?;
                lines.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_the_console_ends_the_message() {
        let mut words = LastWords {
            firmware: vec!["enter handle_19:".to_owned()],
            ..LastWords::default()
        };
        assert!(
            words
                .brief()
                .ends_with("firmware's last line: enter handle_19:")
        );
        words.console = vec!["login:".to_owned(), " ".to_owned()];
        assert_eq!(words.brief(), "; the console's last line: login:");
        words.monitor = vec![format!("< {}", "x".repeat(1000))];
        let brief = words.brief();
        assert!(brief.starts_with("; the console's last line: login:; the monitor's: < xxx"));
        assert!(brief.ends_with("x…") && brief.len() < 250, "{brief}");
        assert_eq!(LastWords::default().brief(), "; the console is silent");
    }

    #[test]
    fn last_words_stand_under_their_headings() {
        let words = LastWords {
            console: vec!["a".to_owned()],
            stderr: "b\nc\n".to_owned(),
            ..LastWords::default()
        };
        assert_eq!(
            words.to_string(),
            "console:\n  a\nQEMU's stderr:\n  b\n  c\n"
        );
    }
}
