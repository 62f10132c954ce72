//! Keeps an eye on the machines of a test for it, so that one which panics ends the test whatever the test is doing.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use vm::{Finding, Health, Vm};

use crate::Stop;

/// How long a test may take to end by itself once a machine of its is found unwell: it knows better what it was doing.
const GRACE: Duration = Duration::from_secs(1);

/// The machines a test has started, each watched by a task.
#[derive(Debug, Default)]
pub(crate) struct Sentinel {
    watched: Mutex<Vec<(String, Health)>>,
    tasks: Mutex<JoinSet<()>>,
    alarm: watch::Sender<Option<(String, Finding)>>,
}

impl Sentinel {
    /// Watches a machine from now on, even beyond its end.
    pub(crate) fn watch(&self, vm: &Vm) {
        self.watch_health(vm.name(), vm.health().clone());
    }

    fn watch_health(&self, name: &str, health: Health) {
        lock(&self.watched).push((name.to_owned(), health.clone()));
        let (name, alarm) = (name.to_owned(), self.alarm.clone());
        lock(&self.tasks).spawn(async move {
            loop {
                health.alarm().await;
                tokio::time::sleep(GRACE).await;
                // The test may have said meanwhile that this is allowed.
                if let Some(finding) = health.is_alarmed() {
                    alarm.send_replace(Some((name, finding)));
                    return;
                }
            }
        });
    }

    /// For [`alarm`].
    pub(crate) fn listen(&self) -> watch::Receiver<Option<(String, Finding)>> {
        self.alarm.subscribe()
    }

    /// FAIL if a machine was found fatally unwell and the test did not expect it.
    pub(crate) fn verdict(&self) -> Option<Stop> {
        lock(&self.watched)
            .iter()
            .find_map(|(name, health)| Some(stop(name, &health.is_alarmed()?)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns when a machine is fatally unwell and the test goes on regardless.
pub(crate) async fn alarm(mut alarms: watch::Receiver<Option<(String, Finding)>>) -> Stop {
    let raised = alarms.wait_for(Option::is_some).await;
    let raised = raised.ok().and_then(|raised| raised.clone());
    match raised {
        Some((name, finding)) => stop(&name, &finding),
        None => std::future::pending().await,
    }
}

fn stop(name: &str, finding: &Finding) -> Stop {
    let at = finding.at.as_secs_f64();
    Stop::fail(format!(
        "machine \"{name}\" became unwell {at:.1} s after its start: {finding}"
    ))
}
