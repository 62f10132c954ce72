//! The handle on a running machine.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use guest::AgentClient;
use host::ledger::Scratch;
use host::process::ProcessId;
use machine::{Capabilities, MachineSpec};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;

use crate::crash::Crash;
use crate::error::{LastWords, VmError};
use crate::evidence::{LogDir, io_error};
use crate::exit::ExitReport;
use crate::health::{Finding, FindingKind, Health};
use crate::network::Networks;
use crate::plug::Inventory;
use crate::qmp::{Cursor, Event, EventError, Qmp, RunState};
use crate::watch::Watch;

/// How long a killed QEMU may take to be gone when its handle is dropped.
const KILL_LIMIT: Timespec = Timespec {
    tv_sec: 5,
    tv_nsec: 0,
};

/// How long a state is taken to stay as it is without an event.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// A running machine. When it is dropped, QEMU is killed and everything borrowed is given back.
///
/// Durations given to its verbs are base times, as a fast host would need; they are scaled by the speed of this one. Every
/// wait ends at once when the machine ends or is found to be fatally unwell.
#[derive(Debug)]
pub struct Vm {
    pub(crate) watch: Arc<Watch>,
    pub(crate) spec: MachineSpec,
    pub(crate) capabilities: Arc<Capabilities>,
    /// What can be unplugged. Held while a device is plugged or unplugged: one at a time.
    pub(crate) inventory: tokio::sync::Mutex<Inventory>,
    pub(crate) start: Instant,
    pub(crate) log_dir: LogDir,
    pub(crate) agent: Option<AgentClient>,
    /// Channels nobody uses yet.
    pub(crate) streams: Mutex<BTreeMap<String, UnixStream>>,
    pub(crate) tasks: Vec<JoinHandle<()>>,
    pub(crate) may_outlive_us: bool,
    /// The private networks it may be on.
    pub(crate) networks: Networks,
    pub(crate) scratch_path: PathBuf,
    /// There until [`Vm::detach`]. Dropped after QEMU is gone.
    pub(crate) scratch: Option<Scratch>,
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

    /// What its QEMU can do.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// The QEMU process.
    #[must_use]
    pub fn process_id(&self) -> ProcessId {
        self.watch.process.id()
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
        &self.watch.qmp
    }

