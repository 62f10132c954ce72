//! A disk that is written and checked round after round, past the guest's own cache.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::slice;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, json};

use super::{Outcome, Page, failed};

/// Pages written and read at once: 64 KiB.
const PAGES: usize = 16;
const BYTES: usize = PAGES * size_of::<Page>();

pub(super) struct Disk {
    device: File,
    /// The round each block was last written in.
    rounds: Vec<u64>,
    buffer: Vec<Page>,
}

impl Disk {
    /// Every block written once.
    pub(super) fn new(device: &str, mib: usize) -> Result<Self, String> {
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_DIRECT)
            .open(device);
        let device = opened.map_err(failed(&format!("open {device}")))?;
        let mut disk = Self {
            device,
            rounds: vec![0; mib * (1 << 20) / BYTES],
            buffer: vec![Page::ZERO; PAGES],
        };
        for block in 0..disk.rounds.len() {
            disk.write(block, 0)?;
        }
        Ok(disk)
    }

    pub(super) fn work(mut self, stop: &AtomicBool) -> Result<Outcome, String> {
        let (mut rounds, mut bad) = (0_u64, 0);
        while !stop.load(Ordering::Relaxed) {
            for block in 0..self.rounds.len() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                bad += self.check(block)?;
                self.write(block, self.rounds[block] + 1)?;
            }
            rounds += 1;
        }
        self.device.sync_all().map_err(failed("flush the disk"))?;
        for block in 0..self.rounds.len() {
            bad += self.check(block)?;
        }
        let mut said = Map::new();
        said.insert("rounds".to_string(), json!(rounds));
        said.insert("blocks".to_string(), json!(self.rounds.len()));
        Ok((said, bad))
    }

    fn check(&mut self, block: usize) -> Result<u64, String> {
        let offset = (block * BYTES) as u64;
        // SAFETY: the buffer is BYTES bytes of integers, which may hold anything, and nobody else looks at it meanwhile.
        let bytes =
            unsafe { slice::from_raw_parts_mut(self.buffer.as_mut_ptr().cast::<u8>(), BYTES) };
        self.device
            .read_exact_at(bytes, offset)
            .map_err(failed(&format!("read block {block}")))?;
        let round = self.rounds[block];
        let well = self
            .buffer
            .iter()
            .enumerate()
            .all(|(page, held)| held.holds(place(block, page), round));
        Ok(u64::from(!well))
    }

    fn write(&mut self, block: usize, round: u64) -> Result<(), String> {
        for (page, held) in self.buffer.iter_mut().enumerate() {
            held.fill(place(block, page), round);
        }
        let offset = (block * BYTES) as u64;
        // SAFETY: the buffer is BYTES bytes of integers, all of them written.
        let bytes = unsafe { slice::from_raw_parts(self.buffer.as_ptr().cast::<u8>(), BYTES) };
        self.device
            .write_all_at(bytes, offset)
            .map_err(failed(&format!("write block {block}")))?;
        self.rounds[block] = round;
        Ok(())
    }
}

/// Told from any place of memory, should one ever turn up on the disk.
fn place(block: usize, page: usize) -> u64 {
    1 << 31 | (block * PAGES + page) as u64
}
