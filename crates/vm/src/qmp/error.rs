//! What can go wrong on a monitor.

use std::io;
use std::time::Duration;

/// Why a monitor command failed.
#[derive(Debug, thiserror::Error)]
pub enum QmpError {
    /// QEMU refused it.
    #[error("QEMU refused {command}: {desc} ({class})")]
    Refused {
        /// The command.
        command: String,
        /// QEMU's error class, mostly `GenericError`.
        class: String,
        /// QEMU's words.
        desc: String,
        /// How long it took to say so.
        elapsed: Duration,
    },
    /// No answer came in time.
    #[error("QEMU did not answer {command} within {:.1} s", elapsed.as_secs_f64())]
    NoAnswer {
        /// The command.
        command: String,
        /// How long it was awaited.
        elapsed: Duration,
    },
    /// The monitor was closed before the answer came.
    #[error("the monitor was closed before QEMU answered {command}: {reason}")]
    Closed {
        /// The command.
        command: String,
        /// What ended it.
        reason: String,
    },
    /// QEMU said something that is not QMP while the answer was awaited.
    #[error("QEMU said something that is not QMP while {command} was to be answered: {text}")]
    Malformed {
        /// The command.
        command: String,
        /// What it said, at most 200 bytes of it.
        text: String,
    },
    /// The answer is not of the form this command answers in.
    #[error("QEMU answered {command} in an unknown form: {why}")]
    UnknownForm {
        /// The command.
        command: String,
        /// What does not fit.
        why: String,
    },
    /// The monitor did not offer out-of-band execution.
    #[error("QEMU does not offer out-of-band execution, which {command} was to use")]
    NoOutOfBand {
        /// The command.
        command: String,
    },
    /// The connection is not one QMP can be spoken on.
    #[error("cannot speak QMP on the monitor's socket: {0}")]
    Socket(#[from] io::Error),
}

impl QmpError {
    /// Did QEMU itself refuse, rather than fail to answer?
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}
