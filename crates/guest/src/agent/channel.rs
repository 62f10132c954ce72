//! Requests and replies on the wire, and finding back into step.

use std::pin::Pin;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::error::Cause;

trait Stream: AsyncRead + AsyncWrite + Send {}
impl<S: AsyncRead + AsyncWrite + Send> Stream for S {}

/// Replies longer than this are refused: `guest-exec-status` with both streams full is 43 MiB of base64.
const MAX_REPLY: usize = 64 << 20;

/// When a synchronisation that got no answer is sent again, at first; doubled every time. A request may be lost with
/// the agent that had read it, when the guest restarts.
const RESEND: Duration = Duration::from_secs(2);

/// The byte that no UTF-8 text contains: discards what was half sent, and marks the reply to `guest-sync-delimited`.
const SENTINEL: u8 = 0xff;

pub(super) struct Channel {
    stream: Pin<Box<dyn Stream>>,
    received: Vec<u8>,
    /// How far `received` is known to hold no line end.
    searched: usize,
    /// A request went out whose reply was not read, or nothing was said yet.
    out_of_step: bool,
    last_id: u32,
}

impl Channel {
    pub(super) fn new(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        Channel {
            stream: Box::pin(stream),
            received: Vec::new(),
            searched: 0,
            out_of_step: true,
            // Replies to a client before us may still be on their way: ids must not meet.
            last_id: std::process::id().rotate_left(8) & 0x3fff_ffff,
        }
    }

    /// What is asked next need not be preceded by [`Channel::sync`].
    pub(super) fn take_as_in_step(&mut self) {
        self.out_of_step = false;
    }

    /// Brings both sides into step: whatever was half sent or not yet read is discarded.
    pub(super) async fn sync(&mut self) -> Result<(), Cause> {
        self.out_of_step = true;
        let mut patience = RESEND;
        loop {
            self.last_id += 1;
            let id = self.last_id;
            let request = json!({"execute": "guest-sync-delimited", "arguments": {"id": id}});
            let mut bytes = vec![SENTINEL];
            bytes.extend_from_slice(request.to_string().as_bytes());
            bytes.push(b'\n');
            let exchange = async {
                self.write(&bytes).await?;
                self.read_sync_reply(id).await
            };
            match timeout(patience, exchange).await {
                Ok(outcome) => {
                    outcome?;
                    self.out_of_step = false;
                    return Ok(());
                }
                Err(_) => patience *= 2,
            }
        }
    }

    async fn read_sync_reply(&mut self, id: u32) -> Result<(), Cause> {
        loop {
            let line = self.read_line().await?;
            let Some(at) = line.iter().rposition(|byte| *byte == SENTINEL) else {
                continue;
            };
            let reply = serde_json::from_slice::<Value>(&line[at + 1..]);
            if reply.is_ok_and(|reply| reply["return"] == id) {
                return Ok(());
            }
        }
    }

    /// Sends a request and reads its reply.
    pub(super) async fn ask(&mut self, command: &str, arguments: &Value) -> Result<Value, Cause> {
        if self.out_of_step {
            self.sync().await?;
        }
        let mut request = Map::from_iter([("execute".to_string(), json!(command))]);
        if !arguments.is_null() {
            request.insert("arguments".to_string(), arguments.clone());
        }
        let mut bytes = Value::Object(request).to_string().into_bytes();
        bytes.push(b'\n');

        // True again only if this future lives to see the reply.
        self.out_of_step = true;
        self.write(&bytes).await?;
        let line = self.read_line().await?;
        let mut reply: Value = serde_json::from_slice(&line)
            .map_err(|error| Cause::Protocol(format!("{error} in {}", excerpt(&line))))?;
        if let Some(error) = reply.get("error") {
            self.out_of_step = false;
            let text = |member: &str| error[member].as_str().unwrap_or_default().to_string();
            return Err(Cause::Agent {
                class: text("class"),
                desc: text("desc"),
            });
        }
        match reply.get_mut("return") {
            Some(value) => {
                self.out_of_step = false;
                Ok(value.take())
            }
            None => Err(Cause::Protocol(excerpt(&line))),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Cause> {
        self.stream.write_all(bytes).await.map_err(gone)?;
        self.stream.flush().await.map_err(gone)
    }

    async fn read_line(&mut self) -> Result<Vec<u8>, Cause> {
        loop {
            let unsearched = &self.received[self.searched..];
            if let Some(at) = unsearched.iter().position(|byte| *byte == b'\n') {
                let rest = self.received.split_off(self.searched + at + 1);
                self.searched = 0;
                let mut line = std::mem::replace(&mut self.received, rest);
                line.pop();
                if line.iter().any(|byte| !byte.is_ascii_whitespace()) {
                    return Ok(line);
                }
                continue;
            }
            self.searched = self.received.len();
            if self.searched > MAX_REPLY {
                self.received.clear();
                self.searched = 0;
                return Err(Cause::Protocol("a reply without an end".to_string()));
            }
            // Dropping this future loses nothing: what was read is in `received`.
            if self
                .stream
                .read_buf(&mut self.received)
                .await
                .map_err(gone)?
                == 0
            {
                return Err(Cause::Closed);
            }
        }
    }
}

/// A peer that vanished is told alike however the kernel words it.
fn gone(error: std::io::Error) -> Cause {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    match error.kind() {
        BrokenPipe | ConnectionReset | UnexpectedEof => Cause::Closed,
        _ => Cause::Io(error),
    }
}

fn excerpt(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(&line[..line.len().min(200)]);
    format!("{text:?}")
}
