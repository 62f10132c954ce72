//! A watchdog that the guest arms and then forgets fires: QEMU says WATCHDOG with its action, and does what each of
//! `watchdog_actions` says. One that is looked after, or disarmed, does not.

use serde_json::json;
use virt_test::{Stop, Test, TestResult, check};
use vm::qmp::{Cursor, Event, RunState};
use vm::{FindingKind, Session, Vm};

use crate::ask::ask;

/// Opens the device and looks after it only once in a thousand seconds.
const FORGET: &str = "watchdog -T $(cat /tmp/timeout) -t 1000 /dev/watchdog";
const ATTEND: &str = "watchdog -T $(cat /tmp/timeout) -t 500ms /dev/watchdog";
/// Ending it disarms the device.
const DISARM: &str = "kill $(pidof watchdog); n=0; while pidof watchdog; do [ $((n += 1)) -lt 100 ] || exit 1; usleep 20000; done";

#[virt_test::test(type_specific)]
async fn watchdog(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let limit = test.span("login_timeout")?;
    let actions: Vec<String> = test.param("watchdog_actions")?;
    vm.health().allow(FindingKind::Watchdog);
    let mut session = prepared(test, &vm).await?;

    if test.param("watchdog_attended")? {
        test.phase("looking after the watchdog");
        attended(test, &vm, &mut session).await?;
    }

    for action in &actions {
        let wanted = json!({"watchdog": action});
        vm.qmp().execute("set-action", wanted).await?;
        test.phase(format!("forgetting the watchdog, with action {action}"));
        if action == "poweroff" {
            // QEMU ends on the spot, without a SHUTDOWN event.
            vm.health().allow(FindingKind::QemuExit);
        }
        let before = vm.cursor();
        let nmis = nmis(&mut session).await?;
        forget(&vm, &mut session, before).await?;
        let event = vm.wait_for_event_since(before, "WATCHDOG", limit).await?;
        check!(
            event.data["action"] == action.as_str(),
            "the watchdog fired, and QEMU says {}",
            event.data
        );
        match action.as_str() {
            "none" | "debug" => check!(
                vm.status().await? == RunState::Running,
                "watchdog={action}, and the machine does not run on"
            ),
            "pause" => {
                vm.wait_for_status(RunState::Watchdog, limit).await?;
                vm.resume().await?;
            }
            "inject-nmi" => {
                let more = format!(
                    "n=0; until [ $(awk '/NMI:/ {{ print $2 }}' /proc/interrupts) -gt {nmis} ]; do [ $((n += 1)) -lt 100 ] || exit 1; usleep 20000; done"
                );
                ask(&mut session, &more).await?;
            }
            "reset" => {
                vm.wait_for_event_since(before, "RESET", limit).await?;
                session = prepared(test, &vm).await?;
                continue;
            }
            "poweroff" | "shutdown" => return ends(test, &vm, action, before).await,
            other => return Err(Stop::error(format!("watchdog_actions names '{other}'"))),
        }
        ask(&mut session, DISARM).await?;
    }
    Ok(())
}

/// Arms the device. That the guest can no longer answer is well, if that is because it fired.
async fn forget(vm: &Vm, session: &mut Session, before: Cursor) -> TestResult {
    match ask(session, FORGET).await {
        Err(error) if fired(vm, before).is_empty() => Err(error),
        _ => Ok(()),
    }
}

/// Looked after for longer than it waits, it does not fire.
async fn attended(test: &Test, vm: &Vm, session: &mut Session) -> TestResult {
    let before = vm.cursor();
    let longer = 2 * test.param::<u32>("watchdog_timeout")?;
    ask(session, ATTEND).await?;
    ask(session, &format!("sleep {longer}")).await?;
    ask(session, DISARM).await?;
    let early: Vec<Event> = fired(vm, before);
    check!(
        early.is_empty(),
        "the guest looks after its watchdog, and QEMU says {early:?}"
    );
    Ok(())
}

/// A session once the guest has booted and has its watchdog's driver, and no other's.
async fn prepared(test: &Test, vm: &Vm) -> TestResult<Session> {
    let mut session = vm.session(test.span("login_timeout")?).await?;
    let driver: String = test.param("watchdog_driver")?;
    let timeout: String = test.param("watchdog_timeout")?;
    let ready = format!(
        "modprobe {driver} && echo {timeout} > /tmp/timeout && test -c /dev/watchdog && test ! -e /dev/watchdog1"
    );
    ask(&mut session, &ready).await?;
    Ok(session)
}

async fn nmis(session: &mut Session) -> TestResult<String> {
    ask(session, "awk '/NMI:/ { print $2 }' /proc/interrupts").await
}

fn fired(vm: &Vm, since: Cursor) -> Vec<Event> {
    let events = vm.qmp().events().since(since).into_iter();
    events.filter(|event| event.name == "WATCHDOG").collect()
}

/// `poweroff` is QEMU's doing, `shutdown` presses the guest's power button.
async fn ends(test: &Test, vm: &Vm, action: &str, before: Cursor) -> TestResult {
    let report = vm.wait_exit(test.span("shutdown_timeout")?).await?;
    let events = vm.qmp().events().since(before);
    let pressed = events.iter().any(|event| event.name == "POWERDOWN");
    let guest = report
        .shutdown
        .as_ref()
        .is_some_and(|shutdown| shutdown.guest);
    check!(
        report.exit.success()
            && pressed == (action == "shutdown")
            && (guest || action == "poweroff"),
        "watchdog={action}, and QEMU {report}, {} POWERDOWN",
        if pressed { "with" } else { "without" }
    );
    Ok(())
}
