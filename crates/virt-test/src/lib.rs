//! Tests of virtual machines that boot real guests.
//!
//! A test is an async function with an [attribute](macro@test). It gets a [`Test`], which has the parameters and starts machines, and
//! talks to a machine through its [`Vm`] and to the guest in it through a [`Session`]:
//!
//! ```
//! use virt_test::{Test, TestResult, check};
//!
//! /// A guest has the processors its machine has.
//! #[virt_test::test("smp = 2")]
//! async fn processors(test: &mut Test) -> TestResult {
//!     let vm = test.main_vm()?;
//!     let mut session = test.log_in(&vm).await?;
//!     let said = session.run("nproc").await?;
//!     check!(said.stdout_text() == "2", "nproc says '{}'", said.stdout_text());
//!     Ok(())
//! }
//! # fn main() {}
//! ```
//!
//! A test that returns `Ok` has PASSed, unless it [warned](Test::warn). [`check!`] ends it with FAIL; so does an error of the guest
//! or of QEMU that is passed on with `?`, while one of the host's is an ERROR, and what QEMU lacks a SKIP that names it. Its
//! machines, disks and processes are taken down whatever its end.
//!
//! # As a runner
//!
//! A program whose `main` is [`main`](fn@main) is a runner of the tests in it, of all where options name none, with everything
//! `virt-test` can do:
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     virt_test::main()
//! }
//! ```
//!
//! # In `cargo test`
//!
//! Where a crate itself is tested, in `tests/` or its own modules, each test also is a `#[test]`: it finds QEMU, guest and accelerator,
//! boots the machine, runs, and cleans up. FAIL and ERROR are panics; the reason of a SKIP is printed. The options of
//! `virt-test run` are taken from the environment variable `VIRT_TEST_OPTIONS`: `VIRT_TEST_OPTIONS='--qemu /my/qemu' cargo test`.

mod args;
mod bench;
mod cargo_test;
mod config;
mod doctor;
mod execute;
mod exit;
mod guest;
mod history;
mod install;
mod keys;
mod machines;
mod matrix;
mod options;
mod partition;
mod profile;
mod program;
mod provider;
mod rerun;
mod run;
mod say;
mod schedule;
mod selection;
mod serve;
mod signals;
mod sources;
mod template;

pub use harness::{Stop, Test, TestResult, check, test};
pub use machine;
pub use program::main;
pub use serde_json::json;
pub use vm::{self, Session, Vm};

/// What the attribute is made of.
#[doc(hidden)]
pub mod __private {
    pub use harness::__private::{TESTS, TestDef, linkme};

    pub use crate::cargo_test::cargo_test;
    pub use crate::program::main_with_default_tests;

    /// A test as one of `cargo test`.
    #[macro_export]
    #[doc(hidden)]
    macro_rules! __cargo_test {
        ($(#[$attribute:meta])* $name:ident) => {
            #[::core::prelude::v1::test]
            $(#[$attribute])*
            fn $name() {
                $crate::__private::cargo_test(stringify!($name), module_path!());
            }
        };
    }
    pub use __cargo_test as as_cargo_test;
}

/// The examples of the documentation, so that they stay true.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/hotplug-and-migration.md")]
pub struct HotplugAndMigration;
