//! Disks and optical drives.

use super::Section;
use crate::key::Key;
use crate::key::Where::{Cdrom, Image, Vm};
use units::SizeUnit;

pub(super) const SECTION: Section = Section {
    title: "Disks",
    doc: "What a machine writes to its disks is thrown away with the test.",
    keys: &[
        Key::objects("images", Image, Vm, "The machine's disks.").also(&["disks", "image"]),
        Key::text(
            "image_name",
            Image,
            "Disk to start from, without its extension, relative to the data directory; it is never written to. Without it the disk is blank.",
        ),
        Key::open(
            "image_format",
            &["qcow2", "raw"],
            Image,
            "Format of the disk's file.",
        )
        .or("qcow2")
        .also(&["image_type"]),
        Key::size("image_size", SizeUnit::G, Image, "Size of a blank disk.").or("1G"),
        Key::bool("image_readonly", Image, "The guest may only read the disk.").or("no"),
        Key::count("bootindex", Image, "Place of the disk in the boot order."),
        Key::one_of(
            "drive_format",
            &[
                "virtio_blk", "virtio_scsi", "ide", "ahci", "nvme", "usb", "virtio", "scsi-hd",
            ],
            Image,
            "The bus of the disk. `virtio` is `virtio_blk` and `scsi-hd` is `virtio_scsi`, as older configuration has it.",
        )
        .or("virtio_blk")
        .also(&["disk_bus", "drive_bus"]),
        Key::one_of(
            "drive_cache",
            &["none", "writeback", "writethrough", "directsync", "unsafe"],
            Image,
            "Caching on the host.",
        )
        .or("writeback"),
        Key::text("drive_serial", Image, "Serial number the guest sees."),
    ],
};

pub(super) const CDROMS: Section = Section {
    title: "Optical drives",
    doc: "Each with a medium in it, which the guest may only read.",
    keys: &[
        Key::objects("cdroms", Cdrom, Vm, "The machine's optical drives."),
        Key::path(
            "cdrom",
            Cdrom,
            "The medium's image, relative to the data directory.",
        ),
        Key::one_of(
            "cd_format",
            &["ahci", "ide", "virtio_scsi", "scsi-cd"],
            Cdrom,
            "The bus of the drive. `scsi-cd` is `virtio_scsi`, as older configuration has it.",
        )
        .or("ahci"),
    ],
};