    /// What was found out about the machine's health.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.watch.health
    }

    /// How the machine ended, if it has.
    #[must_use]
    pub fn ended(&self) -> Option<ExitReport> {
        self.watch.ended.borrow().as_deref().cloned()
    }

    /// Our end of a channel that nobody uses yet: a virtio port or a human monitor.
    ///
    /// # Errors
    /// [`VmError::NoChannel`] when there is none of that name, or it is taken already.
    pub fn channel(&self, id: &str) -> Result<UnixStream, VmError> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.remove(id).ok_or_else(|| self.no_channel(id))
    }

    /// Connects anew to a channel whose stream was dropped, as the host's side of a virtio port may, any number of times.
    ///
    /// # Errors
    /// [`VmError::NoChannel`] when there is none of that name; [`VmError::Io`] when QEMU no longer listens.
    pub async fn reconnect(&self, id: &str) -> Result<UnixStream, VmError> {
        if !self.spec.channels().contains(&id) {
            return Err(self.no_channel(id));
        }
        let path = self.scratch_path.join(format!("{id}.sock"));
        let stream = UnixStream::connect(&path).await;
        stream.map_err(io_error("connect to", &path))
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
        self.watch.last_words()
    }

    /// A base time at the speed of this host.
    #[must_use]
    pub fn limit(&self, base: Duration) -> Duration {
        self.watch.limit(base)
    }

    /// Runs a future until it ends; not longer than `base` scaled, and not longer than the machine is alive and well.
    /// `awaited` names what it waits for in errors.
    ///
    /// # Errors
    /// [`VmError::Wait`], [`VmError::Unwell`], [`VmError::Ended`].
    pub async fn wait<F: Future>(
        &self,
        awaited: &str,
        base: Duration,
        future: F,
    ) -> Result<F::Output, VmError> {
        self.watch.wait(awaited, base, future).await
    }

    /// The place after the control monitor's newest event, to wait from.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.qmp().events().cursor()
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
        let events = self.qmp().events();
        let search = async {
            match events.wait(cursor, what, Duration::MAX, wanted).await {
                // The monitor closes as QEMU ends; how it ended is the better answer, and on its way.
                Err(EventError::Closed { .. }) => std::future::pending().await,
                found => found,
            }
        };
        let mut search = std::pin::pin!(search);
        let awaited = format!("{what} event");
        let found = match self.wait(&awaited, base, search.as_mut()).await {
            Ok(found) => found,
            // It may have come before the end, and after it was looked for.
            Err(end) => tokio::select! {
                biased;
                found = search => found,
                () = std::future::ready(()) => return Err(end),
            },
        };
        found.map_err(|source| VmError::Event {
            vm: self.spec.name.clone(),
            source: Box::new(source),
        })
    }

    /// Waits until the machine is in a state.
    ///
    /// # Errors
    /// [`VmError`].
    pub async fn wait_for_status(&self, wanted: RunState, base: Duration) -> Result<(), VmError> {
        let events = self.qmp().events();
        let ask = async {
            loop {
                // A change of state comes with an event nearly always, and an event after the question asks it again.
                let cursor = self.cursor();
                if self.qmp().status().await?.status == wanted {
                    return Ok(());
                }
                let any = events.wait(cursor, "any", ASK_AGAIN, |_| true);
                if let Err(EventError::Closed { .. }) = any.await {
                    // How it ended is the better answer, and on its way.
                    std::future::pending::<()>().await;
                }
            }
        };
        let asked = self.wait(&format!("state {wanted}"), base, ask).await?;
        self.watch.told("ask for the state of", asked).await
    }

    /// Waits for a finding of a kind, be it past or to come, however bad. Another that is fatal ends the wait.
    ///
    /// # Errors
    /// [`VmError::Wait`], [`VmError::Unwell`], [`VmError::Ended`].
    pub async fn wait_for_finding(
        &self,
        kind: FindingKind,
        base: Duration,
    ) -> Result<Finding, VmError> {
        let found = self.health().found(kind);
        self.wait(&format!("finding \"{kind}\""), base, found).await
    }

    /// What is known of the fault that ended QEMU, if one has: waits for the debugger to have read the core dump.
    pub async fn crash(&self) -> Option<Crash> {
        let findings = self.health().findings();
        if !findings.iter().any(|f| f.kind == FindingKind::QemuCrash) {
            return None;
        }
        self.watch.exit().await.crash
    }

    /// Waits until the machine has ended, however that comes.
    ///
    /// # Errors
    /// [`VmError::Wait`] when it has not, [`VmError::Unwell`] when something else is fatally wrong.
    pub async fn wait_exit(&self, base: Duration) -> Result<ExitReport, VmError> {
        self.watch.wait_exit(base).await
    }

    /// Leaves the machine running and lets go of it. Its sockets are in the directory returned.
    ///
    /// # Errors
    /// [`VmError::NotDetachable`] when it was not started so that it may outlive us; it is ended then.
    pub fn detach(mut self) -> Result<Detached, VmError> {
        if !self.may_outlive_us {
            return Err(VmError::NotDetachable {
                vm: self.spec.name.clone(),
            });
        }
        let process = self.watch.process.release();
        let sockets = self.scratch.take().map(Scratch::release);
        Ok(Detached {
            process,
            sockets: sockets.unwrap_or_default(),
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
        let detached = self.scratch.is_none();
        if detached || self.watch.ended.borrow().is_some() {
            return;
        }
        // Nobody can be told of a failure here; what is left is in the ledger, and the next run reaps it.
        let process = &self.watch.process;
        let _ = process.kill();
        let mut gone = [PollFd::from_borrowed_fd(process.pidfd(), PollFlags::IN)];
        let _ = poll(&mut gone, Some(&KILL_LIMIT));
        let _ = process.try_wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, Ladder};

    #[test]
    fn what_is_done_with_a_machine_may_move_between_threads() {
        fn movable<T: Send>(_: impl FnOnce(&'static Vm, &'static Context) -> T) {}
        movable(|_, context| Vm::start(MachineSpec::new("vm1"), context));
        movable(|vm, _| vm.wait_for_event("STOP", Duration::ZERO));
        movable(|vm, _| vm.wait_for_status(RunState::Paused, Duration::ZERO));
        movable(|vm, _| vm.wait("nothing", Duration::ZERO, async {}));
        movable(|vm, _| async { vm.session(Duration::ZERO).await?.run("true").await });
        movable(|vm, _| async {
            let file = std::path::Path::new("file");
            let access = crate::SshAccess {
                port: 22,
                user: String::new(),
                key: None,
                password: None,
            };
            let mut session = vm.ssh(&access, Duration::ZERO).await?;
            session.copy_to(Duration::ZERO, file, "file").await?;
            session.copy_from(Duration::ZERO, "file", file).await?;
            session.start("true").await?.wait(Duration::ZERO).await
        });
        movable(|vm, _| async { vm.shutdown(&Ladder::default()).await });
    }
}
