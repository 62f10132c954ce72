//! Terminal noise taken off a stream of bytes: what is left is text.

/// Where in an escape sequence (ECMA-48) the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Text,
    /// After ESC.
    Escape,
    /// After ESC and an intermediate byte, as in the choice of a character set.
    Intermediate,
    /// In a control sequence, `ESC [`.
    Control,
    /// In a string such as a window title, `ESC ]`.
    String,
    /// After ESC within a string.
    StringEscape,
}

/// A cleaner's state between two reads.
#[derive(Debug, Default)]
pub(super) struct Cleaner {
    state: State,
    /// The beginning of a character whose rest has not arrived.
    partial: Vec<u8>,
}

impl Cleaner {
    /// Gives the text in the next bytes: no escape sequences, no control characters but line feed and tab. Bytes
    /// that are no UTF-8 become U+FFFD.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> String {
        let mut kept = std::mem::take(&mut self.partial);
        for &byte in bytes {
            if self.keeps(byte) {
                kept.push(byte);
            }
        }
        let mut text = String::with_capacity(kept.len());
        for chunk in kept.utf8_chunks() {
            text.push_str(chunk.valid());
            if !chunk.invalid().is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        self.hold_back(&kept, &mut text);
        text
    }

    /// Keeps a character cut in two for the next time.
    fn hold_back(&mut self, kept: &[u8], text: &mut String) {
        if let Err(error) = std::str::from_utf8(kept) {
            // The last error decides: earlier ones are wrong bytes, already replaced.
            let tail = kept
                .utf8_chunks()
                .last()
                .map_or(&[][..], |chunk| chunk.invalid());
            let incomplete = !tail.is_empty()
                && std::str::from_utf8(tail).is_err_and(|error| error.error_len().is_none());
            if incomplete && (error.error_len().is_none() || kept.ends_with(tail)) {
                text.pop();
                self.partial = tail.to_vec();
            }
        }
    }

    fn keeps(&mut self, byte: u8) -> bool {
        use State::{Control, Escape, Intermediate, String, StringEscape, Text};
        let (state, keep) = match (self.state, byte) {
            (String, 0x1b) => (StringEscape, false),
            (String, 0x07) | (StringEscape, b'\\') => (Text, false),
            // A line end cannot be in a sequence: one that was cut short must not swallow the lines after it.
            (_, b'\n') => (Text, true),
            (String, _) => (String, false),
            (_, 0x1b) => (Escape, false),
            (Text, b'\t') => (Text, true),
            (Text, 0..=0x1f | 0x7f) => (Text, false),
            (Text, _) => (Text, true),
            (Escape, b'[') => (Control, false),
            (Escape, b']' | b'P' | b'X' | b'^' | b'_') | (StringEscape, _) => (String, false),
            (Escape | Intermediate, 0x20..=0x2f) => (Intermediate, false),
            (Control, 0x20..=0x3f) => (Control, false),
            (Escape | Intermediate | Control, _) => (Text, false),
        };
        self.state = state;
        keep
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_and_carriage_returns_are_no_text() {
        let noisy = b"\x1b[2J\x1b[1;31mred\x1b[0m \x1b]0;title\x07plain\r\n\x1b(B\x1b[?2004hdone\x1b]2;t\x1b\\.\x1b[6n";
        assert_eq!(Cleaner::default().feed(noisy), "red plain\ndone.");
    }

    #[test]
    fn the_text_is_the_same_however_the_bytes_are_cut() {
        let noisy = "ä\x1b[1mé\x1b[0m\r\n\x1b]0;ü\x07€\x1b[3;4Hend\u{1f600}".as_bytes();
        let whole = Cleaner::default().feed(noisy);
        assert_eq!(whole, "äé\n€end\u{1f600}");
        for cut in 0..=noisy.len() {
            let mut cleaner = Cleaner::default();
            let mut text = cleaner.feed(&noisy[..cut]);
            text += &cleaner.feed(&noisy[cut..]);
            assert_eq!(text, whole, "cut at {cut}");
        }
    }

    #[test]
    fn wrong_bytes_are_replaced_and_do_not_stop_the_text() {
        assert_eq!(
            Cleaner::default().feed(b"a\xffb\xc3(c"),
            "a\u{fffd}b\u{fffd}(c"
        );
        let mut cleaner = Cleaner::default();
        assert_eq!(cleaner.feed(b"x\xe2\x82"), "x");
        assert_eq!(cleaner.feed(b"y"), "\u{fffd}y");
    }

    #[test]
    fn an_unfinished_sequence_ends_with_its_line() {
        assert_eq!(
            Cleaner::default().feed(b"\x1b]0;no end\nnext\x1b[12\nlast"),
            "\nnext\nlast"
        );
    }
}
