//! Lines and tokens.

use std::borrow::Cow;

/// A logical line: no indentation, no trailing white space, not blank, not a comment.
#[derive(Debug, Clone)]
pub(crate) struct Line<'s> {
    /// The text, tabs expanded to columns of eight.
    pub text: Cow<'s, str>,
    /// Columns of indentation.
    pub indent: usize,
    /// Line number, from 1.
    pub number: u32,
    /// The line as it stands in the source.
    pub raw: &'s str,
    /// Where in `raw` the text starts. Exact unless `raw` holds tabs.
    pub start: usize,
}

/// The white space of the language (that of Unicode, and the four ASCII separators).
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

pub(crate) fn trim_start(text: &str) -> &str {
    let spaces = text.bytes().take_while(|&b| b == b' ').count();
    let text = &text[spaces..];
    match text.as_bytes().first() {
        // The usual case, told without decoding.
        Some(b'!'..=b'~') => text,
        _ => text.trim_start_matches(is_space),
    }
}

pub(crate) fn trim_end(text: &str) -> &str {
    match text.as_bytes().last() {
        Some(b'!'..=b'~') => text,
        _ => text.trim_end_matches(is_space),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

fn ends_line(c: char) -> bool {
    matches!(
        c,
        '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

fn has_rare_line_ends(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr3(0x0b, 0x0c, b'\r', bytes).is_some()
        || memchr::memchr3(0x1c, 0x1d, 0x1e, bytes).is_some()
        || !text.is_ascii()
            && ["\u{85}", "\u{2028}", "\u{2029}"]
                .iter()
                .any(|end| text.contains(end))
}

/// Splits text into logical lines.
#[derive(Debug)]
pub(crate) struct Lines<'s> {
    rest: Option<&'s str>,
    number: u32,
    rare_line_ends: bool,
    next: Option<Line<'s>>,
    pushed: Option<Line<'s>>,
}

impl<'s> Lines<'s> {
    pub fn new(text: &'s str) -> Self {
        let mut lines = Self {
            rest: Some(text),
            number: 0,
            rare_line_ends: has_rare_line_ends(text),
            next: None,
            pushed: None,
        };
        lines.next = lines.read();
        lines
    }

    /// The next line if it is indented deeper than `outer`.
    pub fn deeper_than(&mut self, outer: isize) -> Option<Line<'s>> {
        if let Some(line) = self.pushed.take() {
            return Some(line);
        }
        if self.next.as_ref()?.indent as isize <= outer {
            return None;
        }
        let line = self.next.take();
        self.next = self.read();
        line
    }

    /// Makes `line` the next one, however it is indented. Blank text is dropped.
    pub fn push_back(&mut self, line: Line<'s>) {
        if !line.text.is_empty() {
            self.pushed = Some(line);
        }
    }

    fn physical(&mut self) -> Option<&'s str> {
        let rest = self.rest?;
        self.number += 1;
        let (line, rest) = if self.rare_line_ends {
            match rest.find(ends_line) {
                None => (rest, None),
                Some(end) => {
                    let after = &rest[end..];
                    let width = match after.strip_prefix("\r\n") {
                        Some(_) => 2,
                        None => after.chars().next().map_or(0, char::len_utf8),
                    };
                    (&rest[..end], Some(&after[width..]))
                }
            }
        } else {
            match memchr::memchr(b'\n', rest.as_bytes()) {
                None => (rest, None),
                Some(end) => (&rest[..end], Some(&rest[end + 1..])),
            }
        };
        self.rest = rest.filter(|rest| !rest.is_empty());
        Some(line)
    }

    fn read(&mut self) -> Option<Line<'s>> {
        loop {
            let raw = self.physical()?;
            if let Some(line) = logical(raw, self.number) {
                return Some(line);
            }
        }
    }
}

fn logical(raw: &str, number: u32) -> Option<Line<'_>> {
    let trimmed = trim_end(raw);
    let text = trim_start(trimmed);
    if text.is_empty() || text.starts_with('#') || text.starts_with("//") {
        return None;
    }
    let start = trimmed.len() - text.len();
    if memchr::memchr(b'\t', trimmed.as_bytes()).is_none() {
        let margin = &trimmed[..start];
        let indent = if margin.is_ascii() {
            start
        } else {
            margin.chars().count()
        };
        return Some(Line {
            text: Cow::Borrowed(text),
            indent,
            number,
            raw,
            start,
        });
    }
    let expanded = expand_tabs(trimmed);
    let text = trim_start(&expanded);
    let margin = &expanded[..expanded.len() - text.len()];
    Some(Line {
        indent: margin.chars().count(),
        text: Cow::Owned(text.to_owned()),
        number,
        raw,
        start,
    })
}

fn expand_tabs(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut column = 0;
    for c in text.chars() {
        if c == '\t' {
            let width = 8 - column % 8;
            out.extend(std::iter::repeat_n(' ', width));
            column += width;
        } else {
            out.push(c);
            column += 1;
        }
    }
    out
}

