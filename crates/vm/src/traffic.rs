//! What was said on a monitor, kept in a file as it happens and, its last part, in memory.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Messages kept in memory.
const KEPT: usize = 40;
/// Longest part of a message kept in memory, in characters. The file has all of it.
const KEPT_CHARS: usize = 2000;

/// A log of both directions of a channel. Clones write to the same log.
///
/// A line is `TIME DIRECTION MESSAGE`: the time of day as in the consoles' logs, so that `sort` merges them; `>` to QEMU, `<` from it.
#[derive(Debug, Clone)]
pub(crate) struct Traffic(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    zone: TimeZone,
    log: Mutex<Log>,
}

#[derive(Debug)]
struct Log {
    file: Option<File>,
    tail: VecDeque<String>,
}

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    ToQemu,
    FromQemu,
}

impl Traffic {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self::new(Some(File::create(path)?)))
    }

    /// Keeps the last part in memory only.
    pub(crate) fn in_memory() -> Self {
        Self::new(None)
    }

    fn new(file: Option<File>) -> Self {
        let log = Log {
            file,
            tail: VecDeque::new(),
        };
        Self(Arc::new(Inner {
            zone: TimeZone::system(),
            log: Mutex::new(log),
        }))
    }

    pub(crate) fn record(&self, direction: Direction, message: &[u8]) {
        let sign = match direction {
            Direction::ToQemu => '>',
            Direction::FromQemu => '<',
        };
        let now = Timestamp::now().to_zoned(self.0.zone.clone());
        let time = now.strftime("%H:%M:%S%.3f");
        let message = String::from_utf8_lossy(message.trim_ascii_end());
        let line = format!("{time} {sign} {message}\n");
        let mut log = self.0.log.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &mut log.file {
            // A full disk must not stop the machine; the message still goes to whom it is for.
            let _ = file.write_all(line.as_bytes());
        }
        if log.tail.len() == KEPT {
            log.tail.pop_front();
        }
        log.tail
            .push_back(line.trim_end().chars().take(KEPT_CHARS).collect());
    }

    /// The last messages, oldest first.
    pub(crate) fn tail(&self) -> Vec<String> {
        let log = self.0.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.tail.iter().cloned().collect()
    }
}
