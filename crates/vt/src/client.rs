//! The other end of a test's socket: calls and replies, see `docs/control.md`.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

/// The variable that names the socket.
pub(crate) const SOCKET: &str = "VIRT_TEST_SOCKET";

/// What a method is called with, and what it answers.
pub(crate) type Parameters = Map<String, Value>;

/// A connection to the test.
#[derive(Debug)]
pub(crate) struct Client {
    stream: BufReader<UnixStream>,
}

/// Why a call was not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Nobody said where the test is.
    #[error(
        "no test is running here: {SOCKET} is not set (hint: virt-test sets it for a test, and virt-test serve for anybody)"
    )]
    NoSocket,
    /// It is not there.
    #[error("failed to reach the test at {path}: {source}")]
    Connect {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The connection broke.
    #[error("lost the test: {0}")]
    Lost(#[from] io::Error),
    /// It answered with an error of its own.
    #[error("{}", message(.name, .parameters))]
    Answer {
        /// Its name, such as `org.virt-test.error.TimedOut`.
        name: String,
        /// Its fields.
        parameters: Parameters,
    },
}

fn message(name: &str, parameters: &Parameters) -> String {
    let text = |key: &str| parameters.get(key).and_then(Value::as_str);
    match (text("message"), text("hint")) {
        (Some(message), Some(hint)) => format!("{message} (hint: {hint})"),
        (Some(message), None) => message.to_owned(),
        // Varlink's own have a field or two instead.
        (None, _) => {
            let fields = Value::Object(parameters.clone());
            format!("{} {fields}", name.rsplit('.').next().unwrap_or(name))
        }
    }
}

impl Error {
    /// Does this QEMU or this host lack what was asked for?
    pub(crate) fn is_skip(&self) -> bool {
        let Self::Answer { parameters, .. } = self else {
            return false;
        };
        parameters.get("verdict").and_then(Value::as_str) == Some("skip")
    }
}

impl Client {
    /// Connects to the test that is named, or that this program was started by.
    pub(crate) fn connect(socket: Option<&Path>) -> Result<Self, Error> {
        let ours = || env::var_os(SOCKET).filter(|path| !path.is_empty());
        let path = socket.map(PathBuf::from);
        let path = path.or_else(|| ours().map(PathBuf::from));
        let path = path.ok_or(Error::NoSocket)?;
        match UnixStream::connect(&path) {
            Ok(stream) => Ok(Self::over(stream)),
            Err(source) => Err(Error::Connect { path, source }),
        }
    }

    pub(crate) fn over(stream: UnixStream) -> Self {
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// Calls a method that answers once.
    pub(crate) fn call(
        &mut self,
        method: &str,
        parameters: Parameters,
    ) -> Result<Parameters, Error> {
        self.send(&json!({ "method": method, "parameters": parameters }))?;
        Ok(self.receive()?.0)
    }

    /// Calls a method that may answer many times; `each` is told all answers.
    pub(crate) fn call_more(
        &mut self,
        method: &str,
        parameters: Parameters,
        mut each: impl FnMut(Parameters) -> io::Result<()>,
    ) -> Result<(), Error> {
        self.send(&json!({ "method": method, "parameters": parameters, "more": true }))?;
        loop {
            let (answer, continues) = self.receive()?;
            each(answer)?;
            if !continues {
                return Ok(());
            }
        }
    }

    fn send(&mut self, call: &Value) -> Result<(), Error> {
        let mut message = call.to_string().into_bytes();
        message.push(0);
        Ok(self.stream.get_mut().write_all(&message)?)
    }

    fn receive(&mut self) -> Result<(Parameters, bool), Error> {
        let mut message = Vec::new();
        self.stream.read_until(0, &mut message)?;
        if message.pop() != Some(0) {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let mut reply: Parameters = serde_json::from_slice(&message).map_err(io::Error::other)?;
        let parameters = match reply.remove("parameters") {
            Some(Value::Object(parameters)) => parameters,
            _ => Map::new(),
        };
        match reply.get("error").and_then(Value::as_str) {
            Some(name) => Err(Error::Answer {
                name: name.to_owned(),
                parameters,
            }),
            None => Ok((
                parameters,
                reply.get("continues") == Some(&Value::Bool(true)),
            )),
        }
    }
}
