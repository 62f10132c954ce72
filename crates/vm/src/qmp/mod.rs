//! A client of the QEMU machine protocol.
//!
//! Thin on purpose: arguments and answers are JSON values, so that it works with every QEMU; what a QEMU has is asked of
//! [`machine::Capabilities`]. Commands may be sent concurrently; events are kept in an [`EventLog`].

mod client;
mod error;
mod events;
mod types;
mod wire;

pub use client::Qmp;
pub use error::QmpError;
pub use events::{Cursor, Event, EventError, EventLog};
pub(crate) use types::open_words;
pub use types::{MigrationStatus, RunState, ShutdownReason, Status};
