//! The handle on a running machine.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use host::ledger::Scratch;
use host::process::{Process, ProcessId};
use machine::MachineSpec;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;

use crate::error::{LastWords, VmError};
use crate::evidence::LogDir;
use crate::exit::{Ended, ExitReport, STDERR_TAIL};
use crate::health::{FindingKind, Health};
use crate::lines::Tail;
use crate::qmp::{Cursor, Event, EventError, Qmp, QmpError, RunState};

/// Lines of console and firmware log in [`LastWords`].
const LAST_LINES: usize = 30;

/// How long a killed QEMU may take to be gone when its handle is dropped.
const KILL_LIMIT: Timespec = Timespec {
    tv_sec: 5,
    tv_nsec: 0,
};

/// A running machine. When it is dropped, QEMU is killed and everything borrowed is given back.
///
/// Durations given to its verbs are base times, as a fast host would need; they are scaled by the speed of this one. Every
/// wait ends at once when the machine ends or is found to be fatally unwell.
#[derive(Debug)]
pub struct Vm {
    pub(crate) spec: MachineSpec,
    pub(crate) process: Arc<Process>,
    pub(crate) qmp: Qmp,
    pub(crate) health: Health,
    pub(crate) ended: Ended,
    pub(crate) start: Instant,
    pub(crate) scale: f64,
    pub(crate) log_dir: LogDir,
    pub(crate) firmware: Tail,
    pub(crate) streams: Mutex<BTreeMap<String, UnixStream>>,
    pub(crate) tasks: Vec<JoinHandle<()>>,
    pub(crate) may_outlive_us: bool,
    /// There until [`Vm::detach`]. Dropped last: QEMU must be gone before its directory is.
    pub(crate) scratch: Option<Scratch>,
    pub(crate) scratch_path: PathBuf,
}

impl Vm {
    /// Name of the machine.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// What the machine was made from.
    #[must_use]
    pub fn spec(&self) -> &MachineSpec {
        &self.spec
    }

    /// The QEMU process.
    #[must_use]
    pub fn process_id(&self) -> ProcessId {
        self.process.id()
    }

    /// Directory of the machine's logs.
    #[must_use]
    pub fn log_dir(&self) -> &Path {
        self.log_dir.path()
    }

