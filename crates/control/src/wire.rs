//! Messages on the wire: JSON, each followed by a NUL byte (<https://varlink.org/Method-Call>).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The longest message that is read.
pub(crate) const LONGEST: usize = 16 << 20;

/// The most values a message may have, those within one another counted, too.
pub(crate) const MOST_VALUES: usize = 1 << 17;

/// How much of a message is read before [`Room`] is taken for it: nobody who says little is to wait for those who say much.
const FREE: usize = 64 << 10;

/// What a buffer begins with.
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

/// Room for messages that are longer than [`FREE`], which all clients of a test share: from when their bytes come until they are dealt with.
#[derive(Debug)]
pub(crate) struct Room {
    left: Arc<Semaphore>,
    kib: usize,
    patience: Duration,
}

impl Room {
    /// Room for `size` bytes, for which a message waits for so long where others have it.
    pub(crate) fn new(size: usize, patience: Duration) -> Self {
        let kib = size >> 10;
        Self {
            left: Arc::new(Semaphore::new(kib)),
            kib,
            patience,
        }
    }

    /// How much of it there is in all, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.kib << 10
    }

    async fn take(&self, size: usize) -> Option<OwnedSemaphorePermit> {
        let kib = u32::try_from(size.div_ceil(1 << 10)).ok()?;
        let taken = Arc::clone(&self.left).acquire_many_owned(kib);
        tokio::time::timeout(self.patience, taken).await.ok()?.ok()
    }
}

/// A message, without its NUL, and the room it takes.
#[derive(Debug)]
pub(crate) struct Message {
    bytes: Vec<u8>,
    room: Option<OwnedSemaphorePermit>,
}

impl Message {
    /// The call it is, and what is to be kept until that is carried out.
    pub(crate) fn request(self) -> Result<(Request, Option<OwnedSemaphorePermit>), String> {
        if self.bytes.len() > FREE && values(&self.bytes) > MOST_VALUES {
            return Err(format!("it has more than {MOST_VALUES} values"));
        }
        let request = serde_json::from_slice(&self.bytes).map_err(|error| error.to_string())?;
        Ok((request, self.room))
    }
}

/// How many values there are in a text of JSON, or more: each takes memory of its own, many times that of its text.
fn values(text: &[u8]) -> usize {
    let (mut values, mut is_string, mut is_escaped) = (0, false, false);
    for byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_string,
            b'"' => is_string = !is_string,
            b',' | b'[' | b'{' | b':' if !is_string => values += 1,
            _ => {}
        }
    }
    values
}

/// What comes next from a client.
#[derive(Debug)]
pub(crate) enum Next {
    /// A message.
    Message(Message),
    /// Nothing more; half a message may have come.
    End,
    /// A message longer than any may be.
    TooLong,
    /// A message for which there is no room, as others take it.
    NoRoom,
}

/// Takes messages out of a stream of bytes.
#[derive(Debug)]
pub(crate) struct Messages<'a, R> {
    stream: R,
    room: &'a Room,
    buffer: Vec<u8>,
    /// So much of the buffer has no NUL in it.
    searched: usize,
    /// What of the buffer's capacity is more than [`FREE`].
    taken: Option<OwnedSemaphorePermit>,
}

impl<'a, R: AsyncRead + Unpin> Messages<'a, R> {
    pub(crate) fn new(stream: R, room: &'a Room) -> Self {
        Self {
            stream,
            room,
            buffer: Vec::new(),
            searched: 0,
            taken: None,
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
            if !self.grow().await {
                return Ok(Next::NoRoom);
            }
            // No more at a time than may be kept for nothing: it may be of the next messages.
            let mut piece = (&mut self.stream).take(FREE as u64);
            if piece.read_buf(&mut self.buffer).await? == 0 {
                return Ok(Next::End);
            }
        }
    }

    /// Makes the buffer larger where it is full. Is there room for that?
    async fn grow(&mut self) -> bool {
        let (capacity, length) = (self.buffer.capacity(), self.buffer.len());
        if capacity > length {
            return true;
        }
        let wanted = (2 * capacity).clamp(PIECE, LONGEST + FREE);
        if wanted > FREE {
            let Some(more) = self.room.take(wanted - capacity).await else {
                return false;
            };
            match &mut self.taken {
                Some(taken) => taken.merge(more),
                None => self.taken = Some(more),
            }
        }
        self.buffer.reserve_exact(wanted - length);
        true
    }

    /// Takes a message of that length and its NUL.
    fn take(&mut self, length: usize) -> Message {
        let rest = self.buffer.split_off(length + 1);
        let mut bytes = std::mem::replace(&mut self.buffer, rest);
        bytes.truncate(length);
        self.searched = 0;
        Message {
            bytes,
            room: self.taken.take(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(size: usize) -> Room {
        Room::new(size, Duration::from_millis(10))
    }

    async fn messages(bytes: &[u8]) -> Vec<String> {
        let room = room(2 * LONGEST);
        let mut messages = Messages::new(bytes, &room);
        let mut all = Vec::new();
        loop {
            match messages.next().await.unwrap() {
                Next::Message(Message { bytes, .. }) => all.push(String::from_utf8(bytes).unwrap()),
                end => {
                    all.push(format!("{end:?}"));
                    return all;
                }
            }
        }
    }

    #[tokio::test]
    async fn messages_end_with_nul_however_they_are_cut() {
        assert_eq!(messages(b"").await, ["End"]);
        assert_eq!(messages(b"half").await, ["End"]);
        assert_eq!(
            messages(b"one\0\0two\0hal").await,
            ["one", "", "two", "End"]
        );
        let long = "x".repeat(3 * FREE);
        let text = format!("{long}\0one\0");
        assert_eq!(messages(text.as_bytes()).await, [&*long, "one", "End"]);
    }

    #[tokio::test]
    async fn a_message_without_an_end_is_given_up() {
        let endless = vec![b'x'; LONGEST + 2 * FREE];
        assert_eq!(messages(&endless).await, ["TooLong"]);
    }

    #[tokio::test]
    async fn long_messages_share_their_room_and_short_ones_need_none() {
        let room = room(300 << 10);
        let long = format!("{}\0", "x".repeat(200 << 10));
        let mut one = Messages::new(long.as_bytes(), &room);
        let Next::Message(message) = one.next().await.unwrap() else {
            panic!("there is room for one");
        };
        let mut other = Messages::new(long.as_bytes(), &room);
        assert!(matches!(other.next().await.unwrap(), Next::NoRoom));
        let mut short = Messages::new(&b"short\0"[..], &room);
        assert!(matches!(short.next().await.unwrap(), Next::Message(_)));
        drop((message, other));
        let mut other = Messages::new(long.as_bytes(), &room);
        let message = other.next().await.unwrap();
        assert!(matches!(message, Next::Message(_)), "there is room again");
        drop((message, one));
        let mut half = Messages::new(&long.as_bytes()[..100 << 10], &room);
        assert!(matches!(half.next().await.unwrap(), Next::End));
        drop(half);
        drop(other);
        assert_eq!(
            room.left.available_permits(),
            300,
            "all of it is given back"
        );
    }

    #[test]
    fn what_is_in_a_string_is_no_value() {
        assert_eq!(values(br#"{"a": [1, 2, {}], "b": "[,\",:\\", "c": 3}"#), 10);
        let bytes = format!("[{}]", "0,".repeat(MOST_VALUES)).into_bytes();
        let message = Message { bytes, room: None };
        let error = message.request().unwrap_err();
        assert!(error.contains("more than 131072 values"), "{error}");
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
