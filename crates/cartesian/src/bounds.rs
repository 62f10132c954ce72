//! `X_min`, `X_max` and `X_fixed`: bounds on the value of `X`, in numbers or sizes.

use std::cmp::Ordering;

/// Compares two values: as sizes (a number and one of B K M G T, without one M) if either holds such a letter, else as
/// whole numbers.
///
/// # Errors
///
/// The value that cannot be read.
pub(crate) fn compare<'v>(a: &'v str, b: &'v str) -> Result<Ordering, &'v str> {
    let has_unit = |text: &str| text.contains(['B', 'b', 'K', 'k', 'M', 'm', 'G', 'g', 'T', 't']);
    if has_unit(a) || has_unit(b) {
        let (x, y) = (size(a).ok_or(a)?, size(b).ok_or(b)?);
        return x.partial_cmp(&y).ok_or(a);
    }
    let (x, y) = (Whole::read(a).ok_or(a)?, Whole::read(b).ok_or(b)?);
    Ok(x.cmp(&y))
}

/// A size in bytes, whole.
fn size(text: &str) -> Option<f64> {
    let last = text.chars().next_back()?;
    let (number, unit) = match last.to_ascii_uppercase() {
        unit @ ('B' | 'K' | 'M' | 'G' | 'T') => (&text[..text.len() - 1], unit),
        _ => (text, 'M'),
    };
    let shift = match unit {
        'B' => 0,
        'K' => 10,
        'M' => 20,
        'G' => 30,
        _ => 40,
    };
    let number = number.trim_matches(crate::lexer::is_space);
    let plain = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E' | '_');
    if !number.chars().all(plain) {
        return None;
    }
    let number: f64 = without_separators(number)?.parse().ok()?;
    let bytes =
        (number * f64::from(1_u32 << (shift / 2)) * f64::from(1_u32 << (shift - shift / 2)))
            .trunc();
    bytes.is_finite().then_some(bytes)
}

/// Removes `_` between digits; none if it stands elsewhere.
fn without_separators(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digit = |i: Option<usize>| i.and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_digit);
    let misplaced = |i: usize| !digit(i.checked_sub(1)) || !digit(Some(i + 1));
    if (0..bytes.len()).any(|i| bytes[i] == b'_' && misplaced(i)) {
        return None;
    }
    Some(text.replace('_', ""))
}

/// A whole number of any length.
#[derive(PartialEq, Eq)]
struct Whole {
    negative: bool,
    digits: String,
}

impl Whole {
    fn read(text: &str) -> Option<Self> {
        let text = without_separators(text.trim_matches(crate::lexer::is_space))?;
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(&text)),
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let digits = digits.trim_start_matches('0').to_owned();
        Some(Self {
            negative: negative && !digits.is_empty(),
            digits,
        })
    }

    fn cmp(&self, other: &Self) -> Ordering {
        let magnitude =
            |a: &Self, b: &Self| (a.digits.len(), &a.digits).cmp(&(b.digits.len(), &b.digits));
        match (self.negative, other.negative) {
            (false, false) => magnitude(self, other),
            (true, true) => magnitude(other, self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_compare_in_bytes_and_a_bare_number_beside_a_size_is_mebibytes() {
        assert_eq!(compare("2G", "1500M"), Ok(Ordering::Greater));
        assert_eq!(compare("1024", "1G"), Ok(Ordering::Equal));
        assert_eq!(compare("1.5k", "1536B"), Ok(Ordering::Equal));
        assert_eq!(compare("abc", "def"), Err("abc"));
        assert_eq!(compare("1", ""), Err(""));
        assert_eq!(compare("1M", ""), Err(""));
    }

    #[test]
    fn whole_numbers_compare_at_any_length() {
        let long = "123456789012345678901234567890";
        assert_eq!(compare(long, "9"), Ok(Ordering::Greater));
        assert_eq!(compare("-5", "-4"), Ok(Ordering::Less));
        assert_eq!(compare("-0", "0"), Ok(Ordering::Equal));
        assert_eq!(compare("1_000", "999"), Ok(Ordering::Greater));
        assert_eq!(compare("1.5", "2"), Err("1.5"));
    }
}
