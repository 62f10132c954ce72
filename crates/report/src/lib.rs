//! What happened, for people and for machines? Pure functions of the event stream.
//!
//! [`Console`] turns events into the lines a person reads; [`Results`] is the summary a machine reads, made at any time
//! from `events.jsonl`.

mod console;
mod live;
mod results;
mod words;

pub use console::{Console, Palette};
pub use results::{FORMAT, Results, TestResult, results};
pub use words::{clock, seconds};
