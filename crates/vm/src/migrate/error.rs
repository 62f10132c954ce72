//! Why a migration failed: how far it had come, and what both sides said.

use std::fmt;
use std::time::Duration;

use machine::Missing;

use crate::error::{Blame, VmError};
use crate::exit::ExitReport;
use crate::qmp::{MigrationStatus, RunState};

/// How far a migration had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// The destination was to be started.
    Destination,
    /// Both sides were to be told capabilities and parameters.
    Options,
    /// The destination was to listen.
    Listen,
    /// Disks that go along were copied while the guest ran.
    Storage,
    /// The source was to connect and begin.
    Start,
    /// Memory was copied while the guest ran.
    Active,
    /// The guest stood still, and nothing of its devices had been sent.
    PreSwitchover,
    /// The devices' state was sent.
    Device,
    /// The guest ran at the destination, and memory followed.
    Postcopy,
    /// The source had sent everything.
    Completed,
}

impl Phase {
    /// The phase in which the source tells of this status.
    pub(super) fn of(status: &MigrationStatus) -> Option<Self> {
        Some(match status {
            MigrationStatus::Setup | MigrationStatus::WaitUnplug => Self::Start,
            MigrationStatus::Active => Self::Active,
            MigrationStatus::PreSwitchover => Self::PreSwitchover,
            MigrationStatus::Device => Self::Device,
            MigrationStatus::PostcopyActive
            | MigrationStatus::PostcopyPaused
            | MigrationStatus::PostcopyRecoverSetup
            | MigrationStatus::PostcopyRecover => Self::Postcopy,
            MigrationStatus::Completed => Self::Completed,
            _ => return None,
        })
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Destination => "destination",
            Self::Options => "options",
            Self::Listen => "listen",
            Self::Storage => "storage",
            Self::Start => "start",
            Self::Active => "active",
            Self::PreSwitchover => "pre-switchover",
            Self::Device => "device",
            Self::Postcopy => "postcopy",
            Self::Completed => "completed",
        })
    }
}

/// Why a migration failed.
#[derive(Debug, thiserror::Error)]
#[error("failed to migrate machine \"{vm}\" by {transport} in phase {phase}: {cause}{sides}")]
pub struct MigrateError {
    /// Name of the machine.
    pub vm: String,
    /// How its state was to travel.
    pub transport: String,
    /// How far it had come.
    pub phase: Phase,
    /// What went wrong.
    #[source]
    pub cause: Box<Cause>,
    /// What both sides said, and what became of the source.
    pub sides: Box<Sides>,
}

/// What went wrong with a migration.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// One of the two QEMUs lacks what was asked for.
    #[error(transparent)]
    Unsupported(#[from] Missing),
    /// What was asked for cannot be.
    #[error("{what} (hint: {hint})")]
    Invalid {
        /// What.
        what: String,
        /// What to do instead.
        hint: String,
    },
    /// A verb on one of the two machines failed.
    #[error(transparent)]
    Vm(#[from] VmError),
    /// The source ended it.
    #[error("the source says {status}")]
    Source {
        /// `failed` or `cancelled`.
        status: MigrationStatus,
    },
    /// The destination could not take the machine up.
    #[error("the destination says {status}")]
    Destination {
        /// `failed` or the like.
        status: MigrationStatus,
    },
    /// The destination's QEMU ended.
    #[error("the destination's QEMU ended: {exit}")]
    DestinationEnded {
        /// How.
        exit: Box<ExitReport>,
    },
    /// It took too long.
    #[error("no status {awaited} within {:.1} s", waited.as_secs_f64())]
    TimedOut {
        /// What was awaited.
        awaited: String,
        /// How long.
        waited: Duration,
    },
}

/// What both sides of a failed migration said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sides {
    /// The source's reason.
    pub source: Option<String>,
    /// The destination's reason, from its monitor or its stderr.
    pub destination: Option<String>,
    /// State of the source after the failure; absent if it is gone.
    pub source_state: Option<RunState>,
}

impl fmt::Display for Sides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (side, words) in [("source", &self.source), ("destination", &self.destination)] {
            if let Some(words) = words {
                write!(f, "; {side}: {}", words.trim_end())?;
            }
        }
        match &self.source_state {
            Some(state) => write!(f, "; the source is now {state}"),
            None => Ok(()),
        }
    }
}

impl MigrateError {
    /// Whose fault it is.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match &*self.cause {
            Cause::Unsupported(_) => Blame::Unsupported,
            Cause::Invalid { .. } => Blame::Host,
            Cause::Vm(error) => error.blame(),
            Cause::Source { .. }
            | Cause::Destination { .. }
            | Cause::DestinationEnded { .. }
            | Cause::TimedOut { .. } => Blame::Machine,
        }
    }

    /// Does the source run, as if nothing had been tried?
    #[must_use]
    pub fn source_runs(&self) -> bool {
        self.sides.source_state == Some(RunState::Running)
    }
}
