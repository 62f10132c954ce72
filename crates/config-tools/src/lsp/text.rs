//! The protocol's notions of places: UTF-16 columns and `file:` addresses.

use std::str::FromStr;

use lsp_types::{Position, Range, Uri};

use crate::index::Span;

/// The byte column of a UTF-16 one.
pub(super) fn byte_column(line: &str, utf16: u32) -> usize {
    let mut units = 0;
    for (at, c) in line.char_indices() {
        if units >= utf16 {
            return at;
        }
        units += c.len_utf16() as u32;
    }
    line.len()
}

/// The UTF-16 column of a byte one.
pub(super) fn utf16_column(line: &str, bytes: usize) -> u32 {
    line.char_indices()
        .take_while(|&(at, _)| at < bytes)
        .map(|(_, c)| c.len_utf16() as u32)
        .sum()
}

/// A span of `line` as the protocol has it.
pub(super) fn range(line: &str, span: Span) -> Range {
    let number = span.line as u32;
    Range::new(
        Position::new(number, utf16_column(line, span.start)),
        Position::new(number, utf16_column(line, span.end)),
    )
}

/// The path a `file:` address stands for.
pub(super) fn path_of(uri: &Uri) -> Option<String> {
    let path = uri.as_str().strip_prefix("file://")?;
    // An authority before the path would be another machine.
    let path = &path[path.find('/')?..];
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The `file:` address of a path.
pub(super) fn uri_of(path: &str) -> Option<Uri> {
    let mut uri = String::from("file://");
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(byte));
            }
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    Uri::from_str(&uri).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_utf16_units() {
        let line = "é😀x";
        assert_eq!(byte_column(line, 1), 2);
        assert_eq!(byte_column(line, 3), 6);
        assert_eq!(utf16_column(line, 6), 3);
        assert_eq!(byte_column(line, 99), 7);
    }

    #[test]
    fn addresses_and_paths_turn_into_each_other() {
        let path = "/a b/ü%.cfg";
        let uri = uri_of(path).unwrap();
        assert_eq!(uri.as_str(), "file:///a%20b/%C3%BC%25.cfg");
        assert_eq!(path_of(&uri).as_deref(), Some(path));
        assert_eq!(path_of(&Uri::from_str("https://x/y").unwrap()), None);
    }
}
