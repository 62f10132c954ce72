//! A guest that panics says so by its pvpanic device, and QEMU does with the machine what `panic_actions` say: nothing (`none`), stops
//! it in state `guest-panicked` (`pause`), ends (`shutdown`), or ends with a failure (`exit-failure`).

use serde_json::json;
use virt_test::{Stop, Test, TestResult, check};
use vm::qmp::RunState;
use vm::{FindingKind, Vm};

#[virt_test::test(type_specific)]
async fn pvpanic(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let limit = test.span("login_timeout")?;
    let actions: Vec<String> = test.param("panic_actions")?;
    vm.health().allow(FindingKind::GuestPanic);
    for action in &actions {
        let mut session = vm.session(limit).await?;
        let wanted = json!({"panic": action});
        vm.qmp().execute("set-action", wanted).await?;
        test.phase(format!("letting the guest panic, with action {action}"));
        let before = vm.cursor();
        // The command never ends; that it fails, because QEMU has ended, may be seen before the event is.
        let crash = session.run("echo c > /proc/sysrq-trigger");
        let told = vm.wait_for_event_since(before, "GUEST_PANICKED", limit);
        let event = tokio::select! {
            event = told => event?,
            Ok(output) = crash => return Err(Stop::fail(format!("instead of a panic: {output:?}"))),
        };
        let does = match action.as_str() {
            "none" => "run",
            "pause" => "pause",
            _ => "poweroff",
        };
        check!(
            event.data["action"] == does,
            "panic={action}, and QEMU says {}",
            event.data
        );
        match action.as_str() {
            "none" => check!(
                vm.status().await? == RunState::Running,
                "panic=none, and the machine is {}",
                vm.status().await?
            ),
            "pause" => vm.wait_for_status(RunState::GuestPanicked, limit).await?,
            "shutdown" | "exit-failure" => return ends(test, &vm, action).await,
            other => return Err(Stop::error(format!("panic_actions names '{other}'"))),
        }
        vm.reset().await?;
        vm.resume().await?;
    }
    Ok(())
}

async fn ends(test: &Test, vm: &Vm, action: &str) -> TestResult {
    vm.health().allow(FindingKind::QemuExit);
    let report = vm.wait_exit(test.span("shutdown_timeout")?).await?;
    let reason = report
        .shutdown
        .as_ref()
        .map(|shutdown| shutdown.reason.as_str());
    check!(
        reason == Some("guest-panic") && report.exit.success() == (action == "shutdown"),
        "panic={action}, and QEMU {report}"
    );
    Ok(())
}
