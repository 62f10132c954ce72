//! The signals that stop a run: once to stop it cleanly, twice to stop it now.

use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Faster than anyone presses a key twice.
const ONE_SIGNAL: Duration = Duration::from_millis(100);

/// Hands out signals in the order in which they come.
pub struct Signals {
    received: UnboundedReceiver<&'static str>,
    last: Option<Instant>,
}

impl Signals {
    /// Takes SIGINT, SIGTERM and SIGHUP over from the system. Needs a runtime.
    pub fn listen() -> Self {
        let (sender, received) = unbounded_channel();
        let kinds = [
            (SignalKind::interrupt(), "SIGINT"),
            (SignalKind::terminate(), "SIGTERM"),
            (SignalKind::hangup(), "SIGHUP"),
        ];
        for (kind, name) in kinds {
            match signal(kind) {
                Ok(mut signal) => {
                    let sender = sender.clone();
                    tokio::spawn(async move {
                        while signal.recv().await.is_some() && sender.send(name).is_ok() {}
                    });
                }
                Err(error) => {
                    tracing::warn!("{name} will end the run without cleaning up: {error}")
                }
            }
        }
        Self {
            received,
            last: None,
        }
    }

    /// Leaves all signals to others: none ever comes.
    pub fn none() -> Self {
        let (_, received) = unbounded_channel();
        Self {
            received,
            last: None,
        }
    }

    /// The name of the next signal. `timeout` and shells tell a process and its group, which is one signal twice: what comes
    /// within [`ONE_SIGNAL`] of the last is the same.
    pub async fn next(&mut self) -> &'static str {
        loop {
            let Some(name) = self.received.recv().await else {
                return std::future::pending().await;
            };
            let now = Instant::now();
            let last = self.last.replace(now);
            if last.is_none_or(|last| now - last > ONE_SIGNAL) {
                return name;
            }
        }
    }
}
