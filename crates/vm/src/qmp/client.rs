//! The client: one task reads, one writes, any number of callers.

use std::collections::{HashMap, VecDeque};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::error::QmpError;
use super::events::EventLog;
use super::types::Status;
use super::wire::{self, Lines, Message, Refusal};
use crate::traffic::{Direction, Traffic};

/// Bytes read at once.
const READ_SIZE: usize = 64 << 10;

/// A monitor connection. Clones speak on the same connection, which is closed when the last one is dropped.
#[derive(Debug, Clone)]
pub struct Qmp(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    outgoing: mpsc::UnboundedSender<Outgoing>,
    greeting: Value,
    out_of_band: bool,
    /// How long a command may take unless its caller says otherwise.
    limit: Duration,
    next_id: AtomicU64,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.shared.close("it was closed by us");
    }
}

#[derive(Debug)]
struct Outgoing {
    bytes: Vec<u8>,
    descriptors: Vec<OwnedFd>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    events: EventLog,
    traffic: Traffic,
}

#[derive(Debug, Default)]
struct State {
    pending: HashMap<u64, oneshot::Sender<Answer>>,
    /// Waiting for answers that carry no id of ours.
    raw: VecDeque<oneshot::Sender<Value>>,
    greeting: Option<oneshot::Sender<Value>>,
    closed: Option<String>,
}

#[derive(Debug)]
enum Answer {
    Returned(Value),
    Refused(Refusal),
    Malformed(String),
    Closed(String),
}

impl Qmp {
    /// Takes the greeting and negotiates capabilities, out-of-band execution included where it is offered.
    ///
    /// `limit` bounds this, and every later command that does not bring a limit of its own.
    ///
    /// # Errors
    /// [`QmpError`], when QEMU does not greet or refuses.
    pub async fn connect(stream: UnixStream, limit: Duration) -> Result<Self, QmpError> {
        Self::connect_logged(stream, limit, Traffic::in_memory()).await
    }

