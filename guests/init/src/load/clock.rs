//! A watch on the guest's clocks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use serde_json::{Map, json};

use super::{Outcome, failed};

const PAUSE: Duration = Duration::from_millis(2);

/// One clock, read again and again.
struct Clock {
    id: ClockId,
    first: Duration,
    last: Duration,
    longest_gap: Duration,
    steps_back: u64,
}

impl Clock {
    fn new(id: ClockId) -> Result<Self, String> {
        let now = now(id)?;
        Ok(Self {
            id,
            first: now,
            last: now,
            longest_gap: Duration::ZERO,
            steps_back: 0,
        })
    }

    fn read(&mut self) -> Result<(), String> {
        let now = now(self.id)?;
        match now.checked_sub(self.last) {
            Some(gap) => self.longest_gap = self.longest_gap.max(gap),
            None => self.steps_back += 1,
        }
        self.last = now;
        Ok(())
    }
}

fn now(id: ClockId) -> Result<Duration, String> {
    clock_gettime(id)
        .map(Duration::from)
        .map_err(failed("read a clock"))
}

pub(super) fn watch(stop: &AtomicBool) -> Result<Outcome, String> {
    let mut monotonic = Clock::new(ClockId::CLOCK_MONOTONIC)?;
    let mut real = Clock::new(ClockId::CLOCK_REALTIME)?;
    let mut readings = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(PAUSE);
        monotonic.read()?;
        real.read()?;
        readings += 1;
    }
    let mut said = Map::new();
    said.insert("readings".to_string(), json!(readings));
    for (name, clock) in [("monotonic", &monotonic), ("real", &real)] {
        let mut insert = |what: &str, value| said.insert(format!("{name}_{what}"), value);
        insert(
            "longest_gap_ms",
            json!(clock.longest_gap.as_millis() as u64),
        );
        insert(
            "elapsed_ms",
            json!(clock.last.saturating_sub(clock.first).as_millis() as u64),
        );
        insert("steps_back", json!(clock.steps_back));
    }
    Ok((said, monotonic.steps_back + real.steps_back))
}