/// How an assignment changes its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `=`
    Set,
    /// `+=`
    Append,
    /// `<=`
    Prepend,
    /// `~=`: set unless set.
    Default,
    /// `?=`: set all existing keys that match.
    MatchSet,
    /// `?+=`: append to all existing keys that match.
    MatchAppend,
    /// `?<=`: prepend to all existing keys that match.
    MatchPrepend,
}

impl Operator {
    /// The operator as written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Set => "=",
            Self::Append => "+=",
            Self::Prepend => "<=",
            Self::Default => "~=",
            Self::MatchSet => "?=",
            Self::MatchAppend => "?+=",
            Self::MatchPrepend => "?<=",
        }
    }

    /// The key is a regular expression over the keys that exist.
    pub fn matches_keys(self) -> bool {
        matches!(
            self,
            Self::MatchSet | Self::MatchAppend | Self::MatchPrepend
        )
    }

    fn from_prefix(prefix: &str) -> Option<Self> {
        Some(match prefix {
            "" => Self::Set,
            "+" => Self::Append,
            "<" => Self::Prepend,
            "~" => Self::Default,
            "?" => Self::MatchSet,
            "?+" => Self::MatchAppend,
            "?<" => Self::MatchPrepend,
            _ => return None,
        })
    }
}

/// What the start of a line says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Variants {
        rest: usize,
    },
    Item,
    Only {
        rest: usize,
    },
    No {
        rest: usize,
    },
    Join {
        rest: usize,
    },
    Suffix {
        rest: usize,
    },
    Del {
        rest: usize,
    },
    Include {
        rest: usize,
    },
    Assign(Assign),
    /// A condition, or nothing that is known.
    Other,
}

/// Where the parts of an assignment are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Assign {
    pub op: Operator,
    pub op_start: usize,
    pub op_end: usize,
}

/// Tells from its first characters, or its first operator and colon, what a line is.
pub(crate) fn shape(text: &str) -> Shape {
    let bytes = text.as_bytes();
    let word = |word: &str| -> Option<usize> {
        text.starts_with(word)
            .then(|| text.len() - trim_start(&text[word.len()..]).len())
    };
    let keyword = match bytes.first() {
        Some(b'v') if text.starts_with("variants:") => Some(Shape::Variants { rest: 8 }),
        Some(b'v') => word("variants ").map(|rest| Shape::Variants { rest }),
        Some(b'-') => Some(Shape::Item),
        Some(b'o') => word("only ").map(|rest| Shape::Only { rest }),
        Some(b'n') => word("no ").map(|rest| Shape::No { rest }),
        Some(b'j') => word("join ").map(|rest| Shape::Join { rest }),
        Some(b's') => word("suffix ").map(|rest| Shape::Suffix { rest }),
        Some(b'd') => word("del ").map(|rest| Shape::Del { rest }),
        Some(b'i') => word("include ").map(|rest| Shape::Include { rest }),
        _ => None,
    };
    keyword.unwrap_or_else(|| match assignment(bytes) {
        Some(assign) => Shape::Assign(assign),
        None => Shape::Other,
    })
}

/// An assignment, if the first operator ends before the first colon (and does not touch it).
fn assignment(bytes: &[u8]) -> Option<Assign> {
    let equals = memchr::memchr2(b'=', b':', bytes)?;
    if bytes[equals] == b':' || bytes.get(equals + 1) == Some(&b':') {
        return None;
    }
    let before = |n: usize| equals.checked_sub(n).map(|i| bytes[i]);
    let (op, length) = match (before(2), before(1)) {
        (Some(b'?'), Some(b'+')) => (Operator::MatchAppend, 2),
        (Some(b'?'), Some(b'<')) => (Operator::MatchPrepend, 2),
        (_, Some(b'+')) => (Operator::Append, 1),
        (_, Some(b'<')) => (Operator::Prepend, 1),
        (_, Some(b'~')) => (Operator::Default, 1),
        (_, Some(b'?')) => (Operator::MatchSet, 1),
        _ => (Operator::Set, 0),
    };
    Some(Assign {
        op,
        op_start: equals - length,
        op_end: equals + 1,
    })
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Word,
    Quoted,
    White,
    Dot,
    Comma,
    Colon,
    At,
    Bang,
    OpenBracket,
    CloseBracket,
    OpenParen,
    CloseParen,
    Operator(Operator),
    End,
}

impl TokenKind {
    pub fn describe(self) -> &'static str {
        match self {
            Self::Word => "a name",
            Self::Quoted => "a quoted text",
            Self::White => "white space",
            Self::Dot => "`.`",
            Self::Comma => "`,`",
            Self::Colon => "`:`",
            Self::At => "`@`",
            Self::Bang => "`!`",
            Self::OpenBracket => "`[`",
            Self::CloseBracket => "`]`",
            Self::OpenParen => "`(`",
            Self::CloseParen => "`)`",
            Self::Operator(op) => match op {
                Operator::Set => "`=`",
                _ => "an operator",
            },
            Self::End => "the end of the line",
        }
    }
}

/// A token; `start..end` are bytes of the line's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub kind: TokenKind,
    pub start: usize,
    pub end: usize,
}

