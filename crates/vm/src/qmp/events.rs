//! Events of a monitor, kept in the order they came, so that one that came early is not lost.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use tokio::sync::watch;

/// Events kept. A guest can cause some (`RTC_CHANGE`, `BALLOON_CHANGE`) as often as it likes.
const KEPT: usize = 4096;

/// An event of a monitor. Names and data: QEMU's QAPI reference.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Number of the event on its monitor, from 0.
    pub seq: u64,
    /// Name, such as `SHUTDOWN`.
    pub name: String,
    /// Data; null if it has none.
    pub data: Value,
    /// When it happened by QEMU's clock, if that could be read.
    pub timestamp: Option<SystemTime>,
}

impl Event {
    /// The place in the log right after this event.
    #[must_use]
    pub fn after(&self) -> Cursor {
        Cursor(self.seq + 1)
    }
}

/// A place in the log of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(u64);

impl Cursor {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// Before the event of this number.
    #[must_use]
    pub fn before(seq: u64) -> Self {
        Self(seq)
    }

    /// Number of the event right after it.
    #[must_use]
    pub fn seq(self) -> u64 {
        self.0
    }

    /// At an event: a search from here finds it.
    pub(crate) fn at(event: &Event) -> Self {
        Self(event.seq)
    }
}

/// Why an event awaited did not come.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Time was up.
    #[error("no {what} event came within {:.1} s", waited.as_secs_f64())]
    Timeout {
        /// What was awaited.
        what: String,
        /// How long.
        waited: Duration,
    },
    /// The monitor was closed first.
    #[error("the monitor was closed before a {what} event came")]
    Closed {
        /// What was awaited.
        what: String,
    },
    /// So many came that those right after the cursor are no longer kept.
    #[error("{missed} events that may have held a {what} event are no longer kept")]
    Missed {
        /// What was awaited.
        what: String,
        /// How many are lost.
        missed: u64,
    },
}

/// The events of one monitor. Clones are the same log.
#[derive(Debug, Clone)]
pub struct EventLog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    queue: Mutex<VecDeque<Event>>,
    progress: watch::Sender<Progress>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    next: u64,
    closed: bool,
}

impl EventLog {
    pub(super) fn new() -> Self {
        Self(Arc::new(Inner {
            queue: Mutex::new(VecDeque::new()),
            progress: watch::Sender::new(Progress::default()),
        }))
    }

    pub(super) fn push(&self, name: String, data: Value, timestamp: Option<SystemTime>) {
        let mut queue = self.queue();
        let seq = self.0.progress.borrow().next;
        if queue.len() == KEPT {
            queue.pop_front();
        }
        queue.push_back(Event {
            seq,
            name,
            data,
            timestamp,
        });
        self.0
            .progress
            .send_modify(|progress| progress.next = seq + 1);
    }

    pub(super) fn close(&self) {
        self.0
            .progress
            .send_modify(|progress| progress.closed = true);
    }

