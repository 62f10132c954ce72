//! What comes while something goes on: events, figures of a migration, what a console says.

use std::collections::VecDeque;
use std::io;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::asked::decode;
use crate::client::{Canceller, Replies};
use crate::error::Result;
use crate::generated::{ConsoleReply, Event, EventsReply, Figures, MigrateReply, calls};

/// Events as they come, until the machine ends.
#[derive(Debug)]
pub struct Watch {
    replies: Replies,
    waiting: VecDeque<Event>,
}

impl calls::Events {
    /// The events there have been.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn call(self) -> Result<Vec<Event>> {
        self.0.member("events")
    }

    /// The events there have been and those to come, until the machine ends. Dropping it ends it, too.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn watch(self) -> Result<Watch> {
        Ok(Watch {
            replies: self.0.stream()?,
            waiting: VecDeque::new(),
        })
    }
}

impl Watch {
    /// Ends it from another thread.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub fn canceller(&self) -> io::Result<Canceller> {
        self.replies.canceller()
    }
}

impl Iterator for Watch {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(Ok(event));
            }
            match next::<EventsReply>(&mut self.replies)? {
                Ok(reply) => self
                    .waiting
                    .extend(reply.events.into_iter().chain(reply.event)),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// What a console says, as it comes, until the machine ends.
#[derive(Debug)]
pub struct Console {
    replies: Replies,
}

impl calls::Console {
    /// What it has said so far.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn call(self) -> Result<String> {
        self.0.member("text")
    }

    /// What it has said and will say, in pieces, until the machine ends. Dropping it ends it, too.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn follow(self) -> Result<Console> {
        let replies = self.0.stream()?;
        Ok(Console { replies })
    }
}

impl Console {
    /// Ends it from another thread.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub fn canceller(&self) -> io::Result<Canceller> {
        self.replies.canceller()
    }
}

impl Iterator for Console {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match next::<ConsoleReply>(&mut self.replies)? {
                Ok(reply) if reply.text.is_empty() => {}
                Ok(reply) => return Some(Ok(reply.text)),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// How a migration went.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Migrated {
    /// What QEMU says of it.
    pub figures: Option<Figures>,
    /// For how many seconds the guest's CPUs stood still, where that is known.
    pub standstill: Option<f64>,
}

/// A migration under way: figures of it as they come. Dropped before its end it is cancelled, and the source goes on.
#[derive(Debug)]
pub struct Migrating {
    replies: Replies,
    migrated: Option<Migrated>,
}

impl calls::Migrate {
    /// Migrates, and returns when that is done.
    ///
    /// # Errors
    /// [`Error`](crate::Error), of kind [`MigrationFailed`](crate::ErrorKind::MigrationFailed) where it failed.
    pub fn call(self) -> Result<Migrated> {
        Ok(migrated(self.0.whole()?))
    }

    /// Migrates, to be iterated over for its progress; [`Migrating::finish`] is its end.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn start(self) -> Result<Migrating> {
        Ok(Migrating {
            replies: self.0.stream()?,
            migrated: None,
        })
    }
}

fn migrated(reply: MigrateReply) -> Migrated {
    Migrated {
        figures: reply.figures,
        standstill: reply.standstill,
    }
}

impl Migrating {
    /// Waits for its end.
    ///
    /// # Errors
    /// As [`calls::Migrate::call`].
    pub fn finish(mut self) -> Result<Migrated> {
        for progress in &mut self {
            progress?;
        }
        Ok(self.migrated.unwrap_or(Migrated {
            figures: None,
            standstill: None,
        }))
    }

    /// Cancels it from another thread.
    ///
    /// # Errors
    /// When the process has no file descriptor left.
    pub fn canceller(&self) -> io::Result<Canceller> {
        self.replies.canceller()
    }
}

impl Iterator for Migrating {
    type Item = Result<Figures>;

    fn next(&mut self) -> Option<Self::Item> {
        match next::<MigrateReply>(&mut self.replies)? {
            Ok(MigrateReply {
                progress: Some(progress),
                ..
            }) => Some(Ok(progress)),
            Ok(last) => {
                self.migrated = Some(migrated(last));
                None
            }
            Err(error) => Some(Err(error)),
        }
    }
}

impl calls::Qmp {
    /// Asks; what QEMU returns is read as `T`, such as [`Value`].
    ///
    /// # Errors
    /// [`Error`](crate::Error), of kind [`MonitorFailed`](crate::ErrorKind::MonitorFailed) where QEMU refused.
    pub fn call<T: DeserializeOwned>(self) -> Result<T> {
        returned("org.virt-test.vm.Qmp", self.0.member("reply")?)
    }
}

impl calls::Agent {
    /// Asks; what the guest's agent returns is read as `T`, such as [`Value`].
    ///
    /// # Errors
    /// [`Error`](crate::Error), of kind [`GuestFailed`](crate::ErrorKind::GuestFailed) where it refused.
    pub fn call<T: DeserializeOwned>(self) -> Result<T> {
        returned("org.virt-test.session.Agent", self.0.member("reply")?)
    }
}

fn returned<T: DeserializeOwned>(method: &'static str, mut reply: Value) -> Result<T> {
    let returned = reply.get_mut("return").map(Value::take);
    decode(method, returned.unwrap_or_default())
}

fn next<T: DeserializeOwned>(replies: &mut Replies) -> Option<Result<T>> {
    let method = replies.method;
    let reply = replies.next()?;
    Some(reply.and_then(|reply| decode(method, reply)))
}
