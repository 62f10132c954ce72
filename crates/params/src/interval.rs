//! Versions and intervals of them, as in `required_qemu = [7.2, 10.0)`.

use std::fmt;
use std::str::FromStr;

/// A dotted version. Missing parts count as zero, so `8` equals `8.0.0`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(Vec<u64>);

impl FromStr for Version {
    type Err = String;

    /// Reads `8.2.4`, and the leading numbers of longer forms such as `6.1.0-49-amd64`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let numeric = text
            .split(|c: char| !(c.is_ascii_digit() || c == '.'))
            .next()
            .unwrap_or_default();
        let mut parts = numeric
            .trim_end_matches('.')
            .split('.')
            .map(str::parse)
            .collect::<Result<Vec<u64>, _>>()
            .map_err(|_| format!("`{text}` is not a version such as 8.2.0"))?;
        while parts.last() == Some(&0) {
            parts.pop();
        }
        Ok(Self(parts))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("0");
        }
        for (position, part) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(".")?;
            }
            write!(f, "{part}")?;
        }
        Ok(())
    }
}

/// A version interval: `[` and `]` include the bound, `(` and `)` exclude it, and a bound left out
/// is open. `[8.0, )` is 8.0 and everything later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    low: Option<(Version, bool)>,
    high: Option<(Version, bool)>,
}

impl Interval {
    /// Whether `version` lies in the interval.
    pub fn contains(&self, version: &Version) -> bool {
        let above = match &self.low {
            None => true,
            Some((low, true)) => version >= low,
            Some((low, false)) => version > low,
        };
        let below = match &self.high {
            None => true,
            Some((high, true)) => version <= high,
            Some((high, false)) => version < high,
        };
        above && below
    }
}

impl FromStr for Interval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let shape = || format!("`{text}` is not a version interval such as `[8.0.0, )`");
        let (low_included, inner) = match text.split_at_checked(1) {
            Some(("[", rest)) => (true, rest),
            Some(("(", rest)) => (false, rest),
            _ => return Err(shape()),
        };
        let (high_included, inner) = match inner.split_at_checked(inner.len().wrapping_sub(1)) {
            Some((rest, "]")) => (true, rest),
            Some((rest, ")")) => (false, rest),
            _ => return Err(shape()),
        };
        let (low, high) = inner.split_once(',').ok_or_else(shape)?;
        let bound = |text: &str, included| match text.trim() {
            "" => Ok(None),
            text => text.parse().map(|version| Some((version, included))),
        };
        Ok(Self {
            low: bound(low, low_included)?,
            high: bound(high, high_included)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(interval: &str, version: &str) -> bool {
        interval
            .parse::<Interval>()
            .unwrap()
            .contains(&version.parse().unwrap())
    }

    #[test]
    fn square_brackets_include_the_bound_and_round_ones_do_not() {
        assert!(holds("[7.2, 10.0)", "7.2.0"));
        assert!(holds("[7.2, 10.0)", "9.2.4"));
        assert!(!holds("[7.2, 10.0)", "10.0.0"));
        assert!(!holds("(7.2, 10.0]", "7.2"));
        assert!(holds("(7.2, 10.0]", "10"));
    }

    #[test]
    fn a_bound_left_out_is_open() {
        assert!(holds("[8.0.0, )", "11.1"));
        assert!(holds("(, 5.10)", "5.9"));
        assert!(!holds("(, 5.10)", "5.10.3"));
    }

    #[test]
    fn a_distribution_suffix_does_not_count() {
        assert!(holds("[6.1, 6.2)", "6.1.0-49-amd64"));
    }

    #[test]
    fn anything_else_is_refused_with_an_example() {
        for text in ["", "[", "8.0", "[8.0]", "[a, b]", "]1, 2["] {
            assert!(text.parse::<Interval>().is_err(), "{text}");
        }
    }
}
