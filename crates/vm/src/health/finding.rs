//! What can be found wrong with a machine.

use std::fmt;
use std::time::Duration;

/// Something noticed about a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// How bad it is.
    pub severity: Severity,
    /// In words, quoting QEMU or the guest.
    pub summary: String,
    /// When, since the machine's start.
    pub at: Duration,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.summary)
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing, and expected.
    Note,
    /// Not as it should be, but the machine goes on.
    Warning,
    /// Nothing good can follow.
    Fatal,
}

/// What kind of thing was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// QEMU ended.
    QemuExit,
    /// The guest's kernel panicked.
    GuestPanic,
    /// The guest's kernel went wrong, but goes on (oops, BUG, general protection fault).
    Oops,
    /// The guest's kernel warned of itself.
    KernelWarning,
    /// A CPU of the guest made no progress.
    SoftLockup,
    /// A task of the guest made no progress.
    HungTask,
    /// Firmware or boot loader found nothing to boot.
    FirmwareDeadEnd,
    /// KVM gave up.
    KvmInternalError,
    /// A disk operation failed on the host.
    BlockIoError,
    /// The guest's watchdog fired.
    Watchdog,
    /// The host's memory failed under the guest.
    MemoryFailure,
    /// QEMU cannot go on.
    InternalError,
    /// QEMU said something on its stderr.
    QemuWarning,
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::QemuExit => "QEMU ended",
            Self::GuestPanic => "guest panic",
            Self::Oops => "guest kernel oops",
            Self::KernelWarning => "guest kernel warning",
            Self::SoftLockup => "guest CPU stuck",
            Self::HungTask => "guest task hung",
            Self::FirmwareDeadEnd => "nothing to boot",
            Self::KvmInternalError => "KVM internal error",
            Self::BlockIoError => "disk I/O error",
            Self::Watchdog => "watchdog fired",
            Self::MemoryFailure => "memory failure",
            Self::InternalError => "QEMU internal error",
            Self::QemuWarning => "QEMU warning",
        })
    }
}
