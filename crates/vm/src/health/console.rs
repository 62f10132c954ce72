//! Lines of console, firmware log and stderr that mean trouble.

use std::ops::Range;
use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;

use super::{FindingKind, Health, Severity};

/// Longest line looked at, in bytes; what is longer is looked at in pieces.
const MAX_LINE: usize = 4096;

/// How long after a stall was told it may be told again, and be the same; what comes at once comes from another console.
const AGAIN: Range<Duration> = Duration::from_secs(10)..Duration::from_secs(180);

/// Where lines come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A serial port or console: kernel, firmware and people mixed.
    Console,
    /// The firmware's log.
    Firmware,
    /// QEMU's stderr.
    Stderr,
}

/// Cuts a stream into lines and reports those that mean trouble.
#[derive(Debug)]
pub(crate) struct LineScanner {
    source: Source,
    health: Health,
    line: Vec<u8>,
}

impl LineScanner {
    pub(crate) fn new(source: Source, health: Health) -> Self {
        Self {
            source,
            health,
            line: Vec::new(),
        }
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.line.len() >= MAX_LINE {
                self.finish();
            }
        }
    }

    /// Looks at what there is of the last line.
    pub(crate) fn finish(&mut self) {
        let line = String::from_utf8_lossy(&self.line).into_owned();
        self.line.clear();
        self.line(&line);
    }

    /// Looks at a whole line.
    pub(crate) fn line(&self, line: &str) {
        if let Some((kind, severity, summary)) = judge(self.source, line) {
            // A busy host can make a CPU stall once; one that still does when the kernel looks again, a minute later, is stuck.
            let stays = kind == FindingKind::SoftLockup && self.health.found_ago(kind, AGAIN);
            let severity = if stays { Severity::Fatal } else { severity };
            self.health.report(kind, severity, summary);
        }
    }
}

type Judgement = (FindingKind, Severity, String);

fn judge(source: Source, line: &str) -> Option<Judgement> {
    let line = ANSI.replace_all(line, "");
    let line = line.trim();
    if line.is_empty() {
        return None;
    }
    match source {
        Source::Console => kernel(line).or_else(|| firmware(line)),
        Source::Firmware => firmware(line),
        Source::Stderr => Some(stderr(line)),
    }
}

#[expect(clippy::expect_used, reason = "a constant pattern, compiled by a test")]
static ANSI: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\x1b(\[[0-?]*[ -/]*[@-~]|[()][A-Z0-9]|[=>c78])").expect("valid"));

/// The kernel's time stamp, and its caller with `printk.caller`. It may follow a prompt on the same line.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled by a test")]
static PRINTK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?:<\d+>)?\[ *\d+\.\d{6}\](?:\[ *[TC]\d+\])? ").expect("valid"));

/// How the messages of Linux start that mean trouble, older and newer words for it. The first that fits counts.
#[rustfmt::skip]
const KERNEL: [(&str, FindingKind, Severity); 27] = {
    use FindingKind::{BlockIoError, GuestPanic, HungTask, KernelWarning, Oops, SoftLockup};
    use Severity::{Fatal, Warning};
    [
        ("Kernel panic - not syncing", GuestPanic, Fatal),
        ("watchdog: BUG: soft lockup", SoftLockup, Fatal),
        ("NMI watchdog: BUG: soft lockup", SoftLockup, Fatal),
        ("BUG: soft lockup", SoftLockup, Fatal),
        ("watchdog: Watchdog detected hard LOCKUP", SoftLockup, Fatal),
        ("NMI watchdog: Watchdog detected hard LOCKUP", SoftLockup, Fatal),
        ("watchdog: CPU", SoftLockup, Fatal),
        ("Watchdog detected hard LOCKUP", SoftLockup, Fatal),
        ("rcu: INFO: rcu_", SoftLockup, Warning),
        ("INFO: rcu_", SoftLockup, Warning),
        ("BUG: workqueue lockup", SoftLockup, Warning),
        ("INFO: task ", HungTask, Fatal),
        ("BUG: ", Oops, Fatal),
        ("kernel BUG at ", Oops, Fatal),
        ("Oops: ", Oops, Fatal),
        ("Internal error: Oops", Oops, Fatal),
        ("Unable to handle kernel ", Oops, Fatal),
        ("general protection fault, ", Oops, Fatal),
        ("traps: PANIC: double fault", Oops, Fatal),
        ("WARNING: CPU: ", KernelWarning, Warning),
        ("WARNING: possible ", KernelWarning, Warning),
        ("WARNING: inconsistent lock state", KernelWarning, Warning),
        ("WARNING: suspicious RCU usage", KernelWarning, Warning),
        ("WARNING: bad unlock balance", KernelWarning, Warning),
        ("blk_update_request: I/O error, dev ", BlockIoError, Warning),
        ("I/O error, dev ", BlockIoError, Warning),
        ("Buffer I/O error on dev ", BlockIoError, Warning),
    ]
};