    pub(crate) async fn connect_logged(
        stream: UnixStream,
        limit: Duration,
        traffic: Traffic,
    ) -> Result<Self, QmpError> {
        let start = Instant::now();
        let (greeted, greeting) = oneshot::channel();
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                greeting: Some(greeted),
                ..State::default()
            }),
            events: EventLog::new(),
            traffic,
        });
        let (outgoing, queue) = mpsc::unbounded_channel();
        let stream = Arc::new(stream);
        let tasks = [
            tokio::spawn(read_all(Arc::clone(&stream), Arc::clone(&shared))),
            tokio::spawn(write_all(stream, queue, Arc::clone(&shared))),
        ];
        let mut handle = Handle {
            shared,
            outgoing,
            greeting: Value::Null,
            out_of_band: false,
            limit,
            next_id: AtomicU64::new(1),
            tasks,
        };
        let command = || "its greeting".to_owned();
        handle.greeting = match tokio::time::timeout(limit, greeting).await {
            Ok(Ok(greeting)) => greeting,
            Ok(Err(_)) => {
                return Err(QmpError::Closed {
                    command: command(),
                    reason: handle.shared.closed_reason(),
                });
            }
            Err(_) => {
                return Err(QmpError::NoAnswer {
                    command: command(),
                    elapsed: start.elapsed(),
                });
            }
        };
        let offered = handle.greeting["capabilities"].as_array();
        handle.out_of_band = offered.is_some_and(|offered| offered.contains(&json!("oob")));
        let enable: &[&str] = if handle.out_of_band { &["oob"] } else { &[] };
        let qmp = Self(Arc::new(handle));
        qmp.execute("qmp_capabilities", json!({"enable": enable}))
            .await?;
        Ok(qmp)
    }

    /// What QEMU said when it was connected: its version and what the protocol can do.
    #[must_use]
    pub fn greeting(&self) -> &Value {
        &self.0.greeting
    }

    /// Was out-of-band execution negotiated?
    #[must_use]
    pub fn has_out_of_band(&self) -> bool {
        self.0.out_of_band
    }

    /// The events of this monitor.
    #[must_use]
    pub fn events(&self) -> &EventLog {
        &self.0.shared.events
    }

    /// Runs a command and returns what it returns.
    ///
    /// # Errors
    /// [`QmpError`].
    pub async fn execute(&self, command: &str, arguments: Value) -> Result<Value, QmpError> {
        self.run(command, arguments, Call::default()).await
    }

    /// As [`Qmp::execute`], but the answer may take this long.
    ///
    /// # Errors
    /// [`QmpError`].
    pub async fn execute_within(
        &self,
        limit: Duration,
        command: &str,
        arguments: Value,
    ) -> Result<Value, QmpError> {
        let call = Call {
            limit: Some(limit),
            ..Call::default()
        };
        self.run(command, arguments, call).await
    }

    /// Runs a command out of band: at once, even while another one is being carried out.
    ///
    /// # Errors
    /// [`QmpError`]; [`QmpError::NoOutOfBand`] when this was not negotiated.
    pub async fn execute_oob(&self, command: &str, arguments: Value) -> Result<Value, QmpError> {
        if !self.0.out_of_band {
            return Err(QmpError::NoOutOfBand {
                command: command.to_owned(),
            });
        }
        let call = Call {
            out_of_band: true,
            ..Call::default()
        };
        self.run(command, arguments, call).await
    }

    /// Runs a command and hands over a file descriptor with it, as `getfd` and `add-fd` want.
    ///
    /// # Errors
    /// [`QmpError`].
    pub async fn execute_with_fd(
        &self,
        command: &str,
        arguments: Value,
        descriptor: OwnedFd,
    ) -> Result<Value, QmpError> {
        let call = Call {
            descriptors: vec![descriptor],
            ..Call::default()
        };
        self.run(command, arguments, call).await
    }

    /// Runs a command and reads its answer as a type.
    ///
    /// # Errors
    /// [`QmpError`]; [`QmpError::UnknownForm`] when the answer does not fit the type.
    pub async fn query<T: DeserializeOwned>(
        &self,
        command: &str,
        arguments: Value,
    ) -> Result<T, QmpError> {
        let answer = self.execute(command, arguments).await?;
        serde_json::from_value(answer).map_err(|error| QmpError::UnknownForm {
            command: command.to_owned(),
            why: error.to_string(),
        })
    }

    /// The machine's state.
    ///
    /// # Errors
    /// [`QmpError`].
    pub async fn status(&self) -> Result<Status, QmpError> {
        self.query("query-status", json!({})).await
    }

    /// Runs a line of the human monitor and returns what it prints.
    ///
    /// # Errors
    /// [`QmpError`]. What the human monitor prints is not looked at: it reports its errors as text.
    pub async fn hmp(&self, line: &str) -> Result<String, QmpError> {
        let arguments = json!({"command-line": line});
        self.query("human-monitor-command", arguments).await
    }

    /// Sends bytes as they are and returns the next answer that carries no id of ours: for testing the protocol itself.
    ///
    /// # Errors
    /// [`QmpError`].
    pub async fn raw(&self, bytes: &[u8]) -> Result<Value, QmpError> {
        let start = Instant::now();
        let (sender, receiver) = oneshot::channel();
        let command = || "raw bytes".to_owned();
        let closed = |reason| QmpError::Closed {
            command: command(),
            reason,
        };
        {
            let mut state = self.0.shared.state();
            if let Some(reason) = &state.closed {
                return Err(closed(reason.clone()));
            }
            state.raw.push_back(sender);
        }
        self.send(bytes.to_vec(), Vec::new());
        match tokio::time::timeout(self.0.limit, receiver).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(closed(self.0.shared.closed_reason())),
            Err(_) => Err(QmpError::NoAnswer {
                command: command(),
                elapsed: start.elapsed(),
            }),
        }
    }

    /// The last messages of both directions, oldest first.
    pub(crate) fn tail(&self) -> Vec<String> {
        self.0.shared.traffic.tail()
    }

    async fn run(&self, command: &str, arguments: Value, call: Call) -> Result<Value, QmpError> {
        let start = Instant::now();
        let id = self.0.next_id.fetch_add(1, Ordering::Relaxed);
        let verb = if call.out_of_band {
            "exec-oob"
        } else {
            "execute"
        };
        let mut message = json!({verb: command, "id": id});
        if arguments
            .as_object()
            .is_some_and(|object| !object.is_empty())
        {
            message["arguments"] = arguments;
        }
        let (sender, receiver) = oneshot::channel();
        let named = || command.to_owned();
        {
            let mut state = self.0.shared.state();
            if let Some(reason) = &state.closed {
                return Err(QmpError::Closed {
                    command: named(),
                    reason: reason.clone(),
                });
            }
            state.pending.insert(id, sender);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.extend_from_slice(b"\r\n");
        self.send(bytes, call.descriptors);
        let limit = call.limit.unwrap_or(self.0.limit);
        match tokio::time::timeout(limit, receiver).await {
            Ok(Ok(Answer::Returned(value))) => Ok(value),
            Ok(Ok(Answer::Refused(refusal))) => Err(QmpError::Refused {
                command: named(),
                class: refusal.class,
                desc: refusal.desc,
                elapsed: start.elapsed(),
            }),
            Ok(Ok(Answer::Malformed(text))) => Err(QmpError::Malformed {
                command: named(),
                text,
            }),
            Ok(Ok(Answer::Closed(reason))) => Err(QmpError::Closed {
                command: named(),
                reason,
            }),
            Ok(Err(_)) => Err(QmpError::Closed {
                command: named(),
                reason: self.0.shared.closed_reason(),
            }),
            Err(_) => {
                self.0.shared.state().pending.remove(&id);
                Err(QmpError::NoAnswer {
                    command: named(),
                    elapsed: start.elapsed(),
                })
            }
        }
    }

    fn send(&self, bytes: Vec<u8>, descriptors: Vec<OwnedFd>) {
        // When the writer is gone the connection is closed, which the answer's waiter is told.
        let _ = self.0.outgoing.send(Outgoing { bytes, descriptors });
    }
}

