//! A running process of ours.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::identity::Group;
use super::spawner::{spawn_detached, spawn_in_session, spawn_supervised};
use super::survivors::survivors_of;
use super::{Exit, Output, ProcessId, SpawnError, Spec, Survivor};
use crate::ledger::{Ledger, Token};

/// Longest that [`Process`] waits, in its destructor, for the kernel to carry out a SIGKILL.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// A process that we started, with its process group. When it is dropped, both are killed.
#[derive(Debug)]
pub struct Process {
    id: ProcessId,
    program: PathBuf,
    pidfd: OwnedFd,
    stdout: Output,
    stderr: Output,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Set once the process was waited for.
    exit: Option<Exit>,
    /// What the ledger says of it, until it is gone.
    token: Option<Token>,
    /// Must it end when we let go of it?
    owned: bool,
}

/// Why a process cannot be waited for.
#[derive(Debug, thiserror::Error)]
#[error("cannot wait for {program} (pid {pid}): {source}")]
pub struct WaitError {
    /// The program.
    pub program: PathBuf,
    /// Its number.
    pub pid: u32,
    /// Why.
    pub source: io::Error,
}

impl Process {
    /// Starts a program in a process group of its own. Unless detached it is in the ledger, and the kernel kills it when we die.
    ///
    /// # Errors
    /// When it cannot be started or supervised; then nothing is left running.
    pub fn spawn(mut spec: Spec, ledger: &Ledger) -> Result<Self, SpawnError> {
        let program = spec.program.clone();
        let mut command = spec.command()?;
        if spec.detached {
            command.env_remove(Ledger::MARK);
        } else {
            command.env(Ledger::MARK, ledger.id());
        }
        let started = match (spec.detached, spec.session) {
            (true, _) => spawn_detached(command),
            (false, true) => spawn_in_session(command),
            (false, false) => spawn_supervised(command),
        };
        let mut child = started.map_err(|source| SpawnError::Start {
            program: program.clone(),
            source,
        })?;
        let (id, pidfd) = match identify(child.id()) {
            Ok(found) => found,
            Err(source) => {
                // It is still our unwaited child, so its number is its own. The first error is the one to tell.
                let _ = child.kill().and_then(|()| child.wait());
                return Err(SpawnError::Supervise { program, source });
            }
        };
        let state = Mutex::new(State {
            exit: None,
            token: None,
            owned: true,
        });
        let process = Process {
            id,
            program,
            pidfd,
            stdout: spec.stdout,
            stderr: spec.stderr,
            state,
        };
        if !spec.detached {
            let name = process
                .program
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            // On failure the process is dropped here, and with it killed.
            let token = ledger.process(process.id, &name);
            let token = token.map_err(|source| SpawnError::Ledger {
                program: process.program.clone(),
                source,
            })?;
            process.state().token = Some(token);
        }
        Ok(process)
    }

    /// Who it is.
    #[must_use]
    pub fn id(&self) -> ProcessId {
        self.id
    }

    /// A handle on it that becomes readable when it ends, see `pidfd_open(2)`.
    #[must_use]
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// How it ended, once it has.
    ///
    /// # Errors
    /// When the kernel will not say, because somebody else waited for it.
    pub fn try_wait(&self) -> Result<Option<Exit>, WaitError> {
        let mut state = self.state();
        if state.exit.is_some() {
            return Ok(state.exit);
        }
        let peek = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let ended = self.waitid(peek)?;
        if ended.is_none() {
            return Ok(None);
        }
        if state.owned {
            // What it left in its group goes with it, and while it is unwaited for, the number of the group is its own.
            Group(self.id).kill();
        }
        let Some(exit) = self.waitid(WaitIdOptions::EXITED | WaitIdOptions::NOHANG)? else {
            return Ok(None);
        };
        state.exit = Some(exit);
        if let Some(token) = state.token.take() {
            token.release();
        }
        Ok(Some(exit))
    }

    /// Waits until it ends. May be given up and called again, and by any number of tasks.
    ///
    /// # Errors
    /// As [`Process::try_wait`].
    pub async fn wait(&self) -> Result<Exit, WaitError> {
        if let Some(exit) = self.try_wait()? {
            return Ok(exit);
        }
        loop {
            self.ended().await?;
            if let Some(exit) = self.try_wait()? {
                return Ok(exit);
            }
        }
    }

    /// Waits until it has ended, and leaves what it started alone, unlike [`Process::wait`]: see [`Process::survivors`].
    ///
    /// # Errors
    /// When the kernel will not say.
    pub async fn ended(&self) -> Result<(), WaitError> {
        readable(&self.pidfd)
            .await
            .map_err(|error| self.error(error))
    }

