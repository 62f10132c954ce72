//! The line on a terminal which says what is going on and for how long.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A spinner, a text and a clock on standard error, which disappear when there is nothing to say.
pub(crate) struct Live {
    bar: ProgressBar,
}

impl Live {
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
        // The template is a constant and known to be valid; the default is only less telling.
        let style = ProgressStyle::with_template("{spinner} {prefix}: {msg} {elapsed:.dim}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        bar.set_style(style);
        Self { bar }
    }

    /// Shows `text` with a clock that starts now.
    pub(crate) fn show(&self, text: &str) {
        // In this order, or what was shown before flashes up once more.
        self.bar.set_message("");
        self.bar.set_prefix(text.to_owned());
        self.bar.reset();
        self.bar.enable_steady_tick(Duration::from_millis(100));
    }

    /// Shows the test that runs now.
    pub(crate) fn test(&self, name: &str) {
        self.show(name);
    }

    /// Shows what the test does now.
    pub(crate) fn phase(&self, phase: &str) {
        self.bar.set_message(phase.to_owned());
    }

    /// Nothing is going on.
    pub(crate) fn clear(&self) {
        self.bar.disable_steady_tick();
        self.bar.set_prefix("");
        self.bar.finish_and_clear();
    }

    /// Runs `print` with the line out of the way.
    pub(crate) fn suspend(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }
}
