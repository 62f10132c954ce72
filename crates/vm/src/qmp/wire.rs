//! The QEMU machine protocol's messages: one JSON object a line. Source: QEMU's `docs/interop/qmp-spec`.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

/// Longest message taken from QEMU. `query-qmp-schema` answers with some 200 kB.
pub(super) const MAX_MESSAGE: usize = 64 << 20;

/// A message from QEMU.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Message {
    Greeting(Value),
    /// Answer to a command; without an id when QEMU could not read the command.
    Answer(Option<u64>, Result<Value, Refusal>, Value),
    Event {
        name: String,
        data: Value,
        timestamp: Option<SystemTime>,
    },
    /// Not something QMP says.
    Garbage(String),
}

/// QEMU's own word on why it did not do as it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) class: String,
    pub(super) desc: String,
}

pub(super) fn parse(line: &[u8]) -> Message {
    let Ok(Value::Object(mut object)) = serde_json::from_slice(line) else {
        return garbage(line);
    };
    if let Some(greeting) = object.remove("QMP") {
        return Message::Greeting(greeting);
    }
    if let Some(Value::String(name)) = object.remove("event") {
        let timestamp = object.get("timestamp").and_then(timestamp);
        let data = object.remove("data").unwrap_or(Value::Null);
        return Message::Event {
            name,
            data,
            timestamp,
        };
    }
    let whole = Value::Object(object.clone());
    let id = object.get("id").and_then(Value::as_u64);
    if let Some(value) = object.remove("return") {
        return Message::Answer(id, Ok(value), whole);
    }
    match object.remove("error") {
        Some(Value::Object(error)) => Message::Answer(id, Err(refusal(&error)), whole),
        _ => garbage(line),
    }
}

fn garbage(line: &[u8]) -> Message {
    let shown = &line[..line.len().min(200)];
    Message::Garbage(String::from_utf8_lossy(shown).into_owned())
}

fn refusal(error: &Map<String, Value>) -> Refusal {
    let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
    Refusal {
        class: text("class").to_owned(),
        desc: text("desc").to_owned(),
    }
}

/// QEMU writes -1 when it could not read the clock.
fn timestamp(value: &Value) -> Option<SystemTime> {
    let seconds = value.get("seconds")?.as_u64()?;
    let microseconds = value.get("microseconds")?.as_u64()?;
    let since = Duration::from_secs(seconds).checked_add(Duration::from_micros(microseconds))?;
    SystemTime::UNIX_EPOCH.checked_add(since)
}

/// Cuts a stream of bytes into lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    buffer: Vec<u8>,
    /// Bytes known to hold no line end.
    searched: usize,
}

/// A line longer than [`MAX_MESSAGE`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Lines {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole line without its end; empty lines are passed over.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        loop {
            let unsearched = &self.buffer[self.searched..];
            let Some(end) = unsearched.iter().position(|byte| *byte == b'\n') else {
                self.searched = self.buffer.len();
                return if self.searched > MAX_MESSAGE {
                    Err(TooLong)
                } else {
                    Ok(None)
                };
            };
            let rest = self.buffer.split_off(self.searched + end + 1);
            let mut line = std::mem::replace(&mut self.buffer, rest);
            self.searched = 0;
            line.truncate(line.trim_ascii_end().len());
            if !line.is_empty() {
                return Ok(Some(line));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn messages_are_told_apart() {
        assert_eq!(parse(br#"{"QMP": 1}"#), Message::Greeting(json!(1)));
        let answer = json!({"return": {}, "id": 7});
        assert_eq!(
            parse(answer.to_string().as_bytes()),
            Message::Answer(Some(7), Ok(json!({})), answer)
        );
        let error = json!({"error": {"class": "CommandNotFound", "desc": "no such"}});
        let refusal = Refusal {
            class: "CommandNotFound".to_owned(),
            desc: "no such".to_owned(),
        };
        assert_eq!(
            parse(error.to_string().as_bytes()),
            Message::Answer(None, Err(refusal), error)
        );
        let event = br#"{"timestamp": {"seconds": 2, "microseconds": 5}, "event": "STOP"}"#;
        assert_eq!(
            parse(event),
            Message::Event {
                name: "STOP".to_owned(),
                data: Value::Null,
                timestamp: SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(2_000_005)),
            }
        );
    }

    #[test]
    fn an_event_without_a_clock_has_no_timestamp() {
        let event = br#"{"timestamp": {"seconds": -1, "microseconds": -1}, "event": "X"}"#;
        assert!(matches!(
            parse(event),
            Message::Event {
                timestamp: None,
                ..
            }
        ));
    }

    #[test]
    fn what_is_not_qmp_is_garbage() {
        for line in [
            "",
            "{",
            "[]",
            "7",
            "{}",
            r#"{"error": 1}"#,
            r#"{"event": 1}"#,
            "\u{1b}[m",
        ] {
            assert!(
                matches!(parse(line.as_bytes()), Message::Garbage(_)),
                "{line}"
            );
        }
        assert!(matches!(parse(b"\xff\xfe"), Message::Garbage(_)));
    }

    #[test]
    fn lines_come_whole_however_they_arrive() {
        let mut lines = Lines::default();
        lines.push(b"a\r\n\n\nb");
        assert_eq!(lines.next(), Ok(Some(b"a".to_vec())));
        assert_eq!(lines.next(), Ok(None));
        lines.push(b"c");
        assert_eq!(lines.next(), Ok(None));
        lines.push(b"d\ne\n");
        assert_eq!(lines.next(), Ok(Some(b"bcd".to_vec())));
        assert_eq!(lines.next(), Ok(Some(b"e".to_vec())));
        assert_eq!(lines.next(), Ok(None));
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        let mut lines = Lines::default();
        lines.push(&vec![b'x'; MAX_MESSAGE + 1]);
        assert_eq!(lines.next(), Err(TooLong));
    }
}
