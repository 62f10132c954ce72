//! Values in Python's notation, and Python's way of breaking them into lines.
//!
//! Scripts read the output of the reference's `-r` with `eval` or compare it as text, so it is made
//! to the letter: the line breaking is that of Python's `pprint` with its defaults (80 columns, keys
//! sorted).

use std::fmt::Write;

/// The value of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    List(Vec<String>),
    Dict(Vec<(String, String)>),
}

const WIDTH: usize = 80;

impl Value {
    /// The value on one line. With `sorted`, dictionaries are ordered by key.
    pub(crate) fn repr(&self, sorted: bool) -> String {
        match self {
            Self::Text(text) => repr(text),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(|item| repr(item)).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Dict(pairs) => {
                let mut pairs: Vec<_> = pairs.iter().collect();
                if sorted {
                    pairs.sort();
                }
                let pairs: Vec<String> = pairs
                    .iter()
                    .map(|(key, value)| format!("{}: {}", repr(key), repr(value)))
                    .collect();
                format!("{{{}}}", pairs.join(", "))
            }
        }
    }

    /// What Python's `str()` makes of it.
    pub(crate) fn to_str(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            _ => self.repr(false),
        }
    }
}

/// A text in Python's notation: single quotes unless it has those and no double ones.
pub(crate) fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if is_printable(c) => out.push(c),
            c => {
                // Writing to a String cannot fail.
                let _ = match u32::from(c) {
                    code @ ..=0xff => write!(out, "\\x{code:02x}"),
                    code @ ..=0xffff => write!(out, "\\u{code:04x}"),
                    code => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push(quote);
    out
}

fn is_printable(c: char) -> bool {
    match c {
        ' '..='~' => true,
        c if c.is_control() || c.is_whitespace() || c == '\u{ad}' => false,
        c => !c.escape_debug().to_string().starts_with("\\u") || c.is_alphanumeric(),
    }
}

/// A whole dictionary, broken into lines.
pub(crate) fn pretty(dict: &[(String, Value)]) -> String {
    let mut sorted: Vec<&(String, Value)> = dict.iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    let one_line: Vec<String> = sorted
        .iter()
        .map(|(key, value)| format!("{}: {}", repr(key), value.repr(true)))
        .collect();
    let one_line = format!("{{{}}}", one_line.join(", "));
    if width(&one_line) <= WIDTH {
        return one_line;
    }
    let mut out = String::from("{");
    for (position, (key, value)) in sorted.iter().enumerate() {
        if position > 0 {
            out.push_str(",\n ");
        }
        let key = repr(key);
        out.push_str(&key);
        out.push_str(": ");
        pretty_value(&mut out, value, 1 + width(&key) + 2, 1);
    }
    out.push('}');
    out
}

/// Writes `value`, whose first character stands in column `indent` and after whose last one
/// `allowance` characters must still fit.
fn pretty_value(out: &mut String, value: &Value, indent: usize, allowance: usize) {
    let one_line = value.repr(true);
    if width(&one_line) + indent + allowance <= WIDTH {
        out.push_str(&one_line);
        return;
    }
    match value {
        Value::Text(text) => pretty_text(out, text, indent, allowance),
        Value::List(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                let last = position + 1 == items.len();
                pretty_text_if_long(out, item, indent + 1, if last { allowance + 1 } else { 1 });
                if !last {
                    new_line(out, ",", indent + 1);
                }
            }
            out.push(']');
        }
        Value::Dict(pairs) => {
            let mut pairs: Vec<_> = pairs.iter().collect();
            pairs.sort();
            out.push('{');
            for (position, (key, item)) in pairs.iter().enumerate() {
                let last = position + 1 == pairs.len();
                let key = repr(key);
                out.push_str(&key);
                out.push_str(": ");
                let indent_of_item = indent + 1 + width(&key) + 2;
                pretty_text_if_long(
                    out,
                    item,
                    indent_of_item,
                    if last { allowance + 1 } else { 1 },
                );
                if !last {
                    new_line(out, ",", indent + 1);
                }
            }
            out.push('}');
        }
    }
}

