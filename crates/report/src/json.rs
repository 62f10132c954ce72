//! The events themselves, for programs.

use std::io::Write;

use events::{Record, Subscriber};

/// Prints each event as one line of JSON, the very line of `events.jsonl`, as it happens.
pub struct JsonLines<W> {
    out: W,
}

impl<W: Write + Send> JsonLines<W> {
    /// Prints to `out`.
    pub fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write + Send> Subscriber for JsonLines<W> {
    fn on_record(&mut self, record: &Record) {
        // As for the console: a reader that went away must not change what the tests do.
        if let Ok(mut line) = serde_json::to_vec(record) {
            line.push(b'\n');
            let _ = self.out.write_all(&line).and_then(|()| self.out.flush());
        }
    }
}
