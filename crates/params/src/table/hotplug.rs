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
        Key::count(
            "hotplug_seed",
            Test,
            "What the test's random sequence is made from: the same seed makes the same one.",
        )
        .or("1"),
        Key::count("hotplug_steps", Test, "How long the random sequence is.").or("14"),
        Key::count(
            "hotplug_shrink_attempts",
            Test,
            "How many machines may be started to find the few steps that matter in a sequence that failed.",
        )
        .or("8"),
        Key::text(
            "hotplug_script",
            Test,
            "The steps to carry out instead of random ones, separated by semicolons, as a failed test prints them.",
        ),
        Key::one_of(
            "plug_disk",
            &["virtio_blk", "virtio_scsi", "nvme", "usb"],
            Test,
            "What a disk that is plugged in is plugged into.",
        )
        .or("virtio_blk"),
        Key::one_of(
            "plug_device",
            &[
                "rng",
                "balloon",
                "watchdog",
                "pci_serial",
                "virtio_console",
                "virtio_mem",
                "iothread",
            ],
            Test,
            "What kind of device is plugged in.",
        )
        .or("rng"),
    ],
};
