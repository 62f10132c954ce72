//! Messages on the wire: JSON, each followed by a NUL byte (<https://varlink.org/Method-Call>).

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest message that is read.
pub(crate) const LONGEST: usize = 16 << 20;

/// What is read at a time, and kept of a buffer between messages.
const PIECE: usize = 8 << 10;

/// A call as it comes in. What else is in it belongs to others' extensions.
#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    pub method: String,
    #[serde(default)]
    pub parameters: Option<Value>,
    #[serde(default)]
    pub oneway: Option<bool>,
    #[serde(default)]
    pub more: Option<bool>,
}

#[derive(Serialize)]
struct Reply<'a, T> {
    parameters: &'a T,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    continues: bool,
}

#[derive(Serialize)]
struct ErrorReply<'a> {
    error: &'a str,
    parameters: &'a Value,
}

fn message(content: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut message = serde_json::to_vec(content)?;
    message.push(0);
    Ok(message)
}

/// A reply as a message.
pub(crate) fn reply(
    parameters: &impl Serialize,
    continues: bool,
) -> Result<Vec<u8>, serde_json::Error> {
    message(&Reply {
        parameters,
        continues,
    })
}

/// An error as a message.
pub(crate) fn error(error: &str, parameters: &Value) -> Result<Vec<u8>, serde_json::Error> {
    message(&ErrorReply { error, parameters })
}

/// What comes next from a client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A message, without its NUL.
    Message(Vec<u8>),
    /// Nothing more; half a message may have come.
    End,
    /// A message longer than any may be.
    TooLong,
}

/// Takes messages out of a stream of bytes.
#[derive(Debug)]
pub(crate) struct Messages<R> {
    stream: R,
    buffer: Vec<u8>,
    /// So much of the buffer has no NUL in it.
    searched: usize,
}

impl<R: AsyncRead + Unpin> Messages<R> {
    pub(crate) fn new(stream: R) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
            searched: 0,
        }
    }

    /// Where they come from.
    pub(crate) fn stream<S>(&self) -> &S
    where
        R: AsRef<S>,
    {
        self.stream.as_ref()
    }

    /// The next message. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> io::Result<Next> {
        loop {
            if let Some(found) = memchr::memchr(0, &self.buffer[self.searched..]) {
                return Ok(Next::Message(self.take(self.searched + found)));
            }
            self.searched = self.buffer.len();
            if self.searched > LONGEST {
                return Ok(Next::TooLong);
            }
            self.buffer.reserve(PIECE);
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(Next::End);
            }
        }
    }

    /// Takes a message of that length and its NUL.
    fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.buffer.split_off(length + 1);
        let mut message = std::mem::replace(&mut self.buffer, rest);
        message.truncate(length);
        self.searched = 0;
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn messages(bytes: &[u8]) -> Vec<Next> {
        let mut messages = Messages::new(bytes);
        let mut all = Vec::new();
        loop {
            let next = messages.next().await.unwrap();
            let last = !matches!(next, Next::Message(_));
            all.push(next);
            if last {
                return all;
            }
        }
    }

    #[tokio::test]
    async fn messages_end_with_nul_however_they_are_cut() {
        let of = |text: &str| Next::Message(text.as_bytes().to_vec());
        assert_eq!(messages(b"").await, [Next::End]);
        assert_eq!(messages(b"half").await, [Next::End]);
        assert_eq!(
            messages(b"one\0\0two\0hal").await,
            [of("one"), of(""), of("two"), Next::End]
        );
        let long = "x".repeat(3 * PIECE);
        let text = format!("{long}\0one\0");
        assert_eq!(
            messages(text.as_bytes()).await,
            [of(&long), of("one"), Next::End]
        );
    }

    #[tokio::test]
    async fn a_message_without_an_end_is_given_up() {
        let endless = vec![b'x'; LONGEST + 2 * PIECE];
        assert_eq!(messages(&endless).await, [Next::TooLong]);
    }

    #[test]
    fn replies_are_as_varlink_wants_them() {
        let text = |message: Vec<u8>| String::from_utf8(message).unwrap();
        let parameters = serde_json::json!({"a": 1});
        assert_eq!(
            text(reply(&parameters, false).unwrap()),
            "{\"parameters\":{\"a\":1}}\0"
        );
        assert_eq!(
            text(reply(&parameters, true).unwrap()),
            "{\"parameters\":{\"a\":1},\"continues\":true}\0"
        );
        assert_eq!(
            text(error("a.b.C", &parameters).unwrap()),
            "{\"error\":\"a.b.C\",\"parameters\":{\"a\":1}}\0"
        );
    }
}
