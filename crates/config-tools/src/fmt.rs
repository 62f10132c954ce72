//! One way to write a configuration.
//!
//! Four spaces a level, one space around an operator, `, ` between alternatives, at most one blank
//! line, comments kept where they stand. The formatter works on lines, so what it does not
//! understand it leaves as it is.

use crate::line::{
    Statement, Token, expand_tabs, filter_tokens, indent_of, is_label_char, statement,
};

/// Spaces a level.
const STEP: usize = 4;

/// `text` in canonical form. It must be a configuration that parses; of other text the indentation
/// may come out wrong.
pub fn format(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut blocks = Blocks::default();
    let mut blank = false;
    for line in text.lines() {
        let expanded;
        let line = if line.contains('\t') {
            expanded = expand_tabs(line);
            &expanded
        } else {
            line
        };
        let Some(statement) = statement(line) else {
            blank = !out.is_empty();
            continue;
        };
        if std::mem::take(&mut blank) {
            out.push('\n');
        }
        let depth = blocks.depth_of(indent_of(line), &statement);
        out.extend(std::iter::repeat_n(' ', STEP * depth));
        match canonical(&statement) {
            Some(text) => out.push_str(&text),
            None => out.push_str(line.trim()),
        }
        out.push('\n');
    }
    out
}

/// A statement that holds the more deeply indented lines after it.
#[derive(Debug)]
struct Block {
    /// Lines indented by more than this belong to it.
    indent: usize,
    /// For `variants`, the indentation of the first item, which its siblings' bodies go by.
    items: Option<Option<usize>>,
}

/// The blocks open at a line, outermost first.
#[derive(Debug, Default)]
struct Blocks(Vec<Block>);

impl Blocks {
    /// How many blocks hold a line, which may open one itself.
    fn depth_of(&mut self, indent: usize, statement: &Statement<'_>) -> usize {
        if matches!(statement, Statement::Comment(_)) {
            // A comment ends no block.
            return self.0.iter().filter(|block| block.indent < indent).count();
        }
        while self.0.last().is_some_and(|block| block.indent >= indent) {
            self.0.pop();
        }
        let depth = self.0.len();
        match statement {
            Statement::Variants { .. } => self.0.push(Block {
                indent,
                items: Some(None),
            }),
            Statement::Item { .. } => {
                let first = match self.0.last_mut() {
                    Some(Block {
                        items: Some(first), ..
                    }) => *first.get_or_insert(indent),
                    _ => indent,
                };
                self.0.push(Block {
                    indent: first,
                    items: None,
                });
            }
            Statement::Condition { .. } => self.0.push(Block {
                indent,
                items: None,
            }),
            _ => {}
        }
        depth
    }
}

/// The canonical text of a statement; `None` when some part of it is not understood.
fn canonical(statement: &Statement<'_>) -> Option<String> {
    Some(match *statement {
        Statement::Comment(text) => text.to_owned(),
        Statement::Other(_) => return None,
        Statement::Variants { head, comment } => {
            let mut line = format!("variants{}:", canonical_head(head)?);
            match comment.chars().next() {
                None => {}
                Some('#') => line.extend([" ", comment]),
                Some(_) => return None,
            }
            line
        }
        Statement::Item { at, name, deps } => {
            let name = canonical_filter(name).filter(|name| !name.contains([' ', '#']))?;
            let at = if at { "@" } else { "" };
            let mut line = format!("- {at}{name}:");
            if !deps.is_empty() {
                line.extend([" ", &canonical_filter(deps)?]);
            }
            line
        }
        Statement::Filter { word, filter } => format!("{word} {}", canonical_filter(filter)?),
        Statement::Include(path) => format!("include {path}"),
        Statement::Word { word, name } => format!("{word} {name}"),
        Statement::Condition {
            negative,
            filter,
            rest,
        } => {
            let filter = canonical_filter(filter).filter(|filter| !filter.contains('#'))?;
            let not = if negative { "!" } else { "" };
            let mut line = format!("{not}{filter}:");
            if let Some(inner) = crate::line::statement(rest) {
                line.extend([" ", &canonical(&inner)?]);
            }
            line
        }
        Statement::Assign { key: "", .. } => return None,
        Statement::Assign { key, op, value } => {
            let mut line = format!("{key} {op}");
            if !value.is_empty() {
                line.extend([" ", value]);
            }
            line
        }
    })
}

