//! The tests we ship, one file each, each short enough to copy.
//!
//! Every file below this folder is found when the crate is built, and every test in one registers itself: a program that
//! links this crate has them all. The parameters of a test stand beside it, in a `.cfg` file of the test's name.

include!(concat!(env!("OUT_DIR"), "/modules.rs"));

/// Keeps the tests in a program that names nothing else of this crate.
pub fn link() {}
