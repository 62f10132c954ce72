//! QEMU's `system_powerdown` presses the power button: QEMU says POWERDOWN, then SHUTDOWN by the guest's will; with `shutdown=pause` it
//! then stays, in state `shutdown`, and the same machine boots again when it is reset and continued; otherwise it ends.

use serde_json::json;
use virt_test::{Test, TestResult, check};
use vm::qmp::RunState;

#[virt_test::test(type_specific, "requires_qmp = set-action")]
async fn system_powerdown(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let limit = test.span("shutdown_timeout")?;
    test.log_in(&vm).await?;
    let action = json!({"shutdown": "pause"});
    vm.qmp().execute("set-action", action).await?;
    let before = vm.cursor();
    vm.powerdown().await?;
    vm.wait_for_status(RunState::Shutdown, limit).await?;
    let events = vm.qmp().events().since(before);
    let at = |name: &str| events.iter().position(|event| event.name == name);
    check!(
        at("POWERDOWN").is_some() && at("POWERDOWN") < at("SHUTDOWN"),
        "the power button was pressed, and the events are {events:?}"
    );
    for event in events.iter().filter(|event| event.name == "SHUTDOWN") {
        check!(
            event.data["guest"] == true && event.data["reason"] == "guest-shutdown",
            "the guest shut down, and QEMU says {}",
            event.data
        );
    }
    check!(vm.ended().is_none(), "shutdown=pause, and QEMU ended");

    test.phase(format!("booting {} again", vm.name()));
    vm.reset().await?;
    vm.resume().await?;
    test.log_in(&vm).await?;
    let action = json!({"shutdown": "poweroff"});
    vm.qmp().execute("set-action", action).await?;
    vm.powerdown().await?;
    let report = vm.wait_exit(limit).await?;
    check!(report.is_clean(), "QEMU {report}");
    Ok(())
}
