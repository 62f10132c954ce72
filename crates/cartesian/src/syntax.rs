//! Lines of configuration text, one by one, for formatters and editors.
//!
//! Unlike [`crate::Parser`] this knows no context: it says of each line what it is by itself and where its parts stand.
//! All spans are bytes of the whole text.

use crate::lexer::{self, Operator, Shape, TokenKind};
use std::ops::Range;

/// A line of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Line number, from 1.
    pub number: usize,
    /// Columns of indentation, a tab reaching to the next multiple of eight.
    pub indent: usize,
    /// The line without indentation and trailing white space.
    pub span: Range<usize>,
    /// What it is.
    pub kind: Kind,
}

/// What a line is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Nothing but white space.
    Blank,
    /// `# …` or `// …`.
    Comment,
    /// `key = value` and the like.
    Assign {
        /// The key, without white space around it.
        key: Range<usize>,
        /// The operator.
        operator: Operator,
        /// The value, quotes included.
        value: Range<usize>,
    },
    /// `only filter`.
    Only {
        /// The filter.
        filter: Range<usize>,
    },
    /// `no filter`.
    No {
        /// The filter.
        filter: Range<usize>,
    },
    /// `join filter`.
    Join {
        /// The filter.
        filter: Range<usize>,
    },
    /// `suffix text`.
    Suffix {
        /// The suffix.
        name: Range<usize>,
    },
    /// `del key`.
    Del {
        /// The key.
        key: Range<usize>,
    },
    /// `include path`.
    Include {
        /// The path.
        path: Range<usize>,
    },
    /// `variants [name] …:`.
    Variants {
        /// The block's variable.
        variable: Option<Range<usize>>,
    },
    /// `- [@]name: [filter]`.
    Variant {
        /// The name, dots included.
        name: Range<usize>,
        /// Marked with `@`.
        default: bool,
        /// The filter of its dependencies; empty if there is none.
        dependencies: Range<usize>,
    },
    /// `filter:` or `!filter:`, perhaps with a statement after it.
    Condition {
        /// The filter.
        filter: Range<usize>,
        /// With `!`.
        negated: bool,
        /// The statement on the same line; empty if there is none.
        statement: Range<usize>,
    },
    /// None of these.
    Unknown,
}

/// Takes text apart line by line.
///
/// ```
/// use cartesian::syntax::{lines, Kind};
/// let text = "variants:\n  - a:\n    mem = 1\n";
/// let lines = lines(text);
/// let Kind::Assign { key, .. } = &lines[2].kind else { panic!() };
/// assert_eq!(&text[key.clone()], "mem");
/// ```
pub fn lines(text: &str) -> Vec<Line> {
    let mut out = Vec::new();
    let mut start = 0;
    for (i, raw) in text.split_inclusive('\n').enumerate() {
        out.push(line(raw, start, i + 1));
        start += raw.len();
    }
    out
}

fn line(raw: &str, start: usize, number: usize) -> Line {
    let trimmed = lexer::trim_end(raw);
    let text = lexer::trim_start(trimmed);
    let margin = &trimmed[..trimmed.len() - text.len()];
    let indent = margin.chars().fold(0, |column, c| match c {
        '\t' => column + 8 - column % 8,
        _ => column + 1,
    });
    let offset = start + margin.len();
    let at = |range: Range<usize>| range.start + offset..range.end + offset;
    let kind = if text.is_empty() {
        Kind::Blank
    } else if text.starts_with('#') || text.starts_with("//") {
        Kind::Comment
    } else {
        shift(kind(text), &at)
    };
    Line {
        number,
        indent,
        span: at(0..text.len()),
        kind,
    }
}

/// Moves a kind's spans.
fn shift(kind: Kind, at: &dyn Fn(Range<usize>) -> Range<usize>) -> Kind {
    match kind {
        Kind::Assign {
            key,
            operator,
            value,
        } => Kind::Assign {
            key: at(key),
            operator,
            value: at(value),
        },
        Kind::Only { filter } => Kind::Only { filter: at(filter) },
        Kind::No { filter } => Kind::No { filter: at(filter) },
        Kind::Join { filter } => Kind::Join { filter: at(filter) },
        Kind::Suffix { name } => Kind::Suffix { name: at(name) },
        Kind::Del { key } => Kind::Del { key: at(key) },
        Kind::Include { path } => Kind::Include { path: at(path) },
        Kind::Variants { variable } => Kind::Variants {
            variable: variable.map(at),
        },
        Kind::Variant {
            name,
            default,
            dependencies,
        } => Kind::Variant {
            name: at(name),
            default,
            dependencies: at(dependencies),
        },
        Kind::Condition {
            filter,
            negated,
            statement,
        } => Kind::Condition {
            filter: at(filter),
            negated,
            statement: at(statement),
        },
        Kind::Blank | Kind::Comment | Kind::Unknown => kind,
    }
}

