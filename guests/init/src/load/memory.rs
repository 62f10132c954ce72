//! Memory that is written and checked round after round.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, json};

use super::{Outcome, Page};

const PAGES_OF_A_MIB: usize = 256;

pub(super) struct Memory {
    pages: Vec<Page>,
}

impl Memory {
    /// Every page written once.
    pub(super) fn new(mib: usize) -> Self {
        let mut pages = vec![Page::ZERO; mib * PAGES_OF_A_MIB];
        for (place, page) in pages.iter_mut().enumerate() {
            page.fill(place as u64, 0);
        }
        Self { pages }
    }

    /// Until told to stop, in the middle of a round if need be.
    pub(super) fn work(mut self, stop: &AtomicBool) -> Outcome {
        let (mut round, mut bad, mut done) = (0, 0, 0);
        while !stop.load(Ordering::Relaxed) {
            done = 0;
            for (place, page) in self.pages.iter_mut().enumerate() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                bad += u64::from(!page.holds(place as u64, round));
                page.fill(place as u64, round + 1);
                done += 1;
            }
            if done == self.pages.len() {
                round += 1;
                done = 0;
            }
        }
        for (place, page) in self.pages.iter().enumerate() {
            let round = if place < done { round + 1 } else { round };
            bad += u64::from(!page.holds(place as u64, round));
        }
        let mut said = Map::new();
        said.insert("rounds".to_string(), json!(round));
        said.insert("pages".to_string(), json!(self.pages.len()));
        (said, bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;
    use std::time::Duration;

    #[test]
    fn what_is_well_is_not_called_bad_wherever_a_round_is_cut_short() {
        for pause in [0, 1, 7, 20] {
            let stop = AtomicBool::new(false);
            let (said, bad) = thread::scope(|scope| {
                let work = scope.spawn(|| Memory::new(1).work(&stop));
                thread::sleep(Duration::from_millis(pause));
                stop.store(true, Ordering::Relaxed);
                work.join().unwrap()
            });
            assert_eq!(bad, 0);
            assert_eq!(said["pages"], 256);
        }
    }

    #[test]
    fn a_page_that_changed_is_found() {
        let mut memory = Memory::new(1);
        memory.pages[17].0[3] ^= 1 << 40;
        let (_, bad) = memory.work(&AtomicBool::new(true));
        assert_eq!(bad, 1);
    }
}
