//! How is any executable a test?
//!
//! A program that exits with 0 has PASSed, and FAILed with anything else. It needs no configuration and no library: [`provider`] finds
//! the programs in a folder, and the kind of tests `exec` runs one in a session and a directory of its own, its parameters in its environment,
//! its machines running, and its output in the test's log. What it leaves running is ended.

mod child;
mod environment;
mod header;
pub mod provider;
mod run;
mod tap;

pub use environment::path_with_command;

/// What `type` says where a test is an executable.
pub const TYPE: &str = "exec";

#[harness::__private::linkme::distributed_slice(harness::__private::KINDS)]
#[linkme(crate = harness::__private::linkme)]
static EXEC: harness::TestDef = harness::TestDef {
    name: TYPE,
    about: "",
    type_specific: false,
    config: "",
    keys: &[],
    source: file!(),
    run: |test| Box::pin(run::run(test)),
};
