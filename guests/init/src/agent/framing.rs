//! Cuts the byte stream into JSON messages, and finds its feet again after rubbish.
//!
//! The stream has no delimiters: a message ends where its outermost brace or bracket closes. As in QEMU's lexer, an
//! impossible UTF-8 byte (0xFE, 0xFF) outside or inside a message is an error that discards the message so far, which is
//! how a client forces the agent into a known state (`guest-sync-delimited` in QEMU's `qga/qapi-schema.json`).

/// The longest message that is kept in memory.
pub const MAX_MESSAGE: usize = 16 << 20;

/// The deepest nesting of braces and brackets, as in QEMU's parser.
const MAX_NESTING: usize = 1024;

/// What the stream turned out to hold.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    /// The bytes of one balanced message.
    Message(Vec<u8>),
    /// Something that cannot be a message; the sentence says what.
    Garbage(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between messages.
    Idle,
    /// In a message, outside strings.
    Value,
    /// In a string.
    Text,
    /// After a backslash in a string.
    Escape,
    /// After garbage: everything is skipped up to a byte that promises a fresh start.
    Recovery,
}

/// The splitter's state between two reads.
#[derive(Debug)]
pub struct Framing {
    state: State,
    depth: usize,
    message: Vec<u8>,
}

impl Default for Framing {
    fn default() -> Self {
        Framing {
            state: State::Idle,
            depth: 0,
            message: Vec::new(),
        }
    }
}

impl Framing {
    /// Forgets the message so far.
    pub fn reset(&mut self) {
        *self = Framing::default();
    }

    /// Takes bytes and hands every complete frame to `emit`.
    pub fn feed(&mut self, bytes: &[u8], mut emit: impl FnMut(Frame)) {
        let mut rest = bytes;
        while let Some(&byte) = rest.first() {
            let plain = self.plain(rest);
            let frame = if plain > 0 {
                self.message.extend_from_slice(&rest[..plain]);
                self.limit()
            } else {
                self.step(byte)
            };
            rest = &rest[plain.max(1)..];
            if let Some(frame) = frame {
                emit(frame);
            }
        }
    }

    /// How many of the next bytes are nothing but text of a string: nearly all of a message that carries a file.
    fn plain(&self, bytes: &[u8]) -> usize {
        if self.state != State::Text {
            return 0;
        }
        let end = |byte: &u8| matches!(byte, b'"' | b'\\' | b'\n' | b'\r' | 0xfe..);
        bytes.iter().position(end).unwrap_or(bytes.len())
    }

    fn step(&mut self, byte: u8) -> Option<Frame> {
        if byte >= 0xfe {
            if self.state == State::Recovery {
                self.state = State::Idle;
                return None;
            }
            return Some(self.garbage("JSON parse error, stray '\u{fffd}'", State::Idle));
        }
        match self.state {
            State::Recovery => {
                if !matches!(byte, b'{' | b'[' | 0..=8 | 10..=31) {
                    return None;
                }
                self.state = State::Idle;
                self.idle(byte)
            }
            State::Idle => self.idle(byte),
            State::Value => self.value(byte),
            State::Text | State::Escape => self.text(byte),
        }
    }

    fn idle(&mut self, byte: u8) -> Option<Frame> {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => None,
            b'{' | b'[' => {
                self.message.push(byte);
                self.depth = 1;
                self.state = State::Value;
                None
            }
            _ => {
                let stray = char::from(byte);
                Some(self.garbage(
                    &format!("JSON parse error, stray '{stray}'"),
                    State::Recovery,
                ))
            }
        }
    }

    fn value(&mut self, byte: u8) -> Option<Frame> {
        match byte {
            b'"' => self.state = State::Text,
            b'{' | b'[' => {
                self.depth += 1;
                if self.depth > MAX_NESTING {
                    return Some(
                        self.garbage("JSON nesting depth limit exceeded", State::Recovery),
                    );
                }
            }
            b'}' | b']' => self.depth -= 1,
            _ => {}
        }
        self.message.push(byte);
        if self.depth == 0 {
            self.state = State::Idle;
            return Some(Frame::Message(std::mem::take(&mut self.message)));
        }
        self.limit()
    }

    fn text(&mut self, byte: u8) -> Option<Frame> {
        self.state = match (self.state, byte) {
            (State::Text, b'"') => State::Value,
            (State::Text, b'\\') => State::Escape,
            (_, b'\n' | b'\r') => {
                // A raw line end cannot be in a JSON string: the closing quote is missing.
                return Some(self.garbage(
                    "JSON parse error, line end inside a string",
                    State::Recovery,
                ));
            }
            _ => State::Text,
        };
        self.message.push(byte);
        self.limit()
    }

    fn limit(&mut self) -> Option<Frame> {
        (self.message.len() > MAX_MESSAGE)
            .then(|| self.garbage("JSON token size limit exceeded", State::Recovery))
    }

    fn garbage(&mut self, why: &str, next: State) -> Frame {
        self.message = Vec::new();
        self.depth = 0;
        self.state = next;
        Frame::Garbage(why.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(chunks: &[&[u8]]) -> Vec<Frame> {
        let mut framing = Framing::default();
        let mut out = Vec::new();
        for chunk in chunks {
            framing.feed(chunk, |frame| out.push(frame));
        }
        out
    }

    fn message(text: &str) -> Frame {
        Frame::Message(text.as_bytes().to_vec())
    }

    #[test]
    fn a_message_may_arrive_in_any_pieces() {
        let text = r#"{"execute":"x","arguments":{"p":"}\"{"}}"#;
        for cut in 0..text.len() {
            let (head, tail) = text.as_bytes().split_at(cut);
            assert_eq!(frames(&[head, tail, b"\n"]), [message(text)]);
        }
    }

    #[test]
    fn two_messages_may_share_one_read() {
        assert_eq!(
            frames(&[b"{}{\"a\":[]}"]),
            [message("{}"), message("{\"a\":[]}")]
        );
    }

    #[test]
    fn ff_discards_the_half_message_before_it() {
        let got = frames(&[b"{\"execute\": \"gue", b"\xff{}"]);
        assert!(matches!(&got[0], Frame::Garbage(_)), "{got:?}");
        assert_eq!(got[1], message("{}"));
        assert_eq!(got.len(), 2);
    }

    #[test]
    fn rubbish_is_reported_once_and_the_next_message_is_heard() {
        let got = frames(&[b"hello world\n{}"]);
        assert!(matches!(&got[0], Frame::Garbage(_)), "{got:?}");
        assert_eq!(got[1..], [message("{}")]);
    }

    #[test]
    fn an_endless_message_is_cut_at_the_limit() {
        let mut framing = Framing::default();
        let mut got = Vec::new();
        framing.feed(b"{\"a\":\"", |frame| got.push(frame));
        let block = vec![b'x'; 1 << 20];
        for _ in 0..=(MAX_MESSAGE >> 20) {
            framing.feed(&block, |frame| got.push(frame));
        }
        framing.feed(b"\n{}", |frame| got.push(frame));
        assert!(matches!(&got[0], Frame::Garbage(why) if why.contains("limit")));
        assert_eq!(got[1..], [message("{}")]);
    }

    #[test]
    fn endless_nesting_is_refused() {
        let got = frames(&[&vec![b'['; MAX_NESTING + 1]]);
        assert!(matches!(&got[..], [Frame::Garbage(why)] if why.contains("nesting")));
    }
}
