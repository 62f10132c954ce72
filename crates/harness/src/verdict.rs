//! How a test says that it did not simply pass.

use std::error::Error;
use std::sync::Arc;

use events::Verdict;
use vm::Blame;

/// What a test returns: `Ok` is PASS.
pub type TestResult<T = ()> = Result<T, Stop>;

/// A test came to its end before its end: what to say about it.
#[derive(Debug, Clone)]
pub struct Stop {
    /// FAIL, ERROR or SKIP.
    pub verdict: Verdict,
    /// One sentence.
    pub reason: String,
    /// Hints, and the last words of guest and monitor.
    pub details: Vec<String>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

/// What is said counts, not what it was made of.
impl PartialEq for Stop {
    fn eq(&self, other: &Self) -> bool {
        let said = |stop: &Self| (stop.verdict, stop.reason.clone(), stop.details.clone());
        said(self) == said(other)
    }
}

impl Eq for Stop {}

impl Stop {
    pub(crate) fn new(verdict: Verdict, reason: impl Into<String>) -> Self {
        Self {
            verdict,
            reason: reason.into(),
            details: Vec::new(),
            cause: None,
        }
    }

    /// Says what an error says.
    pub(crate) fn because(blame: Blame, error: impl Error + Send + Sync + 'static) -> Self {
        let verdict = match blame {
            Blame::Machine => Verdict::Fail,
            Blame::Host => Verdict::Error,
            Blame::Unsupported => Verdict::Skip,
        };
        Self {
            reason: chain(&error),
            cause: Some(Arc::new(error)),
            ..Self::new(verdict, String::new())
        }
    }

    /// The error it was made of, if it was.
    pub fn cause(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }

    /// The guest or QEMU did not do what the test asserts.
    pub fn fail(reason: impl Into<String>) -> Self {
        Self::new(Verdict::Fail, reason)
    }

    /// Our side could not do its part.
    pub fn error(reason: impl Into<String>) -> Self {
        Self::new(Verdict::Error, reason)
    }

    /// The test needs something that is not there; the reason names it.
    pub fn skip(reason: impl Into<String>) -> Self {
        Self::new(Verdict::Skip, reason)
    }

    /// Adds a line of detail, unless it is empty.
    pub fn detail(mut self, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.details.push(text);
        }
        self
    }
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.verdict, self.reason)
    }
}

/// An error and its causes in one line, each said once.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// Ends the test with FAIL unless the condition holds: `check!(a < b, "a is {a}, expected less than {b}")`.
#[macro_export]
macro_rules! check {
    ($condition:expr, $($reason:tt)+) => {
        if !$condition {
            return Err($crate::Stop::fail(format!($($reason)+)));
        }
    };
}
