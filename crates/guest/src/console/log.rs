//! The console's log file: each line with the time its first byte came.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Piece;

pub(super) struct Log {
    file: File,
    zone: TimeZone,
    in_line: bool,
}

impl Log {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Ok(Log {
            file: File::create(path)?,
            zone: TimeZone::system(),
            in_line: false,
        })
    }

    /// Appends text at once, unfinished lines too: a crash loses nothing the guest has said.
    pub(super) fn write(&mut self, piece: &Piece) {
        let time = Timestamp::try_from(piece.at)
            .map(|at| {
                at.to_zoned(self.zone.clone())
                    .strftime("%H:%M:%S%.3f ")
                    .to_string()
            })
            .unwrap_or_default();
        let mut bytes = String::with_capacity(piece.text.len() + 64);
        for line in piece.text.split_inclusive('\n') {
            if !self.in_line {
                bytes.push_str(&time);
            }
            bytes.push_str(line);
            self.in_line = !line.ends_with('\n');
        }
        // A full disk must not stop the guest or its watchers; the text is still in the history.
        let _ = self.file.write_all(bytes.as_bytes());
    }
}
