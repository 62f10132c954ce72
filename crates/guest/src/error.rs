//! Why talking to a guest failed: what was tried, for how long, and what the guest last said.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use patience::Stopwatch;
use thiserror::Error;

/// Gives the last line a guest wrote on its console, for error messages.
pub type LastLine = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// A failed conversation with a guest.
#[derive(Debug, Error)]
pub struct GuestError {
    /// What was tried, as it reads after "failed to".
    pub tried: String,
    /// How long it was tried.
    pub waited: Duration,
    /// The last line on the guest's console, where one is known.
    pub last_line: Option<String>,
    /// What went wrong.
    #[source]
    pub cause: Box<Cause>,
}

impl fmt::Display for GuestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waited = self.waited.as_secs_f64();
        write!(
            f,
            "failed to {} after {waited:.2} s: {}",
            self.tried, self.cause
        )?;
        match &self.last_line {
            Some(line) => write!(f, "; last console line: {line:?}"),
            None => Ok(()),
        }
    }
}

impl GuestError {
    /// Whether the time was up.
    pub fn is_timeout(&self) -> bool {
        matches!(*self.cause, Cause::TimedOut { .. })
    }

    /// Whether the guest's end of the channel went away.
    pub fn is_closed(&self) -> bool {
        matches!(*self.cause, Cause::Closed | Cause::Ssh(_))
    }
}

/// What went wrong in a conversation with a guest.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Cause {
    /// It did not come in time.
    #[error("timed out waiting for {awaited}")]
    TimedOut {
        /// What was awaited.
        awaited: String,
    },
    /// The other side closed the channel: the machine is gone, or the port was unplugged.
    #[error("the channel was closed by the machine")]
    Closed,
    /// The agent refused.
    #[error("the guest agent answered {class}: {desc}")]
    Agent {
        /// The error class of QEMU's QAPI schema.
        class: String,
        /// The agent's sentence.
        desc: String,
    },
    /// The other side said something the protocol does not allow.
    #[error("unexpected reply: {0}")]
    Protocol(String),
    /// The login was refused.
    #[error("the guest refused the login: {0:?}")]
    LoginRefused(String),
    /// The guest asks for a name or password that was not given.
    #[error("the guest asks for a {0}, and none was given")]
    NoCredentials(&'static str),
    /// A copied file is not what it was.
    #[error("checksums differ: {host} on the host, {guest} in the guest")]
    Checksum {
        /// SHA-256 on the host's side.
        host: String,
        /// SHA-256 on the guest's side.
        guest: String,
    },
    /// The shell on the console ended with the command, by `exit` for example.
    #[error("the command ended the login shell (hint: run what calls `exit` in parentheses)")]
    LoggedOut,
    /// The channel cannot do what is asked.
    #[error("the {channel} cannot {what}")]
    Unsupported {
        /// The channel's name.
        channel: &'static str,
        /// What it cannot do, as it reads after "cannot".
        what: &'static str,
    },
    /// The host lacks a program.
    #[error("this host has no program {program} (hint: it comes in the Debian package {package})")]
    NoProgram {
        /// Its name.
        program: &'static str,
        /// The package it comes in.
        package: &'static str,
    },
    /// The SSH client failed.
    #[error("ssh: {0}")]
    Ssh(String),
    /// A file of the guest could not be used.
    #[error("in the guest: {0}")]
    GuestFile(String),
    /// A file of the host could not be used.
    #[error("{path}: {source}", path = path.display())]
    LocalFile {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// Reading from or writing to the channel failed.
    #[error("the channel failed: {0}")]
    Io(#[from] io::Error),
}

/// One thing that is tried under a deadline; makes the errors about it.
#[derive(Clone)]
pub(crate) struct Attempt {
    tried: String,
    started: Stopwatch,
    limit: Duration,
    last_line: Option<LastLine>,
}

impl Attempt {
    pub(crate) fn new(
        tried: impl Into<String>,
        limit: Duration,
        last_line: Option<LastLine>,
    ) -> Self {
        Attempt {
            tried: tried.into(),
            started: Stopwatch::start(),
            limit,
            last_line,
        }
    }

    pub(crate) fn left(&self) -> Duration {
        self.started.left(self.limit)
    }

    pub(crate) fn fail(&self, cause: impl Into<Cause>) -> GuestError {
        GuestError {
            tried: self.tried.clone(),
            waited: self.started.elapsed(),
            last_line: self.last_line.as_ref().and_then(|last_line| last_line()),
            cause: Box::new(cause.into()),
        }
    }

    pub(crate) fn timed_out(&self, awaited: impl Into<String>) -> GuestError {
        self.fail(Cause::TimedOut {
            awaited: awaited.into(),
        })
    }

    /// Waits for something until the deadline.
    pub(crate) async fn wait<T>(
        &self,
        awaited: &str,
        event: impl Future<Output = Result<T, Cause>>,
    ) -> Result<T, GuestError> {
        match self.started.within(|| self.limit, event).await {
            Some(Ok(value)) => Ok(value),
            Some(Err(cause)) => Err(self.fail(cause)),
            None => Err(self.timed_out(awaited)),
        }
    }
}
