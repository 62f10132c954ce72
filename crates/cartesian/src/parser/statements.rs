//! Statements other than `variants`.

use super::mistake::{Checked, Mistake, not_a_statement, reason};
use super::{Block, Parser, Reading};
use crate::error::ErrorKind;
use crate::filter;
use crate::lexer::{self, Assign, Line, Operator, Token, TokenKind};
use crate::loader::Loader;
use crate::program::{BodyId, Filter, FilterId, Item, Loc, RESERVED, Statement};
use std::borrow::Cow;

impl<L: Loader> Parser<L> {
    pub(super) fn push(&mut self, body: BodyId, loc: Loc, item: Item) {
        self.program.bodies[body.index()].push(Statement { loc, item });
    }

    pub(super) fn skip_block(&mut self, reading: &mut Reading<'_>, indent: usize) {
        while reading.lines.deeper_than(indent as isize).is_some() {}
    }

    pub(super) fn assignment(
        &mut self,
        line: &Line<'_>,
        assign: Assign,
        loc: Loc,
        body: BodyId,
    ) -> Checked<()> {
        let text = &line.text;
        let key = lexer::trim_end(&text[..assign.op_start]);
        let value = lexer::trim_start(&text[assign.op_end..]);
        if assign.op == Operator::Set && is_lost_condition(key, value) {
            let open = key.rfind('(').unwrap_or(0);
            return Err(Mistake::new(
                ErrorKind::Syntax,
                open,
                text.len(),
                "`(variable=name)` cannot stand in a condition: its `=` would make the line an assignment",
            )
            .hint("write the name alone, without the variable, as in `name:`"));
        }
        if RESERVED.contains(&key) {
            return Ok(());
        }
        let value = self.program.value(unquote(value));
        let item = if assign.op.matches_keys() {
            Item::Match(assign.op, self.program.pattern(key), value)
        } else {
            let key = self.program.key(key);
            match assign.op {
                Operator::Append => Item::Append(key, value),
                Operator::Prepend => Item::Prepend(key, value),
                Operator::Default => Item::Default(key, value),
                _ => Item::Set(key, value),
            }
        };
        self.push(body, loc, item);
        Ok(())
    }

    /// The filter in the rest of a line.
    pub(super) fn filter(
        &mut self,
        reading: &mut Reading<'_>,
        line: &Line<'_>,
        from: usize,
        loc: Loc,
    ) -> Checked<FilterId> {
        lexer::tokens(&line.text, from, false, &mut reading.tokens)?;
        self.filter_of(&line.text, &reading.tokens, loc)
    }

    pub(super) fn filter_of(
        &mut self,
        text: &str,
        tokens: &[Token],
        loc: Loc,
    ) -> Checked<FilterId> {
        let parsed = filter::parse(&mut self.program, text, tokens)?;
        let (start, end) = match tokens {
            [first, .., last, _] => (first.start, last.end),
            [only, _] => (only.start, only.end),
            _ => (0, 0),
        };
        let text = self.program.strings.intern(&text[start..end]);
        let id = FilterId(self.program.filters.len() as u32);
        self.program.filters.push(Filter {
            words: parsed.words,
            loc,
            text,
        });
        Ok(id)
    }

    /// The single name after `del` or `suffix`. Only `del` may be followed by white space and a comment.
    pub(super) fn one_name(
        &mut self,
        reading: &mut Reading<'_>,
        line: &Line<'_>,
        from: usize,
        strict: bool,
    ) -> Checked<String> {
        lexer::tokens(&line.text, from, false, &mut reading.tokens)?;
        let mut tokens = reading
            .tokens
            .iter()
            .filter(|token| strict || token.kind != TokenKind::White);
        let mut expect = |kind: TokenKind| match tokens.next() {
            Some(token) if token.kind == kind => Ok(*token),
            Some(token) => Err(Mistake::new(
                ErrorKind::Syntax,
                token.start,
                token.end,
                format!(
                    "expected {}, found {}",
                    kind.describe(),
                    token.kind.describe()
                ),
            )
            .hint("exactly one name of letters, digits, `_` and `-` may stand here")),
            None => Err(Mistake::new(ErrorKind::Syntax, 0, 0, "expected a name")),
        };
        let name = expect(TokenKind::Word)?;
        expect(TokenKind::End)?;
        Ok(line.text[name.start..name.end].to_owned())
    }

