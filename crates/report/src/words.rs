//! How times and figures are said.

use events::MigrationFigures;

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

/// How a machine's migration fares: `migrating vm1: active, 12 of 512 MiB left, 811 Mbit/s`.
pub(crate) fn migrating(machine: &str, figures: &MigrationFigures) -> String {
    let mib = |bytes: u64| bytes >> 20;
    format!(
        "migrating {machine}: {}, {} of {} MiB left, {:.0} Mbit/s",
        figures.status,
        mib(figures.remaining),
        mib(figures.total),
        figures.mbps
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_migration_says_how_far_it_has_come() {
        let figures = MigrationFigures {
            status: "active".to_owned(),
            remaining: 12 << 20,
            total: 512 << 20,
            mbps: 811.2,
            ..MigrationFigures::default()
        };
        assert_eq!(
            migrating("vm1", &figures),
            "migrating vm1: active, 12 of 512 MiB left, 811 Mbit/s"
        );
    }

    #[test]
    fn a_clock_is_added_from_a_minute_on() {
        assert_eq!(clock(59_999), "60.00 s");
        assert_eq!(clock(250_110), "250.11 s (04:10)");
        assert_eq!(clock(3_661_000), "3661.00 s (01:01:01)");
    }
}