    /// The place after the newest event: what comes later is found by waiting from here.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor(self.0.progress.borrow().next)
    }

    /// The events from a place on, of those still kept.
    #[must_use]
    pub fn since(&self, cursor: Cursor) -> Vec<Event> {
        let queue = self.queue();
        let newer = queue.iter().filter(|event| event.seq >= cursor.0);
        newer.cloned().collect()
    }

    /// The first event from a place on that `wanted` accepts, whether it has come already or is still to come.
    /// `what` names it in the error.
    ///
    /// # Errors
    /// [`EventError`], when it did not come within `limit`, cannot come, or may have been forgotten.
    pub async fn wait(
        &self,
        from: Cursor,
        what: &str,
        limit: Duration,
        mut wanted: impl FnMut(&Event) -> bool,
    ) -> Result<Event, EventError> {
        let start = Instant::now();
        let search = self.search(from, what, &mut wanted);
        match tokio::time::timeout(limit, search).await {
            Ok(found) => found,
            Err(_) => Err(EventError::Timeout {
                what: what.to_owned(),
                waited: start.elapsed(),
            }),
        }
    }

    async fn search(
        &self,
        from: Cursor,
        what: &str,
        wanted: &mut impl FnMut(&Event) -> bool,
    ) -> Result<Event, EventError> {
        let mut progress = self.0.progress.subscribe();
        let mut next = from.0;
        loop {
            let Progress { next: end, closed } = *progress.borrow_and_update();
            let newer = self.since(Cursor(next));
            let missed = newer
                .first()
                .map_or(end, |event| event.seq)
                .saturating_sub(next);
            for event in newer {
                next = event.seq + 1;
                if wanted(&event) {
                    return Ok(event);
                }
            }
            let what = || what.to_owned();
            if missed > 0 {
                return Err(EventError::Missed {
                    what: what(),
                    missed,
                });
            }
            if closed || progress.changed().await.is_err() {
                return Err(EventError::Closed { what: what() });
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(20);
    const LATE: Duration = Duration::from_secs(20);

    fn log(names: &[&str]) -> EventLog {
        let log = EventLog::new();
        for name in names {
            log.push((*name).to_owned(), Value::Null, None);
        }
        log
    }

    fn named(name: &str) -> impl FnMut(&Event) -> bool {
        move |event| event.name == name
    }

    #[tokio::test]
    async fn an_event_that_came_early_is_found() {
        let log = log(&["STOP", "RESET", "STOP"]);
        let first = log
            .wait(Cursor::START, "STOP", SOON, named("STOP"))
            .await
            .unwrap();
        assert_eq!(first.seq, 0);
        let second = log
            .wait(first.after(), "STOP", SOON, named("STOP"))
            .await
            .unwrap();
        assert_eq!(second.seq, 2);
    }

    #[tokio::test]
    async fn only_events_after_the_cursor_count() {
        let log = log(&["STOP"]);
        let error = log
            .wait(log.cursor(), "STOP", SOON, named("STOP"))
            .await
            .unwrap_err();
        assert!(
            matches!(error, EventError::Timeout { ref what, waited } if what == "STOP" && waited >= SOON)
        );
    }

    #[tokio::test]
    async fn an_event_wakes_every_waiter() {
        let log = log(&[]);
        let wait = || log.wait(Cursor::START, "RESET", LATE, named("RESET"));
        let push = async {
            tokio::task::yield_now().await;
            log.push("STOP".to_owned(), Value::Null, None);
            tokio::task::yield_now().await;
            log.push("RESET".to_owned(), Value::Null, None);
        };
        let (one, two, ()) = tokio::join!(wait(), wait(), push);
        assert_eq!(one.unwrap().seq, 1);
        assert_eq!(two.unwrap().seq, 1);
    }

    #[tokio::test]
    async fn a_closed_monitor_ends_the_wait_but_hides_nothing() {
        let log = log(&["STOP"]);
        log.close();
        assert!(
            log.wait(Cursor::START, "STOP", LATE, named("STOP"))
                .await
                .is_ok()
        );
        let error = log
            .wait(Cursor::START, "RESET", LATE, named("RESET"))
            .await
            .unwrap_err();
        assert_eq!(
            error,
            EventError::Closed {
                what: "RESET".to_owned()
            }
        );
    }

    #[tokio::test]
    async fn a_flood_of_events_is_bounded_and_what_it_washed_away_is_told() {
        let log = log(&[]);
        for _ in 0..KEPT + 5 {
            log.push("RTC_CHANGE".to_owned(), Value::Null, None);
        }
        assert_eq!(log.since(Cursor::START).len(), KEPT);
        let error = log
            .wait(Cursor::START, "STOP", SOON, named("STOP"))
            .await
            .unwrap_err();
        assert_eq!(
            error,
            EventError::Missed {
                what: "STOP".to_owned(),
                missed: 5
            }
        );
    }
}