/// The name and the bracketed settings of `variants`, each with a space before it.
fn canonical_head(head: &str) -> Option<String> {
    let (name, brackets) = match head.split_once('[') {
        Some((name, brackets)) => (name.trim(), Some(brackets)),
        None => (head, None),
    };
    if !name.chars().all(is_label_char) {
        return None;
    }
    let mut out = String::new();
    if !name.is_empty() {
        out.extend([" ", name]);
    }
    for bracket in brackets.iter().flat_map(|brackets| brackets.split('[')) {
        let inner = bracket.trim_end().strip_suffix(']')?;
        let (name, value) = match inner.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (inner.trim(), None),
        };
        let plain = |text: &str| text.chars().all(|c| is_label_char(c) || c == '.');
        if !plain(name) || !value.is_none_or(plain) {
            return None;
        }
        out.extend([" [", name]);
        if let Some(value) = value {
            out.extend(["=", value]);
        }
        out.push(']');
    }
    Some(out)
}

fn canonical_filter(filter: &str) -> Option<String> {
    let mut out = String::with_capacity(filter.len());
    let mut space = false;
    for token in filter_tokens(filter) {
        match token {
            Token::Other(_) => return None,
            Token::White => {
                space = !out.is_empty();
                continue;
            }
            Token::Comma => {
                out.push(',');
                space = true;
                continue;
            }
            _ => {}
        }
        if std::mem::take(&mut space) || matches!(token, Token::Comment(_)) && !out.is_empty() {
            out.push(' ');
        }
        match token {
            Token::Label(text) | Token::Dots(text) | Token::Comment(text) => out.push_str(text),
            Token::Group(text) => out.push_str(&canonical_group(text)?),
            Token::Comma | Token::White | Token::Other(_) => {}
        }
    }
    Some(out)
}

/// `( v = a )` as `(v=a)`; what is quoted stays.
fn canonical_group(group: &str) -> Option<String> {
    let inner = group.strip_prefix('(')?.strip_suffix(')')?;
    Some(match inner.split_once('=') {
        Some((name, value)) => format!("({}={})", name.trim(), value.trim()),
        None => format!("({})", inner.trim()),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_level_is_four_spaces() {
        let text = "\
variants:
  - a:
      x=1
      variants :
       -  b :   c,d ..e
          y   +=   2   3
  # about c
  -@c:
      only  a ,b   c#why
z = 3
";
        insta::assert_snapshot!(format(text), @r"
        variants:
            - a:
                x = 1
                variants:
                    - b: c, d ..e
                        y += 2   3
            # about c
            - @c:
                only a, b c #why
        z = 3
        ");
    }

    #[test]
    fn a_body_less_indented_than_its_sibling_stays_in_its_block() {
        let text = "a:\n        x = 1\n    y = 2\nz = 3\n";
        assert_eq!(format(text), "a:\n    x = 1\n    y = 2\nz = 3\n");
    }

    #[test]
    fn a_statement_behind_a_condition_stays_on_its_line() {
        assert_eq!(
            format("!a , b:   x   =  1: 2\n        y=1\n"),
            "!a, b: x = 1: 2\n    y = 1\n"
        );
    }

    #[test]
    fn brackets_and_groups_lose_their_inner_space() {
        assert_eq!(
            format("variants  n [ default = a.b ][ x ]:\n only ( v = a )..( w )\n"),
            "variants n [default=a.b] [x]:\n    only (v=a)..(w)\n"
        );
    }

    #[test]
    fn comments_stay() {
        let text = "# top\nvariants:   # why\n    - a:  b# c\n        // old\n        x = 1\n";
        assert_eq!(
            format(text),
            "# top\nvariants: # why\n    - a: b # c\n        // old\n        x = 1\n"
        );
    }

    #[test]
    fn blank_lines_come_one_at_a_time_and_not_at_the_ends() {
        assert_eq!(format("\n\na = 1\n\n\n\nb = 2\n\n"), "a = 1\n\nb = 2\n");
    }

    fn line() -> impl Strategy<Value = String> {
        let body = prop_oneof![
            Just("a  =1"),
            Just("b.*\t?+=  x : y"),
            Just("c~= # no comment"),
            Just("variants:"),
            Just("variants  n [ default=a.b]: # why"),
            Just("-  @a.b:c , d"),
            Just("- e :"),
            Just("only  a ,b   (v = c)..d#why"),
            Just("no x"),
            Just("!a , b:   z=1"),
            Just("a..b:"),
            Just("# note"),
            Just("include  ../x.cfg"),
            Just("del   a"),
            Just(""),
        ];
        ("[ ]{0,9}|\t", body).prop_map(|(indent, body)| format!("{indent}{body}\n"))
    }

    proptest! {
        #[test]
        fn formatting_twice_changes_nothing_more(
            lines in proptest::collection::vec(line(), 0..20)
        ) {
            let once = format(&lines.concat());
            prop_assert_eq!(format(&once), once);
        }

        #[test]
        fn no_text_makes_the_formatter_panic(text in "[ \ta-c@\\[\\]().,=+~?<!:#\"-]{0,40}") {
            format(&text);
        }
    }
}
