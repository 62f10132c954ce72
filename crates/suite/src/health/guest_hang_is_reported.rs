//! A task that waits for its disk longer than the guest's kernel is told to bear is reported as hung at once, and ends whatever is being
//! waited for with the reason. Here it is QEMU that makes the disk slow.

use std::time::{Duration, Instant};

use serde_json::json;
use virt_test::{Stop, Test, TestResult, check};
use vm::{FindingKind, Vm, VmError};

use crate::ask::ask;

/// The first request is let through, the next has to wait for what that one took: four minutes.
const WRITE: &str = "for i in 1 2; do dd if=/dev/zero of=/dev/vda bs=64k count=4 conv=fsync; done";
const SLOW: u64 = 1024;

#[virt_test::test(type_specific)]
async fn guest_hang_is_reported(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let mut session = vm.session(test.span("login_timeout")?).await?;
    let patience = "echo 1 > /proc/sys/kernel/hung_task_timeout_secs";
    ask(&mut session, patience).await?;
    throttle(&vm, SLOW).await?;

    test.phase("letting a task wait for its disk");
    vm.health().expect(FindingKind::HungTask);
    let start = Instant::now();
    let timeout = Duration::from_secs(600);
    match session.run_within(timeout, WRITE).await {
        Err(VmError::Unwell { finding, .. }) => {
            let told = start.elapsed();
            check!(
                finding.kind == FindingKind::HungTask && finding.summary.contains("dd:"),
                "a task hangs, and what was found is: {finding}"
            );
            check!(
                told * 10 < timeout,
                "the hung task was told after {told:.1?} of {timeout:.0?}"
            );
        }
        Err(other) => return Err(other.into()),
        Ok(output) => {
            return Err(Stop::fail(format!(
                "the task was to hang, and ended with {}: {}",
                output.status,
                output.stdout_text()
            )));
        }
    }
    Ok(())
}

/// Bounds what the first disk takes in a second, by `block_set_io_throttle` of the QAPI schema.
async fn throttle(vm: &Vm, bytes: u64) -> TestResult {
    let blocks = vm.qmp().execute("query-block", json!({})).await?;
    let Some(disk) = blocks[0]["qdev"].as_str() else {
        return Err(Stop::error(format!("the machine has no disk: {blocks}")));
    };
    let limits = json!({
        "id": disk, "bps": bytes, "bps_rd": 0, "bps_wr": 0, "iops": 0, "iops_rd": 0, "iops_wr": 0,
    });
    vm.qmp().execute("block_set_io_throttle", limits).await?;
    Ok(())
}
