//! What texts and values are compared with.

use std::cmp::Ordering;

use regex::Regex;
use units::{ByteSize, SizeUnit};

/// What a text is compared with.
#[derive(Debug, Clone)]
pub(crate) enum Pattern {
    /// The text, or labels of a name one after the other.
    Plain(String),
    Exactly(String),
    Contains(String),
    Matches(Regex),
}

impl Pattern {
    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Pattern::Plain(wanted) | Pattern::Exactly(wanted) => text == wanted,
            Pattern::Contains(part) => text.contains(part),
            Pattern::Matches(pattern) => pattern.is_match(text),
        }
    }

    pub(crate) fn matches_labels(&self, name: &str) -> bool {
        match self {
            Pattern::Plain(labels) => format!(".{name}.").contains(&format!(".{labels}.")),
            other => other.matches(name),
        }
    }
}

/// What a value is compared with.
#[derive(Debug, Clone)]
pub(crate) enum Comparison {
    IsSet,
    Is(Pattern),
    IsNot(Pattern),
    Number(Order, Number),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A number, or a size, whose number without a letter would be in MiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number {
    plain: Option<f64>,
    bytes: Option<u64>,
}

impl Number {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let number = Number {
            plain: text.parse().ok().filter(|number: &f64| number.is_finite()),
            bytes: ByteSize::parse(text, SizeUnit::M).map(ByteSize::as_bytes),
        };
        (number.plain.is_some() || number.bytes.is_some()).then_some(number)
    }

    fn compare(self, other: Self) -> Option<Ordering> {
        match (self.plain, other.plain) {
            (Some(one), Some(other)) => one.partial_cmp(&other),
            _ => Some(self.bytes?.cmp(&other.bytes?)),
        }
    }
}

impl Comparison {
    pub(crate) fn holds(&self, value: Option<&str>) -> bool {
        match (self, value) {
            (Comparison::IsSet, value) => value.is_some(),
            (Comparison::Is(pattern), value) => value.is_some_and(|value| pattern.matches(value)),
            (Comparison::IsNot(pattern), value) => {
                value.is_none_or(|value| !pattern.matches(value))
            }
            (Comparison::Number(order, wanted), value) => {
                let found = value.and_then(|value| Number::parse(value.trim()));
                let compared = found.and_then(|found| found.compare(*wanted));
                compared.is_some_and(|compared| match order {
                    Order::Less => compared.is_lt(),
                    Order::LessOrEqual => compared.is_le(),
                    Order::Greater => compared.is_gt(),
                    Order::GreaterOrEqual => compared.is_ge(),
                })
            }
        }
    }
}
