//! Ports, generators and all smaller devices.

use super::Section;
use crate::key::Where::{
    Filesystem, Input, Rng, Serial, Tpm, Usb, UsbDevice, VirtioPort, Vm, Vsock,
};
use crate::key::{Key, SizeUnit, TimeUnit};

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
        Key::open(
            "serial_type",
            &["isa-serial", "pci-serial", "virtserialport", "virtconsole"],
            Serial,
            "The device behind the port.",
        )
        .or("isa-serial"),
        Key::objects(
            "virtio_ports",
            VirtioPort,
            Vm,
            "virtio-serial ports; `agent` is the guest agent's.",
        )
        .or("agent"),
        Key::one_of(
            "virtio_port_type",
            &["serialport", "console"],
            VirtioPort,
            "What the guest sees at the port.",
        )
        .or("serialport"),
        Key::text(
            "virtio_port_name",
            VirtioPort,
            "The port's name in the guest, `org.qemu.guest_agent.0`.",
        ),
        Key::one_of(
            "virtio_port_chardev",
            &["socket", "pty", "file", "null"],
            VirtioPort,
            "The host's end of the port.",
        )
        .or("socket"),
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
        Key::objects("virtio_rngs", Rng, Vm, "More random number generators."),
        Key::one_of(
            "rng_backend",
            &["builtin", "random", "egd"],
            Rng,
            "Where its numbers come from.",
        )
        .or("builtin"),
        Key::path("rng_filename", Rng, "The host's device behind `random`.").or("/dev/urandom"),
        Key::size(
            "rng_max_bytes",
            SizeUnit::B,
            Rng,
            "Bytes the guest may take in `rng_period`.",
        ),
        Key::duration(
            "rng_period",
            TimeUnit::Ms,
            Rng,
            "Span over which `rng_max_bytes` counts.",
        ),
        Key::bool("balloon", Vm, "Give the machine a memory balloon.")
            .or("no")
            .also(&["balloon_dev"]),
        Key::bool(
            "balloon_deflate_on_oom",
            Vm,
            "The balloon gives memory back when the guest runs out.",
        )
        .or("no")
        .also(&["balloon_opt_deflate_on_oom"]),
        Key::bool(
            "balloon_free_page_reporting",
            Vm,
            "The balloon reports free pages.",
        )
        .or("no")
        .also(&["balloon_opt_free_page_reporting"]),
        Key::open(
            "watchdog",
            &["none", "i6300esb", "ib700", "itco"],
            Vm,
            "The watchdog device.",
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
        Key::bool("vmcoreinfo", Vm, "Give the machine the vmcoreinfo device.").or("no"),
        Key::bool("vmgenid", Vm, "Give the machine a generation id.").or("no"),
        Key::objects("usbs", Usb, Vm, "USB controllers."),
        Key::open(
            "usb_type",
            &[
                "qemu-xhci",
                "nec-usb-xhci",
                "usb-ehci",
                "ich9-usb-ehci1",
                "piix3-usb-uhci",
            ],
            Usb,
            "The controller.",
        )
        .or("qemu-xhci"),
        Key::objects("usb_devices", UsbDevice, Vm, "USB devices."),
        Key::open(
            "usbdev_type",
            &[
                "usb-tablet",
                "usb-kbd",
                "usb-mouse",
                "usb-hub",
                "usb-ccid",
                "usb-storage",
            ],
            UsbDevice,
            "The device.",
        )
        .or("usb-tablet"),
        Key::objects("inputs", Input, Vm, "Input devices."),
        Key::one_of(
            "input_dev_type",
            &["keyboard", "mouse", "tablet"],
            Input,
            "The input device.",
        ),
        Key::objects(
            "filesystems",
            Filesystem,
            Vm,
            "Directories of the host the guest sees.",
        ),
        Key::one_of(
            "fs_driver",
            &["virtio-fs", "9p"],
            Filesystem,
            "How the directory is shared.",
        )
        .or("virtio-fs"),
        Key::path("fs_source_dir", Filesystem, "The directory of the host."),
        Key::text("fs_target", Filesystem, "Tag the guest mounts it by."),
        Key::path("fs_binary", Filesystem, "The `virtiofsd` to use."),
        Key::objects("tpms", Tpm, Vm, "TPMs."),
        Key::one_of("tpm_version", &["1.2", "2.0"], Tpm, "Version of the TPM.").or("2.0"),
        Key::open(
            "tpm_model",
            &["tpm-tis", "tpm-crb"],
            Tpm,
            "The TPM's interface.",
        )
        .or("tpm-crb"),
        Key::objects("vsocks", Vsock, Vm, "vsock devices."),
        Key::integer(
            "guest_cid",
            3,
            0xffff_ffff,
            Vsock,
            "The guest's context id; a free one without it.",
        ),
        Key::list(
            "devices",
            Vm,
            "More `-device` arguments, one a word, as QEMU writes them.",
        ),
    ],
};
