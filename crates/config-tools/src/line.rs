//! What one line of configuration says, as far as that can be told from the line alone.
//!
//! The parser in `cartesian` decides what is right; this is for the tools that must also work on
//! text that is wrong or still being typed (completion, outline), or that must keep what the parser
//! drops (the formatter keeps comments). Every part is a slice of the line it came from, so its
//! column is [`column_of`] it.

/// One statement. Parts keep the white space and quotes inside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Statement<'a> {
    /// `# …` or `// …`
    Comment(&'a str),
    /// `variants NAME [META]…:`, perhaps with a comment after it.
    Variants { head: &'a str, comment: &'a str },
    /// `- @NAME: DEPS`
    Item {
        at: bool,
        name: &'a str,
        deps: &'a str,
    },
    /// `only F`, `no F`, `join F`
    Filter { word: &'a str, filter: &'a str },
    /// `include PATH`
    Include(&'a str),
    /// `del NAME`, `suffix NAME`
    Word { word: &'a str, name: &'a str },
    /// `F:` or `!F:`, perhaps with a statement after it.
    Condition {
        negative: bool,
        filter: &'a str,
        rest: &'a str,
    },
    /// `KEY OP VALUE`
    Assign {
        key: &'a str,
        op: &'a str,
        value: &'a str,
    },
    /// Nothing the language knows.
    Other(&'a str),
}

/// The operators of an assignment, longest first where one is the end of another.
const OPERATORS: [&str; 7] = ["?+=", "?<=", "?=", "+=", "<=", "~=", "="];

/// What `line` says; `None` when it is blank. Indentation does not matter.
pub(crate) fn statement(line: &str) -> Option<Statement<'_>> {
    let text = line.trim();
    if text.is_empty() {
        return None;
    }
    if text.starts_with('#') || text.starts_with("//") {
        return Some(Statement::Comment(text));
    }
    if let Some(rest) = text.strip_prefix('-') {
        return Some(item(text, rest));
    }
    if let Some(rest) = text.strip_prefix('!') {
        return Some(match split_colon(rest) {
            Some((filter, rest)) => Statement::Condition {
                negative: true,
                filter,
                rest,
            },
            None => Statement::Other(text),
        });
    }
    Some(keyword(text).unwrap_or_else(|| assignment_or_condition(text)))
}

fn item<'a>(text: &'a str, rest: &'a str) -> Statement<'a> {
    let Some((name, deps)) = split_colon(rest) else {
        return Statement::Other(text);
    };
    let (at, name) = match name.strip_prefix('@') {
        Some(name) => (true, name.trim()),
        None => (false, name),
    };
    Statement::Item { at, name, deps }
}

fn keyword(text: &str) -> Option<Statement<'_>> {
    if let Some(rest) = text.strip_prefix("variants") {
        if !rest.starts_with([':', ' ']) {
            return None;
        }
        let (head, comment) = rest.split_once(':').unwrap_or((rest, ""));
        return Some(Statement::Variants {
            head: head.trim(),
            comment: comment.trim(),
        });
    }
    let (word, rest) = text.split_once(' ')?;
    let rest = rest.trim();
    match word {
        "only" | "no" | "join" => Some(Statement::Filter { word, filter: rest }),
        "include" => Some(Statement::Include(rest)),
        "del" | "suffix" => Some(Statement::Word { word, name: rest }),
        _ => None,
    }
}

fn assignment_or_condition(text: &str) -> Statement<'_> {
    let operator = first_operator(text);
    let colon = text.find(':');
    if let Some((at, op)) = operator
        && colon.is_none_or(|colon| colon > at + op.len())
    {
        return Statement::Assign {
            key: text[..at].trim_end(),
            op,
            value: text[at + op.len()..].trim_start(),
        };
    }
    match split_colon(text) {
        Some((filter, rest)) => Statement::Condition {
            negative: false,
            filter,
            rest,
        },
        None => Statement::Other(text),
    }
}

/// The leftmost operator of an assignment and where it stands.
fn first_operator(text: &str) -> Option<(usize, &str)> {
    let equals = text.find('=')?;
    OPERATORS.iter().find_map(|operator| {
        let start = (equals + 1).checked_sub(operator.len())?;
        let found = text.get(start..=equals)?;
        (found == *operator).then_some((start, found))
    })
}

/// What stands before and after the first colon that is not in double quotes.
fn split_colon(text: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let at = text.find(|c| {
        quoted ^= c == '"';
        c == ':' && !quoted
    })?;
    Some((text[..at].trim(), text[at + 1..].trim()))
}

/// The column of `part`, which is a slice of `line`, in bytes from 0.
pub(crate) fn column_of(line: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(line.as_ptr() as usize)
}

/// The width of the white space a line starts with, a tab reaching to the next multiple of 8.
pub(crate) fn indent_of(line: &str) -> usize {
    let mut width = 0;
    for c in line.chars() {
        match c {
            '\t' => width += 8 - width % 8,
            c if c.is_whitespace() => width += 1,
            _ => break,
        }
    }
    width
}

