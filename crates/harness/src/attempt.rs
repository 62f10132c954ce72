//! One test: it is set up, run, checked, cleaned up, and has its verdict.

use std::any::Any;
use std::convert::Infallible;
use std::fs;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use events::{Event, Verdict};
use futures_util::FutureExt;
use tracing::{Instrument, debug, info, warn};
use vm::{Severity, Vm};

use crate::ending;
use crate::env::Env;
use crate::hooks;
use crate::plan::Planned;
use crate::registry;
use crate::requires;
use crate::rundir::test_dir_name;
use crate::runner::Halted;
use crate::running::Running;
use crate::sentinel;
use crate::verdict::chain;
use crate::{Stop, Test, TestResult};

/// Longer than any test takes.
const FOR_EVER: Duration = Duration::from_secs(u32::MAX as u64);

/// What came of a test, or of an attempt at one.
struct Ended {
    verdict: Verdict,
    reason: Option<String>,
    details: Vec<String>,
}

/// Runs a test to its verdict, unless the run is halted; as often as its `retries` say.
pub(crate) async fn run(env: &Arc<Env>, planned: &Planned, mut halt: Halted) -> Verdict {
    let running = env.running.begin(planned.index, planned.name());
    let whole = dir(env, planned);
    env.events.send(Event::TestStarted {
        index: planned.index,
        name: planned.name().to_owned(),
        dir: whole.clone(),
        round: planned.round,
    });
    // What is not to be read is told by the test itself.
    let retries: u64 = planned
        .params()
        .read("retries")
        .ok()
        .flatten()
        .unwrap_or_default();
    let mut attempt: usize = 1;
    let mut dir = whole.clone();
    let mut ended = loop {
        let began = running.elapsed();
        let ended = once(env, planned, &running, &dir, &mut halt).await;
        let bad = matches!(ended.verdict, Verdict::Fail | Verdict::Error);
        if !bad || attempt as u64 > retries || halt.reason().is_some() {
            break ended;
        }
        dir = whole.join(format!("attempt-{}", attempt + 1));
        env.events.send(Event::TestRetried {
            index: planned.index,
            name: planned.name().to_owned(),
            attempt,
            verdict: ended.verdict,
            elapsed_ms: milliseconds(running.elapsed() - began),
            reason: ended.reason,
            details: ended.details,
            dir: dir.clone(),
        });
        attempt += 1;
    };
    env.running.end(planned.index);
    let flaky = attempt > 1 && matches!(ended.verdict, Verdict::Pass | Verdict::Warn);
    if flaky && planned.params().value("flaky") == Some("fail") {
        ended.verdict = Verdict::Fail;
        ended.reason = Some(format!("passed only at attempt {attempt} (flaky = fail)"));
    }
    env.events.send(Event::TestFinished {
        index: planned.index,
        name: planned.name().to_owned(),
        verdict: ended.verdict,
        elapsed_ms: milliseconds(running.elapsed()),
        reason: ended.reason,
        details: ended.details,
        attempts: (attempt > 1).then_some(attempt),
        flaky,
    });
    ended.verdict
}

/// One attempt, set up and cleaned up.
async fn once(
    env: &Arc<Env>,
    planned: &Planned,
    running: &Arc<Running>,
    dir: &Path,
    halt: &mut Halted,
) -> Ended {
    let mut test = Test::new(
        Arc::clone(env),
        planned.clone(),
        dir.to_owned(),
        Arc::clone(running),
    );
    let outcome = match open(env, planned.index, dir) {
        Ok(span) => {
            let outcome = async {
                let outcome = attempt(&mut test, running, halt).await;
                clean_up(&mut test, outcome).await
            };
            // The run goes on, whatever happens to one of its tests.
            let outcome = AssertUnwindSafe(outcome.instrument(span)).catch_unwind();
            outcome.await.unwrap_or_else(|panic| Err(panicked(&*panic)))
        }
        Err(stop) => Err(stop),
    };
    env.logs.close(planned.index);
    let (verdict, reason, details) = match outcome {
        Ok(()) if test.warnings().is_empty() => (Verdict::Pass, None, Vec::new()),
        Ok(()) => (Verdict::Warn, Some(test.warnings().join("; ")), Vec::new()),
        Err(stop) => (stop.verdict, Some(stop.reason), stop.details),
    };
    Ended {
        verdict,
        reason,
        details,
    }
}

/// Says that a test was not run.
pub(crate) fn skip(env: &Env, planned: &Planned, reason: String) {
    env.events.send(Event::TestStarted {
        index: planned.index,
        name: planned.name().to_owned(),
        dir: dir(env, planned),
        round: planned.round,
    });
    env.events.send(Event::TestFinished {
        index: planned.index,
        name: planned.name().to_owned(),
        verdict: Verdict::Skip,
        elapsed_ms: 0,
        reason: Some(reason),
        details: Vec::new(),
        attempts: None,
        flaky: false,
    });
}

fn dir(env: &Env, planned: &Planned) -> PathBuf {
    let name = test_dir_name(planned.index, planned.name());
    env.settings.run_dir.join(name)
}

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn open(env: &Env, index: usize, dir: &Path) -> Result<tracing::Span, Stop> {
    fs::create_dir_all(dir)
        .and_then(|()| env.logs.open(index, &dir.join("debug.log")))
        .map_err(|error| Stop::error(format!("failed to make {}: {error}", dir.display())))
}

