//! Talking to the guest: consoles, agent, sessions.

use std::sync::Arc;
use std::time::Duration;

use guest::console::Lines;
use guest::{AgentClient, Console, Login, Output};

use crate::error::VmError;
use crate::health::LineScanner;
use crate::vm::Vm;
use crate::watch::Watch;

/// Base time a command of a session may take unless its caller says otherwise.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);

impl Vm {
    /// The first serial port, the guest's console.
    ///
    /// # Errors
    /// [`VmError::NoChannel`] when the machine has no serial port.
    pub fn console(&self) -> Result<&Console, VmError> {
        let first = self
            .spec
            .serials
            .first()
            .or(self.spec.virtio_consoles.first());
        self.console_of(first.map_or("serial0", String::as_str))
    }

    /// A serial port or virtio console by its channel id.
    ///
    /// # Errors
    /// [`VmError::NoChannel`] when the machine has none of that name.
    pub fn console_of(&self, id: &str) -> Result<&Console, VmError> {
        self.watch.console(id).ok_or_else(|| self.no_channel(id))
    }

    /// The guest agent, whether it answers yet or not. Its limits are not scaled, nor does it know of the machine's
    /// health: [`Vm::wait`] and [`Vm::limit`] do, and [`Vm::session`] uses both.
    ///
    /// # Errors
    /// [`VmError::NoChannel`] when the machine has no agent channel.
    pub fn agent(&self) -> Result<&AgentClient, VmError> {
        let agent = self.agent.as_ref();
        agent.ok_or_else(|| self.no_channel(machine::MachineSpec::AGENT))
    }

    /// Waits until the guest's agent answers: the guest has booted.
    ///
    /// # Errors
    /// [`VmError`].
    pub async fn wait_for_agent(&self, base: Duration) -> Result<&AgentClient, VmError> {
        let agent = self.agent()?;
        let limit = self.limit(base);
        self.watch
            .talk("answer of the guest agent", agent.sync(limit))
            .await?;
        Ok(agent)
    }

    /// Logs in on the console, waiting for the boot to come that far.
    ///
    /// # Errors
    /// [`VmError`].
    pub async fn wait_for_login(&self, login: &Login, base: Duration) -> Result<Session, VmError> {
        let limit = self.limit(base);
        let console = self.console()?;
        let shell = self
            .watch
            .talk("login", console.wait_for_login(login, limit))
            .await?;
        Ok(self.session_over(guest::Session::Console(Box::new(shell))))
    }

    /// A session over the guest agent once that answers.
    ///
    /// # Errors
    /// [`VmError`].
    pub async fn session(&self, base: Duration) -> Result<Session, VmError> {
        let agent = self.wait_for_agent(base).await?.clone();
        Ok(self.session_over(guest::Session::Agent(agent)))
    }

    fn session_over(&self, inner: guest::Session) -> Session {
        Session {
            inner,
            watch: Arc::clone(&self.watch),
        }
    }
}

/// Scans a console's lines until it is closed.
pub(crate) async fn scan_console(mut lines: Lines, scanner: LineScanner) {
    while let Some(line) = lines.next().await {
        scanner.line(&line.text);
    }
}

/// A way to run commands in the machine's guest. A command ends early when the machine ends or is fatally unwell.
#[derive(Debug)]
pub struct Session {
    inner: guest::Session,
    watch: Arc<Watch>,
}

impl Session {
    /// Runs a line of shell. One that fails is no error: see [`Output::status`].
    ///
    /// # Errors
    /// [`VmError`].
    pub async fn run(&mut self, command: &str) -> Result<Output, VmError> {
        self.run_within(COMMAND_LIMIT, command).await
    }

    /// As [`Session::run`], with a base time of its own.
    ///
    /// # Errors
    /// [`VmError`].
    pub async fn run_within(&mut self, base: Duration, command: &str) -> Result<Output, VmError> {
        let limit = self.watch.limit(base);
        let run = self.inner.run(command, limit);
        self.watch.talk(&format!("end of \"{command}\""), run).await
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
