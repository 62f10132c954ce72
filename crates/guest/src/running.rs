//! A command on its way: its output as it comes.

use std::time::Duration;

use crate::agent;
use crate::console;
use crate::error::GuestError;
use crate::output::Output;
use crate::ssh;

/// A piece of a command's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    /// Of standard output; on a console, of standard error as well.
    Stdout(Vec<u8>),
    /// Of standard error.
    Stderr(Vec<u8>),
}

/// A command that runs, started by [`Session::start`](crate::Session::start). One that is dropped is killed, or
/// interrupted on a console, as soon as that can be.
#[derive(Debug)]
pub struct Running<'a>(pub(crate) Inner<'a>);

#[derive(Debug)]
pub(crate) enum Inner<'a> {
    Agent(agent::Running),
    Console(console::Running<'a>),
    Ssh(Box<ssh::Running>),
}

impl Running<'_> {
    /// The next output; none when the command has ended.
    ///
    /// # Errors
    /// When nothing comes in time, which leaves the command as it is, or the channel fails.
    pub async fn next_chunk(&mut self, limit: Duration) -> Result<Option<Chunk>, GuestError> {
        match &mut self.0 {
            Inner::Agent(running) => running.next_chunk(limit).await,
            Inner::Console(running) => running.next_chunk(limit).await,
            Inner::Ssh(running) => running.next_chunk(limit).await,
        }
    }

    /// Writes to the command's standard input.
    ///
    /// # Errors
    /// [`Cause::Unsupported`](crate::Cause::Unsupported) but over SSH; when the command does not take it in time, or takes
    /// no more.
    pub async fn write(&mut self, bytes: &[u8], limit: Duration) -> Result<(), GuestError> {
        match &mut self.0 {
            Inner::Agent(running) => Err(running.no_input()),
            Inner::Console(running) => Err(running.no_input()),
            Inner::Ssh(running) => running.write(bytes, limit).await,
        }
    }

    /// Ends the command's standard input.
    pub fn close_input(&mut self) {
        if let Inner::Ssh(running) = &mut self.0 {
            running.close_input();
        }
    }

    /// Waits for the end and gives the output that was not taken yet. Ends the standard input first. A command that takes
    /// too long is killed.
    ///
    /// # Errors
    /// When the command does not end in time, or the channel fails.
    pub async fn wait(mut self, limit: Duration) -> Result<Output, GuestError> {
        self.close_input();
        match self.0 {
            Inner::Agent(running) => running.wait(limit).await,
            Inner::Console(running) => running.wait(limit).await,
            Inner::Ssh(running) => running.wait(limit).await,
        }
    }

    /// Kills the command and all it started; on a console, interrupts it as by Ctrl-C, then Ctrl-\.
    ///
    /// # Errors
    /// When that does not come about in time.
    pub async fn kill(self, limit: Duration) -> Result<(), GuestError> {
        match self.0 {
            Inner::Agent(running) => running.kill(limit).await,
            Inner::Console(running) => running.kill(limit).await,
            Inner::Ssh(running) => running.kill(limit).await,
        }
    }
}
