//! The stream in memory: senders anywhere, subscribers called in order.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::{Event, Record};

/// Something that is told each event: the log, the console.
pub trait Subscriber: Send {
    /// One more event has happened. Called in the order of `seq`, never twice at once.
    fn on_record(&mut self, record: &Record);
}

/// Says that something happened. Cheap to clone; usable from any thread.
#[derive(Clone)]
pub struct Sender {
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    next: u64,
    subscribers: Vec<Box<dyn Subscriber>>,
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// A stream told to `subscribers`, first to last.
pub fn channel(subscribers: Vec<Box<dyn Subscriber>>) -> Sender {
    Sender {
        shared: Arc::new(Mutex::new(Shared {
            next: 0,
            subscribers,
        })),
    }
}

impl Sender {
    /// Says that `event` happened now. When it returns, every subscriber has been told.
    pub fn send(&self, event: Event) {
        // A subscriber that panicked has said so; the others still deserve the news.
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let record = Record {
            seq: shared.next,
            time: Timestamp::now(),
            event,
        };
        shared.next += 1;
        for subscriber in &mut shared.subscribers {
            subscriber.on_record(&record);
        }
    }
}
