//! Is the machine still well? Watched all the time, by tasks of its own, so that a test ends with the reason and not with a
//! time-out.

mod console;
mod finding;
mod monitor;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

pub(crate) use console::{LineScanner, Source};
pub use finding::{Finding, FindingKind, Severity};
pub(crate) use monitor::watch_events;

/// Findings kept. A guest can cause some as often as it likes.
const KEPT: usize = 200;

/// What was found out about a machine's health. Clones are the same.
#[derive(Debug, Clone)]
pub struct Health(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    start: Instant,
    state: Mutex<State>,
    fatal: watch::Sender<Option<Finding>>,
}

#[derive(Debug, Default)]
struct State {
    findings: Vec<Finding>,
    allowed: BTreeSet<FindingKind>,
}

impl Health {
    pub(crate) fn new(start: Instant) -> Self {
        Self(Arc::new(Inner {
            start,
            state: Mutex::default(),
            fatal: watch::Sender::new(None),
        }))
    }

    /// From now on a finding of this kind is expected: it is noted, but not fatal.
    pub fn allow(&self, kind: FindingKind) {
        self.state().allowed.insert(kind);
    }

    /// Everything found so far, oldest first.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        self.state().findings.clone()
    }

    /// The first fatal finding, if there was one.
    #[must_use]
    pub fn is_fatal(&self) -> Option<Finding> {
        self.0.fatal.borrow().clone()
    }

    /// Returns at the first fatal finding, and never if there is none.
    pub async fn fatal(&self) -> Finding {
        let mut fatal = self.0.fatal.subscribe();
        loop {
            if let Some(finding) = fatal.borrow_and_update().clone() {
                return finding;
            }
            if fatal.changed().await.is_err() {
                // The sender is ours and lives as long as we do.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Runs a future until it ends or the machine is found to be fatally unwell.
    ///
    /// # Errors
    /// The finding.
    pub async fn guard<F: Future>(&self, future: F) -> Result<F::Output, Finding> {
        tokio::select! {
            biased;
            output = future => Ok(output),
            finding = self.fatal() => Err(finding),
        }
    }

    /// Notes a finding, at the severity its kind has unless it is allowed.
    pub(crate) fn report(&self, kind: FindingKind, severity: Severity, summary: impl Into<String>) {
        let at = self.0.start.elapsed();
        let mut state = self.state();
        let severity = if state.allowed.contains(&kind) {
            Severity::Note
        } else {
            severity
        };
        let finding = Finding {
            kind,
            severity,
            summary: summary.into(),
            at,
        };
        tracing::debug!(%finding, "health");
        if state.findings.len() < KEPT {
            state.findings.push(finding.clone());
        }
        drop(state);
        if severity == Severity::Fatal {
            self.0.fatal.send_if_modified(|fatal| {
                let first = fatal.is_none();
                if first {
                    *fatal = Some(finding);
                }
                first
            });
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn the_first_fatal_finding_ends_every_guarded_wait() {
        let health = Health::new(Instant::now());
        let wait = || health.guard(std::future::pending::<()>());
        let report = async {
            tokio::task::yield_now().await;
            health.report(FindingKind::QemuWarning, Severity::Warning, "meh");
            health.report(FindingKind::GuestPanic, Severity::Fatal, "first");
            health.report(FindingKind::Oops, Severity::Fatal, "second");
        };
        let (one, two, ()) = tokio::join!(wait(), wait(), report);
        assert_eq!(one.unwrap_err().summary, "first");
        assert_eq!(two.unwrap_err().summary, "first");
        assert_eq!(health.findings().len(), 3);
    }

    #[tokio::test]
    async fn what_is_allowed_is_noted_but_ends_nothing() {
        let health = Health::new(Instant::now());
        health.allow(FindingKind::GuestPanic);
        health.report(FindingKind::GuestPanic, Severity::Fatal, "as asked");
        assert!(health.is_fatal().is_none());
        assert_eq!(health.findings()[0].severity, Severity::Note);
        let soon = tokio::time::sleep(Duration::from_millis(1));
        assert!(health.guard(soon).await.is_ok());
    }

    #[test]
    fn a_flood_of_findings_is_bounded_and_hides_no_fatal_one() {
        let health = Health::new(Instant::now());
        for _ in 0..KEPT + 1 {
            health.report(FindingKind::QemuWarning, Severity::Warning, "again");
        }
        health.report(FindingKind::Oops, Severity::Fatal, "late");
        assert_eq!(health.findings().len(), KEPT);
        assert_eq!(
            health.is_fatal().map(|f| f.summary),
            Some("late".to_owned())
        );
    }
}
