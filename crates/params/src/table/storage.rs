//! Disks and optical drives.

use super::Section;
use crate::key::Where::{Cdrom, Image, Iothread, Run, Vm};
use crate::key::{Key, SizeUnit};

pub(super) const SECTION: Section = Section {
    title: "Disks",
    doc: "A machine writes to an overlay of each disk, and the overlay is thrown away with the test.",
    keys: &[
        Key::objects("images", Image, Vm, "The machine's disks.").also(&["disks", "image"]),
        Key::text("image_name", Image, "Path of the disk without its extension, relative to the data directory."),
        Key::open(
            "image_format",
            &["qcow2", "raw", "vmdk", "vhdx", "vdi", "luks", "qed"],
            Image,
            "Format of the disk's file.",
        )
        .or("qcow2")
        .also(&["image_type"]),
        Key::size("image_size", SizeUnit::G, Image, "Size of a new disk.").or("1G"),
        Key::bool("image_raw_device", Image, "`image_name` is a device of the host.").or("no"),
        Key::path("images_base_dir", Run, "Where disks are looked for and made."),
        Key::bool("create_image", Image, "Make the disk where it does not exist.")
            .or("yes"),
        Key::bool("force_create_image", Image, "Make the disk anew even where it exists.").or("no"),
        Key::bool("remove_image", Image, "Remove the disk after the test.").or("no"),
        Key::bool("image_snapshot", Image, "Write to an overlay that goes with the test.").or("yes"),
        Key::bool("image_readonly", Image, "The guest may only read the disk.").or("no"),
        Key::bool("image_boot", Image, "Boot from the disk.").or("no"),
        Key::count("bootindex", Image, "Place of the device in the boot order."),
        Key::bool("check_image", Image, "Check the disk with `qemu-img check` after the test.").or("yes"),
        Key::one_of(
            "preallocated",
            &["off", "metadata", "falloc", "full"],
            Image,
            "How much of a new disk is allocated at once.",
        )
        .or("off"),
        Key::size("image_cluster_size", SizeUnit::B, Image, "Cluster size of a new qcow2 disk."),
        Key::bool("lazy_refcounts", Image, "qcow2 lazy reference counts."),
        Key::text("image_backing", Image, "The disk this one is an overlay of.").also(&["image_chain"]),
        Key::one_of("image_encryption", &["off", "luks"], Image, "Encryption of the disk.").or("off"),
        Key::text("image_secret", Image, "The secret of an encrypted disk."),
        Key::text("image_extra_params", Image, "More properties of the disk's device."),
        Key::one_of(
            "drive_format",
            &[
                "virtio_blk", "virtio_scsi", "ide", "ahci", "nvme", "usb", "sd", "virtio", "scsi-hd", "scsi-cd",
                "scsi-block", "scsi-generic", "usb1", "usb2", "usb3", "vhost-user-blk-pci",
            ],
            Image,
            "The bus of the disk. `scsi-hd` is `virtio_scsi` and `virtio` is `virtio_blk`, as older configuration has it.",
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
        Key::one_of("image_aio", &["threads", "native", "io_uring"], Image, "How the host does the disk's I/O.")
            .or("threads"),
        Key::one_of("drive_werror", &["report", "stop", "ignore", "enospc"], Image, "What follows a failed write."),
        Key::one_of("drive_rerror", &["report", "stop", "ignore"], Image, "What follows a failed read."),
        Key::one_of("image_discard", &["ignore", "unmap"], Image, "What becomes of the guest's TRIM.")
            .or("unmap")
            .also(&["drive_discard"]),
        Key::one_of("detect_zeroes", &["off", "on", "unmap"], Image, "What becomes of written zeroes.").or("off"),
        Key::text("drive_serial", Image, "Serial number the guest sees.").also(&["blk_extra_params"]),
        Key::text("drive_wwn", Image, "World wide name the guest sees."),
        Key::count("image_queues", Image, "Queues of a virtio disk.").also(&["num_queues"]),
        Key::size("logical_block_size", SizeUnit::B, Image, "Logical sector size the guest sees."),
        Key::size("physical_block_size", SizeUnit::B, Image, "Physical sector size the guest sees."),
        Key::text("image_iothread", Image, "The I/O thread that serves the disk, from `iothreads`."),
        Key::objects("iothreads", Iothread, Vm, "I/O threads of the machine."),
        Key::count("iothread_poll_max_ns", Iothread, "Longest time the thread polls, in nanoseconds."),
        Key::bool("image_hotplug", Image, "Leave the disk out at the start; the test plugs it.").or("no"),
    ],
};

pub(super) const CDROMS: Section = Section {
    title: "Optical drives and floppies",
    doc: "Media for installations and answer files.",
    keys: &[
        Key::objects("cdroms", Cdrom, Vm, "The machine's optical drives."),
        Key::path("cdrom", Cdrom, "The medium; empty is a drive without one."),
        Key::one_of(
            "cd_format",
            &["ide", "ahci", "scsi-cd", "usb"],
            Cdrom,
            "The bus of the drive.",
        )
        .or("ahci"),
        Key::count(
            "cd_bootindex",
            Cdrom,
            "Place of the drive in the boot order.",
        ),
        Key::path("floppy_name", Vm, "Image of the floppy disk."),
    ],
};
