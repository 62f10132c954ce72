//! Mistakes in lines, and what to say about them.

use crate::error::ErrorKind;
use crate::filter::FilterError;
use crate::lexer::{self, LexError, LexProblem, Line, Token, TokenKind};

/// A mistake in a line, positions in the line's text.
pub(super) struct Mistake {
    pub kind: ErrorKind,
    pub start: usize,
    pub end: usize,
    pub message: String,
    pub hint: Option<String>,
}

impl Mistake {
    pub fn new(kind: ErrorKind, start: usize, end: usize, message: impl Into<String>) -> Self {
        Self {
            kind,
            start,
            end,
            message: message.into(),
            hint: None,
        }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<FilterError> for Mistake {
    fn from(e: FilterError) -> Self {
        Self {
            kind: ErrorKind::Filter,
            start: e.start,
            end: e.end,
            message: e.message,
            hint: e.hint.map(str::to_owned),
        }
    }
}

impl From<LexError> for Mistake {
    fn from(e: LexError) -> Self {
        let (message, hint) = match e.problem {
            LexProblem::Character(c) => (
                format!("unexpected character `{c}`"),
                "only an assigned value may hold any character; names are letters, digits, `_` and `-`",
            ),
            LexProblem::Operator => (
                "unknown operator".to_owned(),
                "the operators are = += <= ~= ?= ?+= ?<=",
            ),
            LexProblem::OpenQuote => ("the quote is not closed".to_owned(), "add a `\"`"),
        };
        Mistake::new(ErrorKind::Syntax, e.start, e.end, message).hint(hint)
    }
}

pub(super) type Checked<T> = Result<T, Mistake>;

/// Where in the raw line the character at `at` of the text is.
pub(super) fn raw_offset(line: &Line<'_>, at: usize) -> usize {
    if !line.raw[line.start.min(line.raw.len())..].contains('\t') {
        return (line.start + at).min(line.raw.len());
    }
    // Tabs were expanded from column 0 of the line on: walk both.
    let mut column = 0;
    let text_column = line.indent + line.text[..at.min(line.text.len())].chars().count();
    for (i, c) in line.raw.char_indices() {
        if column >= text_column {
            return i;
        }
        column += if c == '\t' { 8 - column % 8 } else { 1 };
    }
    line.raw.len()
}

pub(super) fn expected_item(line: &Line<'_>) -> Mistake {
    Mistake::new(
        ErrorKind::Structure,
        0,
        line.text.len(),
        "expected a variant of the `variants` block above",
    )
    .hint("a variant is written `- name:`; what belongs to it is indented deeper than its `-`")
}

pub(super) fn stray_item(line: &Line<'_>) -> Mistake {
    Mistake::new(
        ErrorKind::Structure,
        0,
        line.text.len(),
        "a variant stands outside a `variants` block",
    )
    .hint("put `variants:` above and indent the `- name:` lines deeper than it")
}

pub(super) fn not_a_statement(line: &Line<'_>, tokens: &[Token]) -> Mistake {
    let text: &str = &line.text;
    let colon_operator = tokens
        .windows(2)
        .any(|w| matches!(w[0].kind, TokenKind::Operator(_)) && w[1].kind == TokenKind::Colon);
    let end = tokens.last().map_or(text.len(), |token| token.start);
    let mistake = Mistake::new(
        ErrorKind::Syntax,
        0,
        end.max(1),
        "expected an assignment (`key = value`) or a condition (`filter:`)",
    );
    let word = text.split(lexer::is_space).next().unwrap_or(text);
    let keywords = ["variants", "only", "no", "join", "suffix", "del", "include"];
    if colon_operator {
        return mistake.hint("put a space between the operator and the colon");
    }
    if keywords.contains(&word) {
        return mistake.hint(format!("`{word}` needs something after it"));
    }
    match crate::suggest::nearest(word, keywords.iter().map(|k| (*k).to_owned())) {
        Some(keyword) => mistake.hint(format!("did you mean `{keyword}`?")),
        None => mistake.hint("an assignment has an operator, a condition ends in `:`"),
    }
}

/// Why a file cannot be read, without the operating system's numbers where there is a plain word.
pub(super) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "no permission".to_owned(),
        _ => error.to_string(),
    }
}
