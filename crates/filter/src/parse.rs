//! From text to an expression.
//!
//! Descends by hand: the language has five levels, and its errors are to name the column and what was expected there.

use regex::Regex;

use crate::Node;
use crate::matching::{Comparison, Number, Order, Pattern};

/// Levels of grouping and negation.
const DEPTH: usize = 100;

/// An expression that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} (column {column})")]
pub struct ParseError {
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong there.
    pub problem: String,
}

pub(crate) fn parse(text: &str) -> Result<Node, ParseError> {
    let mut parser = Parser { text, at: 0 };
    let node = parser.either(0)?;
    if parser.peek().is_some() {
        return Err(parser.error("expected the end, or one of & | + - and or"));
    }
    Ok(node)
}

struct Parser<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
}

impl<'a> Parser<'a> {
    fn either(&mut self, depth: usize) -> Result<Node, ParseError> {
        let mut node = self.both(depth)?;
        while self.take("|") || self.take("+") || self.take_word("or") {
            node = Node::Or(Box::new(node), Box::new(self.both(depth)?));
        }
        Ok(node)
    }

    fn both(&mut self, depth: usize) -> Result<Node, ParseError> {
        let mut node = self.one(depth)?;
        loop {
            if self.take("&") || self.take_word("and") {
                node = Node::And(Box::new(node), Box::new(self.one(depth)?));
            } else if self.take("-") {
                let without = Node::Not(Box::new(self.one(depth)?));
                node = Node::And(Box::new(node), Box::new(without));
            } else {
                return Ok(node);
            }
        }
    }

    fn one(&mut self, depth: usize) -> Result<Node, ParseError> {
        if depth > DEPTH {
            return Err(self.error("too many levels"));
        }
        if self.take("!") || self.take_word("not") {
            return Ok(Node::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.take("(") {
            let node = self.either(depth + 1)?;
            self.expect(")")?;
            return Ok(node);
        }
        self.skip_space();
        let start = self.at;
        let word = self.word();
        if word.is_empty() {
            return Err(self.error("expected a test's label, a predicate such as name(…), or ("));
        }
        if !self.rest().starts_with('(') {
            return Ok(Node::Name(Pattern::Plain(word.to_owned())));
        }
        self.at += 1;
        let node = match word {
            "all" => Node::All,
            "none" => Node::None,
            "name" | "test" => Node::Name(self.pattern()?),
            "tag" => Node::Word("tags", self.pattern()?),
            "type" => Node::Word("type", self.pattern()?),
            "param" => self.param()?,
            other => {
                self.at = start;
                let known = "there are all none name tag type param";
                return Err(self.error(format!("there is no {other}(…); {known}")));
            }
        };
        self.expect(")")?;
        Ok(node)
    }

    fn param(&mut self) -> Result<Node, ParseError> {
        self.skip_space();
        let key = self.word().to_owned();
        if key.is_empty() {
            return Err(self.error("expected a key"));
        }
        let orders = [
            (">=", Order::GreaterOrEqual),
            ("<=", Order::LessOrEqual),
            (">", Order::Greater),
            ("<", Order::Less),
        ];
        let order = orders.into_iter().find(|(sign, _)| self.take(sign));
        let comparison = if let Some((_, order)) = order {
            self.skip_space();
            let number = Number::parse(self.until_close());
            let number = number.ok_or_else(|| self.error("expected a number or a size"))?;
            self.at += self.until_close().len();
            Comparison::Number(order, number)
        } else if self.take("!=") {
            Comparison::IsNot(self.plain_or_regex()?)
        } else if self.take("=") {
            Comparison::Is(self.plain_or_regex()?)
        } else if self.take("~") {
            Comparison::Is(Pattern::Contains(self.plain()?))
        } else {
            Comparison::IsSet
        };
        Ok(Node::Param(key, comparison))
    }

    /// `text`, `=text`, `~text` or `/regular expression/`.
    fn pattern(&mut self) -> Result<Pattern, ParseError> {
        if self.take("=") {
            Ok(Pattern::Exactly(self.plain()?))
        } else if self.take("~") {
            Ok(Pattern::Contains(self.plain()?))
        } else {
            self.plain_or_regex()
        }
    }

    fn plain_or_regex(&mut self) -> Result<Pattern, ParseError> {
        self.skip_space();
        let Some(rest) = self.rest().strip_prefix('/') else {
            return Ok(Pattern::Plain(self.plain()?));
        };
        // A slash within is written \/, which a regular expression reads as a slash.
        let mut escaped = false;
        let end = rest.find(|c| {
            let ends = c == '/' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let end = end.ok_or_else(|| self.error("a regular expression ends with /"))?;
        let regex = Regex::new(&rest[..end]).map_err(|error| {
            let error = error.to_string();
            let last = error.lines().last().unwrap_or_default();
            self.error(format!("this is no regular expression: {last}"))
        })?;
        self.at += end + 2;
        Ok(Pattern::Matches(regex))
    }

    fn plain(&mut self) -> Result<String, ParseError> {
        self.skip_space();
        let text = self.until_close();
        if text.is_empty() {
            return Err(self.error("expected a pattern"));
        }
        let text = text.to_owned();
        self.at += text.len();
        Ok(text)
    }

    /// What is there before the parenthesis that closes, without the space before it.
    fn until_close(&self) -> &'a str {
        let end = self.rest().find(')').unwrap_or(self.rest().len());
        self.rest()[..end].trim_end()
    }

    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || "._:-".contains(c)));
        // What a minus ends is no part of the word.
        let word = rest[..end.unwrap_or(rest.len())].trim_end_matches('-');
        self.at += word.len();
        word
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&mut self) -> Option<char> {
        self.skip_space();
        self.rest().chars().next()
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn take(&mut self, sign: &str) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len();
        }
        found
    }

    fn take_word(&mut self, wanted: &str) -> bool {
        self.skip_space();
        let start = self.at;
        let found = self.word() == wanted;
        if !found {
            self.at = start;
        }
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), ParseError> {
        if self.take(sign) {
            Ok(())
        } else {
            Err(self.error(format!("expected {sign}")))
        }
    }

    fn error(&self, problem: impl Into<String>) -> ParseError {
        ParseError {
            column: self.text[..self.at].chars().count() + 1,
            problem: problem.into(),
        }
    }
}
