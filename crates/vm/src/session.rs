//! A session that ends with its machine.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use guest::{Chunk, Command, Copied, Output};

use crate::error::VmError;
use crate::watch::Watch;

/// Base time a command of a session may take unless its caller says otherwise.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);

/// A way to run commands in the machine's guest and to copy files. Whatever it does ends early when the machine ends or is
/// fatally unwell.
#[derive(Debug)]
pub struct Session {
    inner: guest::Session,
    watch: Arc<Watch>,
}

impl Session {
    pub(crate) fn new(inner: guest::Session, watch: Arc<Watch>) -> Self {
        Session { inner, watch }
    }

    /// Runs a line of shell. One that fails is no error: see [`Output::status`].
    ///
    /// # Errors
    /// [`VmError`].
    pub async fn run(&mut self, command: impl Into<Command>) -> Result<Output, VmError> {
        self.run_within(COMMAND_LIMIT, command).await
    }

    /// As [`Session::run`], with a base time of its own. A command that takes longer is killed.
    ///
    /// # Errors
    /// [`VmError`].
    pub async fn run_within(
        &mut self,
        base: Duration,
        command: impl Into<Command>,
    ) -> Result<Output, VmError> {
        let limit = self.watch.limit(base);
        let command = command.into();
        let awaited = format!("end of {command}");
        let run = self.inner.run(command, limit);
        self.watch.talk(&awaited, run).await
    }

    /// Starts a line of shell whose output is to be read as it comes.
    ///
    /// # Errors
    /// [`VmError`].
    pub async fn start(&mut self, command: impl Into<Command>) -> Result<Running<'_>, VmError> {
        let limit = self.watch.limit(COMMAND_LIMIT);
        let start = self.inner.start(command, limit);
        let inner = self.watch.talk("start of a command", start).await?;
        Ok(Running {
            inner,
            watch: &self.watch,
        })
    }

    /// Copies a file of the host into the guest, compared by SHA-256: see [`guest::Session::copy_to`].
    ///
    /// # Errors
    /// [`VmError`].
    pub async fn copy_to(
        &mut self,
        base: Duration,
        local: &Path,
        guest: &str,
    ) -> Result<Copied, VmError> {
        let limit = self.watch.limit(base);
        let copy = self.inner.copy_to(local, guest, limit);
        self.watch.talk("end of a copy", copy).await
    }

    /// Copies a file of the guest to the host, compared by SHA-256: see [`guest::Session::copy_from`].
    ///
    /// # Errors
    /// [`VmError`].
    pub async fn copy_from(
        &mut self,
        base: Duration,
        guest: &str,
        local: &Path,
    ) -> Result<Copied, VmError> {
        let limit = self.watch.limit(base);
        let copy = self.inner.copy_from(guest, local, limit);
        self.watch.talk("end of a copy", copy).await
    }

    /// Another session over the same channel, where several can be at a time: not on a console.
    #[must_use]
    pub fn another(&self) -> Option<Self> {
        let inner = match &self.inner {
            guest::Session::Agent(agent) => guest::Session::Agent(agent.clone()),
            guest::Session::Ssh(ssh) => guest::Session::Ssh(ssh.clone()),
            _ => return None,
        };
        Some(Session::new(inner, Arc::clone(&self.watch)))
    }

    /// A command of this host that is a shell in the guest, where the session is one by SSH: see [`guest::Ssh::command`].
    #[must_use]
    pub fn ssh_command(&self) -> Option<Vec<OsString>> {
        match &self.inner {
            guest::Session::Ssh(ssh) => Some(ssh.command()),
            _ => None,
        }
    }

    /// The session without the machine's limits and health.
    pub fn guest(&mut self) -> &mut guest::Session {
        &mut self.inner
    }

    /// What it runs over, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.inner.kind()
    }
}

/// A command that runs in the machine's guest.
#[derive(Debug)]
pub struct Running<'a> {
    inner: guest::Running<'a>,
    watch: &'a Watch,
}

impl Running<'_> {
    /// The next output; none when the command has ended.
    ///
    /// # Errors
    /// [`VmError`]. When nothing comes in time the command goes on.
    pub async fn next_chunk(&mut self, base: Duration) -> Result<Option<Chunk>, VmError> {
        let limit = self.watch.limit(base);
        let next = self.inner.next_chunk(limit);
        self.watch.talk("output of a command", next).await
    }

    /// Writes to the command's standard input, which only SSH can do while it runs.
    ///
    /// # Errors
    /// [`VmError`].
    pub async fn write(&mut self, base: Duration, bytes: &[u8]) -> Result<(), VmError> {
        let limit = self.watch.limit(base);
        let write = self.inner.write(bytes, limit);
        self.watch.talk("input of a command", write).await
    }

    /// Ends the command's standard input.
    pub fn close_input(&mut self) {
        self.inner.close_input();
    }

    /// Waits for the end and gives the output not taken yet. A command that takes longer is killed.
    ///
    /// # Errors
    /// [`VmError`].
    pub async fn wait(self, base: Duration) -> Result<Output, VmError> {
        let limit = self.watch.limit(base);
        let wait = self.inner.wait(limit);
        self.watch.talk("end of a command", wait).await
    }

    /// Kills the command and all it started.
    ///
    /// # Errors
    /// [`VmError`].
    pub async fn kill(self, base: Duration) -> Result<(), VmError> {
        let limit = self.watch.limit(base);
        let kill = self.inner.kill(limit);
        self.watch.talk("end of a killed command", kill).await
    }
}