    /// Private directory of the machine, removed with it. Its sockets are there as `<channel>.sock`.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        &self.scratch_path
    }

    /// Time since QEMU was started.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.start.elapsed()
    }

    /// The control monitor.
    #[must_use]
    pub fn qmp(&self) -> &Qmp {
        &self.qmp
    }

    /// What was found out about the machine's health.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// How the machine ended, if it has.
    #[must_use]
    pub fn ended(&self) -> Option<ExitReport> {
        self.ended.borrow().as_deref().cloned()
    }

    /// Our end of a channel that nobody uses yet: a virtio port, a further serial port, a human monitor.
    ///
    /// # Errors
    /// [`VmError::NoChannel`] when there is none of that name, or it is taken already.
    pub fn channel(&self, id: &str) -> Result<UnixStream, VmError> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.remove(id).ok_or_else(|| self.no_channel(id))
    }

    pub(crate) fn no_channel(&self, id: &str) -> VmError {
        VmError::NoChannel {
            vm: self.spec.name.clone(),
            channel: id.to_owned(),
            known: self.spec.channels().join(", "),
        }
    }

    /// The last that was heard of guest, firmware, monitor and QEMU.
    #[must_use]
    pub fn last_words(&self) -> LastWords {
        LastWords {
            console: Vec::new(),
            firmware: self.firmware.lines(LAST_LINES),
            monitor: self.qmp.tail(),
            stderr: self.process.stderr_tail(STDERR_TAIL),
        }
    }

    /// A base time at the speed of this host.
    #[must_use]
    pub fn limit(&self, base: Duration) -> Duration {
        base.mul_f64(self.scale)
    }

    /// The place after the control monitor's newest event, to wait from.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.qmp.events().cursor()
    }

    /// Waits for an event of the control monitor, from the machine's start on: one that came before counts.
    ///
    /// # Errors
    /// [`VmError`].
    pub async fn wait_for_event(&self, name: &str, base: Duration) -> Result<Event, VmError> {
        self.wait_for_event_since(Cursor::START, name, base).await
    }

    /// Waits for an event of the control monitor that comes, or came, after the cursor.
    ///
    /// # Errors
    /// [`VmError`].
    pub async fn wait_for_event_since(
        &self,
        cursor: Cursor,
        name: &str,
        base: Duration,
    ) -> Result<Event, VmError> {
        let named = |event: &Event| event.name == name;
        self.wait_for_event_that(cursor, name, base, named).await
    }

    /// Waits for an event of the control monitor after the cursor that `wanted` accepts; `what` names it in errors.
    ///
    /// # Errors
    /// [`VmError`].
    pub async fn wait_for_event_that(
        &self,
        cursor: Cursor,
        what: &str,
        base: Duration,
        wanted: impl FnMut(&Event) -> bool,
    ) -> Result<Event, VmError> {
        let awaited = format!("{what} event");
        let wait = self.qmp.events().wait(cursor, what, Duration::MAX, wanted);
        match self.wait(&awaited, base, wait).await? {
            Ok(event) => Ok(event),
            // The monitor closes when QEMU ends; which of the two is seen first is chance.
            Err(EventError::Closed { .. }) => {
                self.wait(&awaited, base, std::future::pending()).await
            }
            Err(EventError::Missed { .. } | EventError::Timeout { .. }) => {
                Err(self.timed_out(&awaited, Duration::ZERO))
            }
        }
    }

    /// Waits until the machine is in a state.
    ///
    /// # Errors
    /// [`VmError`].
    pub async fn wait_for_status(&self, wanted: RunState, base: Duration) -> Result<(), VmError> {
        let awaited = format!("state {wanted}");
        let poll = async {
            loop {
                // Every change of state comes with an event, so one that comes after the question asks it again.
                let cursor = self.cursor();
                if self.qmp.status().await?.status == wanted {
                    return Ok(());
                }
                let events = self.qmp.events();
                if events
                    .wait(cursor, "any", Duration::MAX, |_| true)
                    .await
                    .is_err()
                {
                    std::future::pending::<()>().await;
                }
            }
        };
        let result = self.wait(&awaited, base, poll).await?;
        result.map_err(|source| self.monitor_error("ask for the state of", source))
    }

    /// Waits until the machine has ended.
    ///
    /// # Errors
    /// [`VmError::Wait`] when it has not, [`VmError::Unwell`] when it will not.
    pub async fn wait_exit(&self, base: Duration) -> Result<ExitReport, VmError> {
        let limit = self.limit(base);
        let awaited = "end of QEMU";
        tokio::select! {
            biased;
            report = self.exit() => Ok(report),
            finding = self.fatal_but_exit() => Err(self.unwell(awaited, finding)),
            () = tokio::time::sleep(limit) => Err(self.timed_out(awaited, limit)),
        }
    }

    /// Runs a future until it ends; not longer than `base` scaled, and not longer than the machine is alive and well.
    ///
    /// # Errors
    /// [`VmError::Wait`], [`VmError::Unwell`], [`VmError::Ended`].
    pub async fn wait<F: Future>(
        &self,
        awaited: impl Display,
        base: Duration,
        future: F,
    ) -> Result<F::Output, VmError> {
        let limit = self.limit(base);
        tokio::select! {
            biased;
            output = future => Ok(output),
            finding = self.health.fatal() => Err(self.unwell(&awaited.to_string(), finding)),
            report = self.exit() => Err(VmError::Ended {
                vm: self.spec.name.clone(),
                awaited: awaited.to_string(),
                exit: Box::new(report),
            }),
            () = tokio::time::sleep(limit) => Err(self.timed_out(&awaited.to_string(), limit)),
        }
    }

    pub(crate) async fn exit(&self) -> ExitReport {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(report) => match report.as_deref() {
                Some(report) => report.clone(),
                None => std::future::pending().await,
            },
            // The supervisor could not find out and has reported why.
            Err(_) => std::future::pending().await,
        }
    }

    /// A fatal end of QEMU is what a wait for its end waits for.
    async fn fatal_but_exit(&self) -> crate::health::Finding {
        match self.health.fatal().await {
            finding if finding.kind == FindingKind::QemuExit => std::future::pending().await,
            finding => finding,
        }
    }

    fn unwell(&self, awaited: &str, finding: crate::health::Finding) -> VmError {
        VmError::Unwell {
            vm: self.spec.name.clone(),
            awaited: awaited.to_owned(),
            finding: Box::new(finding),
            last_words: Box::new(self.last_words()),
        }
    }

    pub(crate) fn timed_out(&self, awaited: &str, waited: Duration) -> VmError {
        VmError::Wait {
            vm: self.spec.name.clone(),
            awaited: awaited.to_owned(),
            waited,
            last_words: Box::new(self.last_words()),
        }
    }

    pub(crate) fn monitor_error(&self, verb: &str, source: QmpError) -> VmError {
        VmError::Monitor {
            vm: self.spec.name.clone(),
            verb: verb.to_owned(),
            source: Box::new(source),
            last_words: Box::new(self.last_words()),
        }
    }

    /// Leaves the machine running and lets go of it. Its sockets are in the directory returned.
    ///
    /// # Errors
    /// [`VmError::NotDetachable`] when it was not started so that it may outlive us.
    pub fn detach(mut self) -> Result<Detached, VmError> {
        if !self.may_outlive_us {
            return Err(VmError::NotDetachable {
                vm: self.spec.name.clone(),
            });
        }
        let process = self.process.release();
        let _ = self.scratch.take().map(Scratch::release);
        Ok(Detached {
            process,
            sockets: self.scratch_path.clone(),
        })
    }
}

/// A machine that was left running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detached {
    /// The QEMU process.
    pub process: ProcessId,
    /// Directory of the machine's sockets, `<channel>.sock`.
    pub sockets: PathBuf,
}

impl Drop for Vm {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        if self.scratch.is_none() || self.ended.borrow().is_some() {
            return;
        }
        // Nobody can be told of a failure here; what is left is in the ledger, and the next run reaps it.
        let _ = self.process.kill();
        let mut gone = [PollFd::from_borrowed_fd(
            self.process.pidfd(),
            PollFlags::IN,
        )];
        let _ = poll(&mut gone, Some(&KILL_LIMIT));
        let _ = self.process.try_wait();
    }
}
