//! The QEMU guest agent protocol, from the host's side (`qga/qapi-schema.json` in QEMU).

mod channel;
mod exec;
mod files;
mod running;
mod types;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;

pub use exec::Exec;
pub(crate) use running::Running;
pub use types::{
    AgentCommand, AgentInfo, Interface, IpAddress, OsInfo, ShutdownMode, Statistics, SuspendMode,
};

use crate::error::{Attempt, Cause, GuestError, LastLine};
use channel::Channel;

/// Named as QAPI wants downstream extensions named.
const RENEW: &str = "__org.virt-test_renew";

/// What makes the guest of a clone differ from that of any other, see [`AgentClient::renew`].
#[derive(Debug, Clone)]
pub struct Renewal {
    /// For the random number generator: bytes no other guest gets.
    pub seed: [u8; 32],
    /// The time it is.
    pub time: SystemTime,
    /// Its network cards.
    pub nics: Vec<RenewedCard>,
    /// Who may log in by SSH from now on, as a line of `authorized_keys`, where the guest has a server.
    pub ssh_key: Option<String>,
}

/// A network card of a clone.
#[derive(Debug, Clone)]
pub struct RenewedCard {
    /// The hardware address it had (`52:54:00:12:34:56`).
    pub from: String,
    /// The one it is to have.
    pub to: String,
    /// The address it is to have on its network, with the leading bits that name that (`192.168.10.1/24`); nothing where it keeps what it has.
    pub ip: Option<String>,
}

impl RenewedCard {
    fn argument(&self) -> Value {
        let mut card = json!({"from": self.from, "to": self.to});
        if let Some(ip) = &self.ip {
            card["ip"] = json!(ip);
        }
        card
    }
}

/// A client of a guest's agent. Clones share the channel; requests of several tasks wait for each other.
///
/// After a time-out, or when the future of a call is dropped, the channel is brought back into step by itself before
/// the next request.
#[derive(Clone)]
pub struct AgentClient {
    channel: Arc<Mutex<Channel>>,
    last_line: Option<LastLine>,
}

impl fmt::Debug for AgentClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentClient").finish_non_exhaustive()
    }
}

