//! Holds the machines of a test, or of a session of `virt-test serve`, from Rust.
//!
//! A test is a program:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use virt_test_client::{Test, TestResult};
//!
//! fn main() -> ExitCode {
//!     virt_test_client::main(boot)
//! }
//!
//! fn boot(test: &Test) -> TestResult {
//!     let vm = test.main_vm()?;
//!     assert_eq!(vm.run("uname -s")?, "Linux");
//!     Ok(())
//! }
//! ```
//!
//! It finds virt-test by the environment variable `VIRT_TEST_SOCKET`, which virt-test sets for its tests, and `virt-test serve` for others.
//!
//! Calls block: a test does one thing after the other, and needs no runtime for that. Everything here is `Send`, `Sync` and cheap to clone, so
//! what is to happen at once happens in threads. What takes long is an iterator of its output, its progress or its events, and who drops that
//! before its end cancels what was asked for.

mod asked;
mod client;
mod command;
mod error;
#[rustfmt::skip]
#[expect(missing_docs, reason = "members are told of with their type, as the interface does")]
mod generated;
mod streams;
mod test;
mod vm;

pub use client::{Canceller, SOCKET};
pub use command::{Chunk, Command, Exec, Output, Running};
pub use error::{CallError, Error, Result};
pub use generated::*;
pub use serde_json::{Value, json};
pub use streams::{Console, Migrated, Migrating, Watch};
pub use test::{Test, TestResult, main};
pub use vm::{Session, Vm};
