//! Work for the guest while its machine moves, checked afterwards: what it wrote to memory and disk, its clocks, and a stream of
//! packets.

use std::time::{Duration, SystemTime};

use serde_json::Value;
use virt_test::{Moved, Session, Stop, Test, TestResult, Vm, check};
use vm::qmp::RunState;

/// Written round after round.
const MEMORY_MIB: u32 = 8;
const DISK_MIB: u32 = 4;

/// QEMU's own address in a network of its own, which always answers.
const GATEWAY: &str = "10.0.2.2";

/// Base time for the guest's agent to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Base time a clock or a stream of packets may stand still for more than the machine does: other things run on the host too.
const SLACK: Duration = Duration::from_millis(100);

const BOOT_ID: &str = "cat /proc/sys/kernel/random/boot_id";

/// The test's machine moves, under load if `mig_load` says so, and its guest goes on: the one that was booted, with all it had.
pub(crate) async fn moves(test: &mut Test) -> TestResult {
    let name = test.main_vm_name()?;
    let vm = test.main_vm()?;
    let mut session = booted(test, &vm).await?;
    let before = run(&mut session, BOOT_ID).await?;
    let clock = GuestClock::read(&vm).await?;
    let migration = test.migration(&name).await?;
    let moved = test.migrate(&name, &migration).await?;
    check!(vm.ended().is_some(), "the source is still there");
    clock.goes_on(test, &moved).await?;
    let mut session = well(test, &moved).await?;
    let after = run(&mut session, BOOT_ID).await?;
    check!(
        after == before,
        "the guest was booted anew: its boot id was {before}, and is {after}"
    );
    Ok(())
}

/// How far a guest's clock is behind the host's, in seconds, and how exactly that is known.
struct GuestClock {
    behind: f64,
    give_or_take: f64,
}

impl GuestClock {
    async fn read(vm: &Vm) -> TestResult<Self> {
        let agent = vm.wait_for_agent(ANSWER).await?;
        let asked = seconds(SystemTime::now());
        let told = agent.time(vm.limit(ANSWER)).await;
        let told = told.map_err(|error| Stop::fail(format!("the guest's clock: {error}")))?;
        let answered = seconds(SystemTime::now());
        Ok(Self {
            behind: (asked + answered) / 2.0 - seconds(told),
            give_or_take: (answered - asked) / 2.0,
        })
    }

    /// After a migration the clock has lost no more than the time in which the guest stood still, and gained nothing.
    async fn goes_on(&self, test: &Test, moved: &Moved) -> TestResult {
        let now = Self::read(&moved.vm).await?;
        let lost = now.behind - self.behind;
        let standstill = moved.standstill.unwrap_or_default().as_secs_f64();
        test.phase(format!(
            "clock: {lost:.3} s lost against the host's, {standstill:.3} s stood still"
        ));
        let slack = moved.vm.limit(SLACK).as_secs_f64() + self.give_or_take + now.give_or_take;
        check!(
            (-slack..=standstill + slack).contains(&lost),
            "the guest's clock has lost {lost:.3} s against the host's, and the machine stood still for {standstill:.3} s"
        );
        Ok(())
    }
}

fn seconds(time: SystemTime) -> f64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

/// Lets the machine's guest boot, and starts the work there if `mig_load` says so. Returns the session, too.
pub(crate) async fn booted(test: &Test, vm: &Vm) -> TestResult<Session> {
    let mut session = test.log_in(vm).await?;
    if test.param("mig_load")? {
        start(test, vm, &mut session).await?;
    }
    Ok(session)
}

/// Logs in where the guest is now, and checks the work if there is any.
pub(crate) async fn well(test: &Test, moved: &Moved) -> TestResult<Session> {
    let mut session = test.log_in(&moved.vm).await?;
    if test.param("mig_load")? {
        check(
            test,
            &moved.vm,
            &mut session,
            moved.standstill.unwrap_or_default(),
        )
        .await?;
    }
    Ok(session)
}

/// The guest of a machine that was to move and has not is as it was.
pub(crate) async fn still_well(test: &Test, vm: &Vm) -> TestResult {
    check!(
        vm.status().await? == RunState::Running,
        "the source is {}",
        vm.status().await?
    );
    let mut session = test.log_in(vm).await?;
    if test.param("mig_load")? {
        check(test, vm, &mut session, Duration::ZERO).await?;
    }
    Ok(())
}

/// Starts the work on memory, on the first disk and on the network, as far as the machine has them.
pub(crate) async fn start(test: &Test, vm: &Vm, session: &mut Session) -> TestResult {
    start_with(test, vm, session, MEMORY_MIB).await
}

/// As [`start`], with that much memory.
pub(crate) async fn start_with(
    test: &Test,
    vm: &Vm,
    session: &mut Session,
    memory_mib: u32,
) -> TestResult {
    if !session.run("command -v tiny-load").await?.status.success() {
        return Err(Stop::skip("the guest has no tiny-load; the tiny guests do"));
    }
    let mut command = format!("tiny-load start --memory {memory_mib}");
    if !vm.spec().disks.is_empty() {
        let disk = first_disk(session).await?;
        command.push_str(&format!(" --disk {disk}:{DISK_MIB}"));
    }
    if !vm.spec().nics.is_empty() {
        command.push_str(&format!(" --ping {GATEWAY}"));
    }
    test.phase("load");
    run(session, &command).await.map(drop)
}

/// Stops the work on the machine it has come to, and checks all of it. `standstill` is how long the machine stood still.
pub(crate) async fn check(
    test: &Test,
    vm: &Vm,
    session: &mut Session,
    standstill: Duration,
) -> TestResult {
    // So that it works here too, and not only has worked where it came from.
    run(session, "sleep 1").await?;
    let output = session.run("tiny-load stop").await?;
    let said = output.stdout_text();
    test.phase(format!("load: {said}"));
    let report: Value = serde_json::from_str(&said)
        .map_err(|error| Stop::fail(format!("tiny-load stop says '{said}': {error}")))?;
    check!(
        output.status.success() && report["bad"] == 0,
        "the guest found wrong what it had written: {said}"
    );
    let limit = (standstill + vm.limit(SLACK)).as_millis() as u64;
    for (piece, what) in [
        ("clock", "monotonic_longest_gap_ms"),
        ("clock", "real_longest_gap_ms"),
        ("ping", "longest_silence_ms"),
    ] {
        if let Some(longest) = report[piece][what].as_u64() {
            check!(
                longest <= limit,
                "{piece}: {what} is {longest}, the machine stood still for {} ms",
                standstill.as_millis()
            );
        }
    }
    for (piece, what) in [
        ("memory", "rounds"),
        ("disk", "rounds"),
        ("ping", "received"),
    ] {
        let some = report[piece].is_null() || report[piece][what].as_u64() > Some(0);
        check!(
            some,
            "{piece}: {what} is {}, so nothing was tested",
            report[piece][what]
        );
    }
    Ok(())
}

/// The device file of the guest's first disk.
pub(crate) async fn first_disk(session: &mut Session) -> TestResult<String> {
    run(session, "set -- /dev/[vsn][dv][am]*; echo $1").await
}

/// What a command that must succeed prints.
pub(crate) async fn run(session: &mut Session, command: &str) -> TestResult<String> {
    let output = session.run(command).await?;
    let said = output.stdout_text();
    check!(
        output.status.success(),
        "{command} ended with {}: {said}",
        output.status
    );
    Ok(said)
}
