//! How a migration fares, in numbers.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::qmp::MigrationStatus;

/// How a migration fares (`MigrationInfo` of QEMU's QAPI reference). What a QEMU does not tell, or not yet, is absent or 0.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Figures {
    /// How far it has come.
    pub status: MigrationStatus,
    /// Memory.
    pub ram: RamFigures,
    /// From its beginning until now, or to its end.
    #[serde(deserialize_with = "milliseconds")]
    pub total_time: Option<Duration>,
    /// Making of the connection.
    #[serde(deserialize_with = "milliseconds")]
    pub setup_time: Option<Duration>,
    /// How long the guest would stand still if it were stopped now.
    #[serde(deserialize_with = "milliseconds")]
    pub expected_downtime: Option<Duration>,
    /// How long the guest stood still, by the source's account.
    #[serde(deserialize_with = "milliseconds")]
    pub downtime: Option<Duration>,
    /// Percentage of its time the guest loses to `auto-converge`.
    pub cpu_throttle_percentage: Option<u8>,
    /// Pages sent as what changed in them.
    pub xbzrle_cache: Option<XbzrleFigures>,
    /// Why it failed.
    pub error_desc: Option<String>,
}

/// What has become of the guest's memory (`MigrationStats` of QEMU's QAPI reference).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct RamFigures {
    /// Bytes sent.
    pub transferred: u64,
    /// Bytes still to be sent.
    pub remaining: u64,
    /// Bytes there are.
    pub total: u64,
    /// Pages of nothing but zeros.
    pub duplicate: u64,
    /// Pages sent whole.
    pub normal: u64,
    /// Throughput in megabits a second.
    pub mbps: f64,
    /// Pages the guest writes to in a second.
    pub dirty_pages_rate: u64,
    /// How often the pages written to were collected.
    pub dirty_sync_count: u64,
    /// Pages the guest waited for after it went on at the destination.
    pub postcopy_requests: u64,
    /// Bytes sent over the connections of `multifd`.
    pub multifd_bytes: u64,
}

/// What `xbzrle` has done (`XBZRLECacheStats` of QEMU's QAPI reference).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct XbzrleFigures {
    /// Pages sent as what changed in them.
    pub pages: u64,
    /// Bytes that took.
    pub bytes: u64,
    /// Pages that had not been sent before, as far as is remembered.
    pub cache_miss: u64,
    /// Pages in which too much had changed.
    pub overflow: u64,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            status: MigrationStatus::None,
            ram: RamFigures::default(),
            total_time: None,
            setup_time: None,
            expected_downtime: None,
            downtime: None,
            cpu_throttle_percentage: None,
            xbzrle_cache: None,
            error_desc: None,
        }
    }
}

impl Figures {
    /// Is it neither over, nor not begun?
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        use MigrationStatus::{Cancelled, Completed, Failed, None};
        !matches!(self.status, None | Completed | Failed | Cancelled)
    }
}

fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let milliseconds: Option<u64> = Option::deserialize(deserializer)?;
    Ok(milliseconds.map(Duration::from_millis))
}

/// One line: `completed, 87.3 MiB sent, 0.0 MiB left, 811 Mbit/s, downtime 12 ms of 902 ms`.
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        write!(
            f,
            "{}, {:.1} MiB sent, {:.1} MiB left, {:.0} Mbit/s",
            self.status,
            mib(self.ram.transferred),
            mib(self.ram.remaining),
            self.ram.mbps
        )?;
        if let Some(downtime) = self.downtime {
            write!(f, ", downtime {} ms", downtime.as_millis())?;
        }
        match self.total_time {
            Some(total) => write!(f, " of {} ms", total.as_millis()),
            None => Ok(()),
        }
    }
}

/// A look at a migration under way.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Since its beginning.
    pub at: Duration,
    /// How it fares at the source.
    pub figures: Figures,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn figures_are_read_as_qemu_tells_them() {
        let told = json!({
            "status": "completed", "total-time": 902, "setup-time": 3, "downtime": 12,
            "ram": {"transferred": 91_541_504, "remaining": 0, "total": 537_403_392, "mbps": 811.5, "dirty-sync-count": 3,
                    "not-yet-invented": 1},
        });
        let figures: Figures = serde_json::from_value(told).unwrap();
        assert_eq!(figures.downtime, Some(Duration::from_millis(12)));
        assert_eq!(figures.ram.dirty_sync_count, 3);
        assert_eq!(
            figures.to_string(),
            "completed, 87.3 MiB sent, 0.0 MiB left, 812 Mbit/s, downtime 12 ms of 902 ms"
        );
    }

    #[test]
    fn a_machine_that_never_migrated_has_no_figures() {
        let figures: Figures = serde_json::from_value(json!({})).unwrap();
        assert_eq!(figures, Figures::default());
    }
}
