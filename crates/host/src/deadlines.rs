//! Deadlines that are as long as this host, now, needs.
//!
//! A deadline in the code is what would be generous with KVM on an idle host of the reference speed. Here it is multiplied by
//!
//! - how much slower this host's processor is: a short calculation, timed once a boot;
//! - what the accelerator costs: [`TCG_FACTOR`] for TCG, whose guests need about that many times the processor time;
//! - how busy the host is at this moment: those that want to run, and the guest, shared out over the processors.
//!
//! No factor is below 1: a fast and idle host finishes early, it need not give up early.

use std::fs;
use std::hint::black_box;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use patience::Stopwatch;
use serde::{Deserialize, Serialize};

use crate::accel::Accel;
use crate::process::boot_id;

/// What TCG costs. Booting a small Linux guest takes some five times as long as with KVM, work of its kernel ten times and more.
pub const TCG_FACTOR: f64 = 10.0;

/// What [`calculation`] takes on the reference host, an AMD EPYC at 2.6 GHz: the best of many runs.
const REFERENCE: Duration = Duration::from_micros(270);

/// Runs of the calculation; the best counts, since others only ever make it slower. Together some 5 ms.
const RUNS: u32 = 12;

/// Bounds of the factors: beyond these the host is not slow but unfit, and somebody should be told soon.
///
/// Under a load of 19 on 2 processors, by which such a host is ten times as busy as it should be, guests booted under TCG in 20 s instead of
/// 3 s: a limit of 30 s is 300 s long there, stretched by nothing yet. Stretching it further only tells later what never comes.
const SLOWEST: f64 = 20.0;
const BUSIEST: f64 = 4.0;

/// Raised when what is kept changes its meaning, the reference included.
const FORMAT: u32 = 1;

/// By what to stretch deadlines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deadlines {
    /// How much slower this host's processor is; it does not change during a run.
    base: f64,
    /// What the accelerator costs.
    accelerator: f64,
    /// Processors to share the load, or nothing if the load is not to count.
    processors: Option<usize>,
}

/// A deadline that is running.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    start: Stopwatch,
    base: Duration,
    deadlines: Deadlines,
}

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    format: u32,
    boot_id: String,
    nanoseconds: u64,
}

impl Deadlines {
    /// Measures this host, or recalls what was measured since it was started; `cache` is where that is kept.
    #[must_use]
    pub fn measure(cache: &Path, accel: Accel) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Deadlines {
            base: processor_factor(calculation_time(cache)),
            accelerator: accel_factor(accel),
            processors: Some(processors),
        }
    }

    /// Always the same factor, whatever the host; at least 1.
    #[must_use]
    pub fn fixed(scale: f64) -> Self {
        Deadlines {
            base: scale.max(1.0),
            accelerator: 1.0,
            processors: None,
        }
    }

    /// The same for what no guest has a part in.
    #[must_use]
    pub fn without_guests(self) -> Self {
        Deadlines {
            accelerator: 1.0,
            ..self
        }
    }

    /// The factor now.
    #[must_use]
    pub fn scale(&self) -> f64 {
        let busy = self
            .processors
            .map_or(1.0, |processors| busy_factor(load(), processors));
        self.base * self.accelerator * busy
    }

    /// A time as it would be generous with KVM on an idle reference host, stretched to this one as it is now.
    #[must_use]
    pub fn scaled(&self, base: Duration) -> Duration {
        let seconds = base.as_secs_f64() * self.scale();
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// Starts a deadline that heeds how busy the host becomes while it runs.
    #[must_use]
    pub fn start(&self, base: Duration) -> Deadline {
        Deadline {
            start: Stopwatch::start(),
            base,
            deadlines: *self,
        }
    }
}

impl Deadline {
    /// Time since its start, but for that in which the program stood still.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Time left, by the host's load now; it may grow. Ask again when it seems to be over.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadlines
            .scaled(self.base)
            .saturating_sub(self.elapsed())
    }

    /// Is it over?
    #[must_use]
    pub fn expired(&self) -> bool {
        self.remaining().is_zero()
    }
}

fn accel_factor(accel: Accel) -> f64 {
    match accel {
        Accel::Kvm => 1.0,
        Accel::Tcg => TCG_FACTOR,
    }
}

fn processor_factor(time: Duration) -> f64 {
    (time.as_secs_f64() / REFERENCE.as_secs_f64()).clamp(1.0, SLOWEST)
}

/// `load` tasks want to run, and so will the guest.
fn busy_factor(load: f64, processors: usize) -> f64 {
    let processors = u32::try_from(processors)
        .map_or(f64::MAX, f64::from)
        .max(1.0);
    ((load + 1.0) / processors).clamp(1.0, BUSIEST)
}

/// Tasks that want to run, ourselves excluded; 0 if the kernel does not say.
fn load() -> f64 {
    fs::read_to_string("/proc/loadavg")
        .ok()
        .and_then(|text| parse_load(&text))
        .unwrap_or(0.0)
}