fn pretty_text_if_long(out: &mut String, text: &str, indent: usize, allowance: usize) {
    let one_line = repr(text);
    if width(&one_line) + indent + allowance <= WIDTH {
        out.push_str(&one_line);
    } else {
        pretty_text(out, text, indent, allowance);
    }
}

/// Writes a long text as several literals, broken after white space.
fn pretty_text(out: &mut String, text: &str, indent: usize, allowance: usize) {
    if text.is_empty() {
        out.push_str("''");
        return;
    }
    let room = WIDTH.saturating_sub(indent);
    let mut chunks = Vec::new();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for (position, line) in lines.iter().enumerate() {
        let last_line = position + 1 == lines.len();
        let room_of_line = room.saturating_sub(if last_line { allowance } else { 0 });
        if width(&repr(line)) <= room_of_line {
            chunks.push(repr(line));
            continue;
        }
        let parts = words_with_space(line);
        let mut current = String::new();
        for (number, part) in parts.iter().enumerate() {
            let last_part = last_line && number + 1 == parts.len();
            let room_of_part = room.saturating_sub(if last_part { allowance } else { 0 });
            let candidate = format!("{current}{part}");
            if width(&repr(&candidate)) > room_of_part {
                if !current.is_empty() {
                    chunks.push(repr(&current));
                }
                current = (*part).to_owned();
            } else {
                current = candidate;
            }
        }
        if !current.is_empty() {
            chunks.push(repr(&current));
        }
    }
    for (position, chunk) in chunks.iter().enumerate() {
        if position > 0 {
            new_line(out, "", indent);
        }
        out.push_str(chunk);
    }
}

/// The words of a line, each with the white space after it.
fn words_with_space(line: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let space = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let end = rest[space..]
            .find(|c: char| !c.is_whitespace())
            .map_or(rest.len(), |at| space + at);
        let (part, after) = rest.split_at(end);
        parts.push(part);
        rest = after;
    }
    parts
}

fn new_line(out: &mut String, before: &str, indent: usize) {
    out.push_str(before);
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Python counts characters, not columns.
fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn quotes_are_chosen_as_python_chooses_them() {
        assert_eq!(repr("plain"), "'plain'");
        assert_eq!(repr("it's"), "\"it's\"");
        assert_eq!(repr("it's \"x\""), r#"'it\'s "x"'"#);
        assert_eq!(
            repr("a\\b\tc\u{1}é\u{a0}\u{1f600}"),
            "'a\\\\b\\tc\\x01é\\xa0😀'"
        );
    }

    #[test]
    fn a_short_dictionary_is_one_line() {
        let dict = [
            ("name".to_owned(), text("a")),
            ("dep".to_owned(), Value::List(vec![])),
        ];
        assert_eq!(pretty(&dict), "{'dep': [], 'name': 'a'}");
    }

    /// The expectation is what Python 3.11 prints for the same dictionary.
    #[test]
    fn long_values_break_where_pythons_pprint_breaks_them() {
        let dict = [
            (
                "kernel_params".to_owned(),
                text(
                    "console=ttyS0 console=tty0 ks=cdrom:/isolinux/ks.cfg nicdelay=60 selinux=0 biosdevname=0",
                ),
            ),
            (
                "x".to_owned(),
                text(
                    "nospace-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                ),
            ),
            (
                "dep".to_owned(),
                Value::List(vec![
                    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbb".to_owned(),
                    "cccccccccccccccccccccccccc.dddd".to_owned(),
                ]),
            ),
            (
                "_name_map_file".to_owned(),
                Value::Dict(vec![
                    (
                        "b.cfg".to_owned(),
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbb".to_owned(),
                    ),
                    ("a.cfg".to_owned(), "x".to_owned()),
                ]),
            ),
        ];
        insta::assert_snapshot!(pretty(&dict));
    }
}
