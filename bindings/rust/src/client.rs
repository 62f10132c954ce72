//! Connections to virt-test, and messages on them: JSON, each followed by a NUL byte.

use std::io::{self, BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// The environment variable that leads to virt-test.
pub const SOCKET: &str = "VIRT_TEST_SOCKET";

/// Parameters of a call.
pub(crate) type Parameters = Map<String, Value>;

/// Keeps connections. Each carries one call at a time, so there are as many as there are calls at once.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    socket: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

#[derive(Debug)]
struct Connection(BufReader<UnixStream>);

#[derive(Serialize)]
struct Request<'a> {
    method: &'a str,
    parameters: &'a Parameters,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    more: bool,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    parameters: Option<Value>,
    #[serde(default)]
    continues: bool,
    #[serde(default)]
    error: Option<String>,
}

impl Client {
    pub(crate) fn connect(socket: &Path) -> Result<Self> {
        let client = Self {
            shared: Arc::new(Shared {
                socket: socket.to_owned(),
                idle: Mutex::default(),
            }),
        };
        let connection = client.take()?;
        client.give_back(connection);
        Ok(client)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.shared
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Result<Connection> {
        if let Some(connection) = self.idle().pop() {
            return Ok(connection);
        }
        let path = &self.shared.socket;
        match UnixStream::connect(path) {
            Ok(stream) => Ok(Connection(BufReader::new(stream))),
            Err(source) => Err(Error::Connect {
                path: path.clone(),
                source,
            }),
        }
    }

    fn give_back(&self, connection: Connection) {
        self.idle().push(connection);
    }

    /// A call with one reply.
    pub(crate) fn call(&self, method: &'static str, parameters: &Parameters) -> Result<Value> {
        let mut replies = self.send(method, parameters, false)?;
        let (reply, _) = replies.receive()?;
        Ok(reply)
    }

    /// A call with many.
    pub(crate) fn stream(&self, method: &'static str, parameters: &Parameters) -> Result<Replies> {
        self.send(method, parameters, true)
    }

    fn send(&self, method: &'static str, parameters: &Parameters, more: bool) -> Result<Replies> {
        let request = Request {
            method,
            parameters,
            more,
        };
        let mut message =
            serde_json::to_vec(&request).map_err(|source| Error::Malformed { method, source })?;
        message.push(0);
        let mut connection = self.take()?;
        let sent = connection.0.get_mut().write_all(&message);
        let mut replies = Replies {
            client: self.clone(),
            method,
            connection: Some(connection),
            cancellable: AtomicBool::new(false),
        };
        match sent {
            Ok(()) => Ok(replies),
            // What is too much for it is told before all of it was sent.
            Err(source) => match replies.receive() {
                Err(refused @ Error::Call(_)) => Err(refused),
                _ => Err(Error::Lost { method, source }),
            },
        }
    }
}

/// The replies to a call. Dropped before the last, it hangs up, by which virt-test cancels the call.
#[derive(Debug)]
pub(crate) struct Replies {
    client: Client,
    pub(crate) method: &'static str,
    /// None when the last has come.
    connection: Option<Connection>,
    /// Somebody may end its connection at any time, which no other call must have then.
    cancellable: AtomicBool,
}

impl Replies {
    /// The next reply, and whether there are more to come.
    fn receive(&mut self) -> Result<(Value, bool)> {
        let method = self.method;
        let ended = || io::Error::new(io::ErrorKind::UnexpectedEof, "the call has come to its end");
        let connection = self.connection.take();
        let mut connection = connection.ok_or_else(|| Error::Lost {
            method,
            source: ended(),
        })?;
        let message = connection.receive();
        let message = message.map_err(|source| Error::Lost { method, source })?;
        let answer: Answer = serde_json::from_slice(&message)
            .map_err(|source| Error::Malformed { method, source })?;
        if answer.continues && answer.error.is_none() {
            self.connection = Some(connection);
        } else if !*self.cancellable.get_mut() {
            self.client.give_back(connection);
        }
        let parameters = answer.parameters.unwrap_or_else(|| Map::new().into());
        match answer.error {
            Some(name) => Err(Error::answered(name, parameters)),
            None => Ok((parameters, answer.continues)),
        }
    }

    /// What ends the call from elsewhere.
    pub(crate) fn canceller(&self) -> io::Result<Canceller> {
        self.cancellable.store(true, Ordering::Relaxed);
        let stream = self
            .connection
            .as_ref()
            .map(|connection| connection.0.get_ref().try_clone());
        Ok(Canceller(stream.transpose()?))
    }
}

impl Iterator for Replies {
    type Item = Result<Value>;

    fn next(&mut self) -> Option<Self::Item> {
        self.connection.as_ref()?;
        Some(self.receive().map(|(reply, _)| reply))
    }
}

impl Connection {
    fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut message = Vec::new();
        self.0.read_until(0, &mut message)?;
        match message.pop() {
            Some(0) => Ok(message),
            _ => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "virt-test has hung up",
            )),
        }
    }
}

/// Cancels a call that another thread waits for, which then fails with [`Error::Lost`].
#[derive(Debug)]
pub struct Canceller(Option<UnixStream>);

impl Canceller {
    /// Cancels the call, if it has not come to its end.
    pub fn cancel(&self) {
        if let Some(stream) = &self.0 {
            // One that is closed already needs nothing.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
