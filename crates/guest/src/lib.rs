//! How do we talk to a guest? Console, guest agent, SSH, and one session over all.
//!
//! - [`Console`] pumps a serial port all the time into a log, a bounded history and its readers; [`Console::wait_for_login`]
//!   makes a [`Shell`] of it.
//! - [`AgentClient`] speaks the QEMU guest agent protocol, with QEMU's own agent as with the tiny guest's init.
//! - [`Ssh`] drives the host's `ssh`, with nothing of its user's own configuration.
//! - [`Session`] runs commands and copies files over any of them.
//!
//! Every wait takes a limit, already scaled to the host's speed by the caller. A [`GuestError`] says what was tried, what
//! was awaited, for how long, and the last line on the console.
//!
//! ```no_run
//! use std::path::Path;
//! use std::time::Duration;
//!
//! use guest::{Command, GuestError, Session};
//!
//! /// Whatever the session runs over.
//! async fn kernel_log(session: &mut Session) -> Result<String, GuestError> {
//!     let limit = Duration::from_secs(30);
//!     session.copy_to(Path::new("filter.awk"), "/tmp/filter.awk", limit).await?;
//!     let output = session.run("dmesg | awk -f /tmp/filter.awk", limit).await?;
//!     Ok(output.stdout_text())
//! }
//!
//! /// A console, from a boot in progress to a shell.
//! async fn log_in(stream: tokio::net::UnixStream) -> Result<Session, GuestError> {
//!     let console = guest::Console::start(stream, guest::ConsoleOptions::default())?;
//!     let shell = console
//!         .wait_for_login(&guest::Login::default(), Duration::from_secs(60))
//!         .await?;
//!     Ok(Session::Console(Box::new(shell)))
//! }
//! ```

pub mod agent;
pub mod console;

mod command;
mod copy;
mod error;
mod output;
mod running;
mod secret;
mod session;
mod ssh;

pub use agent::{AgentClient, Exec, Renewal, RenewedCard};
pub use command::Command;
pub use console::{Console, ConsoleOptions, Login, Shell};
pub use copy::Copied;
pub use error::{Cause, GuestError, LastLine};
pub use output::{ExitStatus, Output};
pub use running::{Chunk, Running};
pub use session::Session;
pub use ssh::{Ssh, SshKey, SshLogin};
