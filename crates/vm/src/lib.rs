//! What is a running machine? The Vm handle and every verb on it.
//!
//! [`Vm::start`] turns a [`machine::MachineSpec`] into a supervised QEMU process with a connected [monitor](qmp::Qmp),
//! watches its [`Health`], and gives everything back when the handle is dropped.

mod context;
mod error;
mod evidence;
mod exit;
mod guest_channels;
mod health;
mod lines;
mod power;
pub mod qmp;
mod sockets;
mod start;
mod traffic;
mod vm;
mod watch;

pub use context::Context;
pub use error::{Blame, LastWords, VmError};
pub use exit::ExitReport;
pub use guest_channels::Session;
pub use health::{Finding, FindingKind, Health, Severity};
pub use power::{Ladder, Rung, ShutdownReport};
pub use vm::{Detached, Vm};
