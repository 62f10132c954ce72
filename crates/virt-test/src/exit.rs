//! Exit statuses, part of the interface: scripts and CI rely on them.

use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// All tests passed (or what was asked for was done).
    Passed,
    /// A test failed or could not be carried out.
    Failed,
    /// Set-up failed: no test was run.
    Setup,
    /// Wrong usage or configuration, or no test selected.
    Usage,
    /// Interrupted.
    Interrupted,
}

impl Status {
    /// The number given to the system.
    pub fn code(self) -> u8 {
        match self {
            Status::Passed => 0,
            Status::Failed => 1,
            Status::Setup => 2,
            Status::Usage => 4,
            Status::Interrupted => 8,
        }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        ExitCode::from(status.code())
    }
}