/// What a line's text is; spans in the text.
fn kind(text: &str) -> Kind {
    match lexer::shape(text) {
        Shape::Assign(assign) => Kind::Assign {
            key: 0..lexer::trim_end(&text[..assign.op_start]).len(),
            operator: assign.op,
            value: text.len() - lexer::trim_start(&text[assign.op_end..]).len()..text.len(),
        },
        Shape::Only { rest } => Kind::Only {
            filter: filter(text, rest),
        },
        Shape::No { rest } => Kind::No {
            filter: filter(text, rest),
        },
        Shape::Join { rest } => Kind::Join {
            filter: filter(text, rest),
        },
        Shape::Suffix { rest } => Kind::Suffix {
            name: rest..text.len(),
        },
        Shape::Del { rest } => Kind::Del {
            key: filter(text, rest),
        },
        Shape::Include { rest } => Kind::Include {
            path: rest..text.len(),
        },
        Shape::Variants { rest } => variants(text, rest),
        Shape::Item => item(text),
        Shape::Other => condition(text),
    }
}

/// The rest of a line up to a comment.
fn filter(text: &str, from: usize) -> Range<usize> {
    let end = text[from..].find('#').map_or(text.len(), |i| from + i);
    from..from + lexer::trim_end(&text[from..end]).len()
}

fn variants(text: &str, from: usize) -> Kind {
    let mut tokens = Vec::new();
    if lexer::tokens(text, from, false, &mut tokens).is_err() {
        return Kind::Unknown;
    }
    let first = tokens.iter().find(|token| token.kind != TokenKind::White);
    let variable = first
        .filter(|token| token.kind == TokenKind::Word)
        .map(|token| token.start..token.end);
    Kind::Variants { variable }
}

fn item(text: &str) -> Kind {
    let mut tokens = Vec::new();
    if lexer::tokens(text, 1, true, &mut tokens).is_err() {
        return Kind::Unknown;
    }
    let mut name = tokens
        .iter()
        .filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::Dot));
    let (first, last) = (name.clone().next(), name.next_back());
    match (first, last, tokens.last()) {
        (Some(first), Some(last), Some(colon)) if colon.kind == TokenKind::Colon => {
            let rest = text.len() - lexer::trim_start(&text[colon.end..]).len();
            Kind::Variant {
                name: first.start..last.end,
                default: tokens.iter().any(|token| token.kind == TokenKind::At),
                dependencies: filter(text, rest),
            }
        }
        _ => Kind::Unknown,
    }
}

fn condition(text: &str) -> Kind {
    let mut tokens = Vec::new();
    let lexed = lexer::tokens(text, 0, true, &mut tokens);
    match tokens.last() {
        Some(colon) if lexed.is_ok() && colon.kind == TokenKind::Colon => {
            let negated = text.starts_with('!');
            let rest = text.len() - lexer::trim_start(&text[colon.end..]).len();
            Kind::Condition {
                filter: usize::from(negated)..colon.start,
                negated,
                statement: rest..text.len(),
            }
        }
        _ => Kind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_is_told_apart_with_its_parts() {
        let text = "# c\n\nvariants v [default=a]:\n\t- @a.b: x, y # z\nonly a..b  # c\n!a, b: k ?= v\ndel x\ninclude f.cfg\nnope\n";
        let lines = lines(text);
        let part = |range: &Range<usize>| &text[range.clone()];
        assert_eq!(lines[0].kind, Kind::Comment);
        assert_eq!(lines[1].kind, Kind::Blank);
        assert!(matches!(&lines[2].kind, Kind::Variants { variable: Some(v) } if part(v) == "v"));
        assert_eq!(lines[3].indent, 8);
        assert!(
            matches!(&lines[3].kind, Kind::Variant { name, default: true, dependencies }
            if part(name) == "a.b" && part(dependencies) == "x, y")
        );
        assert!(matches!(&lines[4].kind, Kind::Only { filter } if part(filter) == "a..b"));
        assert!(
            matches!(&lines[5].kind, Kind::Condition { filter, negated: true, statement }
            if part(filter) == "a, b" && part(statement) == "k ?= v")
        );
        assert!(matches!(&lines[6].kind, Kind::Del { key } if part(key) == "x"));
        assert!(matches!(&lines[7].kind, Kind::Include { path } if part(path) == "f.cfg"));
        assert_eq!(lines[8].kind, Kind::Unknown);
    }
}