/// The header of an x86 kernel that dies of an exception: its name, the error code and how many died before (`[#1]`).
#[expect(clippy::expect_used, reason = "a constant pattern, compiled by a test")]
static DIES: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[a-z][a-z -]*: [0-9a-f]{4} \[#\d+\]").expect("valid"));

/// A message of the kernel starts the line or follows its time stamp, so that a command that quotes one is not taken for it.
fn kernel(line: &str) -> Option<Judgement> {
    let message = match PRINTK.find(line) {
        Some(stamp) => &line[stamp.end()..],
        None => line,
    };
    let known = KERNEL.iter().find(|(start, ..)| message.starts_with(start));
    let (kind, severity) = match known {
        Some(&(_, kind, severity)) => (kind, severity),
        None if DIES.is_match(message) => (FindingKind::Oops, Severity::Fatal),
        None => return None,
    };
    // "blocked for more than 120 seconds", lately also "blocked in I/O wait for more than …".
    let hangs = || message.contains(" blocked ") && message.contains(" for more than ");
    let locked_up = || !message.starts_with("watchdog: CPU") || message.contains("hard LOCKUP");
    let meant = match kind {
        FindingKind::HungTask => hangs(),
        FindingKind::SoftLockup => locked_up(),
        _ => true,
    };
    meant.then(|| (kind, severity, message.to_owned()))
}

/// SeaBIOS, OVMF, GRUB, SYSLINUX, the initramfs of distributions and systemd at the end of their wits.
const DEAD_ENDS: [&str; 14] = [
    "No bootable device.",
    "BdsDxe: No bootable option or device was found.",
    "UEFI Interactive Shell v",
    "Entering rescue mode...",
    "Minimal BASH-like line editing is supported.",
    "Operating System not found",
    "Missing operating system",
    "Non-System disk or disk error",
    "Could not find kernel image",
    "No DEFAULT or UI configuration directive found!",
    "Gave up waiting for root file system device.",
    "Gave up waiting for root device.",
    "Entering emergency mode.",
    "You are in emergency mode.",
];

fn firmware(line: &str) -> Option<Judgement> {
    let starts = |end: &&&str| line.starts_with(**end);
    DEAD_ENDS.iter().find(starts)?;
    let kind = FindingKind::FirmwareDeadEnd;
    Some((kind, Severity::Fatal, line.to_owned()))
}

fn stderr(line: &str) -> Judgement {
    let kvm_gave_up = ["KVM internal error", "error: kvm run failed"];
    let (kind, severity) = if kvm_gave_up.iter().any(|cry| line.contains(cry)) {
        (FindingKind::KvmInternalError, Severity::Fatal)
    } else if line.contains("terminating on signal") {
        (FindingKind::QemuWarning, Severity::Note)
    } else {
        (FindingKind::QemuWarning, Severity::Warning)
    };
    (kind, severity, line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn console(line: &str) -> Option<(FindingKind, Severity)> {
        judge(Source::Console, line).map(|(kind, severity, _)| (kind, severity))
    }

    #[test]
    fn a_stall_that_is_told_again_is_a_lock_up() {
        let ago = |seconds| Instant::now().checked_sub(Duration::from_secs(seconds));
        for (seconds, fatal) in [(0, false), (60, true), (300, false)] {
            let Some(start) = ago(seconds) else {
                println!("this host was started too lately");
                return;
            };
            let health = Health::new(start);
            health.report_at(
                FindingKind::SoftLockup,
                Severity::Warning,
                "first",
                Duration::ZERO,
            );
            let scanner = LineScanner::new(Source::Console, health.clone());
            scanner.line("[   99.000000] rcu: INFO: rcu_preempt self-detected stall on CPU");
            assert_eq!(health.is_fatal().is_some(), fatal, "{seconds} s later");
        }
    }

    #[test]
    fn the_kernels_cries_are_understood() {
        use FindingKind::*;
        use Severity::{Fatal, Warning};
        for (line, kind, severity) in [
            (
                "[    1.234567] Kernel panic - not syncing: Attempted to kill init!",
                GuestPanic,
                Fatal,
            ),
            (
                "Kernel panic - not syncing: VFS: Unable to mount root fs",
                GuestPanic,
                Fatal,
            ),
            (
                "/ # [   12.000001][    T1] Kernel panic - not syncing: sysrq",
                GuestPanic,
                Fatal,
            ),
            (
                "[1234567.000001] BUG: unable to handle page fault for address: 0",
                Oops,
                Fatal,
            ),
            (
                "\u{1b}[0m[   1.000000] Oops: 0002 [#1] PREEMPT SMP",
                Oops,
                Fatal,
            ),
            ("[   1.000000] kernel BUG at mm/slub.c:305!", Oops, Fatal),
            (
                "[   1.000000] general protection fault, probably for non-canonical address",
                Oops,
                Fatal,
            ),
            (
                "[   9.000000] watchdog: BUG: soft lockup - CPU#1 stuck for 22s!",
                SoftLockup,
                Fatal,
            ),
            (
                "[   9.000000] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
                SoftLockup,
                Warning,
            ),
            (
                "[   9.000000] INFO: task sh:12 blocked for more than 120 seconds.",
                HungTask,
                Fatal,
            ),
            (
                "[   9.000000] WARNING: CPU: 0 PID: 1 at kernel/x.c:1 f+0x1/0x2",
                KernelWarning,
                Warning,
            ),
            (
                "[   12.345678] watchdog: CPU1: Watchdog detected hard LOCKUP on cpu 1",
                SoftLockup,
                Fatal,
            ),
            (
                "[    9.000000] INFO: rcu_sched self-detected stall on CPU",
                SoftLockup,
                Warning,
            ),
            (
                "[  123.000000] INFO: task dd:7 blocked in I/O wait for more than 120 seconds.",
                HungTask,
                Fatal,
            ),
            (
                "[    1.000000] divide error: 0000 [#1] PREEMPT SMP NOPTI",
                Oops,
                Fatal,
            ),
            ("[    1.000000] invalid opcode: 0000 [#2] SMP", Oops, Fatal),
            (
                "[    1.000000] traps: PANIC: double fault, error_code: 0x0",
                Oops,
                Fatal,
            ),
            (
                "[    9.000000] WARNING: possible circular locking dependency detected",
                KernelWarning,
                Warning,
            ),
            (
                "[    9.000000] I/O error, dev vda, sector 0 op 0x0:(READ) flags 0x0",
                BlockIoError,
                Warning,
            ),
            ("No bootable device.", FirmwareDeadEnd, Fatal),
            ("Entering rescue mode...", FirmwareDeadEnd, Fatal),
            (
                "Gave up waiting for root file system device.  Common problems:",
                FirmwareDeadEnd,
                Fatal,
            ),
            (
                "\u{1b}[2J\u{1b}[01;01H\u{1b}[01;01HUEFI Interactive Shell v2.2\r",
                FirmwareDeadEnd,
                Fatal,
            ),
        ] {
            assert_eq!(console(line), Some((kind, severity)), "{line}");
        }
    }

    #[test]
    fn what_merely_quotes_them_is_not_taken_for_them() {
        for line in [
            "",
            "/ # echo Kernel panic - not syncing",
            "grep: looking for 'Oops: 0002'",
            "[    1.000000] Kernel command line: panic=-1 oops=panic",
            "[    1.000000] INFO: task scheduler ready",
            "[    1.000000] debug: BUG: quoted",
            "[    1.000000] watchdog: CPU0: enabled",
            "[    1.000000] traps: sh[7] trap invalid opcode ip:0",
            "ls: 0000 files",
            "Booting from Hard Disk...",
            "Boot failed: not a bootable disk",
        ] {
            assert_eq!(console(line), None, "{line}");
        }
    }

    #[test]
    fn stderr_is_never_silent() {
        let kind = |line| judge(Source::Stderr, line).map(|(kind, severity, _)| (kind, severity));
        let warning = "qemu-system-x86_64: warning: TCG doesn't support requested feature";
        assert_eq!(
            kind(warning),
            Some((FindingKind::QemuWarning, Severity::Warning))
        );
        let error = "KVM internal error. Suberror: 1";
        assert_eq!(
            kind(error),
            Some((FindingKind::KvmInternalError, Severity::Fatal))
        );
        let error = "error: kvm run failed Bad address";
        assert_eq!(
            kind(error),
            Some((FindingKind::KvmInternalError, Severity::Fatal))
        );
        let end = "qemu-system-x86_64: terminating on signal 15 from pid 7 (sh)";
        assert_eq!(kind(end), Some((FindingKind::QemuWarning, Severity::Note)));
    }

    #[test]
    fn a_line_in_pieces_is_judged_whole_and_once() {
        let health = Health::new(Instant::now());
        let mut scanner = LineScanner::new(Source::Firmware, health.clone());
        scanner.feed(b"enter handle_18:\r\nNo boot");
        assert!(health.findings().is_empty());
        scanner.feed(b"able device.\r\nx");
        scanner.finish();
        assert_eq!(health.findings().len(), 1);
        assert_eq!(health.findings()[0].summary, "No bootable device.");
    }

    #[test]
    fn a_line_without_end_does_not_grow_without_end() {
        let health = Health::new(Instant::now());
        let mut scanner = LineScanner::new(Source::Console, health);
        for _ in 0..100 {
            scanner.feed(&[b'x'; 1000]);
            assert!(scanner.line.len() < MAX_LINE);
        }
    }
}
