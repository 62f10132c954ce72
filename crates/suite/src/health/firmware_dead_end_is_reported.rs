//! A machine with nothing to boot is found out as soon as its firmware gives up, not when the wait for the guest runs out.

use std::time::{Duration, Instant};

use virt_test::{Stop, Test, TestResult, check};
use vm::{FindingKind, VmError};

#[virt_test::test(type_specific)]
async fn firmware_dead_end_is_reported(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    vm.health().expect(FindingKind::FirmwareDeadEnd);
    vm.resume().await?;
    let start = Instant::now();
    let timeout = Duration::from_secs(600);
    match vm.session(timeout).await {
        Err(VmError::Unwell { finding, .. }) => {
            let told = start.elapsed();
            check!(
                finding.kind == FindingKind::FirmwareDeadEnd,
                "there is nothing to boot, and what was found is: {finding}"
            );
            check!(
                told * 10 < timeout,
                "nothing to boot: told after {told:.1?} of {timeout:.0?}"
            );
            Ok(())
        }
        Err(other) => Err(other.into()),
        Ok(_) => Err(Stop::fail(
            "something answers on a machine with a blank disk",
        )),
    }
}