    /// What else runs in its session or process group, or has `mark`, as `NAME=VALUE`, from the environment it was started with,
    /// wherever it went. To be asked before it is waited for: until then the number of the session is its own.
    #[must_use]
    pub fn survivors(&self, mark: (&str, &str)) -> Vec<Survivor> {
        survivors_of(self.id, mark)
    }

    /// Sends a signal to it and its process group. Not an error if they have ended.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn signal_group(&self, signal: Signal) -> Result<(), WaitError> {
        let state = self.state();
        if state.exit.is_none() {
            Group(self.id).signal(signal);
            return self.signal(signal);
        }
        Ok(())
    }

    /// Sends a signal to it, not to its group. Not an error if it has ended.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn signal(&self, signal: Signal) -> Result<(), WaitError> {
        match pidfd_send_signal(&self.pidfd, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(self.error(error.into())),
        }
    }

    /// Sends SIGKILL to it and its group.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn kill(&self) -> Result<(), WaitError> {
        let state = self.state();
        if state.exit.is_none() {
            Group(self.id).kill();
            return self.signal(Signal::KILL);
        }
        Ok(())
    }

    /// Ends it: SIGTERM, and after `grace` SIGKILL to it and its group.
    ///
    /// # Errors
    /// As [`Process::wait`] and [`Process::signal`].
    pub async fn terminate(&self, grace: Duration) -> Result<Exit, WaitError> {
        self.signal(Signal::TERM)?;
        match tokio::time::timeout(grace, self.wait()).await {
            Ok(exit) => exit,
            Err(_) => {
                self.kill()?;
                self.wait().await
            }
        }
    }

    /// The end of its standard output, at most `max_bytes`; empty if that goes nowhere.
    #[must_use]
    pub fn stdout_tail(&self, max_bytes: u64) -> String {
        tail(&self.stdout, max_bytes)
    }

    /// The end of its standard error, at most `max_bytes`; empty if that goes nowhere.
    #[must_use]
    pub fn stderr_tail(&self, max_bytes: u64) -> String {
        tail(&self.stderr, max_bytes)
    }

    /// Lets go of it and leaves it running. It outlives us only if it was started with [`Spec::detached`].
    #[must_use = "somebody should learn which process was left running"]
    pub fn release(&self) -> ProcessId {
        let mut state = self.state();
        state.owned = false;
        if let Some(token) = state.token.take() {
            token.release();
        }
        self.id
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waitid(&self, options: WaitIdOptions) -> Result<Option<Exit>, WaitError> {
        loop {
            match waitid(WaitId::PidFd(self.pidfd.as_fd()), options) {
                Ok(status) => return Ok(status.as_ref().map(Exit::from_status)),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(self.error(error.into())),
            }
        }
    }

    fn error(&self, source: io::Error) -> WaitError {
        WaitError {
            program: self.program.clone(),
            pid: self.id.pid,
            source,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.state().owned || !matches!(self.try_wait(), Ok(None)) {
            return;
        }
        // Nobody can be told of a failure here; what is left is in the ledger, and the next run reaps it.
        let _ = self.kill();
        let start = Instant::now();
        while let Some(left) = KILL_LIMIT.checked_sub(start.elapsed()) {
            let timeout = Timespec::try_from(left).ok();
            let _ = poll(
                &mut [PollFd::new(&self.pidfd, PollFlags::IN)],
                timeout.as_ref(),
            );
            if !matches!(self.try_wait(), Ok(None)) {
                break;
            }
        }
    }
}

/// Waits until a process has ended, which its descriptor tells by being readable.
pub(super) async fn readable(pidfd: &OwnedFd) -> io::Result<()> {
    // A descriptor of its own for each who waits: the reactor takes a number only once.
    let pidfd = pidfd.try_clone()?;
    // SAFETY: an OwnedFd always names the one descriptor that it owns and closes when dropped.
    let pidfd = unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) };
    pidfd?.readable().await?.retain_ready();
    Ok(())
}

/// A child of ours that was not waited for yet has its number for sure.
fn identify(pid: u32) -> io::Result<(ProcessId, OwnedFd)> {
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let raw =
        raw.ok_or_else(|| io::Error::other("the kernel gave an impossible process number"))?;
    let pidfd = pidfd_open(raw, PidfdFlags::empty())?;
    let id = ProcessId::of(pid).ok_or_else(|| io::Error::other("/proc does not show it"))?;
    Ok((id, pidfd))
}

fn tail(output: &Output, max_bytes: u64) -> String {
    let Output::File(path) = output else {
        return String::new();
    };
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(max_bytes)))?;
        let mut bytes = Vec::new();
        file.take(max_bytes).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    // A tail is for a message about something else: one that cannot be read is left out of it.
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}
