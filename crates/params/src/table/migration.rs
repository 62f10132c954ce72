//! Machines that move.

use super::Section;
use crate::key::Key;
use crate::key::Where::{Test, Vm};

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
            Test,
            "What a migration is to do, in QEMU's words, such as `mapped-ram`.",
        ),
        Key::text(
            "multifd_compression",
            Test,
            "How memory is compressed that several connections carry: `none`, `zlib`, `zstd` or what else QEMU knows.",
        ),
    ],
};
