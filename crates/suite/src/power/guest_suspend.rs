//! A guest suspends itself, to RAM (S3) and to disk (S4), and comes back as the one it was: same boot id, its files in memory still
//! there, its processes going on. QEMU tells: SUSPEND, state `suspended` and WAKEUP; or SUSPEND_DISK and the end of QEMU.

use std::sync::Arc;

use virt_test::{Stop, Test, TestResult, check};
use vm::{Vm, VmError};

use crate::ask::ask;

/// Events that tell of the machine's power. Ports, clocks and cards have theirs as they fall asleep.
const POWER: [&str; 6] = [
    "SUSPEND",
    "SUSPEND_DISK",
    "WAKEUP",
    "RESET",
    "POWERDOWN",
    "SHUTDOWN",
];
const MARK: &str = "cat /proc/sys/kernel/random/boot_id /tmp/mark";

#[virt_test::test]
async fn guest_suspend(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let login = test.span("login_timeout")?;
    let mut session = vm.session(login).await?;
    let prepare: String = test.param("suspend_prepare")?;
    ask(&mut session, &prepare).await?;
    let process = "(exec sleep 1000) > /dev/null 2>&1 < /dev/null & echo $$ $! > /tmp/mark";
    ask(&mut session, process).await?;
    let before = ask(&mut session, MARK).await?;

    let kind: String = test.param("suspend_to")?;
    test.phase(format!("suspending {} to {kind}", vm.name()));
    let vm = match kind.as_str() {
        "ram" => to_ram_and_back(test, vm).await?,
        "disk" => to_disk_and_back(test, vm).await?,
        other => return Err(Stop::error(format!("suspend_to = {other}"))),
    };
    let mut session = vm.session(login).await?;
    let after = ask(&mut session, MARK).await?;
    check!(
        after == before,
        "the guest was '{before}' before it slept, and is '{after}' now"
    );
    ask(&mut session, "kill $(cut -d ' ' -f 2 /tmp/mark)").await?;
    Ok(())
}

async fn to_ram_and_back(test: &Test, vm: Arc<Vm>) -> TestResult<Arc<Vm>> {
    let before = vm.cursor();
    let asleep = vm.suspend_to_ram(test.span("suspend_timeout")?).await;
    asleep.map_err(skip_where_it_cannot)?;
    vm.wakeup().await?;
    let events = vm.qmp().events().since(before);
    let slept = events.iter().map(|event| event.name.as_str());
    let slept: Vec<_> = slept.filter(|name| POWER.contains(name)).collect();
    check!(
        slept == ["SUSPEND", "WAKEUP"],
        "the guest slept and woke up, and QEMU says {slept:?}"
    );
    Ok(vm)
}

async fn to_disk_and_back(test: &mut Test, vm: Arc<Vm>) -> TestResult<Arc<Vm>> {
    let name = vm.name().to_owned();
    let asleep = vm.suspend_to_disk(test.span("suspend_timeout")?).await;
    let exit = asleep.map_err(skip_where_it_cannot)?;
    check!(exit.is_clean(), "the guest powered off, and QEMU {exit}");
    test.forget_vm(&name);
    drop(vm);
    test.start_vm(&name).await
}

/// Not every machine and kernel can.
fn skip_where_it_cannot(error: VmError) -> Stop {
    match &error {
        VmError::Guest { source, .. } if source.to_string().contains("not supported") => {
            Stop::skip(error.to_string())
        }
        _ => error.into(),
    }
}
