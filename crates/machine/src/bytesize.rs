//! An amount of memory or storage in bytes.

use std::fmt;
use std::str::FromStr;

/// An amount of memory or storage, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteSize(u64);

const UNITS: [(u64, char); 5] = [
    (1 << 50, 'P'),
    (1 << 40, 'T'),
    (1 << 30, 'G'),
    (1 << 20, 'M'),
    (1 << 10, 'K'),
];

impl ByteSize {
    /// That many bytes.
    #[must_use]
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// That many MiB (2^20 bytes); what does not fit becomes the largest amount there is.
    #[must_use]
    pub const fn mib(mib: u64) -> Self {
        Self(mib.saturating_mul(1 << 20))
    }

    /// That many GiB (2^30 bytes); what does not fit becomes the largest amount there is.
    #[must_use]
    pub const fn gib(gib: u64) -> Self {
        Self(gib.saturating_mul(1 << 30))
    }

    /// The amount in bytes.
    #[must_use]
    pub const fn as_bytes(self) -> u64 {
        self.0
    }

    /// The amount in whole MiB, rounded down.
    #[must_use]
    pub const fn as_mib(self) -> u64 {
        self.0 >> 20
    }

    /// Reads `512M`, `1.5G`, `2GiB`, `65536`; a number alone counts in `default_unit` (one of `B K M G T P`).
    ///
    /// # Errors
    /// [`ByteSizeError`] when the text is no amount, or none that is a whole number of bytes.
    pub fn parse_with_unit(text: &str, default_unit: char) -> Result<Self, ByteSizeError> {
        let error = || ByteSizeError(text.to_owned());
        let trimmed = text.trim();
        let digits = trimmed
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(digits);
        let unit = match unit.trim_start() {
            "" => default_unit,
            unit => unit_letter(unit).ok_or_else(error)?,
        };
        let scale = match unit {
            'B' => 1,
            unit => UNITS
                .iter()
                .find(|(_, letter)| *letter == unit)
                .map(|(scale, _)| *scale)
                .ok_or_else(error)?,
        };
        scaled(number, scale).map(Self).ok_or_else(error)
    }
}

/// `M`, `m`, `MB` and `MiB` are all the same 2^20 here, as they are to QEMU and in the configuration language.
fn unit_letter(unit: &str) -> Option<char> {
    let mut letters = unit.chars();
    let first = letters.next()?.to_ascii_uppercase();
    match letters.as_str() {
        "" => Some(first),
        "B" | "b" | "iB" | "ib" if first != 'B' => Some(first),
        _ => None,
    }
}

fn scaled(number: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: u64 = whole.parse().ok()?;
    let mut total = u128::from(whole) * u128::from(scale);
    if !fraction.is_empty() {
        let digits: u64 = fraction.parse().ok()?;
        let power = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        let part = u128::from(digits) * u128::from(scale);
        if !part.is_multiple_of(power) {
            return None;
        }
        total += part / power;
    }
    u64::try_from(total).ok()
}

/// The largest unit that leaves a whole number: `512M`, `1536M`, `1000`. QEMU reads this form.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS
            .iter()
            .find(|(scale, _)| self.0 != 0 && self.0.is_multiple_of(*scale));
        match unit {
            Some((scale, letter)) => write!(f, "{}{letter}", self.0 / scale),
            None => write!(f, "{}", self.0),
        }
    }
}

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    /// As [`ByteSize::parse_with_unit`], a number alone counting bytes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse_with_unit(text, 'B')
    }
}

/// A text that is no amount of bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no size (hint: write a number and a unit, such as 512M or 1.5G)")]
pub struct ByteSizeError(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_the_units_people_write() {
        for (text, bytes) in [
            ("0", 0),
            ("1000", 1000),
            ("512M", 512 << 20),
            ("512m", 512 << 20),
            ("512MB", 512 << 20),
            ("2GiB", 2 << 30),
            (" 4 K ", 4096),
            ("1.5G", 3 << 29),
            ("7B", 7),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize::bytes(bytes)), "{text}");
        }
        assert_eq!(ByteSize::parse_with_unit("64", 'M'), Ok(ByteSize::mib(64)));
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in [
            "",
            "M",
            "12Q",
            "-1",
            "1.0.0",
            "0.3",
            "99999999999P",
            "1BB",
            "1 M M",
        ] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_is_written_in_the_largest_whole_unit() {
        for (size, text) in [
            (ByteSize::mib(512), "512M"),
            (ByteSize::mib(1536), "1536M"),
            (ByteSize::gib(4), "4G"),
            (ByteSize::bytes(1000), "1000"),
            (ByteSize::default(), "0"),
        ] {
            assert_eq!(size.to_string(), text);
        }
    }
}
