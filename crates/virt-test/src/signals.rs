//! What is asked of a run while it runs, by signals and keys: to stop, to stand still, to say what it is doing.

use std::time::{Duration, Instant};

use rustix::process::{Signal, getpid, kill_process};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::keys::Keys;

/// Faster than anyone presses a key twice.
const ONE_SIGNAL: Duration = Duration::from_millis(100);

/// The key that is SIGUSR1.
const STATUS_KEY: u8 = b't';

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// To stop: once cleanly, twice now. With the signal's name.
    Stop(&'static str),
    /// What is going on?
    Status,
    /// To stand still until SIGCONT.
    StandStill,
}

/// Hands out what is asked in the order in which it comes.
pub struct Signals {
    asked: UnboundedReceiver<Asked>,
    last: Option<(Asked, Instant)>,
    keys: Option<Keys>,
}

impl Signals {
    /// Takes the signals over from the system. Needs a runtime.
    pub fn listen() -> Self {
        let (sender, asked) = unbounded_channel();
        let kinds = [
            (SignalKind::interrupt(), Asked::Stop("SIGINT")),
            (SignalKind::terminate(), Asked::Stop("SIGTERM")),
            (SignalKind::hangup(), Asked::Stop("SIGHUP")),
            (SignalKind::user_defined1(), Asked::Status),
            (
                SignalKind::from_raw(Signal::TSTP.as_raw()),
                Asked::StandStill,
            ),
        ];
        for (kind, asked) in kinds {
            match signal(kind) {
                Ok(mut signal) => {
                    let sender = sender.clone();
                    tokio::spawn(async move {
                        while signal.recv().await.is_some() && sender.send(asked).is_ok() {}
                    });
                }
                Err(error) => {
                    tracing::warn!("{asked:?} is left to the system: {error}");
                }
            }
        }
        Self {
            asked,
            last: None,
            keys: keys(sender),
        }
    }

    /// Leaves all signals to others: none ever comes.
    pub fn none() -> Self {
        let (_, asked) = unbounded_channel();
        Self {
            asked,
            last: None,
            keys: None,
        }
    }

    /// What is asked next. `timeout` and shells tell a process and its group, which is one signal twice: the same within [`ONE_SIGNAL`]
    /// is one.
    pub async fn next(&mut self) -> Asked {
        loop {
            let Some(asked) = self.asked.recv().await else {
                return std::future::pending().await;
            };
            let now = Instant::now();
            let last = self.last.replace((asked, now));
            let again = |(before, at): (Asked, Instant)| before == asked && now - at <= ONE_SIGNAL;
            if !last.is_some_and(again) {
                return asked;
            }
        }
    }

    /// Stands still until SIGCONT, as the shell expects of a program that is told so. No wait's time passes meanwhile.
    pub fn stand_still(&mut self) {
        if let Some(keys) = &mut self.keys {
            keys.leave();
        }
        let start = Instant::now();
        if let Err(error) = kill_process(getpid(), Signal::STOP) {
            tracing::warn!("failed to stand still: {error}");
        }
        patience::stood_still(start.elapsed());
        if let Some(keys) = &mut self.keys {
            keys.enter();
        }
    }
}

/// Hands on the keys that are pressed on the terminal, if there is one.
fn keys(sender: UnboundedSender<Asked>) -> Option<Keys> {
    Keys::listen(move |key| {
        if key == STATUS_KEY {
            // Nobody listens any more when the run is over.
            let _ = sender.send(Asked::Status);
        }
    })
}
