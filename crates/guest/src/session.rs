//! Running commands, over whatever channel there is.

use std::time::Duration;

use crate::agent::{AgentClient, Exec};
use crate::console::Shell;
use crate::error::GuestError;
use crate::output::Output;

/// A way to run commands in a guest.
#[derive(Debug)]
#[non_exhaustive]
pub enum Session {
    /// By the guest agent: binary-safe, standard error apart, each command in a shell of its own.
    Agent(AgentClient),
    /// By a login shell on the console: one shell for all commands, standard error mixed into standard output.
    Console(Box<Shell>),
}

impl Session {
    /// Runs a line of shell.
    ///
    /// # Errors
    /// When the channel fails or the command does not end in time. A command that ends with another status than zero is
    /// no error.
    pub async fn run(&mut self, command: &str, limit: Duration) -> Result<Output, GuestError> {
        match self {
            Session::Agent(agent) => agent.exec(&Exec::shell(command), limit).await,
            Session::Console(shell) => shell.run(command, limit).await,
        }
    }

    /// The channel's name, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Session::Agent(_) => "guest agent",
            Session::Console(_) => "console",
        }
    }
}
