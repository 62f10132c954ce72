//! Text read as a type.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;
use units::{ByteSize, SizeUnit};

use crate::interval::Interval;
use crate::key::{Key, Kind, TimeUnit};

/// Why a key could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParamError {
    /// The value is not what the key wants.
    #[error("`{key} = {value}`: expected {expected}")]
    Wrong {
        /// The key that was read.
        key: String,
        /// Its text.
        value: String,
        /// What the text should have been.
        expected: String,
    },
    /// Nothing sets the key, and it has no default.
    #[error("`{key}` is not set and has no default")]
    Missing {
        /// The key that was read.
        key: String,
    },
}

impl ParamError {
    pub(crate) fn wrong(key: &str, value: &str, expected: String) -> Self {
        Self::Wrong {
            key: key.to_owned(),
            value: value.to_owned(),
            expected,
        }
    }

    /// The key that could not be read.
    pub fn key(&self) -> &str {
        match self {
            Self::Wrong { key, .. } | Self::Missing { key } => key,
        }
    }
}

/// A type that the text of a key can be read as.
pub trait FromParam: Sized {
    /// Reads `text`; `key` gives the unit of a bare number and the bounds, where it is declared.
    ///
    /// # Errors
    /// What was expected, in words that read well after "expected".
    fn from_param(text: &str, key: Option<&Key>) -> Result<Self, String>;
}

impl FromParam for String {
    fn from_param(text: &str, key: Option<&Key>) -> Result<Self, String> {
        check_words(text, key)?;
        Ok(text.to_owned())
    }
}

impl FromParam for PathBuf {
    fn from_param(text: &str, _key: Option<&Key>) -> Result<Self, String> {
        if text.is_empty() {
            return Err("a path".to_owned());
        }
        Ok(Self::from(text))
    }
}

impl FromParam for Vec<String> {
    fn from_param(text: &str, key: Option<&Key>) -> Result<Self, String> {
        check_words(text, key)?;
        Ok(text.split_whitespace().map(str::to_owned).collect())
    }
}

impl FromParam for bool {
    fn from_param(text: &str, _key: Option<&Key>) -> Result<Self, String> {
        parse_bool(text).ok_or_else(|| "yes or no".to_owned())
    }
}

impl FromParam for f64 {
    fn from_param(text: &str, _key: Option<&Key>) -> Result<Self, String> {
        text.trim()
            .parse()
            .ok()
            .filter(|number: &Self| number.is_finite())
            .ok_or_else(|| "a number".to_owned())
    }
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl FromParam for $integer {
            fn from_param(text: &str, key: Option<&Key>) -> Result<Self, String> {
                let (mut low, mut high) = (i128::from(Self::MIN), i128::from(Self::MAX));
                if let Some(Kind::Integer { min, max }) = key.map(|key| key.kind) {
                    low = low.max(min.into());
                    if max != i64::MAX {
                        high = high.min(max.into());
                    }
                }
                parse_integer(text)
                    .filter(|number| (low..=high).contains(number))
                    .and_then(|number| Self::try_from(number).ok())
                    .ok_or_else(|| integer_in(low, high))
            }
        }
    )*};
}

integers!(u8, u16, u32, u64, i32, i64);

fn integer_in(low: i128, high: i128) -> String {
    let unbounded = high >= i128::from(u32::MAX);
    match (low, unbounded) {
        (low, true) if low < i128::from(i32::MIN) + 1 => "a whole number".to_owned(),
        (low, true) => format!("a whole number, {low} or more"),
        (low, false) => format!("a whole number from {low} to {high}"),
    }
}

fn parse_integer(text: &str) -> Option<i128> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let number = match digits.strip_prefix("0x") {
        Some(hex) if !hex.starts_with(['+', '-']) => i128::from_str_radix(hex, 16).ok()?,
        Some(_) => return None,
        None => digits.parse().ok()?,
    };
    Some(sign * number)
}

impl FromParam for ByteSize {
    fn from_param(text: &str, key: Option<&Key>) -> Result<Self, String> {
        let unit = match key.map(|key| key.kind) {
            Some(Kind::Size(unit)) => unit,
            _ => SizeUnit::B,
        };
        ByteSize::parse(text, unit)
            .ok_or_else(|| format!("a size such as 512M or 2G; a bare number counts {unit}"))
    }
}

impl FromParam for Duration {
    fn from_param(text: &str, key: Option<&Key>) -> Result<Self, String> {
        let unit = match key.map(|key| key.kind) {
            Some(Kind::Duration(unit)) => unit,
            _ => TimeUnit::S,
        };
        parse_duration(text, unit)
            .ok_or_else(|| format!("a duration such as 90s or 2m; a bare number counts {unit}"))
    }
}

impl FromParam for Interval {
    fn from_param(text: &str, _key: Option<&Key>) -> Result<Self, String> {
        text.parse()
            .map_err(|_| "a version interval such as `[8.0.0, )`".to_owned())
    }
}

