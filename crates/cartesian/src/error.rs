//! What is wrong with a configuration, where, and what to do about it.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::fmt;
use std::ops::Range;
use thiserror::Error;

/// The kinds of mistakes in configuration text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A character or word that has no place there.
    Syntax,
    /// A malformed filter (`only`, `no`, `join`, a condition, a dependency).
    Filter,
    /// A line stands where its kind is not allowed, or is indented wrongly.
    Structure,
    /// `[default=x]` names a variant that does not exist.
    MissingDefault,
    /// An included file cannot be read.
    MissingInclude,
    /// A file includes itself, directly or through others.
    IncludeCycle,
    /// A limit of [`crate::Limits`] is exceeded.
    Limit,
    /// The text is not UTF-8.
    Encoding,
}

/// One mistake in configuration text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{source_name}:{line}:{column}: {message}")]
pub struct ConfigError {
    /// What kind of mistake it is.
    pub kind: ErrorKind,
    /// The file, or the label given to appended text.
    pub source_name: String,
    /// Line number, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The whole line, without its line end.
    pub line_text: String,
    /// The bytes of [`Self::line_text`] the mistake covers.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The chain of `include` lines that led here, innermost first (`file:line`).
    pub included_from: Vec<String>,
}

impl ConfigError {
    /// The error as people read it: message, underlined text, hint.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let snippet = Snippet::source(self.line_text.as_str())
            .line_start(self.line)
            .path(self.source_name.as_str())
            .annotation(AnnotationKind::Primary.span(self.visible_span()));
        let mut group =
            Group::with_title(Level::ERROR.primary_title(self.message.as_str())).element(snippet);
        for place in &self.included_from {
            group = group.element(Level::NOTE.message(format!("included from {place}")));
        }
        if let Some(hint) = &self.hint {
            group = group.element(Level::HELP.with_name("hint").message(hint.as_str()));
        }
        renderer.render(&[group])
    }

    /// The span, kept inside the line and on character boundaries.
    fn visible_span(&self) -> Range<usize> {
        let text = &self.line_text;
        let mut start = self.span.start.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let mut end = self.span.end.clamp(start, text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        start..end
    }
}

/// All the mistakes found in one go; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct ConfigErrors {
    errors: Vec<ConfigError>,
}

impl ConfigErrors {
    pub(crate) fn new(errors: Vec<ConfigError>) -> Self {
        debug_assert!(!errors.is_empty());
        Self { errors }
    }

    /// The mistakes, in the order they were met.
    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.errors.iter()
    }

    /// How many mistakes there are.
    pub fn len(&self) -> usize {
        self.errors.len()
    }

    /// Always false; here for the sake of [`Self::len`].
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// All mistakes as people read them.
    pub fn render(&self, color: bool) -> String {
        let rendered: Vec<_> = self.errors.iter().map(|e| e.render(color)).collect();
        rendered.join("\n")
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.errors.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{error}")?;
            if let Some(hint) = &error.hint {
                write!(f, " (hint: {hint})")?;
            }
        }
        Ok(())
    }
}

impl<'a> IntoIterator for &'a ConfigErrors {
    type Item = &'a ConfigError;
    type IntoIter = std::slice::Iter<'a, ConfigError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Why a variant's dictionary cannot be made. Iteration ends after it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EvalError {
    /// The key of `?=`, `?+=`, `?<=` is not a valid regular expression.
    #[error("{place}: `{pattern}` is not a valid regular expression: {reason}")]
    Pattern {
        /// Where the line stands (`file:line`).
        place: String,
        /// The expression.
        pattern: String,
        /// What the expression's compiler says.
        reason: String,
    },
    /// A `_min` or `_max` key, or the key it bounds, is not a number or size.
    #[error("{0}")]
    Bound(Box<BoundError>),
    /// A `join` line stands in a conditional block that applies.
    #[error("{place}: `join` is not possible inside a conditional block")]
    JoinInCondition {
        /// Where the line stands (`file:line`).
        place: String,
    },
    /// Two joined variants have names of which one begins the other, so no name can be made for the pair.
    #[error("cannot name the join of `{first}` and `{second}`: one name begins the other")]
    JoinNames {
        /// Name of the first variant.
        first: String,
        /// Name of the second variant.
        second: String,
    },
    /// A value grows beyond [`crate::Limits::value_bytes`] or [`crate::Limits::variant_bytes`].
    #[error("{place}: the value of `{key}` grows beyond {limit} bytes")]
    TooLong {
        /// Where the line stands (`file:line`).
        place: String,
        /// The key.
        key: String,
        /// The limit.
        limit: usize,
    },
}

/// A bound that cannot be compared with the value it bounds.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "cannot bound `{key} = {value}` by `{bound_key} = {bound}` in variant `{variant}`: `{culprit}` is not a number or a size such as 512M"
)]
pub struct BoundError {
    /// The bounded key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// The key that bounds it.
    pub bound_key: String,
    /// The bound.
    pub bound: String,
    /// Which of the two values cannot be read.
    pub culprit: String,
    /// The variant.
    pub variant: String,
}
