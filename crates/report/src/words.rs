//! How times are said.

/// Seconds with two decimals, such as `2.31 s`.
pub fn seconds(elapsed_ms: u64) -> String {
    format!("{:.2} s", elapsed_ms as f64 / 1000.0)
}

/// [`seconds`], and from a minute on also `(MM:SS)` or `(HH:MM:SS)`.
pub fn clock(elapsed_ms: u64) -> String {
    let total = elapsed_ms / 1000;
    let (hours, minutes, secs) = (total / 3600, total / 60 % 60, total % 60);
    let plain = seconds(elapsed_ms);
    match (hours, minutes) {
        (0, 0) => plain,
        (0, _) => format!("{plain} ({minutes:02}:{secs:02})"),
        _ => format!("{plain} ({hours:02}:{minutes:02}:{secs:02})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_added_from_a_minute_on() {
        assert_eq!(clock(59_999), "60.00 s");
        assert_eq!(clock(250_110), "250.11 s (04:10)");
        assert_eq!(clock(3_661_000), "3661.00 s (01:01:01)");
    }
}
