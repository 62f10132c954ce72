//! The tests we ship, one file each, each short enough to copy.
//!
//! Each registers itself; a program that links this crate has them all. What they are called with stands in
//! `providers/subtests.cfg`.

mod boot;
mod noop;
mod qmp_command;
mod reboot;
mod shutdown;

/// Keeps the tests in a program that names nothing else of this crate.
pub fn link() {}
