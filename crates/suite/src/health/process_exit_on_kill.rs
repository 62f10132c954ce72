//! When QEMU is killed in the middle of a test, whatever was being waited for ends at once with the signal as the reason; when it
//! crashes, what its core dump tells is known as well.

use std::time::{Duration, Instant};

use virt_test::{Stop, Test, TestResult, check};
use vm::{FindingKind, Signal, VmError};

#[virt_test::test(type_specific)]
async fn process_exit_on_kill(test: &mut Test) -> TestResult {
    for (signal, name, kind) in [
        (Signal::KILL, "SIGKILL", FindingKind::QemuExit),
        (Signal::ABORT, "SIGABRT", FindingKind::QemuCrash),
    ] {
        let vm = test.start_vm(&test.main_vm_name()?).await?;
        vm.health().expect(kind);
        test.phase(format!("sending QEMU {name}"));
        let start = Instant::now();
        let timeout = Duration::from_secs(600);
        // The guest boots, and will never get that far.
        let login = vm.session(timeout);
        let (login, sent) = tokio::join!(login, async { vm.signal(signal) });
        let told = start.elapsed();
        sent?;
        let finding = match login {
            Err(VmError::Unwell { finding, .. }) => finding,
            Err(other) => return Err(other.into()),
            Ok(_) => return Err(Stop::fail(format!("QEMU was sent {name} and goes on"))),
        };
        check!(
            finding.kind == kind && finding.summary.contains(name),
            "QEMU was sent {name}, and what was found is: {finding}"
        );
        check!(
            told * 20 < timeout,
            "what ended QEMU was told after {told:.1?}, and the wait was for {timeout:.0?}"
        );
        let report = vm.wait_exit(timeout).await?;
        match (&report.crash, kind) {
            (Some(crash), FindingKind::QemuCrash) => check!(
                crash.core.is_some() || crash.missing.is_some(),
                "nothing is known of the crash, not even why"
            ),
            (None, FindingKind::QemuExit) => {}
            (crash, _) => return Err(Stop::fail(format!("QEMU {report}; its crash: {crash:?}"))),
        }
        test.forget_vm(vm.name());
    }
    Ok(())
}