/// The test itself, within its time, unless the run is halted. Says so when it takes long.
async fn attempt(test: &mut Test, running: &Running, halt: &mut Halted) -> TestResult {
    info!("test {}", test.name());
    for (key, value) in test.params().iter() {
        debug!("{key} = {value}");
    }
    let env = Arc::clone(&test.env);
    let base: Duration = test.param("test_timeout")?;
    let end = (!base.is_zero()).then(|| env.deadlines.start(base));
    test.end = end;
    let left = || end.map_or(FOR_EVER, |end| end.remaining());
    let slow_after: Duration = test.param("slow_after")?;
    let mut slow = env.deadlines.start(slow_after);
    let mut alarm = std::pin::pin!(sentinel::alarm(test.sentinel.listen()));
    let put_off = test.put_off.clone();
    let mut body = Box::pin(AssertUnwindSafe(body(test)).catch_unwind());
    let stop = loop {
        tokio::select! {
            biased;
            outcome = &mut body => return outcome.unwrap_or_else(|panic| Err(panicked(&*panic))),
            unwell = &mut alarm => break unwell,
            // The host may have become busier, which puts the end off.
            () = tokio::time::sleep(left()) => if let Some(end) = end && end.expired() {
                break Stop::fail(format!(
                    "the test did not come to its end within {} s (test_timeout = {}, stretched by the host's speed)",
                    end.elapsed().as_secs(), base.as_secs(),
                ));
            },
            () = tokio::time::sleep(slow.remaining()), if !slow_after.is_zero() => if slow.expired() {
                env.events.send(Event::TestSlow {
                    index: running.index,
                    elapsed_ms: milliseconds(running.elapsed()),
                    last_lines: running.last_lines(),
                });
                slow = env.deadlines.start(slow_after);
            },
            reason = halt.halted() => break Stop::new(Verdict::Interrupted, reason),
        }
    };
    // A program that is asked to end may still need its machines, to tidy up.
    let endings = tokio::select! {
        biased;
        endings = put_off.carry_out() => endings,
        never = last_out(&mut body) => match never {},
    };
    drop(body);
    ending::settle(test, Err(stop), endings)
}

/// Lets what is under way go on for as long as this is awaited.
async fn last_out(body: impl Future) -> Infallible {
    body.await;
    std::future::pending().await
}

async fn body(test: &mut Test) -> TestResult {
    let kind: String = test.param("type")?;
    let Some(def) = registry::find(&kind) else {
        return Err(Stop::error(format!("there is no test of type '{kind}'")));
    };
    requires::check(test)?;
    test.env.builds.outcome(test.params())?;
    hooks::before(test).await?;
    for name in test.machine_names() {
        if test.params().object_params(&name).flag("start_vm")? {
            test.start_vm(&name).await?;
        }
    }
    (def.run)(test).await
}

fn panicked(panic: &(dyn Any + Send)) -> Stop {
    let said = panic.downcast_ref::<&str>().copied();
    let said = said
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    Stop::error(format!("the test panicked: {said}"))
}

/// Gives back what the test borrowed, whatever its outcome, and adds the last words of its machines to a bad one.
async fn clean_up(test: &mut Test, outcome: TestResult) -> TestResult {
    let endings = test.put_off.carry_out().await;
    let mut outcome = ending::settle(test, outcome, endings);
    if outcome.is_ok() {
        outcome = test.sentinel.verdict().map_or(Ok(()), Err);
    }
    if outcome.is_ok() {
        outcome = test.failed_parts();
    }
    if let Err(stop) = &mut outcome
        && matches!(stop.verdict, Verdict::Fail | Verdict::Error)
    {
        for vm in test.machines() {
            explain(&vm, stop).await;
        }
    }
    let mut kept = false;
    for (name, vm) in test.take_machines() {
        let kill = test.params_of(&name).flag("kill_vm").unwrap_or(true);
        if kill
            || outcome
                .as_ref()
                .is_err_and(|stop| stop.verdict == Verdict::Interrupted)
        {
            match vm.destroy().await {
                Ok(report) => debug!("{name}: {report}"),
                Err(error) => warn!("{name}: {}", chain(&error)),
            }
        } else {
            kept = true;
            let how = leave_running(vm);
            test.warn(how);
        }
    }
    // QEMU may crash as it is told to end.
    if outcome.is_ok() {
        outcome = test.sentinel.verdict().map_or(Ok(()), Err);
    }
    let images = test.take_images();
    if kept || test.params().flag("keep_image").unwrap_or(false) {
        test.keep_images();
    } else {
        remove(&images);
    }
    hooks::after(test, outcome).await
}

/// Adds what is known of a machine to the reason of a failure.
async fn explain(vm: &Vm, stop: &mut Stop) {
    let name = vm.name();
    let mut tell = |what: &str, text: String| {
        if !text.is_empty() && !stop.reason.contains(&text) {
            stop.details.push(format!("{what} {name}:\n{text}"));
        }
    };
    let findings = vm.health().findings().into_iter();
    let findings = findings.filter(|finding| finding.severity > Severity::Note);
    let findings = findings.map(|finding| {
        let at = finding.at.as_secs_f64();
        format!("  {at:.1} s: {finding}\n")
    });
    tell("what was found in", findings.collect());
    if let Some(crash) = vm.crash().await {
        tell("the crash of", crash.to_string());
    }
    tell("last words of", vm.last_words().to_string());
}

/// Lets go of a machine that is to go on running; says how to reach it.
fn leave_running(vm: Arc<Vm>) -> String {
    let name = vm.name().to_owned();
    match Arc::try_unwrap(vm) {
        Ok(vm) => match vm.detach() {
            Ok(left) => format!(
                "{name} was left running: pid {}, sockets in {}",
                left.process.pid,
                left.sockets.display()
            ),
            Err(error) => chain(&error),
        },
        Err(_) => format!("{name} could not be left running: the test still holds it"),
    }
}

fn remove(images: &[PathBuf]) {
    for image in images {
        if let Err(error) = fs::remove_file(image)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            warn!("failed to remove {}: {error}", image.display());
        }
    }
}
