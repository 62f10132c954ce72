//! What is borrowed from the host, written down before it is used, and given back on every path.
//!
//! A run has one ledger: a file of JSON lines under `RUNTIME/ledgers/`, locked (`flock(2)`) while its owner lives. Each thing
//! borrowed is one line, each thing given back another. A [`Token`] gives its thing back when dropped, be it on success, failure or
//! panic; after a `kill -9` the lock is free, and the next run reads the file and gives back what is left ([`Ledger::reap_stale`]).

mod file;
mod item;
mod reap;
mod scratch;

pub use file::{Ledger, LedgerError, Token};
pub use item::{GiveBackError, Item};
pub use reap::Reaped;
pub use scratch::Scratch;
