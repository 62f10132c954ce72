//! A paused guest stands still: its clock does not advance, its processes do nothing, its console is silent. When it is continued, the
//! same processes go on where they were.

use std::time::{Duration, Instant};

use virt_test::{Stop, Test, TestResult, check};
use vm::Vm;
use vm::qmp::RunState;

use crate::ask::{ask, ask_number};

/// Counts as fast as it may, and says so on the console ten times a second.
const COUNT: &str = "(n=0; while :; do n=$((n + 1)); echo $n > /tmp/next; mv /tmp/next /tmp/count; echo tick > /dev/console; usleep 100000; done) \
                     > /dev/null 2>&1 < /dev/null & echo $!";

#[virt_test::test(type_specific)]
async fn stop_continue(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let mut session = vm.session(test.span("login_timeout")?).await?;
    let process = ask(&mut session, COUNT).await?;
    let count = "cat /tmp/count";
    // The time before the pause, from before it was asked for to after it was answered.
    let asked = Instant::now();
    let uptime = "cut -d ' ' -f 1 /proc/uptime";
    let before = ask_number(&mut session, uptime).await?;

    vm.pause().await?;
    check!(
        vm.status().await? == RunState::Paused,
        "a paused machine is not paused"
    );
    let paused = Instant::now();
    let said = last_words(&vm).await?;
    tokio::time::sleep(test.span("pause_time")?).await;
    check!(
        vm.console()?.history() == said,
        "the console of a paused guest is not silent: {:?}",
        vm.console()?.last_line()
    );
    let paused = paused.elapsed();
    vm.resume().await?;

    let counted = ask_number(&mut session, count).await?;
    let after = ask_number(&mut session, uptime).await?;
    let most = asked.elapsed().saturating_sub(paused).as_secs_f64();
    let passed = after - before;
    // The guest's clock has hundredths of a second.
    check!(
        passed <= most + 0.02,
        "{passed:.2} s passed in a guest that ran for at most {most:.2} s, and stood still for {:.2} s",
        paused.as_secs_f64()
    );
    ask(&mut session, &format!("kill -0 {process}")).await?;
    let goes_on = format!(
        "n=0; while [ $(cat /tmp/count) -le {counted} ]; do [ $((n += 1)) -lt 100 ] || exit 1; usleep 20000; done"
    );
    ask(&mut session, &goes_on).await?;
    Ok(())
}

/// What a console has said that has fallen silent. What QEMU had taken from the guest before the pause may still be on its way.
async fn last_words(vm: &Vm) -> TestResult<String> {
    let mut said = vm.console()?.history();
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let more = vm.console()?.history();
        if more == said {
            return Ok(said);
        }
        said = more;
    }
    Err(Stop::fail(format!(
        "the console of a paused guest does not fall silent: {:?}",
        vm.console()?.last_line()
    )))
}
