//! How do we talk to a guest? Console, guest agent, sessions.
//!
//! - [`Console`] pumps a serial port all the time into a log, a bounded history and its readers; [`Console::wait_for_login`]
//!   makes a [`Shell`] of it.
//! - [`AgentClient`] speaks the QEMU guest agent protocol, with QEMU's own agent as with the tiny guest's init.
//! - [`Session`] runs commands over either.
//!
//! Every wait takes a limit, already scaled to the host's speed by the caller. A [`GuestError`] says what was tried, what
//! was awaited, for how long, and the last line on the console.

pub mod agent;
pub mod console;

mod error;
mod output;
mod session;

pub use agent::{AgentClient, Exec, Renewal};
pub use console::{Console, ConsoleOptions, Login, Shell};
pub use error::{Cause, GuestError, LastLine};
pub use output::{ExitStatus, Output};
pub use session::Session;
