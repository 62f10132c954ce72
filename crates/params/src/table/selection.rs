//! What is run, and what it needs.

use super::Section;
use crate::key::{Key, Where::Test};

pub(super) const SECTION: Section = Section {
    title: "What is run and what it needs",
    doc: "A test whose needs this host cannot meet is SKIPped, and the need is named.",
    keys: &[
        Key::text("type", Test, "The test that is run, by name."),
        Key::one_of(
            "vm_type",
            &["qemu", "libvirt"],
            Test,
            "What runs the machines: QEMU itself, or libvirt.",
        )
        .or("qemu")
        .also(&["backend", "driver"]),
        Key::list(
            "tags",
            Test,
            "Words to select tests by, such as `slow` or `block`.",
        ),
        Key::bool("requires_root", Test, "The test needs to run as root.").or("no"),
        Key::bool(
            "requires_kvm",
            Test,
            "The test needs a KVM that runs guests.",
        )
        .or("no"),
        Key::bool("requires_network", Test, "The test needs the Internet.").or("no"),
        Key::list(
            "requires_commands",
            Test,
            "Programs that must be in the host's `PATH`.",
        )
        .also(&["cmds_installed_host", "requires_command"]),
        Key::list(
            "requires_device",
            Test,
            "Devices QEMU must know (`-device help`), such as `virtio-rng-pci`.",
        )
        .also(&["requires_devices"]),
        Key::list(
            "requires_machine",
            Test,
            "Machine types QEMU must know (`-machine help`), such as `q35`.",
        )
        .also(&["requires_machines"]),
        Key::list(
            "requires_qmp",
            Test,
            "QMP commands QEMU must have (`query-qmp-schema`).",
        ),
        Key::list(
            "requires_object",
            Test,
            "Objects QEMU must know (`-object help`).",
        ),
        Key::list(
            "requires_host_cpu_flags",
            Test,
            "Flags the host's CPU must have, such as `vmx`.",
        ),
        Key::list(
            "requires_arch",
            Test,
            "Host architectures the test can run on.",
        ),
        Key::list(
            "requires_guest",
            Test,
            "What the guest must have: `agent`, `ssh`, `disk`, `network`, or `acpi`.",
        ),
        Key::interval(
            "required_qemu",
            Test,
            "Versions of QEMU the test is for, such as `[8.0.0, )`.",
        )
        .also(&["requires_qemu", "requires_qemu_version"]),
        Key::interval(
            "required_kernel",
            Test,
            "Versions of the host's kernel the test is for.",
        ),
        Key::interval(
            "required_libvirt",
            Test,
            "Versions of libvirt the test is for.",
        ),
        Key::text(
            "skip_reason",
            Test,
            "When set, the test is SKIPped for this reason.",
        ),
    ],
};
