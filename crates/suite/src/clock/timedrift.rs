//! The guest's clock keeps time: while it runs, it advances as the host's does; while it is paused, it stands still, and it is
//! neither early nor late by more than that afterwards. Set from the hardware's clock, which did not stand still, it is right again.

use std::time::{Duration, Instant, SystemTime};

use virt_test::{Stop, Test, TestResult, check};
use vm::Vm;

#[virt_test::test(type_specific)]
async fn timedrift(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    vm.wait_for_agent(test.span("login_timeout")?).await?;
    let span = test.span("drift_time")?;
    let share: f64 = test.param("drift_tolerance")?;

    let first = Reading::of(&vm).await?;
    tokio::time::sleep(span).await;
    let second = Reading::of(&vm).await?;
    first.compare(&second, Duration::ZERO, share, "running")?;

    let before = Instant::now();
    vm.pause().await?;
    let paused = Instant::now();
    tokio::time::sleep(span).await;
    let least = paused.elapsed();
    vm.resume().await?;
    // Somewhere between these two is how long the guest stood still.
    let most = before.elapsed();
    let mut third = Reading::of(&vm).await?;
    third.doubt += most - least;
    second.compare(&third, least, share, "with a pause")?;

    // The hardware's clock tells whole seconds.
    let asked = Instant::now();
    vm.wait(
        "setting of the clock",
        span,
        vm.agent()?.set_time(None, vm.limit(span)),
    )
    .await?
    .map_err(|error| Stop::fail(error.to_string()))?;
    let guest = vm.agent()?.time(vm.limit(span)).await;
    let guest = guest.map_err(|error| Stop::fail(error.to_string()))?;
    let off = match SystemTime::now().duration_since(guest) {
        Ok(late) => late,
        Err(early) => early.duration(),
    };
    let allowed = Duration::from_secs(2) + asked.elapsed();
    check!(
        off < allowed,
        "set from the hardware's clock, the guest's is {off:.2?} from the host's, where {allowed:.2?} are allowed"
    );
    Ok(())
}

/// The guest's time at a moment of the host's.
struct Reading {
    guest: SystemTime,
    host: Instant,
    /// How long it took to ask: the guest's answer is from somewhere in between.
    doubt: Duration,
}

impl Reading {
    async fn of(vm: &Vm) -> TestResult<Self> {
        let mut best: Option<Self> = None;
        // The quickest of a few answers says most.
        for _ in 0..5 {
            let host = Instant::now();
            let limit = Duration::from_secs(10);
            let guest = vm.agent()?.time(vm.limit(limit));
            let guest = vm.wait("answer of the guest agent", limit, guest).await?;
            let guest = guest.map_err(|error| Stop::fail(error.to_string()))?;
            let doubt = host.elapsed();
            if best.as_ref().is_none_or(|best| doubt < best.doubt) {
                best = Some(Self { guest, host, doubt });
            }
        }
        best.ok_or_else(|| Stop::error("no answer was asked for"))
    }

    /// The clocks of guest and host must have advanced alike, but for `stood_still`, a share of the time, and what is not known.
    fn compare(&self, later: &Self, stood_still: Duration, share: f64, how: &str) -> TestResult {
        let host = (later.host - self.host).as_secs_f64();
        let ran = host - stood_still.as_secs_f64();
        let guest = later.guest.duration_since(self.guest);
        let guest = guest.map_err(|_| Stop::fail(format!("{how}, the guest's clock went back")))?;
        let drift = guest.as_secs_f64() - ran;
        let allowed = share * ran + (self.doubt + later.doubt).as_secs_f64();
        check!(
            drift.abs() <= allowed,
            "{how}, the guest's clock advanced by {:.3} s in {ran:.3} s: {drift:+.3} s, where {allowed:.3} s is allowed",
            guest.as_secs_f64()
        );
        Ok(())
    }
}