/// How a command is sent.
#[derive(Debug, Default)]
struct Call {
    out_of_band: bool,
    limit: Option<Duration>,
    descriptors: Vec<OwnedFd>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn closed_reason(&self) -> String {
        let state = self.state();
        state.closed.clone().unwrap_or_else(|| "unknown".to_owned())
    }

    fn take(&self, line: &[u8]) {
        self.traffic.record(Direction::FromQemu, line);
        match wire::parse(line) {
            Message::Greeting(greeting) => {
                if let Some(sender) = self.state().greeting.take() {
                    let _ = sender.send(greeting);
                }
            }
            Message::Event {
                name,
                data,
                timestamp,
            } => self.events.push(name, data, timestamp),
            Message::Answer(id, result, whole) => self.answer(id, result, whole),
            Message::Garbage(text) => {
                // It may have been the answer to any of them.
                let pending = std::mem::take(&mut self.state().pending);
                for sender in pending.into_values() {
                    let _ = sender.send(Answer::Malformed(text.clone()));
                }
            }
        }
    }

    /// Whoever gave up waiting has dropped the receiver, which is fine.
    fn answer(&self, id: Option<u64>, result: Result<Value, Refusal>, whole: Value) {
        let mut state = self.state();
        if let Some(sender) = id.and_then(|id| state.pending.remove(&id)) {
            let _ = sender.send(match result {
                Ok(value) => Answer::Returned(value),
                Err(refusal) => Answer::Refused(refusal),
            });
        } else if let Some(sender) = state.raw.pop_front() {
            let _ = sender.send(whole);
        }
    }

    fn close(&self, reason: &str) {
        let mut state = self.state();
        if state.closed.is_some() {
            return;
        }
        state.closed = Some(reason.to_owned());
        let State {
            pending,
            raw,
            greeting,
            ..
        } = &mut *state;
        for (_, sender) in pending.drain() {
            let _ = sender.send(Answer::Closed(reason.to_owned()));
        }
        raw.clear();
        *greeting = None;
        drop(state);
        self.events.close();
    }
}

async fn read_all(stream: Arc<UnixStream>, shared: Arc<Shared>) {
    let mut lines = Lines::default();
    let mut buffer = vec![0; READ_SIZE];
    let reason = loop {
        match read_some(&stream, &mut buffer).await {
            Ok(0) => break "QEMU closed it".to_owned(),
            Ok(count) => lines.push(&buffer[..count]),
            Err(error) => break error.to_string(),
        }
        let overlong = loop {
            match lines.next() {
                Ok(Some(line)) => shared.take(&line),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        if overlong {
            break format!("a message was longer than {} bytes", wire::MAX_MESSAGE);
        }
    };
    shared.close(&reason);
}

async fn read_some(stream: &UnixStream, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        stream.readable().await?;
        match stream.try_read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return read,
        }
    }
}

/// Messages are written whole, by a task of their own, so that a caller who gives up never leaves half of one behind.
async fn write_all(
    stream: Arc<UnixStream>,
    mut queue: mpsc::UnboundedReceiver<Outgoing>,
    shared: Arc<Shared>,
) {
    while let Some(message) = queue.recv().await {
        shared.traffic.record(Direction::ToQemu, &message.bytes);
        if let Err(error) = write_one(&stream, message).await {
            shared.close(&error.to_string());
            return;
        }
    }
}

async fn write_one(stream: &UnixStream, message: Outgoing) -> io::Result<()> {
    let mut rest = &message.bytes[..];
    let mut descriptors = message.descriptors;
    while !rest.is_empty() {
        stream.writable().await?;
        let sent = stream.try_io(Interest::WRITABLE, || send_some(stream, rest, &descriptors));
        match sent {
            Ok(count) => {
                rest = &rest[count..];
                descriptors.clear();
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn send_some(stream: &UnixStream, bytes: &[u8], descriptors: &[OwnedFd]) -> io::Result<usize> {
    let borrowed: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !borrowed.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(&borrowed)) {
        return Err(io::Error::other(
            "more file descriptors than fit one message",
        ));
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    Ok(sendmsg(
        stream,
        &[IoSlice::new(bytes)],
        &mut ancillary,
        flags,
    )?)
}
