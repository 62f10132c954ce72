//! How long has this been going on, not counting the time in which the program itself stood still?
//!
//! Whoever stops a run with Ctrl-Z and lets it go on an hour later wants its waits to go on where they were, and not all to find that
//! their time is up. The clocks of the system know nothing of that, so whoever stops the program says here how long it was.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Nanoseconds in which the program stood still; the whole program does, never a part of it.
static STOOD_STILL: AtomicU64 = AtomicU64::new(0);

/// Says that the program stood still for so long until now.
pub fn stood_still(span: Duration) {
    let nanoseconds = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    STOOD_STILL.fetch_add(nanoseconds, Ordering::Relaxed);
}

fn total() -> Duration {
    Duration::from_nanos(STOOD_STILL.load(Ordering::Relaxed))
}

/// A clock that begins at zero and stands still with the program.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch {
    start: Instant,
    stood_still: Duration,
}

impl Stopwatch {
    /// Begins now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
            stood_still: total(),
        }
    }

    /// Time since its start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.start
            .elapsed()
            .saturating_sub(total().saturating_sub(self.stood_still))
    }

    /// What it has left until it shows `limit`.
    #[must_use]
    pub fn left(&self, limit: Duration) -> Duration {
        limit.saturating_sub(self.elapsed())
    }

    /// Runs a future until it ends, `None` if it has not when the watch shows `limit()`; that is asked again when it seems to be over, and
    /// may have grown.
    pub async fn within<F: Future>(
        &self,
        limit: impl Fn() -> Duration,
        future: F,
    ) -> Option<F::Output> {
        let mut future = std::pin::pin!(future);
        loop {
            let left = self.left(limit());
            match tokio::time::timeout(left, &mut future).await {
                Ok(output) => return Some(output),
                Err(_) if self.left(limit()).is_zero() => return None,
                Err(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn what_ends_in_time_is_returned_and_what_does_not_is_given_up() {
        let watch = Stopwatch::start();
        assert_eq!(watch.within(|| Duration::ZERO, async { 7 }).await, Some(7));
        let never = std::future::pending::<()>();
        assert_eq!(watch.within(|| MOMENT, never).await, None);
        assert!(watch.elapsed() >= MOMENT);
    }

    #[tokio::test]
    async fn a_limit_may_grow_while_something_is_awaited() {
        let asked = Cell::new(0);
        let limit = || {
            asked.set(asked.get() + 1);
            match asked.get() {
                // How long to wait, and whether that really was all: twice it was not.
                1 | 3 => MOMENT,
                2 | 4 => Duration::MAX,
                _ => Duration::ZERO,
            }
        };
        let never = std::future::pending::<()>();
        assert_eq!(Stopwatch::start().within(limit, never).await, None);
        assert_eq!(asked.get(), 6);
    }

    #[test]
    fn time_in_which_the_program_stood_still_does_not_count() {
        let watch = Stopwatch::start();
        stood_still(Duration::from_secs(3600));
        assert_eq!(watch.elapsed(), Duration::ZERO);
        assert_eq!(watch.left(MOMENT), MOMENT);
    }
}
