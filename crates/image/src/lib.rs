//! Where do disks and guests come from? Overlays, the tiny guest.
//!
//! [`GuestStore`] makes and finds guests that boot without a disk: the distribution's kernel, an init of ours and the drivers
//! for what QEMU emulates. [`Disks`] makes a test's disks, [`QemuImg`] is the tool behind them.

mod apt;
mod command;
mod cpio;
mod disk;
mod error;
mod fetch;
mod format;
mod ingredients;
mod initramfs;
mod kernel;
mod lock;
mod manifest;
mod modinfo;
mod module;
mod qemu_img;
mod recipe;
mod store;
mod tiny;
mod unpack;

pub use disk::{Contents, Disk, DiskRequest, Disks};
pub use error::{Error, Result};
pub use format::{ImageFormat, UnknownFormat};
pub use kernel::KernelKind;
pub use manifest::{Component, Manifest, Origin};
pub use qemu_img::{
    Backing, CheckReport, ImageInfo, Measure, NewImage, QemuImg, Repair, Snapshot, SnapshotInfo,
};
pub use recipe::{RECIPES, Recipe, recipe};
pub use store::{Ensured, GuestStatus, GuestStore, Progress, Rebuild};
pub use tiny::{Acceleration, TinyGuest};
