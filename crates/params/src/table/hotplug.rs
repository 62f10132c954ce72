//! Devices plugged in and out.

use super::Section;
use crate::key::{Key, Where::Test};

pub(super) const SECTION: Section = Section {
    title: "Hotplug",
    doc: "What tests plug into their machines, and how long a guest may take to notice.",
    keys: &[
        Key::seconds(
            "plug_timeout",
            Test,
            "How long the guest may take to have a device that was plugged in, or to be rid of one.",
        )
        .or("3"),
        Key::integer("plug_rounds", 1, 1000, Test, "How often the test plugs and unplugs.").or("1"),
        Key::one_of(
            "plug_disk",
            &["virtio_blk", "virtio_scsi", "nvme", "usb"],
            Test,
            "What a disk that is plugged in is plugged into.",
        )
        .or("virtio_blk"),
    ],
};
