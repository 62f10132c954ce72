//! A running machine is saved into its own disk and loaded again: memory and disk are as they were at that moment.

use serde_json::json;
use virt_test::{Stop, Test, TestResult, check};
use vm::qmp::RunState;

use crate::migration::load::run;

const TAG: &str = "before";

#[virt_test::test(type_specific, "requires_qmp = snapshot-save", "image_format = qcow2")]
async fn savevm_loadvm(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let limit = test.span("mig_timeout")?;
    let mut session = test.log_in(&vm).await?;
    let disk = vm.spec().disks.first();
    let node = disk
        .ok_or_else(|| Stop::error("the machine has no disk"))?
        .node_name();
    let snapshot =
        |job: &str| json!({"job-id": job, "tag": TAG, "vmstate": node, "devices": [node]});
    let disk = run(&mut session, "set -- /dev/[vsn][dv][am]*; echo $1").await?;
    let write = |word: &str| {
        format!(
            "echo {word} > /tmp/when; echo {word} | dd of={disk} bs=512 conv=sync,fsync 2>/dev/null"
        )
    };
    let read = format!("cat /tmp/when; echo 3 > /proc/sys/vm/drop_caches; head -n 1 {disk}");
    run(&mut session, &write("before")).await?;
    test.phase("saving");
    vm.qmp().execute("snapshot-save", snapshot("save")).await?;
    vm.job("save").succeed(limit).await?;
    run(&mut session, &write("after")).await?;
    let when = run(&mut session, &read).await?;
    check!(
        when == "after\nafter",
        "the guest went on to write, and reads {when:?}"
    );
    test.phase("loading");
    vm.qmp().execute("snapshot-load", snapshot("load")).await?;
    vm.job("load").succeed(limit).await?;
    vm.wait_for_status(RunState::Running, limit).await?;
    let mut session = test.log_in(&vm).await?;
    let when = run(&mut session, &read).await?;
    check!(
        when == "before\nbefore",
        "memory and disk of the saved machine are those of {when:?}"
    );
    Ok(())
}
