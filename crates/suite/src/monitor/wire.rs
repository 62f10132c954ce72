//! A QMP connection of which every byte is the test's own.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use virt_test::{Stop, TestResult, Vm};

/// Base time for anything to be said.
const LIMIT: Duration = Duration::from_secs(10);

/// What tells the end of the answers to what was sent before.
const AFTER: &str = r#"{"execute": "query-status", "id": "after"}"#;

pub(crate) struct Wire {
    vm: Arc<Vm>,
    stream: BufReader<UnixStream>,
}

impl Wire {
    /// Connects to a further monitor of the machine. QEMU greets, and waits for the negotiation of capabilities.
    pub(crate) async fn open(vm: &Arc<Vm>, id: &str) -> TestResult<Self> {
        // A monitor has one client at a time, and until now it was connected for us.
        drop(vm.channel(id).ok());
        let stream = BufReader::new(vm.reconnect(id).await?);
        let vm = Arc::clone(vm);
        Ok(Self { vm, stream })
    }

    /// As [`Wire::open`], the capabilities being negotiated.
    pub(crate) async fn negotiated(vm: &Arc<Vm>, id: &str, enable: &str) -> TestResult<Self> {
        let mut wire = Self::open(vm, id).await?;
        wire.hear().await?;
        let negotiate =
            format!(r#"{{"execute": "qmp_capabilities", "arguments": {{"enable": {enable}}}}}"#);
        wire.say(&negotiate).await?;
        match wire.hear().await? {
            answer if answer["return"].is_object() => Ok(wire),
            answer => Err(Stop::fail(format!("{negotiate} is answered with {answer}"))),
        }
    }

    pub(crate) async fn say(&mut self, bytes: impl AsRef<[u8]>) -> TestResult {
        self.put(&[bytes.as_ref(), b"\n"].concat()).await
    }

    /// Writes exactly these bytes.
    pub(crate) async fn put(&mut self, bytes: &[u8]) -> TestResult {
        let written = self.stream.write_all(bytes);
        let written = self.vm.wait("reading of QEMU", LIMIT, written).await?;
        written.map_err(|error| Stop::fail(format!("the monitor cannot be written to: {error}")))
    }

    /// The next message.
    pub(crate) async fn hear(&mut self) -> TestResult<Value> {
        let mut line = Vec::new();
        let read = self.stream.read_until(b'\n', &mut line);
        let read = self.vm.wait("message of the monitor", LIMIT, read).await?;
        let text = String::from_utf8_lossy(&line);
        read.map_err(|error| error.to_string())
            .and_then(|_| serde_json::from_slice(&line).map_err(|error| error.to_string()))
            .map_err(|error| Stop::fail(format!("the monitor says '{}': {error}", text.trim())))
    }

    /// Everything that is said to these bytes: up to the answer to a command sent after them, events left out.
    pub(crate) async fn ask(&mut self, bytes: impl AsRef<[u8]>) -> TestResult<Vec<Value>> {
        self.say(bytes).await?;
        self.say(AFTER).await?;
        let mut answers = Vec::new();
        loop {
            match self.hear().await? {
                answer if answer["id"] == "after" => return Ok(answers),
                event if event["event"].is_string() => {}
                answer => answers.push(answer),
            }
        }
    }
}
