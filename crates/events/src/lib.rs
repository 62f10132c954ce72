//! What happened? The typed, versioned event stream every report is made from.
//!
//! A run appends one JSON object a line to `events.jsonl` and flushes it at once, so a crash loses nothing that had
//! happened. Console lines and `results.json` are functions of this stream and of nothing else, so a report can be made
//! again from any old run.
//!
//! # Version rule
//!
//! The first line of a stream is [`Event::RunStarted`], whose `format` is [`FORMAT`]. Within one format, fields and event types may be
//! added, never removed or given another meaning: a reader ignores fields it does not know and reads an event type it does
//! not know as [`Event::Unknown`]. Anything else raises `FORMAT`, and a reader refuses a stream newer than itself.
//!
//! ```
//! use events::{Event, Record};
//! let line = r#"{"seq":4,"time":"2026-11-22T10:24:58.123Z","event":{"type":"from_the_future","x":1}}"#;
//! let record: Record = serde_json::from_str(line).unwrap();
//! assert_eq!(record.event, Event::Unknown);
//! ```

mod event;
mod log;
mod stream;

pub use event::{
    Counts, Event, MachineStatus, Migration, MigrationFigures, Record, TestPlan, TestStatus,
    Verdict,
};
pub use log::{EventLog, ReadError, read};
pub use stream::{Sender, Subscriber, channel};

/// The format written by this version, see the version rule of the crate.
pub const FORMAT: u32 = 1;
