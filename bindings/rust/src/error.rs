//! Why something was not done, and what a test then ends with.

use std::fmt;
use std::io;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::SOCKET;
use crate::command::{Command, Output};
use crate::generated::{ErrorKind, Verdict};

/// What calls return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something was not done.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// virt-test answered with an error.
    Call(Box<CallError>),
    /// A command of the guest was to succeed, and did not.
    Command {
        /// What was run.
        command: Command,
        /// How it ended.
        output: Box<Output>,
    },
    /// What a test ends itself with; see [`Error::skip`], [`Error::fail`], [`Error::error`].
    Verdict {
        /// The verdict.
        verdict: Verdict,
        /// Why.
        reason: String,
    },
    /// The environment does not say where virt-test is.
    NoSocket,
    /// virt-test does not answer there.
    Connect {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The connection broke.
    Lost {
        /// What was asked for.
        method: &'static str,
        /// Why.
        source: io::Error,
    },
    /// What was to be sent or what came is not as the interface says.
    Malformed {
        /// What was asked for.
        method: &'static str,
        /// Why.
        source: serde_json::Error,
    },
}

/// What every error of virt-test says. What only its kind does is in [`CallError::kind`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CallError {
    /// Its name on the wire, such as `org.virt-test.error.NotFound`.
    pub name: String,
    /// What failed, on what, and why.
    pub message: String,
    /// What may mend it.
    pub hint: Option<String>,
    /// The machine, file or other thing it is about.
    pub place: Option<String>,
    /// What a test that knows nothing better ends with.
    pub verdict: Verdict,
    /// The last that was heard of guest, firmware, monitor and QEMU.
    pub last_words: Option<String>,
    /// Its kind.
    pub kind: ErrorKind,
}

#[derive(Deserialize)]
struct Common {
    message: String,
    hint: Option<String>,
    #[serde(rename = "where")]
    place: Option<String>,
    verdict: Verdict,
    last_words: Option<String>,
}

impl Error {
    /// Ends a test that cannot be done here, for this reason.
    pub fn skip(reason: impl Into<String>) -> Self {
        Self::verdict_of(Verdict::Skip, reason)
    }

    /// Ends a test that found something wrong.
    pub fn fail(reason: impl Into<String>) -> Self {
        Self::verdict_of(Verdict::Fail, reason)
    }

    /// Ends a test that could not do its part.
    #[expect(clippy::self_named_constructors, reason = "it is the verdict's name")]
    pub fn error(reason: impl Into<String>) -> Self {
        Self::verdict_of(Verdict::Error, reason)
    }

    fn verdict_of(verdict: Verdict, reason: impl Into<String>) -> Self {
        Self::Verdict {
            verdict,
            reason: reason.into(),
        }
    }

    /// What virt-test answered with, where it did.
    #[must_use]
    pub fn call(&self) -> Option<&CallError> {
        match self {
            Self::Call(call) => Some(call),
            _ => None,
        }
    }

    /// Its kind, where virt-test answered with it.
    #[must_use]
    pub fn kind(&self) -> Option<&ErrorKind> {
        self.call().map(|call| &call.kind)
    }

    /// What a test that knows nothing better ends with.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Call(call) => call.verdict,
            Self::Verdict { verdict, .. } => *verdict,
            Self::Command { .. } => Verdict::Fail,
            _ => Verdict::Error,
        }
    }

    /// What came over the wire.
    pub(crate) fn answered(name: String, parameters: Value) -> Self {
        let wire = json!({"error": name, "parameters": parameters});
        let kind = serde_json::from_value(wire).unwrap_or_else(|_| ErrorKind::Other {
            name: name.clone(),
            parameters: parameters.clone(),
        });
        // Varlink's own errors have none of these.
        let common = Common::deserialize(&parameters).unwrap_or_else(|_| Common {
            message: format!("{name} {parameters}"),
            hint: None,
            place: None,
            verdict: Verdict::Error,
            last_words: None,
        });
        Self::Call(Box::new(CallError {
            name,
            message: common.message,
            hint: common.hint,
            place: common.place,
            verdict: common.verdict,
            last_words: common.last_words,
            kind,
        }))
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hint {
            Some(hint) => write!(f, "{} (hint: {hint})", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for CallError {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(call) => call.fmt(f),
            Self::Command { command, output } => {
                write!(f, "{command} in the guest {}", output.ending())?;
                match String::from_utf8_lossy(&output.stderr).trim_end() {
                    "" => Ok(()),
                    said => write!(f, ": {said}"),
                }
            }
            Self::Verdict { reason, .. } => f.write_str(reason),
            Self::NoSocket => write!(
                f,
                "{SOCKET} is not set: run this as a test of virt-test, or in a session of `virt-test serve`"
            ),
            Self::Connect { path, .. } => write!(
                f,
                "virt-test does not answer at {} (is it still running?)",
                path.display()
            ),
            Self::Lost { method, source } => write!(f, "{method}: {source}"),
            Self::Malformed { method, source } => {
                write!(f, "{method}: not as the interface says: {source}")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connect { source, .. } => Some(source),
            // What it says is what its source says.
            _ => None,
        }
    }
}
