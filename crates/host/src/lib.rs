//! What can this host do, and what did we borrow and must give back?
//!
//! - [`accel`] decides between KVM and TCG by running code, [`qemu`] asks a QEMU binary what it can do, [`budget`] says how much
//!   CPU and memory there is, [`packages`] and [`doctor`] name what is missing and what mends it.
//! - [`dirs`], [`ledger`] and [`process`] borrow from the host (directories, files, processes), write it down first, and give it
//!   back on every path, a `kill -9` of ours included.
//! - [`deadlines`] stretches every wait by the measured speed of the host.
//!
//! What is borrowed is written down first, and goes with the handle, or with the next run after a crash:
//!
//! ```
//! use host::deadlines::Deadlines;
//! use host::ledger::Ledger;
//! use std::time::Duration;
//!
//! let runtime = tempfile::tempdir()?;
//! let ledger = Ledger::open(runtime.path())?;
//! let scratch = ledger.scratch("example")?;
//! let path = scratch.path().to_owned();
//! assert!(path.is_dir());
//! drop(scratch);
//! assert!(!path.exists());
//!
//! let on_a_host_half_as_fast = Deadlines::fixed(2.0);
//! assert_eq!(on_a_host_half_as_fast.scaled(Duration::from_secs(5)), Duration::from_secs(10));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
