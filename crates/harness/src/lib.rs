//! How does one test, and how do a thousand, get run and cleaned up?
//!
//! A [`Plan`] is made of the variants of a configuration; [`Env::prepare`] sets up what its tests share; [`run`] runs them
//! and says what happens as [`events`]. A test is an async function that is [registered](register) where it is written:
//!
//! ```no_run
//! use harness::{Test, TestResult, check};
//!
//! /// The guest's shell can count.
//! async fn counting(test: &mut Test) -> TestResult {
//!     let vm = test.main_vm()?;
//!     check!(vm.name() == "vm1", "unexpected name {}", vm.name());
//!     Ok(())
//! }
//! harness::register!(counting);
//! ```

mod env;
mod firmware;
mod furnish;
mod hooks;
mod logging;
mod plan;
mod registry;
mod requires;
mod rundir;
mod runner;
mod test;
mod verdict;

#[doc(hidden)]
pub use linkme;

pub use env::{Env, Settings, SetupError};
pub use logging::{DebugLog, TestLogs};
pub use plan::{Plan, Planned};
pub use registry::{TESTS, TestDef, TestFuture, find};
pub use rundir::create as create_run_dir;
pub use runner::run;
pub use test::Test;
pub use verdict::{Stop, TestResult, chain};
