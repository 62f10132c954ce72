//! Which booted machines are kept to be cloned, and can they be trusted?
//!
//! A template is a machine that was booted once and frozen right after login: a file its memory lies in, a file with the state
//! of its processors and devices, and the disks as they were. It is found by everything that went into it ([`Inputs`]), so a
//! changed kernel, QEMU or option never meets an old template. Runs share templates: who makes one holds its lock alone,
//! who uses one shares it, and only what nobody holds is removed.
//!
//! ```no_run
//! use std::time::Duration;
//! use templates::{Begun, Inputs, Manner, Store};
//!
//! # async fn example() -> Result<(), templates::Error> {
//! let mut inputs = Inputs::new("a machine with 2 CPUs");
//! inputs.text("arguments", "-machine q35 …").file("kernel", "/guests/vmlinux".as_ref())?;
//! let store = Store::new("/home/you/.local/share/virt-test".as_ref());
//! let template = match store.begin(&inputs, Duration::from_secs(60)).await? {
//!     Begun::Ready(template) => template,
//!     Begun::Make(building) => {
//!         // Boot a machine whose memory lies in building.ram(), and freeze it into building.state().
//!         building.finish(Manner::SharedMemory)?
//!     }
//! };
//! println!("clones start from {}", template.state().display());
//! # Ok(())
//! # }
//! ```

mod error;
mod inputs;
mod manifest;
mod prune;
mod store;
mod template;

pub use error::Error;
pub use inputs::{Inputs, Key};
pub use manifest::{Manifest, Manner};
pub use prune::{Limits, Pruned};
pub use store::{Begun, Building, Entry, Store};
pub use template::Template;
