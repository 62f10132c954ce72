//! Machines that move.

use super::Section;
use crate::key::Key;
use crate::key::Where::{Test, Vm};
use units::SizeUnit;

pub(super) const SECTION: Section = Section {
    title: "Migration",
    doc: "How a test moves a machine to another QEMU: `qemu_dst_binary`, or the same.",
    keys: &[
        Key::one_of(
            "mig_protocol",
            &["unix", "tcp", "fd", "exec", "file"],
            Vm,
            "How the machine's state travels. `tcp` is the loopback interface; `exec` needs `qemu_sandbox = off`; `file` is \
             written whole before it is read.",
        )
        .or("unix")
        .also(&["migration_protocol"]),
        Key::bool(
            "migrates",
            Vm,
            "The machine moves to another QEMU, so that for a while it is there twice: it counts twice in what tests may take of the host at a time.",
        )
        .or("no"),
        Key::seconds(
            "mig_timeout",
            Vm,
            "How long each wait of a migration may take.",
        )
        .or("60")
        .also(&["migrate_timeout"]),
        Key::bool(
            "mig_load",
            Test,
            "Let the guest write to its memory and disk meanwhile.",
        )
        .or("yes"),
        Key::count(
            "mig_times",
            Test,
            "How often a machine goes there and back.",
        )
        .or("3"),
        Key::list(
            "mig_capabilities",
            Vm,
            "What a migration is to do, in QEMU's words, such as `multifd` or `mapped-ram`.",
        ),
        Key::text(
            "multifd_compression",
            Vm,
            "How memory is compressed that several connections carry: `none`, `zlib`, `zstd` or what else QEMU knows.",
        ),
        Key::bool(
            "mig_postcopy",
            Vm,
            "Let the guest go on at the destination before its memory is there.",
        )
        .or("no"),
        Key::text(
            "mig_option",
            Test,
            "What the matrix of migrations calls this way to migrate, such as `multifd`.",
        ),
        Key::text(
            "mig_transport",
            Test,
            "What the matrix of migrations calls this way to travel; `mig_protocol` says what it is.",
        ),
        Key::bool(
            "mig_storage",
            Vm,
            "The machine's disks go along, to images of the destination's own, over NBD.",
        )
        .or("no"),
        Key::size(
            "mig_bandwidth",
            SizeUnit::B,
            Vm,
            "Bytes a second a migration may take; 0 is no limit.",
        ),
        Key::seconds(
            "mig_downtime",
            Vm,
            "How long the guest may stand still to be moved.",
        ),
    ],
};