    pub(super) fn include(
        &mut self,
        reading: &mut Reading<'_>,
        line: &Line<'_>,
        rest: usize,
        loc: Loc,
        block: Block,
    ) -> Checked<Block> {
        let written = &line.text[rest..];
        let fail = |kind, message: String| Mistake::new(kind, rest, line.text.len(), message);
        let mut path = self.expand_home(written);
        if let Some(dir) = reading.dir
            && !self.loader.is_absolute(&path)
        {
            path.insert_str(0, dir);
        }
        if self.open_files.contains(&normal(&path)) {
            return Err(fail(
                ErrorKind::IncludeCycle,
                format!("`{path}` is being read already: it would include itself without end"),
            )
            .hint("remove one of the include lines of the circle"));
        }
        self.includes += 1;
        let limits = self.limits;
        if self.open_files.len() >= limits.include_depth || self.includes > limits.includes {
            return Err(fail(
                ErrorKind::Limit,
                format!(
                    "too many includes: at most {} in each other and {} in all",
                    limits.include_depth, limits.includes
                ),
            ));
        }
        match self.loader.load(&path) {
            Ok(bytes) => Ok(self.parse_bytes(&path, bytes, Some(loc), block)),
            Err(error) => {
                let reason = reason(&error);
                let mistake = fail(
                    ErrorKind::MissingInclude,
                    format!("cannot include `{written}`: {reason} (searched at `{path}`)"),
                );
                Err(if written.starts_with(['"', '\'']) {
                    mistake.hint("a path is written without quotes")
                } else if reading.dir.is_some() {
                    mistake.hint("the path is relative to the directory of the including file")
                } else {
                    mistake.hint("the path is relative to the working directory")
                })
            }
        }
    }

    fn expand_home(&self, path: &str) -> String {
        let rest = path.strip_prefix('~');
        match (rest, self.loader.home()) {
            (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
                format!("{}{rest}", home.trim_end_matches('/'))
            }
            _ => path.to_owned(),
        }
    }

    /// `filter:` or `!filter:`, then a statement on the same line or a deeper block, or both.
    pub(super) fn condition<'s>(
        &mut self,
        reading: &mut Reading<'s>,
        line: &Line<'s>,
        loc: Loc,
        body: BodyId,
        depth: usize,
    ) -> Checked<()> {
        lexer::tokens(&line.text, 0, true, &mut reading.tokens)?;
        let negated = reading.tokens[0].kind == TokenKind::Bang;
        let last = reading.tokens[reading.tokens.len() - 1];
        let mut tokens: Vec<Token> = reading
            .tokens
            .iter()
            .skip(usize::from(negated))
            .filter(|token| token.kind != TokenKind::White)
            .copied()
            .collect();
        let starts_well = (negated || tokens[0].kind == TokenKind::Word)
            && !tokens
                .iter()
                .any(|token| matches!(token.kind, TokenKind::Operator(_)));
        if last.kind != TokenKind::Colon || !starts_well {
            return Err(not_a_statement(line, &tokens));
        }
        if let Some(token) = tokens.last_mut() {
            token.kind = TokenKind::End;
            token.end = token.start;
        }
        if depth >= self.limits.nesting {
            self.skip_block(reading, line.indent);
            return Err(self.too_deep(line));
        }
        let filter = self.filter_of(&line.text, &tokens, loc);
        let rest = lexer::trim_start(&line.text[last.end..]);
        if rest.starts_with('#') {
            return Err(Mistake::new(
                ErrorKind::Syntax,
                line.text.len() - rest.len(),
                line.text.len(),
                "a comment cannot stand after a condition's colon",
            )
            .hint("move the comment to a line of its own"));
        }
        reading.lines.push_back(Line {
            text: Cow::Owned(rest.to_owned()),
            indent: line.indent + 1,
            number: line.number,
            raw: line.raw,
            start: line.start + line.text.len() - rest.len(),
        });
        let inner = self.program.body();
        let inner_block = Block {
            node: None,
            body: inner,
        };
        self.block(reading, inner_block, line.indent as isize, depth + 1);
        let item = Item::Cond {
            filter: filter?,
            negated,
            body: inner,
        };
        self.push(body, loc, item);
        Ok(())
    }

    pub(super) fn too_deep(&self, line: &Line<'_>) -> Mistake {
        Mistake::new(
            ErrorKind::Limit,
            0,
            line.text.len(),
            format!(
                "more than {} blocks stand inside each other",
                self.limits.nesting
            ),
        )
        .hint("check the indentation: a deeper line belongs to the line above it")
    }
}

/// Removes one pair of equal quotes around a value.
fn unquote(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            if rest.is_empty() {
                return "";
            }
            if let Some(inner) = rest.strip_suffix(quote) {
                return inner;
            }
        }
    }
    value
}

/// `(variable = name)…:` read as an assignment to `(variable`.
fn is_lost_condition(key: &str, value: &str) -> bool {
    let word = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_alphanumeric() || c == '_' || c == '-')
    };
    let Some((before, variable)) = key.rsplit_once('(') else {
        return false;
    };
    let Some((name, after)) = value.split_once(')') else {
        return false;
    };
    let filter_like = |text: &str| {
        text.chars()
            .all(|c| c.is_alphanumeric() || " _-.,!()=\"".contains(c))
    };
    word(variable.trim())
        && word(name.trim().trim_matches('"'))
        && filter_like(before)
        && after.split_once(':').is_some_and(|(f, _)| filter_like(f))
}

/// A path without `.` and `x/..`, to recognise files that are open already.
pub(super) fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            "" if !parts.is_empty() => {}
            ".." if parts
                .last()
                .is_some_and(|last| !last.is_empty() && *last != "..") =>
            {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}