/// Why a line cannot be cut into tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LexError {
    pub start: usize,
    pub end: usize,
    pub problem: LexProblem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LexProblem {
    Character(char),
    Operator,
    OpenQuote,
}

/// Cuts `text[from..]` into tokens, up to the first colon (kept) if `stop_at_colon`, else to the end of the line or
/// a `#`. An [`TokenKind::End`] is added unless a colon stopped it.
///
/// Operator characters (`+ < ? ~`) that no `=` follows have no meaning and are dropped.
pub(crate) fn tokens(
    text: &str,
    from: usize,
    stop_at_colon: bool,
    out: &mut Vec<Token>,
) -> Result<(), LexError> {
    out.clear();
    let mut chars = text[from..]
        .char_indices()
        .map(|(i, c)| (i + from, c))
        .peekable();
    let mut op_start: Option<usize> = None;
    let mut op = String::new();
    while let Some((start, c)) = chars.next() {
        let mut push = |kind, end| out.push(Token { kind, start, end });
        if is_word(c) {
            let mut end = start + c.len_utf8();
            while let Some((i, c)) = chars.next_if(|&(_, c)| is_word(c)) {
                end = i + c.len_utf8();
            }
            push(TokenKind::Word, end);
            // An operator is not remembered across a word that another operator character ends.
            if chars.peek().is_some_and(|&(_, c)| "+<?~".contains(c)) {
                op.clear();
                op_start = None;
            }
            continue;
        }
        if is_space(c) {
            let mut end = start + c.len_utf8();
            while let Some((i, c)) = chars.next_if(|&(_, c)| is_space(c)) {
                end = i + c.len_utf8();
            }
            push(TokenKind::White, end);
            continue;
        }
        let kind = match c {
            '+' | '<' | '?' | '~' => {
                op.push(c);
                op_start.get_or_insert(start);
                continue;
            }
            '=' => {
                let start = op_start.take().unwrap_or(start);
                let Some(operator) = Operator::from_prefix(&op) else {
                    return Err(LexError {
                        start,
                        end: start + op.len() + 1,
                        problem: LexProblem::Operator,
                    });
                };
                op.clear();
                TokenKind::Operator(operator)
            }
            '"' => {
                let Some(length) = text[start + 1..].find('"') else {
                    return Err(LexError {
                        start,
                        end: text.len(),
                        problem: LexProblem::OpenQuote,
                    });
                };
                let end = start + 1 + length;
                while chars.next_if(|&(i, _)| i <= end).is_some() {}
                out.push(Token {
                    kind: TokenKind::Quoted,
                    start: start + 1,
                    end,
                });
                continue;
            }
            '#' => break,
            '.' => TokenKind::Dot,
            ':' => TokenKind::Colon,
            '@' => TokenKind::At,
            ',' => TokenKind::Comma,
            '[' => TokenKind::OpenBracket,
            ']' => TokenKind::CloseBracket,
            '(' => TokenKind::OpenParen,
            ')' => TokenKind::CloseParen,
            '!' => TokenKind::Bang,
            other => {
                return Err(LexError {
                    start,
                    end: start + other.len_utf8(),
                    problem: LexProblem::Character(other),
                });
            }
        };
        push(kind, start + c.len_utf8());
        if kind == TokenKind::Colon && stop_at_colon {
            return Ok(());
        }
    }
    out.push(Token {
        kind: TokenKind::End,
        start: text.len(),
        end: text.len(),
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<TokenKind> {
        let mut out = Vec::new();
        tokens(text, 0, false, &mut out).unwrap();
        out.into_iter().map(|t| t.kind).collect()
    }

    #[test]
    fn an_operator_before_the_first_colon_makes_an_assignment() {
        let Shape::Assign(a) = shape("k ?+= a:b") else {
            panic!()
        };
        assert_eq!((a.op, a.op_start, a.op_end), (Operator::MatchAppend, 2, 5));
        assert_eq!(shape("a: b = c"), Shape::Other);
        assert_eq!(shape("a =:b"), Shape::Other);
        assert_eq!(shape("onlyx = 8"), shape("onlyy = 8"));
    }

    #[test]
    fn tabs_count_to_the_next_column_of_eight() {
        let line = logical("  \tx = a\tb", 1).unwrap();
        assert_eq!(line.indent, 8);
        assert_eq!(line.text, "x = a   b");
    }

    #[test]
    fn operator_characters_without_an_equals_sign_vanish() {
        use TokenKind::*;
        assert_eq!(kinds("+a<"), [Word, End]);
        assert_eq!(
            kinds("a += b"),
            [
                Word,
                White,
                Operator(super::Operator::Append),
                White,
                Word,
                End
            ]
        );
    }

    #[test]
    fn all_line_ends_of_unicode_end_lines() {
        let mut lines = Lines::new("a\r\nb\rc\u{2028}d\n\ne");
        let mut seen = Vec::new();
        while let Some(line) = lines.deeper_than(-1) {
            seen.push((line.text.into_owned(), line.number));
        }
        let seen: Vec<_> = seen.iter().map(|(t, n)| (t.as_str(), *n)).collect();
        assert_eq!(seen, [("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 6)]);
    }
}
