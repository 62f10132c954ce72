//! Where do disks and guests come from? Overlays, the tiny guest.
//!
//! [`GuestStore`] makes and finds guests that boot without a disk: the distribution's kernel, an init of ours and the drivers
//! for what QEMU emulates. [`Disks`] makes a test's disks, [`QemuImg`] is the tool behind them.
//!
//! ```no_run
//! use image::{Contents, DiskRequest, Disks, GuestStore, ImageFormat, QemuImg, Rebuild};
//!
//! # async fn example() -> image::Result<()> {
//! let guests = GuestStore::new("/home/you/.local/share/virt-test");
//! let tiny = guests.ensure("tiny", Rebuild::IfStale, &|step| println!("{step}"))?;
//! println!("boots {} with {}", tiny.guest.kernel.display(), tiny.guest.initrd.display());
//!
//! let disks = Disks::new("/home/you/.local/share/virt-test/cache/disks", QemuImg::new("qemu-img"));
//! let request = DiskRequest {
//!     name: "data".to_owned(),
//!     format: ImageFormat::Qcow2,
//!     contents: Contents::Blank { size: 64 << 20 },
//!     options: Vec::new(),
//! };
//! let disk = disks.create("/tmp/of-one-test".as_ref(), &request).await?;
//! println!("an empty disk: {}", disk.path.display());
//! # Ok(())
//! # }
//! ```

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
mod library;
mod lock;
mod manifest;
mod modinfo;
mod module;
mod qemu_img;
mod recipe;
mod ssh_server;
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