impl AgentClient {
    /// A client on a stream that leads to the agent's port; `last_line` is quoted in errors.
    pub fn new<S>(stream: S, last_line: Option<LastLine>) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        AgentClient {
            channel: Arc::new(Mutex::new(Channel::new(stream))),
            last_line,
        }
    }

    fn attempt(&self, tried: impl Into<String>, limit: Duration) -> Attempt {
        Attempt::new(tried, limit, self.last_line.clone())
    }

    /// Waits until the agent answers, and leaves the channel in step. Also right while the guest still boots.
    ///
    /// # Errors
    /// When the agent does not answer in time or the channel is closed.
    pub async fn sync(&self, limit: Duration) -> Result<(), GuestError> {
        let attempt = self.attempt("reach the guest agent", limit);
        let exchange = async { self.channel.lock().await.sync().await };
        attempt
            .wait("an answer to guest-sync-delimited", exchange)
            .await
    }

    /// Runs any command of the protocol and gives its `return` value.
    ///
    /// # Errors
    /// When the agent refuses ([`Cause::Agent`]), does not answer in time, or the channel fails.
    pub async fn execute(
        &self,
        command: &str,
        arguments: Value,
        limit: Duration,
    ) -> Result<Value, GuestError> {
        let attempt = self.attempt(format!("run agent command {command}"), limit);
        self.ask(&attempt, command, &arguments).await
    }

    async fn ask(
        &self,
        attempt: &Attempt,
        command: &str,
        arguments: &Value,
    ) -> Result<Value, GuestError> {
        let exchange = async { self.channel.lock().await.ask(command, arguments).await };
        attempt
            .wait(&format!("the reply to {command}"), exchange)
            .await
    }

    async fn ask_typed<T: DeserializeOwned>(
        &self,
        attempt: &Attempt,
        command: &str,
        arguments: &Value,
    ) -> Result<T, GuestError> {
        let value = self.ask(attempt, command, arguments).await?;
        serde_json::from_value(value)
            .map_err(|error| attempt.fail(Cause::Protocol(format!("{command}: {error}"))))
    }

    async fn query<T: DeserializeOwned>(
        &self,
        command: &str,
        limit: Duration,
    ) -> Result<T, GuestError> {
        let attempt = self.attempt(format!("run agent command {command}"), limit);
        self.ask_typed(&attempt, command, &Value::Null).await
    }

    /// Runs a command that is not answered on success (`success-response: false` in the schema), and waits for evidence of
    /// it instead, such as a QMP event. An error reply ends the wait at once.
    ///
    /// # Errors
    /// When the agent refuses or the evidence does not come in time.
    pub async fn execute_unanswered<T>(
        &self,
        command: &str,
        arguments: Value,
        evidence: impl Future<Output = T>,
        limit: Duration,
    ) -> Result<T, GuestError> {
        let attempt = self.attempt(format!("run agent command {command}"), limit);
        let exchange = async {
            let mut channel = self.channel.lock().await;
            tokio::pin!(evidence);
            tokio::select! {
                // The request goes out first, even if the evidence is already there.
                biased;
                outcome = channel.ask(command, &arguments) => match outcome {
                    // A machine that went down closes the channel: that is no failure of the command.
                    Ok(_) | Err(Cause::Closed | Cause::Io(_)) => {}
                    Err(cause) => return Err(cause),
                },
                seen = &mut evidence => return Ok(seen),
            }
            Ok(evidence.await)
        };
        attempt
            .wait(&format!("the effect of {command}"), exchange)
            .await
    }

    /// Asks the guest to go down; `evidence` is what proves it, such as QMP's SHUTDOWN event.
    ///
    /// # Errors
    /// As [`AgentClient::execute_unanswered`].
    pub async fn shutdown<T>(
        &self,
        mode: ShutdownMode,
        evidence: impl Future<Output = T>,
        limit: Duration,
    ) -> Result<T, GuestError> {
        let arguments = json!({"mode": mode.name()});
        self.execute_unanswered("guest-shutdown", arguments, evidence, limit)
            .await
    }

    /// Asks the guest to sleep; `evidence` is what proves it, such as QMP's SUSPEND event.
    ///
    /// # Errors
    /// As [`AgentClient::execute_unanswered`].
    pub async fn suspend<T>(
        &self,
        mode: SuspendMode,
        evidence: impl Future<Output = T>,
        limit: Duration,
    ) -> Result<T, GuestError> {
        self.execute_unanswered(mode.command(), Value::Null, evidence, limit)
            .await
    }

    /// Asks for a sign of life.
    ///
    /// # Errors
    /// As [`AgentClient::execute`], like all calls below.
    pub async fn ping(&self, limit: Duration) -> Result<(), GuestError> {
        self.query::<Value>("guest-ping", limit).await.map(drop)
    }

    /// The agent's version and commands.
    ///
    /// # Errors
    /// As [`AgentClient::execute`].
    pub async fn info(&self, limit: Duration) -> Result<AgentInfo, GuestError> {
        self.query("guest-info", limit).await
    }

    /// The guest's operating system.
    ///
    /// # Errors
    /// As [`AgentClient::execute`].
    pub async fn osinfo(&self, limit: Duration) -> Result<OsInfo, GuestError> {
        self.query("guest-get-osinfo", limit).await
    }

    /// The guest's host name.
    ///
    /// # Errors
    /// As [`AgentClient::execute`].
    pub async fn host_name(&self, limit: Duration) -> Result<String, GuestError> {
        let reply: types::HostName = self.query("guest-get-host-name", limit).await?;
        Ok(reply.host_name)
    }

    /// The guest's network interfaces and their addresses.
    ///
    /// # Errors
    /// As [`AgentClient::execute`].
    pub async fn network_interfaces(&self, limit: Duration) -> Result<Vec<Interface>, GuestError> {
        self.query("guest-network-get-interfaces", limit).await
    }

    /// The guest's clock.
    ///
    /// # Errors
    /// As [`AgentClient::execute`].
    pub async fn time(&self, limit: Duration) -> Result<SystemTime, GuestError> {
        let nanoseconds: u64 = self.query("guest-get-time", limit).await?;
        Ok(UNIX_EPOCH + Duration::from_nanos(nanoseconds))
    }

    /// Makes the guest of a clone a machine of its own: another state of the random number generator, this moment's time, other
    /// addresses, other keys of its SSH server. A command of the tiny guest's agent; others answer [`Cause::Agent`] of class `CommandNotFound`. The agent
    /// must not have been left in the middle of a command when the guest was cloned: it is asked straight away.
    ///
    /// # Errors
    /// As [`AgentClient::execute`].
    pub async fn renew(&self, renewal: &Renewal, limit: Duration) -> Result<(), GuestError> {
        let attempt = self.attempt("give a cloned guest an identity of its own", limit);
        let since = renewal.time.duration_since(UNIX_EPOCH);
        let since = since.map_err(|error| attempt.fail(Cause::Protocol(error.to_string())))?;
        let mut arguments = json!({
            "seed": BASE64.encode(renewal.seed),
            "time": since.as_nanos() as u64,
            "nics": renewal.nics.iter().map(RenewedCard::argument).collect::<Value>(),
        });
        if let Some(key) = &renewal.ssh_key {
            arguments["ssh_key"] = json!(key);
        }
        let exchange = async {
            let mut channel = self.channel.lock().await;
            channel.take_as_in_step();
            channel.ask(RENEW, &arguments).await
        };
        let reply = format!("the reply to {RENEW}");
        attempt.wait(&reply, exchange).await.map(drop)
    }

    /// Sets the guest's clock, or lets the guest set it by its hardware clock.
    ///
    /// # Errors
    /// As [`AgentClient::execute`].
    pub async fn set_time(
        &self,
        time: Option<SystemTime>,
        limit: Duration,
    ) -> Result<(), GuestError> {
        let attempt = self.attempt("set the guest's clock", limit);
        let arguments = match time {
            None => Value::Null,
            Some(time) => {
                let since = time
                    .duration_since(UNIX_EPOCH)
                    .map_err(|error| attempt.fail(Cause::Protocol(error.to_string())))?;
                // 64 bits of nanoseconds reach to the year 2262.
                json!({"time": since.as_nanos() as u64})
            }
        };
        self.ask(&attempt, "guest-set-time", &arguments)
            .await
            .map(drop)
    }
}
