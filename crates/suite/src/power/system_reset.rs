//! QEMU's `system_reset` starts the guest anew, whatever it is doing: in the middle of its boot, when it is up, and while it is paused,
//! in which case it stays so. QEMU says who wanted it, and nothing of the guest's memory is left.

use virt_test::{Test, TestResult, check};
use vm::Vm;
use vm::qmp::RunState;

use crate::ask::ask;

#[virt_test::test(type_specific)]
async fn system_reset(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let limit = test.span("login_timeout")?;
    // Not in the first milliseconds: while SeaBIOS copies itself to RAM a reset leaves QEMU's machine with half of it, for ever.
    vm.wait_for_event("VSERPORT_CHANGE", limit).await?;
    test.phase("resetting a guest that boots");
    reset(&vm).await?;
    let mut session = vm.session(limit).await?;
    let first = mark(&mut session).await?;

    test.phase("resetting a guest that is paused");
    vm.pause().await?;
    reset(&vm).await?;
    let status = vm.status().await?;
    check!(
        matches!(status, RunState::Paused | RunState::Prelaunch),
        "a paused machine was reset, and now it is {status}"
    );
    vm.resume().await?;
    let mut session = vm.session(limit).await?;
    let second = mark(&mut session).await?;
    check!(
        first != second,
        "the machine was reset, and the boot id is still {first}"
    );
    Ok(())
}

/// Resets the machine and makes sure that QEMU says so as it should. A reset by the guest may follow within 25 ms, by which SeaBIOS makes
/// itself new: QEMU leaves it in memory as it was.
async fn reset(vm: &Vm) -> TestResult {
    let before = vm.cursor();
    vm.reset().await?;
    let events = vm.qmp().events().since(before);
    let resets: Vec<_> = events.iter().filter(|e| e.name == "RESET").collect();
    let seen = resets.iter().map(|reset| reset.data["reason"].as_str());
    let seen: Vec<_> = seen.map(Option::unwrap_or_default).collect();
    check!(
        matches!(
            seen[..],
            ["host-qmp-system-reset"] | ["host-qmp-system-reset", "guest-reset"]
        ),
        "one reset by the monitor, and QEMU says {resets:?}"
    );
    check!(
        resets[0].data["guest"] == false,
        "a reset by the monitor, and QEMU says that it was the guest's"
    );
    Ok(())
}

/// Leaves something in the guest's memory, where nothing may have been left, and returns the boot's id.
async fn mark(session: &mut vm::Session) -> TestResult<String> {
    let command = "test ! -e /tmp/mark && touch /tmp/mark && cat /proc/sys/kernel/random/boot_id";
    ask(session, command).await
}
