//! The lines on a terminal which say what is going on and for how long.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// Lines shown at most; a terminal is not much higher than this.
const LINES: usize = 12;

/// A spinner and a line for each test on standard error, which disappear when there is nothing to say.
pub(crate) struct Live {
    bar: ProgressBar,
    shown: Shown,
}

/// What is going on, shared with the thread that draws.
#[derive(Clone, Default)]
struct Shown(Arc<Mutex<BTreeMap<usize, Line>>>);

struct Line {
    text: String,
    phase: String,
    since: Instant,
}

/// Place of set-up among the tests, which count from 1.
const SETUP: usize = 0;

impl Live {
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
        let shown = Shown::default();
        let drawn = shown.clone();
        let lines = move |_: &ProgressState, out: &mut dyn Write| {
            // What cannot be shown is in the results.
            let _ = drawn.write(Instant::now(), out);
        };
        // The template is a constant and known to be valid; the default is only less telling.
        let style = ProgressStyle::with_template("{spinner} {lines}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        bar.set_style(style.with_key("lines", lines));
        Self { bar, shown }
    }

    /// Shows a step of set-up with a clock that starts now.
    pub(crate) fn setup(&self, step: &str) {
        self.show(SETUP, format!("setup: {step}"));
    }

    /// Set-up is over.
    pub(crate) fn set_up(&self) {
        self.remove(SETUP);
    }

    /// Shows a test that runs now.
    pub(crate) fn test(&self, index: usize, name: String) {
        self.show(index, name);
    }

    /// Shows what a test does now.
    pub(crate) fn phase(&self, index: usize, phase: &str) {
        if let Some(line) = self.shown.lock().get_mut(&index) {
            phase.clone_into(&mut line.phase);
        }
    }

    /// A test is over.
    pub(crate) fn ended(&self, index: usize) {
        self.remove(index);
    }

    /// Runs `print` with the lines out of the way.
    pub(crate) fn suspend(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    fn show(&self, place: usize, text: String) {
        let line = Line {
            text,
            phase: String::new(),
            since: Instant::now(),
        };
        let mut lines = self.shown.lock();
        let first = lines.is_empty();
        lines.insert(place, line);
        drop(lines);
        if first {
            self.bar.reset();
            self.bar.enable_steady_tick(Duration::from_millis(100));
        }
    }

    fn remove(&self, place: usize) {
        let mut lines = self.shown.lock();
        lines.remove(&place);
        let last = lines.is_empty();
        drop(lines);
        if last {
            self.bar.disable_steady_tick();
            self.bar.finish_and_clear();
        }
    }
}

impl Shown {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, now: Instant, out: &mut dyn Write) -> fmt::Result {
        let lines = self.lock();
        let fit = if lines.len() > LINES {
            LINES - 1
        } else {
            LINES
        };
        for (number, line) in lines.values().take(fit).enumerate() {
            if number > 0 {
                out.write_str("\n  ")?;
            }
            let seconds = now.saturating_duration_since(line.since).as_secs();
            write!(out, "{}: {} {seconds} s", line.text, line.phase)?;
        }
        if lines.len() > fit {
            write!(out, "\n  and {} more", lines.len() - fit)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(tests: usize) -> String {
        let live = Live::new();
        for index in 1..=tests {
            live.test(index, format!("({index}/{tests}) boot"));
        }
        live.phase(2, "booting vm1");
        let mut text = String::new();
        live.shown.write(Instant::now(), &mut text).unwrap();
        text
    }

    #[test]
    fn each_test_that_runs_has_a_line_with_its_phase_and_its_clock() {
        assert_eq!(shown(2), "(1/2) boot:  0 s\n  (2/2) boot: booting vm1 0 s");
    }

    #[test]
    fn more_than_fit_are_counted() {
        let text = shown(LINES + 5);
        assert_eq!(text.lines().count(), LINES);
        assert!(text.ends_with("\n  and 6 more"), "{text}");
        assert_eq!(shown(LINES).lines().count(), LINES);
    }

    #[test]
    fn nothing_is_shown_of_what_is_over() {
        let live = Live::new();
        live.setup("building a guest");
        live.test(1, "boot".into());
        live.set_up();
        live.ended(1);
        live.phase(1, "late");
        assert!(live.shown.lock().is_empty());
    }
}
