//! How much is that? Amounts of memory and storage, as people write them and as QEMU reads them.
//!
//! ```
//! use units::{ByteSize, SizeUnit};
//!
//! let mem = ByteSize::parse("1.5G", SizeUnit::M);
//! assert_eq!(mem, Some(ByteSize::mib(1536)));
//! assert_eq!(ByteSize::mib(1536).to_string(), "1536M");
//! ```

use std::fmt;

/// The unit of a size written without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SizeUnit {
    /// Bytes.
    B,
    /// KiB, 1024 bytes.
    K,
    /// MiB, 1024² bytes.
    M,
    /// GiB, 1024³ bytes.
    G,
    /// TiB, 1024⁴ bytes.
    T,
}

impl SizeUnit {
    /// How many bytes one of this unit is.
    pub const fn bytes(self) -> u64 {
        match self {
            Self::B => 1,
            Self::K => 1 << 10,
            Self::M => 1 << 20,
            Self::G => 1 << 30,
            Self::T => 1 << 40,
        }
    }

    /// The unit a letter stands for, in either case.
    pub const fn from_letter(letter: char) -> Option<Self> {
        match letter.to_ascii_uppercase() {
            'B' => Some(Self::B),
            'K' => Some(Self::K),
            'M' => Some(Self::M),
            'G' => Some(Self::G),
            'T' => Some(Self::T),
            _ => None,
        }
    }

    /// `M`, `m`, `MB`, `Mb` and `MiB` are all the same 2^20, as they are to QEMU.
    fn from_suffix(suffix: &str) -> Option<Self> {
        let mut letters = suffix.chars();
        let unit = Self::from_letter(letters.next()?)?;
        match letters.as_str() {
            "" => Some(unit),
            "B" | "b" | "iB" if unit != Self::B => Some(unit),
            _ => None,
        }
    }
}

impl fmt::Display for SizeUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::B => "bytes",
            Self::K => "KiB",
            Self::M => "MiB",
            Self::G => "GiB",
            Self::T => "TiB",
        })
    }
}

/// An amount of memory or storage, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

impl ByteSize {
    /// That many bytes.
    #[must_use]
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// That many MiB (2^20 bytes); what does not fit becomes the largest amount there is.
    #[must_use]
    pub const fn mib(mib: u64) -> Self {
        Self(mib.saturating_mul(SizeUnit::M.bytes()))
    }

    /// That many GiB (2^30 bytes); what does not fit becomes the largest amount there is.
    #[must_use]
    pub const fn gib(gib: u64) -> Self {
        Self(gib.saturating_mul(SizeUnit::G.bytes()))
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

    /// Reads a size such as `20G`, `1.5g` or `512 MiB`; a bare number counts `unit`. Rounds a fraction of a byte down. `None` for
    /// what is no size, and for what does not fit 64 bits.
    #[must_use]
    pub fn parse(text: &str, unit: SizeUnit) -> Option<Self> {
        let text = text.trim();
        let end = text
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .unwrap_or(text.len());
        let (number, suffix) = text.split_at(end);
        let unit = match suffix.trim_start() {
            "" => unit,
            suffix => SizeUnit::from_suffix(suffix)?,
        };
        scaled(number, unit.bytes()).map(Self)
    }
}

/// A decimal number times `scale`, without the detour by floating point that would lose bytes of large sizes.
fn scaled(number: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let whole = whole.parse::<u64>().ok()?.checked_mul(scale)?;
    let power = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let part = fraction
        .parse::<u128>()
        .ok()?
        .checked_mul(u128::from(scale))?
        / power;
    whole.checked_add(u64::try_from(part).ok()?)
}

/// The largest unit that leaves a whole number: `512M`, `1536M`, `1000`. QEMU reads this form.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (letter, shift) in [('T', 40), ('G', 30), ('M', 20), ('K', 10)] {
            if self.0 != 0 && self.0.trailing_zeros() >= shift {
                return write!(f, "{}{letter}", self.0 >> shift);
            }
        }
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_bare_number_counts_the_unit_it_is_given() {
        assert_eq!(
            ByteSize::parse("512", SizeUnit::M),
            Some(ByteSize::mib(512))
        );
        assert_eq!(
            ByteSize::parse("512", SizeUnit::B),
            Some(ByteSize::bytes(512))
        );
    }

    #[test]
    fn sizes_are_read_in_the_units_people_write() {
        for (text, bytes) in [
            ("0", 0),
            ("2G", 2 << 30),
            ("512m", 512 << 20),
            ("512MB", 512 << 20),
            ("2GiB", 2 << 30),
            (" 4 K ", 4096),
            ("1.5g", 3 << 29),
            ("7b", 7),
            ("0.3K", 307),
        ] {
            let read = ByteSize::parse(text, SizeUnit::B);
            assert_eq!(read, Some(ByteSize::bytes(bytes)), "{text}");
        }
    }

    #[test]
    fn a_large_size_loses_no_byte() {
        let text = "18446744073709551615";
        assert_eq!(
            ByteSize::parse(text, SizeUnit::B),
            Some(ByteSize::bytes(u64::MAX))
        );
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in [
            "",
            "M",
            "-1",
            "1X",
            "1.2.3M",
            "1.T",
            ".5G",
            "1MMM",
            "99999999999T",
            "1BB",
            "iB",
            "1iB",
            "1 M M",
        ] {
            assert_eq!(ByteSize::parse(text, SizeUnit::M), None, "{text}");
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

    proptest! {
        #[test]
        fn the_shown_size_reads_back_as_itself(bytes: u64) {
            let size = ByteSize::bytes(bytes);
            prop_assert_eq!(ByteSize::parse(&size.to_string(), SizeUnit::B), Some(size));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,12}") {
            let _ = ByteSize::parse(&text, SizeUnit::M);
        }
    }
}
