//! What is run, and what it needs.

use super::Section;
use crate::key::{Key, Where::Test};

pub(super) const SECTION: Section = Section {
    title: "What is run and what it needs",
    doc: "A test whose needs this host cannot meet is SKIPped before any machine starts, and each \
          need that is not met is named.",
    keys: &[
        Key::text("type", Test, "The test that is run, by name."),
        Key::list(
            "tags",
            Test,
            "Words by which tests are chosen: `--filter 'tag(slow)'`.",
        ),
        Key::one_of("vm_type", &["qemu"], Test, "What runs the machines.")
            .informational()
            .also(&["backend", "driver"]),
        Key::bool("requires_root", Test, "The test needs to run as root.").or("no"),
        Key::bool(
            "requires_kvm",
            Test,
            "The test needs a KVM that runs guests.",
        )
        .or("no"),
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
            "requires_object",
            Test,
            "Objects QEMU must know (`-object help`), such as `iothread`.",
        ),
        Key::list(
            "requires_qmp",
            Test,
            "QMP commands QEMU must have (`query-qmp-schema`), such as `blockdev-reopen`.",
        ),
        Key::interval(
            "required_qemu",
            Test,
            "Versions of QEMU the test is for, such as `[8.0.0, )`.",
        )
        .also(&["requires_qemu", "requires_qemu_version"]),
    ],
};
