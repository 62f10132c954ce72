//! The frequency of the host's time-stamp counter.
//!
//! Under TCG a guest reads the host's counter. A guest that finds out the counter's frequency by itself compares it with a timer that QEMU
//! emulates, and on a busy host arrives at figures that are wrong many times over: its clock then runs too fast or too slow. It had
//! better be told (`tsc_early_khz=` of Linux).

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::process::boot_id;

/// Over what the counter is compared with the clock: 100 ns of error at each end make 4 in a million.
const SPAN: Duration = Duration::from_millis(50);

/// Readings at each end, of which the quickest counts.
const READINGS: u32 = 16;

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    boot_id: String,
    khz: u32,
}

/// Measures the frequency, kHz, or recalls what was measured since the host was started; `cache` is where that is kept. Nothing where the host
/// has no counter that runs at one frequency.
#[must_use]
pub fn frequency_khz(cache: &Path) -> Option<u32> {
    if !is_constant() {
        return None;
    }
    // A cache that cannot be used only costs the next run the measurement.
    recall_or_measure(cache).unwrap_or_else(|_| measure())
}

/// Runs that begin together measure once: machines, and with them templates, are the same only with the same figure.
fn recall_or_measure(cache: &Path) -> io::Result<Option<u32>> {
    let boot_id = boot_id()?;
    fs::create_dir_all(cache)?;
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(cache.join("tsc.json"))?;
    rustix::io::retry_on_intr(|| flock(&file, FlockOperation::LockExclusive))?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    if let Ok(kept) = serde_json::from_slice::<Kept>(&text)
        && kept.boot_id == boot_id
    {
        return Ok(Some(kept.khz));
    }
    let Some(khz) = measure() else {
        return Ok(None);
    };
    file.set_len(0)?;
    file.rewind()?;
    serde_json::to_writer(&file, &Kept { boot_id, khz })?;
    Ok(Some(khz))
}

fn is_constant() -> bool {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let mut flags = cpuinfo.lines().filter(|line| line.starts_with("flags"));
    flags
        .next()
        .is_some_and(|flags| flags.split_whitespace().any(|flag| flag == "constant_tsc"))
}

#[cfg(target_arch = "x86_64")]
fn measure() -> Option<u32> {
    let (start, first) = reading()?;
    std::thread::sleep(SPAN);
    let (end, last) = reading()?;
    let ticks = last.checked_sub(first)?;
    let khz = u128::from(ticks) * 1_000_000 / (end - start).as_nanos();
    u32::try_from(khz).ok().filter(|&khz| khz > 0)
}

#[cfg(not(target_arch = "x86_64"))]
fn measure() -> Option<u32> {
    None
}

/// Clock and counter at one moment, as nearly as can be.
#[cfg(target_arch = "x86_64")]
fn reading() -> Option<(Instant, u64)> {
    let readings = (0..READINGS).map(|_| {
        let before = Instant::now();
        // SAFETY: every x86_64 processor has the counter, and Linux lets programs read it.
        let ticks = unsafe { core::arch::x86_64::_rdtsc() };
        (before.elapsed(), before, ticks)
    });
    readings
        .min_by_key(|(took, ..)| *took)
        .map(|(took, before, ticks)| (before + took / 2, ticks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frequency_is_measured_once_and_recalled() {
        let cache = tempfile::tempdir().unwrap();
        let Some(khz) = frequency_khz(cache.path()) else {
            println!("this host has no time-stamp counter of constant frequency");
            return;
        };
        assert!((500_000..10_000_000).contains(&khz), "{khz} kHz");
        assert_eq!(frequency_khz(cache.path()), Some(khz));
    }

    #[test]
    fn those_who_ask_at_once_get_the_same_figure() {
        let cache = tempfile::tempdir().unwrap();
        let told: Vec<Option<u32>> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| frequency_khz(cache.path())))
                .collect();
            asking.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(told.iter().all(|khz| *khz == told[0]), "{told:?}");
    }

    #[test]
    fn two_measurements_agree() {
        let Some((first, second)) = measure().zip(measure()) else {
            return;
        };
        let difference = first.abs_diff(second);
        assert!(difference < first / 1000, "{first} and {second} kHz");
    }
}