/// The line with every tab replaced by the spaces it stands for.
pub(crate) fn expand_tabs(line: &str) -> String {
    let mut expanded = String::with_capacity(line.len());
    let mut width = 0;
    for c in line.chars() {
        if c == '\t' {
            let spaces = 8 - width % 8;
            expanded.extend(std::iter::repeat_n(' ', spaces));
            width += spaces;
        } else {
            expanded.push(c);
            width += 1;
        }
    }
    expanded
}

/// A piece of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// A label, or the text between parentheses without them.
    Label(&'a str),
    /// `(VAR=VALUE)` or `(NAME)`, with the parentheses.
    Group(&'a str),
    /// One or more dots.
    Dots(&'a str),
    /// A comma.
    Comma,
    /// White space.
    White,
    /// `#` and everything after it.
    Comment(&'a str),
    /// Anything else.
    Other(&'a str),
}

/// The pieces of `filter`, in order.
pub(crate) fn filter_tokens(filter: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = filter;
    while let Some(first) = rest.chars().next() {
        let take = |pred: fn(char) -> bool| rest.find(|c| !pred(c)).unwrap_or(rest.len());
        let (token, length) = match first {
            '#' => (Token::Comment(rest), rest.len()),
            ',' => (Token::Comma, 1),
            '(' => {
                let end = rest.find(')').map_or(rest.len(), |at| at + 1);
                (Token::Group(&rest[..end]), end)
            }
            '.' => {
                let end = take(|c| c == '.');
                (Token::Dots(&rest[..end]), end)
            }
            c if c.is_whitespace() => (Token::White, take(char::is_whitespace)),
            c if is_label_char(c) => {
                let end = take(is_label_char);
                (Token::Label(&rest[..end]), end)
            }
            c => (Token::Other(&rest[..c.len_utf8()]), c.len_utf8()),
        };
        tokens.push(token);
        rest = &rest[length..];
    }
    tokens
}

/// Whether `c` may stand in a label.
pub(crate) fn is_label_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assign<'a>(key: &'a str, op: &'a str, value: &'a str) -> Option<Statement<'a>> {
        Some(Statement::Assign { key, op, value })
    }

    #[test]
    fn an_operator_before_any_colon_makes_an_assignment() {
        assert_eq!(statement("a = b: c"), assign("a", "=", "b: c"));
        assert_eq!(statement("A b += x"), assign("A b", "+=", "x"));
        assert_eq!(statement("k.*x ?<= y"), assign("k.*x", "?<=", "y"));
        assert_eq!(statement("a ~=b"), assign("a", "~=", "b"));
        assert_eq!(statement("a ="), assign("a", "=", ""));
        assert_eq!(statement("only_x = 1"), assign("only_x", "=", "1"));
        assert_eq!(statement("x == y"), assign("x", "=", "= y"));
    }

    #[test]
    fn a_colon_first_makes_a_condition() {
        assert_eq!(
            statement("  a..b, c: x = 1"),
            Some(Statement::Condition {
                negative: false,
                filter: "a..b, c",
                rest: "x = 1"
            })
        );
        assert_eq!(
            statement("!a:"),
            Some(Statement::Condition {
                negative: true,
                filter: "a",
                rest: ""
            })
        );
    }

    #[test]
    fn keywords_need_a_space_after_them() {
        assert_eq!(
            statement("only a, b"),
            Some(Statement::Filter {
                word: "only",
                filter: "a, b"
            })
        );
        assert_eq!(statement("only"), Some(Statement::Other("only")));
        assert_eq!(
            statement("variants name [default=x]:"),
            Some(Statement::Variants {
                head: "name [default=x]",
                comment: ""
            })
        );
        assert_eq!(statement("variants_w = 4"), assign("variants_w", "=", "4"));
    }

    #[test]
    fn items_may_have_a_mark_and_dependencies() {
        assert_eq!(
            statement("    - @a.b: c, d"),
            Some(Statement::Item {
                at: true,
                name: "a.b",
                deps: "c, d"
            })
        );
    }

    #[test]
    fn tabs_reach_to_the_next_multiple_of_eight() {
        assert_eq!(indent_of("\tx"), 8);
        assert_eq!(indent_of("   \tx"), 8);
        assert_eq!(expand_tabs("a\tb"), "a       b");
    }

    #[test]
    fn filters_come_apart_into_tokens() {
        use Token::{Comma, Comment, Dots, Group, Label, White};
        assert_eq!(
            filter_tokens("a..(v = x),b c.d # e"),
            [
                Label("a"),
                Dots(".."),
                Group("(v = x)"),
                Comma,
                Label("b"),
                White,
                Label("c"),
                Dots("."),
                Label("d"),
                White,
                Comment("# e"),
            ]
        );
    }

    #[test]
    fn a_part_knows_its_column() {
        let line = "    key = value";
        let Some(Statement::Assign { key, value, .. }) = statement(line) else {
            panic!("an assignment");
        };
        assert_eq!((column_of(line, key), column_of(line, value)), (4, 10));
    }
}
