//! Machines, and sessions in their guests.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;

use crate::asked::Asked;
use crate::client::Client;
use crate::command::{Command, Exec, bytes};
use crate::error::Result;
use crate::generated::{Encoding, SessionInfo, calls};

/// A machine.
#[derive(Debug, Clone)]
pub struct Vm {
    client: Client,
    name: String,
}

/// A session in a guest. It ends with its machine, with [`Session::close`], and with the test; not when this is dropped.
#[derive(Debug, Clone)]
pub struct Session {
    client: Client,
    id: String,
}

impl Vm {
    pub(crate) fn new(client: &Client, name: impl Into<String>) -> Self {
        Self {
            client: client.clone(),
            name: name.into(),
        }
    }

    pub(crate) fn ask(&self, method: &'static str) -> Asked {
        let mut asked = Asked::new(&self.client, method);
        asked.put("vm", &self.name);
        asked
    }

    /// Its name in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of the next event, to wait from.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn cursor(&self) -> Result<i64> {
        Ok(self.info()?.cursor.unwrap_or(0))
    }
}

impl Session {
    pub(crate) fn ask(&self, method: &'static str) -> Asked {
        let mut asked = Asked::new(&self.client, method);
        asked.put("session", &self.id);
        asked
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl calls::Open {
    /// Logs in.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn call(self) -> Result<Session> {
        let client = self.0.client().clone();
        let info: SessionInfo = self.0.member("session")?;
        let id = info.id;
        Ok(Session { client, id })
    }
}

#[derive(Deserialize)]
struct Pulled {
    #[serde(deserialize_with = "bytes")]
    content: Vec<u8>,
}

/// What can be done in a guest, whatever leads there.
macro_rules! commands {
    ($owner:ty) => {
        impl $owner {
            /// A command in the guest: a line of shell, or words that no shell sees.
            pub fn exec(&self, command: impl Into<Command>) -> Exec {
                Exec::new(self.ask("org.virt-test.session.Exec"), command.into())
            }

            /// What a command writes, without spaces and newlines at the end: short for `exec(command).text()`.
            ///
            /// # Errors
            /// [`Error::Command`](crate::Error::Command) where it did not exit with status 0.
            pub fn run(&self, command: impl Into<Command>) -> Result<String> {
                self.exec(command).text()
            }

            /// Writes a file in the guest.
            ///
            /// # Errors
            /// [`Error`](crate::Error).
            pub fn write_file(
                &self,
                guest: impl Into<String>,
                content: impl AsRef<[u8]>,
            ) -> Result<()> {
                let content = BASE64.encode(content);
                let push = self.push(guest).content(content);
                push.encoding(Encoding::Base64).call().map(drop)
            }

            /// Reads a file in the guest, of 8 MiB at most.
            ///
            /// # Errors
            /// [`Error`](crate::Error).
            pub fn read_file(&self, guest: impl Into<String>) -> Result<Vec<u8>> {
                let pull = self.pull(guest).encoding(Encoding::Base64);
                let pulled: Pulled = pull.0.whole()?;
                Ok(pulled.content)
            }
        }
    };
}

commands!(Vm);
commands!(Session);
