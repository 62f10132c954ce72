//! Commands in the guest.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Deserializer};

use crate::asked::{Asked, decode};
use crate::client::{Canceller, Replies};
use crate::error::{Error, Result};

/// What is run in a guest: a line of its shell, or the words of a command that no shell sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A line of shell.
    Line(String),
    /// A program and its arguments.
    Words(Vec<String>),
}

impl From<&str> for Command {
    fn from(line: &str) -> Self {
        Self::Line(line.to_owned())
    }
}

impl From<String> for Command {
    fn from(line: String) -> Self {
        Self::Line(line)
    }
}

impl From<&String> for Command {
    fn from(line: &String) -> Self {
        Self::Line(line.clone())
    }
}

impl<T: Into<String>, const N: usize> From<[T; N]> for Command {
    fn from(words: [T; N]) -> Self {
        Self::Words(words.map(Into::into).into())
    }
}

impl<T: Into<String>> From<Vec<T>> for Command {
    fn from(words: Vec<T>) -> Self {
        Self::Words(words.into_iter().map(Into::into).collect())
    }
}

impl<T: AsRef<str>> From<&[T]> for Command {
    fn from(words: &[T]) -> Self {
        Self::Words(words.iter().map(|word| word.as_ref().to_owned()).collect())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "'{line}'"),
            Self::Words(words) => write!(f, "'{}'", words.join(" ")),
        }
    }
}

/// A command that is to be run in a guest. It is killed when its time is up: 30 s on an idle host with KVM, unless told otherwise.
#[derive(Debug, Clone)]
#[must_use = "nothing has been run yet"]
pub struct Exec {
    asked: Asked,
    command: Command,
    env: BTreeMap<String, String>,
}

impl Exec {
    pub(crate) fn new(mut asked: Asked, command: Command) -> Self {
        match &command {
            Command::Line(line) => asked.put("command", line),
            Command::Words(words) => asked.put("argv", words),
        }
        // Any bytes may come and go.
        asked.put("encoding", "base64");
        Self {
            asked,
            command,
            env: BTreeMap::new(),
        }
    }

    /// Its standard input, which is empty else.
    pub fn input(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.asked.put("input", BASE64.encode(bytes));
        self
    }

    /// A variable of its environment.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self.asked.put("env", &self.env);
        self
    }

    /// How long it may take, stretched by the measured speed of the host.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.asked.put("timeout", timeout.as_secs_f64());
        self
    }

    /// Runs it to its end. A status other than 0 is no error.
    ///
    /// # Errors
    /// [`Error`].
    pub fn output(self) -> Result<Output> {
        self.asked.member("output")
    }

    /// Runs it, and gives what it wrote to its standard output, without spaces and newlines at the end.
    ///
    /// # Errors
    /// [`Error::Command`] where it did not exit with status 0.
    pub fn text(self) -> Result<String> {
        let command = self.command.clone();
        let output = self.output()?;
        match output.success() {
            true => Ok(output.text().trim_end().to_owned()),
            false => Err(Error::Command {
                command,
                output: Box::new(output),
            }),
        }
    }

    /// Runs it, to be iterated over for its output as it comes. Who drops it before its end kills it.
    ///
    /// # Errors
    /// [`Error`].
    pub fn stream(self) -> Result<Running> {
        Ok(Running {
            replies: self.asked.stream()?,
            output: None,
        })
    }
}

/// How a command ended, and what it wrote.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Output {
    /// What it exited with; none where a signal ended it.
    pub status: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What it wrote to its standard output.
    #[serde(deserialize_with = "bytes")]
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error; with the former on a console.
    #[serde(deserialize_with = "bytes")]
    pub stderr: Vec<u8>,
    /// Was there more than is kept, 16 MiB?
    pub truncated: bool,
    /// How long it took.
    #[serde(deserialize_with = "seconds")]
    pub elapsed: Duration,
}

impl Output {
    /// Did it exit with status 0?
    #[must_use]
    pub fn success(&self) -> bool {
        self.status == Some(0)
    }

    /// Its standard output as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(crate) fn ending(&self) -> String {
        match (self.status, self.signal) {
            (Some(status), _) => format!("exited with status {status}"),
            (None, Some(signal)) => format!("was ended by signal {signal}"),
            (None, None) => "ended".to_owned(),
        }
    }
}

/// A piece of output.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Chunk {
    /// Of standard error?
    pub stderr: bool,
    /// What was written.
    #[serde(deserialize_with = "bytes")]
    pub data: Vec<u8>,
}

/// A command that runs: its output as it comes.
#[derive(Debug)]
pub struct Running {
    replies: Replies,
    output: Option<Output>,
}

#[derive(Deserialize)]
struct Reply {
    chunk: Option<Chunk>,
    output: Option<Output>,
}

impl Running {
    /// How it ended, when all its output has come. That is not repeated here.
    #[must_use]
    pub fn ended(&self) -> Option<&Output> {
        self.output.as_ref()
    }

    /// Cancels it from another thread.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub fn canceller(&self) -> io::Result<Canceller> {
        self.replies.canceller()
    }
}

impl Iterator for Running {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let reply = match self.replies.next()? {
                Ok(reply) => reply,
                Err(error) => return Some(Err(error)),
            };
            match decode::<Reply>(self.replies.method, reply) {
                Err(error) => return Some(Err(error)),
                Ok(reply) => {
                    self.output = reply.output;
                    if reply.chunk.is_some() {
                        return reply.chunk.map(Ok);
                    }
                }
            }
        }
    }
}

pub(crate) fn bytes<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Vec<u8>, D::Error> {
    let text = String::deserialize(from)?;
    BASE64.decode(text).map_err(serde::de::Error::custom)
}

fn seconds<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Duration, D::Error> {
    let seconds = f64::deserialize(from)?;
    Duration::try_from_secs_f64(seconds).map_err(serde::de::Error::custom)
}
