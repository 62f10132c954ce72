//! The stream on disk.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use crate::{Event, FORMAT, Record};

/// `events.jsonl`, open for appending.
#[derive(Debug)]
pub struct EventLog {
    file: File,
}

impl EventLog {
    /// Creates the file; it must not exist yet.
    ///
    /// # Errors
    /// Those of creating a file.
    pub fn create(path: &Path) -> io::Result<Self> {
        File::create_new(path).map(|file| Self { file })
    }

    /// Appends one record with one `write`, so that a reader never sees half of one that was completely written.
    ///
    /// # Errors
    /// Those of writing, a full disk first of all.
    pub fn append(&mut self, record: &Record) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        self.file.write_all(&line)
    }
}

/// A stream that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A line in the middle is not a record.
    #[error("line {line} is not an event: {source}")]
    Malformed {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The stream was written by a newer virt-test.
    #[error("events are in format {found}, and this virt-test reads up to {FORMAT}")]
    TooNew {
        /// Its format.
        found: u32,
    },
}

/// Reads a stream. A last line without its newline is what a crash left of a record, and is passed over.
///
/// # Errors
/// See [`ReadError`].
pub fn read(path: &Path) -> Result<Vec<Record>, ReadError> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut records = Vec::new();
    let mut text = String::new();
    for line in 1.. {
        text.clear();
        if reader.read_line(&mut text)? == 0 || !text.ends_with('\n') {
            break;
        }
        let record: Record =
            serde_json::from_str(&text).map_err(|source| ReadError::Malformed { line, source })?;
        if let Event::RunStarted { format, .. } = record.event
            && format > FORMAT
        {
            return Err(ReadError::TooNew { found: format });
        }
        records.push(record);
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn record(seq: u64, event: Event) -> Record {
        Record {
            seq,
            time: Timestamp::UNIX_EPOCH,
            event,
        }
    }

    #[test]
    fn what_was_appended_is_read_back_even_if_the_last_record_is_torn() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let mut log = EventLog::create(&path).unwrap();
        let first = record(0, Event::SetupStep { what: "x".into() });
        log.append(&first).unwrap();
        log.file.write_all(b"{\"seq\":1,\"ti").unwrap();
        assert_eq!(read(&path).unwrap(), [first]);
    }

    #[test]
    fn a_stream_from_the_future_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let start = Event::RunStarted {
            format: FORMAT + 1,
            version: "9".into(),
            argv: vec![],
            pid: 1,
            data_dir: "/d".into(),
            run_dir: "/r".into(),
            config: vec![],
        };
        EventLog::create(&path)
            .unwrap()
            .append(&record(0, start))
            .unwrap();
        assert!(matches!(read(&path), Err(ReadError::TooNew { found }) if found == FORMAT + 1));
    }
}
