//! How does one test, and how do a thousand, get run and cleaned up?
//!
//! A [`Plan`] is made of the variants of a configuration; [`Env::prepare`] sets up what its tests share; [`run`] runs them
//! and says what happens as [`events`]. A test is an async function with an [attribute](test):
//!
//! ```no_run
//! # extern crate harness as virt_test;
//! use virt_test::{Test, TestResult, check};
//!
//! /// The guest's shell can count.
//! #[virt_test::test]
//! async fn counting(test: &mut Test) -> TestResult {
//!     let vm = test.main_vm()?;
//!     let mut session = test.log_in(&vm).await?;
//!     let sum = session.run("echo $((6 * 7))").await?;
//!     check!(sum.stdout_text() == "42", "6 * 7 is '{}'", sum.stdout_text());
//!     Ok(())
//! }
//! ```

mod addresses;
mod attempt;
mod budget;
mod builds;
mod ending;
mod env;
mod firmware;
mod fork;
mod furnish;
mod hooks;
mod logging;
mod migrate;
mod order;
mod outside;
mod plan;
mod registry;
mod requires;
mod rundir;
mod runner;
mod running;
mod scheduler;
mod sentinel;
mod sessions;
mod test;
mod verdict;

/// What the attribute is made of.
#[doc(hidden)]
pub mod __private {
    pub use linkme;

    pub use crate::registry::{KINDS, TESTS, TestDef};

    /// For whoever has this crate under the name of `virt_test`, the tests we ship, there is nothing for `cargo test` to run.
    #[macro_export]
    #[doc(hidden)]
    macro_rules! __no_cargo_test {
        ($($test:tt)*) => {};
    }
    pub use __no_cargo_test as as_cargo_test;
}

pub use budget::Limits;
pub use ending::Ending;
pub use env::{Env, Settings, SetupError};
pub use logging::{DebugLog, TestLogs};
pub use macros::test;
pub use migrate::Moved;
pub use order::{Durations, Order};
pub use plan::{Plan, Planned, Selected};
pub use registry::{TestDef, TestFuture, configuration, find, own_keys, tests};
pub use rundir::create as create_run_dir;
pub use runner::{Halt, Rounds, Schedule, Summary, run};
pub use sessions::Client;
pub use test::{SubResult, Test};
pub use verdict::{Stop, TestResult, chain};
pub use vm::{Session, Vm};