/// `yes`, `on`, `true` and `no`, `off`, `false`, in either case.
pub fn parse_bool(text: &str) -> Option<bool> {
    let text = text.trim();
    let is = |words: [&str; 3]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(["yes", "on", "true"]) {
        Some(true)
    } else if is(["no", "off", "false"]) {
        Some(false)
    } else {
        None
    }
}

/// A duration such as `90`, `1.5m` or `250ms`; a bare number counts `unit`.
pub fn parse_duration(text: &str, unit: TimeUnit) -> Option<Duration> {
    let (number, suffix) = split_unit(text)?;
    let seconds = match suffix {
        "" => unit.seconds(),
        "ms" => 0.001,
        "s" | "sec" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()
}

/// A number without a sign and the letters after it.
fn split_unit(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    number
        .starts_with(|c: char| c.is_ascii_digit())
        .then_some((number, suffix.trim_start()))
}

/// Whether `text` is what `key` wants.
///
/// # Errors
/// What was expected, in words that read well after "expected".
pub fn check(text: &str, key: &Key) -> Result<(), String> {
    let key_ref = Some(key);
    match key.kind {
        Kind::Bool => bool::from_param(text, key_ref).map(drop),
        Kind::Integer { .. } => i64::from_param(text, key_ref).map(drop),
        Kind::Number => f64::from_param(text, key_ref).map(drop),
        Kind::Size(_) => ByteSize::from_param(text, key_ref).map(drop),
        Kind::Duration(_) => Duration::from_param(text, key_ref).map(drop),
        Kind::Path | Kind::Text | Kind::List | Kind::Objects(_) | Kind::Open(_) => Ok(()),
        Kind::Enum(_) | Kind::Set(_) => check_words(text, key_ref),
        Kind::Mac => is_mac(text)
            .then_some(())
            .ok_or_else(|| "an Ethernet address such as 52:54:00:12:34:56".to_owned()),
        Kind::Interval => Interval::from_param(text, key_ref).map(drop),
    }
}

fn check_words(text: &str, key: Option<&Key>) -> Result<(), String> {
    match key.map(|key| key.kind) {
        Some(Kind::Enum(words)) if !words.contains(&text) => Err(one_of(text, words)),
        Some(Kind::Set(words)) => {
            match text.split_whitespace().find(|word| !words.contains(word)) {
                Some(word) => Err(format!("words that are each {}", one_of(word, words))),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

fn one_of(text: &str, words: &[&str]) -> String {
    let mut expected = match words {
        [] => "nothing".to_owned(),
        [only] => format!("`{only}`"),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    };
    if let Some(close) = crate::validate::closest(text, words.iter().copied()) {
        expected.push_str(&format!("; did you mean `{close}`?"));
    }
    expected
}

fn is_mac(text: &str) -> bool {
    let mut parts = 0;
    text.split(':').all(|part| {
        parts += 1;
        part.len() == 2 && part.chars().all(|c| c.is_ascii_hexdigit())
    }) && parts == 6
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::key::Where;

    #[test]
    fn durations_have_units() {
        assert_eq!(
            parse_duration("90", TimeUnit::S),
            Some(Duration::from_secs(90))
        );
        assert_eq!(
            parse_duration("1.5m", TimeUnit::S),
            Some(Duration::from_secs(90))
        );
        assert_eq!(
            parse_duration("250ms", TimeUnit::S),
            Some(Duration::from_millis(250))
        );
        assert_eq!(
            parse_duration("5", TimeUnit::Ms),
            Some(Duration::from_millis(5))
        );
        assert_eq!(parse_duration("5 parsecs", TimeUnit::S), None);
    }

    #[test]
    fn a_wrong_word_lists_the_allowed_ones_and_the_closest() {
        let key = Key::one_of("accel", &["auto", "kvm", "tcg"], Where::Vm, "");
        assert_eq!(
            check("kmv", &key).unwrap_err(),
            "auto, kvm or tcg; did you mean `kvm`?"
        );
    }

    #[test]
    fn bounds_of_a_key_and_of_the_type_both_hold() {
        let key = Key::integer("smp", 1, 512, Where::Vm, "");
        assert_eq!(u32::from_param("4", Some(&key)), Ok(4));
        assert_eq!(
            u32::from_param("0", Some(&key)),
            Err("a whole number from 1 to 512".to_owned())
        );
        assert_eq!(
            u8::from_param("300", None),
            Err("a whole number from 0 to 255".to_owned())
        );
        assert_eq!(i64::from_param("0x10", None), Ok(16));
        assert!(i64::from_param("--1", None).is_err());
    }

    #[test]
    fn addresses_have_six_pairs() {
        assert!(is_mac("52:54:00:12:34:5f"));
        assert!(!is_mac("52:54:00:12:34"));
        assert!(!is_mac("52:54:00:12:34:5g"));
    }

    proptest! {
        #[test]
        fn no_text_makes_a_reader_panic(text in "\\PC{0,12}") {
            let _ = parse_duration(&text, TimeUnit::S);
            let _ = parse_integer(&text);
            let _ = text.parse::<Interval>();
        }
    }
}
