//! What happened, for people and for machines? Pure functions of the event stream.
//!
//! [`Console`] turns events into the lines a person reads; [`Results`] is the summary a machine reads, made at any time
//! from `events.jsonl`.
//!
//! ```
//! use events::{Event, Record, Verdict};
//!
//! let line = r#"{"seq":9,"time":"2026-11-22T10:25:01.5Z","event":{"type":"test_finished","index":1,"name":"boot",
//!     "verdict":"fail","elapsed_ms":2310,"reason":"the guest panicked","details":[]}}"#;
//! let record: Record = serde_json::from_str(line)?;
//! let results = report::results(&[record]);
//! assert_eq!(results.counts.fail, 1);
//! # Ok::<(), serde_json::Error>(())
//! ```

mod console;
mod json;
mod live;
pub mod matrix;
mod results;
mod words;

pub use console::{Console, Palette};
pub use json::JsonLines;
pub use results::{FORMAT, Results, TestResult, results};
pub use words::{clock, seconds};
