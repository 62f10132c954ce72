//! Ports, generators and all smaller devices.

use super::Section;
use crate::key::Key;
use crate::key::Where::{Monitor, Serial, VirtioPort, Vm};

pub(super) const SECTION: Section = Section {
    title: "Other devices",
    doc: "Serial ports, virtio ports and the small devices.",
    keys: &[
        Key::objects(
            "serials",
            Serial,
            Vm,
            "The machine's serial ports; the first is the console.",
        )
        .or("serial0"),
        Key::objects(
            "virtio_ports",
            VirtioPort,
            Vm,
            "virtio-serial ports, beside that of the guest agent.",
        ),
        Key::one_of(
            "virtio_port_type",
            &["serialport", "console"],
            VirtioPort,
            "What the guest sees at the port: `/dev/virtio-ports/NAME`, or a console, `/dev/hvc0` being the first.",
        )
        .or("serialport"),
        Key::text(
            "virtio_port_name",
            VirtioPort,
            "The port's name in the guest; that of the object without it.",
        ),
        Key::bool(
            "guest_agent",
            Vm,
            "Give the machine a channel to the QEMU guest agent.",
        )
        .or("yes"),
        Key::bool(
            "rng",
            Vm,
            "Give the machine one virtio random number generator.",
        )
        .or("yes")
        .also(&["enable_rng", "virtio_rng"]),
        Key::bool("balloon", Vm, "Give the machine a memory balloon.")
            .or("no")
            .also(&["balloon_dev"]),
        Key::one_of(
            "vga",
            &["none", "std", "cirrus", "qxl", "vmware", "virtio"],
            Vm,
            "The graphics card. There is no display, but its picture can be taken.",
        )
        .or("none"),
        Key::one_of(
            "watchdog",
            &["none", "i6300esb", "ib700", "itco"],
            Vm,
            "The watchdog device; `itco` is part of the q35 board.",
        )
        .or("none")
        .also(&["watchdog_device_type", "enable_watchdog"]),
        Key::one_of(
            "watchdog_action",
            &[
                "reset",
                "shutdown",
                "poweroff",
                "pause",
                "debug",
                "none",
                "inject-nmi",
            ],
            Vm,
            "What the watchdog does when it is not fed.",
        )
        .or("reset"),
        Key::bool(
            "pvpanic",
            Vm,
            "Give the machine a device by which the guest reports its panic.",
        )
        .or("yes")
        .also(&["enable_pvpanic"]),
    ],
};

pub(super) const MONITORS: Section = Section {
    title: "Monitors",
    doc: "Every machine has monitor `qmp`, by which it is controlled. Others are for tests.",
    keys: &[
        Key::objects("monitors", Monitor, Vm, "Further monitors of the machine."),
        Key::one_of(
            "monitor_type",
            &["qmp", "human"],
            Monitor,
            "The language it speaks: JSON, or that of `(qemu)` prompts.",
        )
        .or("qmp")
        .also(&["monitor"]),
    ],
};
