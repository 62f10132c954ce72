//! Is the machine still well? Watched all the time, by tasks of its own, so that a test ends with the reason and not with a
//! time-out.

mod console;
mod finding;
mod monitor;

use std::collections::BTreeSet;
use std::future::Future;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

pub(crate) use console::{LineScanner, Source};
pub use finding::{Finding, FindingKind, Severity};
pub(crate) use monitor::watch_events;

/// Findings kept of each kind. A guest can cause some as often as it likes.
const KEPT: usize = 50;

/// What was found out about a machine's health. Clones are the same.
#[derive(Debug, Clone)]
pub struct Health(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    start: Instant,
    state: Mutex<State>,
    /// What ends every wait.
    fatal: watch::Sender<Option<Finding>>,
    /// The first fatal finding that nobody expected.
    alarm: watch::Sender<Option<Finding>>,
    /// Told of every finding.
    news: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    findings: Vec<Finding>,
    allowed: BTreeSet<FindingKind>,
    expected: BTreeSet<FindingKind>,
}

impl Health {
    pub(crate) fn new(start: Instant) -> Self {
        Self(Arc::new(Inner {
            start,
            state: Mutex::default(),
            fatal: watch::Sender::new(None),
            alarm: watch::Sender::new(None),
            news: watch::Sender::new(()),
        }))
    }

    /// A finding of this kind ends no wait: it is noted, and the machine is used on. One that was found already counts no more,
    /// so that a test can go on with a machine whose panic it has seen.
    pub fn allow(&self, kind: FindingKind) {
        let mut state = self.state();
        state.allowed.insert(kind);
        let of_kind = state.findings.iter_mut().filter(|f| f.kind == kind);
        of_kind.for_each(|finding| finding.severity = Severity::Note);
        let other = state.findings.iter();
        let other = other.filter(|f| f.severity == Severity::Fatal);
        let other: Vec<Finding> = other.cloned().collect();
        let expected = state.expected.clone();
        let next = other.first().cloned();
        let unexpected = other.into_iter().find(|f| !expected.contains(&f.kind));
        forgive(&self.0.fatal, kind, next);
        forgive(&self.0.alarm, kind, unexpected);
    }

    /// A finding of this kind is what is being waited for: it ends waits, as ever, but raises no [alarm](Health::alarm).
    pub fn expect(&self, kind: FindingKind) {
        self.state().expected.insert(kind);
    }

