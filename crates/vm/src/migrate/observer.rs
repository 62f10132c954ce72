//! Who looks on while machines migrate.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use machine::Capabilities;

use super::error::MigrateError;
use super::figures::{Figures, Progress};
use super::transport::Transport;
use crate::vm::Vm;

/// Looks on while machines migrate: is told how a migration fares, at every change of status and about ten times a second, and
/// in the end what came of it.
#[derive(Clone)]
pub struct Observer(Arc<dyn Fn(&News<'_>) + Send + Sync>);

impl Observer {
    /// One that does this with the news. It must not wait: the migration's own events come after it.
    #[must_use]
    pub fn new(tell: impl Fn(&News<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(super) fn tell(&self, news: &News<'_>) {
        (self.0)(news);
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

/// What there is to tell of a migration.
#[derive(Debug)]
pub enum News<'a> {
    /// How it fares.
    Progress(&'a Progress),
    /// What came of it: once for each that was begun, and last.
    Ended(Ending<'a>),
}

/// The end of a migration.
#[derive(Debug, Clone, Copy)]
pub struct Ending<'a> {
    /// The machine at the source.
    pub source: &'a Vm,
    /// The QEMU at the destination.
    pub destination: &'a Capabilities,
    /// How the state travelled.
    pub transport: Transport,
    /// What came of it.
    pub outcome: Outcome<'a>,
}

/// What came of a migration.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'a> {
    /// The machine runs at the destination.
    Migrated {
        /// What the source said at the end.
        figures: &'a Figures,
        /// How long the guest stood still; absent if it did not run.
        standstill: Option<Duration>,
    },
    /// It was called off.
    Cancelled(&'a Figures),
    /// It failed.
    Failed(&'a MigrateError),
}
