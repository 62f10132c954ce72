//! The tests there are. A test registers itself where it is written; no list needs touching.

use std::future::Future;
use std::pin::Pin;

use crate::{Test, TestResult};

/// A test's future.
pub type TestFuture<'a> = Pin<Box<dyn Future<Output = TestResult> + Send + 'a>>;

/// A test written in Rust.
#[derive(Clone, Copy)]
pub struct TestDef {
    /// What the configuration calls it: `type = NAME`.
    pub name: &'static str,
    /// Its body.
    pub run: for<'a> fn(&'a mut Test) -> TestFuture<'a>,
}

/// Every test linked into the program.
#[linkme::distributed_slice]
pub static TESTS: [TestDef];

/// The test called `name`.
pub fn find(name: &str) -> Option<&'static TestDef> {
    TESTS.iter().find(|test| test.name == name)
}

/// Registers an `async fn(&mut Test) -> TestResult` under its own name.
#[macro_export]
macro_rules! register {
    ($name:ident) => {
        const _: () = {
            #[$crate::linkme::distributed_slice($crate::TESTS)]
            #[linkme(crate = $crate::linkme)]
            static TEST: $crate::TestDef = $crate::TestDef {
                name: stringify!($name),
                run: |test| Box::pin($name(test)),
            };
        };
    };
}
