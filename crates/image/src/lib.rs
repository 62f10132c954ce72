//! Where do disks and guests come from? Overlays, the tiny guest.
//!
//! [`GuestStore`] makes and finds guests that boot without a disk: the distribution's kernel, an init of ours and the drivers
//! for what QEMU emulates.

mod apt;
mod command;
mod cpio;
mod error;
mod ingredients;
mod initramfs;
mod kernel;
mod manifest;
mod module;
mod recipe;
mod store;
mod tiny;
mod unpack;

pub use error::{Error, Result};
pub use kernel::KernelKind;
pub use manifest::{Component, Manifest, Origin};
pub use recipe::{RECIPES, Recipe, recipe};
pub use store::{Ensured, GuestStatus, GuestStore, Progress, Rebuild};
pub use tiny::{Acceleration, TinyGuest};
