//! What can this host do, and what did we borrow and must give back?
//!
//! - [`accel`] decides between KVM and TCG by running code, [`qemu`] asks a QEMU binary what it can do, [`budget`] says how much
//!   CPU and memory there is, [`packages`] and [`doctor`] name what is missing and what mends it.
//! - [`dirs`], [`ledger`] and [`process`] borrow from the host (directories, files, processes), write it down first, and give it
//!   back on every path, a `kill -9` of ours included.
//! - [`deadlines`] stretches every wait by the measured speed of the host.

pub mod accel;
pub mod budget;
pub mod deadlines;
pub mod dirs;
pub mod doctor;
pub mod ledger;
pub mod packages;
pub mod process;
pub mod qemu;
pub mod tsc;

mod cache;
mod run;
