//! Talking to the guest: consoles, agent, SSH.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use guest::console::Lines;
use guest::{AgentClient, Console, Login, Ssh, SshLogin};

use crate::error::VmError;
use crate::health::LineScanner;
use crate::qmp::{Cursor, Event, EventError};
use crate::session::Session;
use crate::vm::Vm;
use crate::watch::Watch;

/// As whom to log in to a guest's SSH server.
#[derive(Debug, Clone)]
pub struct SshAccess {
    /// The port the guest's server listens on, which has to be forwarded: [`machine::Netdev::User`].
    pub port: u16,
    /// The account.
    pub user: String,
    /// The private key, where one is used.
    pub key: Option<PathBuf>,
    /// The password, for guests that demand one.
    pub password: Option<String>,
}

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
            .hear("answer of the guest agent", agent.sync(limit))
            .await?;
        Ok(agent)
    }

    /// Logs in on the console, waiting for the boot to come that far.
    ///
    /// # Errors
    /// [`VmError`].
    pub async fn wait_for_login(&self, login: &Login, base: Duration) -> Result<Session, VmError> {
        let session = self.log_in_on(self.console()?, login, base).await?;
        self.watch.logged_in.store(true, Ordering::Relaxed);
        Ok(session)
    }

    /// As [`Vm::wait_for_login`], on a serial port or virtio console by its channel id.
    ///
    /// # Errors
    /// [`VmError`].
    pub async fn wait_for_login_on(
        &self,
        console: &str,
        login: &Login,
        base: Duration,
    ) -> Result<Session, VmError> {
        self.log_in_on(self.console_of(console)?, login, base).await
    }

    async fn log_in_on(
        &self,
        console: &Console,
        login: &Login,
        base: Duration,
    ) -> Result<Session, VmError> {
        let login = console.wait_for_login(login, self.limit(base));
        let shell = self.watch.hear("login", login).await?;
        Ok(self.session_over(guest::Session::Console(Box::new(shell))))
    }

    /// Logs in by SSH, waiting for the boot to come that far.
    ///
    /// # Errors
    /// [`VmError`]; [`VmError::NotForwarded`] when no port of the host leads to the server.
    pub async fn ssh(&self, access: &SshAccess, base: Duration) -> Result<Session, VmError> {
        let port = self.forwarded_port(access.port).await?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let login = SshLogin {
            key: access.key.clone(),
            password: access.password.clone(),
            ..SshLogin::new(address, &access.user, self.scratch())
        };
        let last_line = self.console().ok().map(Console::last_line_handle);
        let connect = Ssh::connect(login, last_line, self.limit(base));
        let ssh = self.watch.hear("SSH login", connect).await?;
        Ok(self.session_over(guest::Session::Ssh(ssh)))
    }

    /// The port of the host that leads to a TCP port of the guest, by a forward of a user network. A forward from port 0 is
    /// from one the host's kernel has chosen.
    ///
    /// # Errors
    /// [`VmError::NotForwarded`] when there is none.
    pub async fn forwarded_port(&self, guest_port: u16) -> Result<u16, VmError> {
        let connections = self.hmp("info usernet").await?;
        host_port(&connections, guest_port).ok_or_else(|| VmError::NotForwarded {
            vm: self.spec.name.clone(),
            port: guest_port,
        })
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
        Session::new(inner, Arc::clone(&self.watch))
    }
}

impl Watch {
    /// Tells the consoles of each reset, whoever wanted it, until the monitor is closed.
    pub(crate) async fn note_restarts(&self) {
        let events = self.qmp.events();
        let mut cursor = Cursor::START;
        loop {
            match events
                .wait(cursor, "RESET", Duration::MAX, is_restart)
                .await
            {
                Ok(event) => {
                    cursor = event.after();
                    self.restarted();
                }
                Err(EventError::Missed { .. }) => cursor = events.cursor(),
                Err(EventError::Closed { .. } | EventError::Timeout { .. }) => return,
            }
        }
    }
}

/// Does the guest begin anew? One that is loaded from a snapshot goes on from there (`ShutdownCause` of the QAPI schema).
fn is_restart(event: &Event) -> bool {
    event.name == "RESET" && event.data["reason"] != "snapshot-load"
}

/// Scans a console's lines until it is closed.
pub(crate) async fn scan_console(mut lines: Lines, scanner: LineScanner) {
    while let Some(line) = lines.next().await {
        scanner.line(&line.text);
    }
}

/// Finds a forward in the table `info usernet` prints: protocol and state, descriptor, source address and port,
/// destination address and port, and two lengths of queues.
fn host_port(connections: &str, guest_port: u16) -> Option<u16> {
    connections.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [protocol, _, _, port, _, to, ..] = words[..] else {
            return None;
        };
        let leads_there = protocol == "TCP[HOST_FORWARD]" && to.parse() == Ok(guest_port);
        leads_there.then(|| port.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forward_is_told_from_connections_and_other_forwards() {
        let printed = "Hub -1 (nic1-net):\r\n  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n  \
            TCP[ESTABLISHED]   12       127.0.0.1   22       10.0.2.15    22     0     0\r\n  \
            TCP[HOST_FORWARD]   9       127.0.0.1 40001       10.0.2.15    80     0     0\r\n  \
            UDP[HOST_FORWARD]   9       127.0.0.1 40002       10.0.2.15    22     0     0\r\n  \
            TCP[HOST_FORWARD]   8       127.0.0.1 36393       10.0.2.15    22     0     0\r\n";
        assert_eq!(host_port(printed, 22), Some(36393));
        assert_eq!(host_port(printed, 80), Some(40001));
        assert_eq!(host_port(printed, 443), None);
        assert_eq!(host_port("", 22), None);
    }
}
