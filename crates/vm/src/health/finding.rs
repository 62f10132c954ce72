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

impl Finding {
    /// Is it that QEMU is no more?
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(self.kind, FindingKind::QemuExit | FindingKind::QemuCrash)
    }
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
    /// QEMU ended without being told to.
    QemuExit,
    /// QEMU was ended by a fault of its own: an assertion, a bad access, a call its sandbox forbids.
    QemuCrash,
    /// The guest's kernel panicked.
    GuestPanic,
    /// The guest's kernel went wrong, but may go on (oops, BUG, general protection fault).
    Oops,
    /// The guest's kernel warned of itself.
    KernelWarning,
    /// A CPU of the guest made no progress (soft or hard lock-up, RCU stall).
    SoftLockup,
    /// A task of the guest made no progress.
    HungTask,
    /// The guest is awaited and shows no sign of life.
    GuestSilent,
    /// Firmware, boot loader or initramfs found nothing to boot.
    FirmwareDeadEnd,
    /// KVM gave up.
    KvmInternalError,
    /// A disk operation failed, on the host or as the guest sees it.
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

impl FindingKind {
    /// All there are.
    pub const ALL: [Self; 15] = [
        Self::QemuExit,
        Self::QemuCrash,
        Self::GuestPanic,
        Self::Oops,
        Self::KernelWarning,
        Self::SoftLockup,
        Self::HungTask,
        Self::GuestSilent,
        Self::FirmwareDeadEnd,
        Self::KvmInternalError,
        Self::BlockIoError,
        Self::Watchdog,
        Self::MemoryFailure,
        Self::InternalError,
        Self::QemuWarning,
    ];
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::QemuExit => "QEMU ended",
            Self::QemuCrash => "QEMU crashed",
            Self::GuestPanic => "guest panic",
            Self::Oops => "guest kernel oops",
            Self::KernelWarning => "guest kernel warning",
            Self::SoftLockup => "guest CPU stuck",
            Self::HungTask => "guest task hung",
            Self::GuestSilent => "guest silent",
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
