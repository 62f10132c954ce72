//! What goes wrong in the guest's kernel is told at once, and ends whatever is being waited for with the reason: lock-ups, hung tasks,
//! oopses and warnings (imitated by lines in the kernel's log), and a real panic.

use std::time::{Duration, Instant};

use virt_test::{Stop, Test, TestResult, check};
use vm::{FindingKind, Severity, VmError};

use crate::ask::ask;

const TROUBLE: [(&str, FindingKind); 5] = [
    (
        "watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [sh:1]",
        FindingKind::SoftLockup,
    ),
    (
        "INFO: task sh:1 blocked for more than 120 seconds.",
        FindingKind::HungTask,
    ),
    (
        "BUG: unable to handle page fault for address: 0",
        FindingKind::Oops,
    ),
    (
        "WARNING: CPU: 0 PID: 1 at kernel/fork.c:1 f+0x1/0x2",
        FindingKind::KernelWarning,
    ),
    (
        "I/O error, dev vda, sector 0 op 0x0:(READ)",
        FindingKind::BlockIoError,
    ),
];

#[virt_test::test]
async fn guest_panic_is_reported(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let mut session = vm.session(test.span("login_timeout")?).await?;
    let soon = Duration::from_secs(10);
    for (line, kind) in TROUBLE {
        vm.health().allow(kind);
        ask(&mut session, &format!("echo '<2>{line}' > /dev/kmsg")).await?;
        let finding = vm.wait_for_finding(kind, soon).await?;
        check!(
            finding.summary == line && finding.severity == Severity::Note,
            "the guest says '{line}', and what was found is {finding:?}"
        );
    }

    test.phase("letting the guest panic");
    vm.health().expect(FindingKind::GuestPanic);
    let start = Instant::now();
    let timeout = Duration::from_secs(600);
    let crash = "echo c > /proc/sysrq-trigger; sleep 600";
    match session.run_within(timeout, crash).await {
        Err(VmError::Unwell { finding, .. }) => {
            let told = start.elapsed();
            check!(
                finding.kind == FindingKind::GuestPanic,
                "the guest panicked, and what was found is: {finding}"
            );
            check!(
                told * 20 < timeout,
                "the panic was told after {told:.1?} of {timeout:.0?}"
            );
            Ok(())
        }
        Err(other) => Err(other.into()),
        Ok(output) => Err(Stop::fail(format!(
            "the guest was to panic, and its command ended with {}",
            output.status
        ))),
    }
}