/// The larger of the average over a minute and the number just now, see `proc_loadavg(5)`: the first knows what comes in waves, the second
/// what has just begun.
fn parse_load(text: &str) -> Option<f64> {
    let mut fields = text.split_ascii_whitespace();
    let average: f64 = fields.next()?.parse().ok()?;
    let (running, _) = fields.nth(2)?.split_once('/')?;
    let now: f64 = running.parse().ok()?;
    // We are running as we read it.
    Some(average.max(now - 1.0))
}

fn calculation_time(cache: &Path) -> Duration {
    let file = cache.join("speed.json");
    let boot_id = boot_id().unwrap_or_default();
    if let Some(time) = recall(&file, &boot_id) {
        return time;
    }
    let time = (0..RUNS).map(|_| calculation()).min().unwrap_or(REFERENCE);
    // A cache that cannot be written costs some milliseconds at every start, nothing else.
    let _ = keep(&file, boot_id, time);
    time
}

/// Times a calculation of the standard library that is compiled with it, so that our own debug builds are no slower at it.
fn calculation() -> Duration {
    let text = "Ж".repeat(32 << 10).into_bytes();
    let start = Instant::now();
    for _ in 0..8 {
        let _ = black_box(std::str::from_utf8(black_box(&text)));
    }
    start.elapsed()
}

fn recall(file: &Path, boot_id: &str) -> Option<Duration> {
    let kept: Kept = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    let current = kept.format == FORMAT && kept.boot_id == boot_id && !boot_id.is_empty();
    current.then_some(Duration::from_nanos(kept.nanoseconds))
}

fn keep(file: &Path, boot_id: String, time: Duration) -> io::Result<()> {
    let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    crate::cache::store(
        file,
        &Kept {
            format: FORMAT,
            boot_id,
            nanoseconds,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_and_idle_host_does_not_give_up_early() {
        assert_eq!(processor_factor(REFERENCE / 10), 1.0);
        assert_eq!(busy_factor(0.0, 64), 1.0);
        assert_eq!(Deadlines::fixed(0.1).scale(), 1.0);
    }

    #[test]
    fn a_slow_host_gets_more_time_within_bounds() {
        assert_eq!(processor_factor(REFERENCE * 3), 3.0);
        assert_eq!(processor_factor(REFERENCE * 1000), SLOWEST);
    }

    #[test]
    fn the_guest_shares_the_processors_with_what_runs_already() {
        assert_eq!(busy_factor(7.0, 2), 4.0);
        assert_eq!(busy_factor(1.0, 2), 1.0);
        assert_eq!(busy_factor(25.0, 2), BUSIEST);
        assert_eq!(busy_factor(1e9, 2), BUSIEST);
        assert_eq!(busy_factor(3.0, 0), 4.0);
    }

    #[test]
    fn tcg_costs_its_factor() {
        assert_eq!(
            accel_factor(Accel::Tcg) / accel_factor(Accel::Kvm),
            TCG_FACTOR
        );
    }

    #[test]
    fn the_load_is_the_larger_of_the_average_and_now_without_us() {
        assert_eq!(parse_load("0.50 0.40 0.30 4/100 1234\n"), Some(3.0));
        assert_eq!(parse_load("6.30 5.10 3.22 1/144 4930\n"), Some(6.3));
        assert_eq!(parse_load("garbage"), None);
        assert_eq!(parse_load(""), None);
    }

    #[test]
    fn times_are_multiplied() {
        let deadlines = Deadlines::fixed(2.5);
        assert_eq!(
            deadlines.scaled(Duration::from_secs(4)),
            Duration::from_secs(10)
        );
        let deadline = deadlines.start(Duration::from_secs(400));
        assert!(!deadline.expired());
        assert!(deadline.remaining() > Duration::from_secs(900));
        assert!(deadlines.start(Duration::ZERO).expired());
    }

    #[test]
    fn this_host_is_measured_once_a_boot() {
        let temp = tempfile::tempdir().unwrap();
        let first = calculation_time(temp.path());
        assert!(
            first > Duration::from_micros(20),
            "{first:?}: the calculation was optimised away"
        );
        let kept = fs::read_to_string(temp.path().join("speed.json")).unwrap();
        assert_eq!(calculation_time(temp.path()), first);
        fs::write(
            temp.path().join("speed.json"),
            kept.replace("boot_id\":\"", "boot_id\":\"x"),
        )
        .unwrap();
        assert_eq!(
            recall(&temp.path().join("speed.json"), &boot_id().unwrap()),
            None
        );
        let deadlines = Deadlines::measure(temp.path(), Accel::Tcg);
        assert!(deadlines.scale() >= TCG_FACTOR);
        assert!(deadlines.scale() <= TCG_FACTOR * SLOWEST * BUSIEST);
    }
}