    /// Everything found so far, oldest first; a flood of one kind is cut short.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        self.state().findings.clone()
    }

    /// The first fatal finding, if there was one.
    #[must_use]
    pub fn is_fatal(&self) -> Option<Finding> {
        self.0.fatal.borrow().clone()
    }

    /// The first fatal finding that was not [expected](Health::expect), if there was one.
    #[must_use]
    pub fn is_alarmed(&self) -> Option<Finding> {
        self.0.alarm.borrow().clone()
    }

    /// Returns at the first fatal finding, and never if there is none.
    pub async fn fatal(&self) -> Finding {
        first(&self.0.fatal).await
    }

    /// Returns at the first fatal finding that was not [expected](Health::expect), and never if there is none. For whoever
    /// answers for the machine but does not use it.
    pub async fn alarm(&self) -> Finding {
        first(&self.0.alarm).await
    }

    /// Returns at the first finding of a kind, however bad, be it past or to come.
    pub async fn found(&self, kind: FindingKind) -> Finding {
        let mut news = self.0.news.subscribe();
        loop {
            news.mark_unchanged();
            let found = self
                .state()
                .findings
                .iter()
                .find(|f| f.kind == kind)
                .cloned();
            if let Some(finding) = found {
                return finding;
            }
            if news.changed().await.is_err() {
                // The sender is ours and lives as long as we do.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Has a finding of a kind been made so long ago?
    pub(crate) fn found_ago(&self, kind: FindingKind, ago: Range<Duration>) -> bool {
        let now = self.0.start.elapsed();
        let then = |finding: &Finding| ago.contains(&now.saturating_sub(finding.at));
        let state = self.state();
        state.findings.iter().any(|f| f.kind == kind && then(f))
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
        self.report_at(kind, severity, summary, self.0.start.elapsed());
    }

    fn report_at(
        &self,
        kind: FindingKind,
        severity: Severity,
        summary: impl Into<String>,
        at: Duration,
    ) {
        // Held to the end, so that what is allowed meanwhile is allowed for this one too.
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
        if severity == Severity::Note {
            tracing::debug!(%finding, "health");
        } else {
            tracing::warn!(%finding, "health");
        }
        if state.findings.iter().filter(|f| f.kind == kind).count() < KEPT {
            state.findings.push(finding.clone());
        }
        if severity == Severity::Fatal {
            raise(&self.0.fatal, &finding);
            if !state.expected.contains(&kind) {
                raise(&self.0.alarm, &finding);
            }
        }
        drop(state);
        self.0.news.send_replace(());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn raise(place: &watch::Sender<Option<Finding>>, finding: &Finding) {
    place.send_if_modified(|first| {
        let raised = first.is_none();
        if raised {
            *first = Some(finding.clone());
        }
        raised
    });
}

/// Takes back a finding of a kind that counts no more; `next` is the one that counts instead.
fn forgive(place: &watch::Sender<Option<Finding>>, kind: FindingKind, next: Option<Finding>) {
    place.send_if_modified(|first| {
        let forgiven = first.as_ref().is_some_and(|finding| finding.kind == kind);
        if forgiven {
            *first = next;
        }
        forgiven
    });
}

async fn first(place: &watch::Sender<Option<Finding>>) -> Finding {
    let mut place = place.subscribe();
    loop {
        if let Some(finding) = place.borrow_and_update().clone() {
            return finding;
        }
        if place.changed().await.is_err() {
            // The sender is ours and lives as long as we do.
            std::future::pending::<()>().await;
        }
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

    #[tokio::test]
    async fn what_is_expected_ends_waits_and_raises_no_alarm() {
        let health = Health::new(Instant::now());
        health.expect(FindingKind::GuestPanic);
        health.report(FindingKind::GuestPanic, Severity::Fatal, "as wanted");
        let wait = health.guard(std::future::pending::<()>()).await;
        assert_eq!(wait.unwrap_err().summary, "as wanted");
        assert_eq!(health.is_alarmed(), None);
        health.report(FindingKind::Oops, Severity::Fatal, "besides");
        assert_eq!(health.alarm().await.summary, "besides");
    }

    #[tokio::test]
    async fn what_is_allowed_afterwards_counts_no_more() {
        let health = Health::new(Instant::now());
        health.report(FindingKind::GuestPanic, Severity::Fatal, "seen");
        health.report(FindingKind::Oops, Severity::Fatal, "unseen");
        health.allow(FindingKind::GuestPanic);
        assert_eq!(health.fatal().await.summary, "unseen");
        assert_eq!(health.alarm().await.summary, "unseen");
        health.allow(FindingKind::Oops);
        assert_eq!((health.is_fatal(), health.is_alarmed()), (None, None));
        assert!(
            health
                .findings()
                .iter()
                .all(|f| f.severity == Severity::Note)
        );
    }

    #[tokio::test]
    async fn a_finding_of_a_kind_is_found_before_and_after_it_is_waited_for() {
        let health = Health::new(Instant::now());
        let report = async {
            tokio::task::yield_now().await;
            health.report(FindingKind::KernelWarning, Severity::Warning, "other");
            tokio::task::yield_now().await;
            health.report(FindingKind::Watchdog, Severity::Fatal, "bark");
        };
        let (found, ()) = tokio::join!(health.found(FindingKind::Watchdog), report);
        assert_eq!(found.summary, "bark");
        assert_eq!(health.found(FindingKind::Watchdog).await, found);
    }

    #[test]
    fn a_flood_of_findings_is_bounded_and_hides_no_fatal_one() {
        let health = Health::new(Instant::now());
        for _ in 0..KEPT + 1 {
            health.report(FindingKind::QemuWarning, Severity::Warning, "again");
        }
        health.report(FindingKind::Oops, Severity::Fatal, "late");
        assert_eq!(health.findings().len(), KEPT + 1);
        assert_eq!(
            health.is_fatal().map(|f| f.summary),
            Some("late".to_owned())
        );
    }
}
