//! Which QEMU is there, and what can it do? The binary is asked, over QMP and by `-device help`, and its answers are kept until
//! it changes.

mod answers;
mod ask;
mod cache;
mod error;
mod find;
mod firmware;
mod modules;
mod probe;

pub use error::QemuError;
pub use find::{find, find_all, in_path};
pub use probe::Qemu;
