//! Migration: a machine's state travels to another QEMU, or to a file and back.
//!
//! [`Vm::migrate`] does it all: it starts the destination, tells both sides what the migration is to be like, lets the state travel
//! and hands over the machine that now runs. When that fails, the source runs on, and the [`MigrateError`] names the [`Phase`] and
//! what both sides said. [`Vm::begin_migration`] does the same in steps, for whoever wants to act in between.
//!
//! Sources: QEMU's QAPI reference, section "Migration", and `docs/devel/migration` of its source.
//!
//! [`Vm::migrate`]: crate::Vm::migrate
//! [`Vm::begin_migration`]: crate::Vm::begin_migration

mod error;
mod figures;
mod incoming;
mod observer;
mod ongoing;
mod options;
mod relay;
mod state_file;
mod storage;
mod transport;

pub use error::{Cause, MigrateError, Phase, Sides};
pub use figures::{Figures, Progress, RamFigures, XbzrleFigures};
pub use observer::{Ending, News, Observer, Outcome};
pub use ongoing::{Migrated, Migration, Ongoing};
pub use options::{Capability, Options, Parameters};
pub use relay::{Flip, Relay};
pub use storage::MovedDisk;
pub use transport::{Transport, TransportError};
