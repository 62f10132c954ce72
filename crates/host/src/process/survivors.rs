//! What a process has left running.

use std::fs;
use std::io;
use std::time::Duration;

use super::child::readable;
use super::identity::{Stat, kill_and_wait, newcomer_has_mark};
use super::{ProcessId, WaitError};

/// Longest wait for the kernel to carry out a SIGKILL.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// Parent of the kernel's own threads, which have no environment.
const KTHREADD: u32 = 2;

/// A process that another one has left running, see [`super::Process::survivors`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survivor {
    /// Who it is.
    pub id: ProcessId,
    /// What it is called, at most 15 bytes of it: `/proc/PID/comm`.
    pub name: String,
}

impl Survivor {
    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// When the kernel will not say.
    pub async fn ended(&self) -> Result<(), WaitError> {
        let ended = async {
            match self.id.open()? {
                Some(pidfd) => readable(&pidfd).await,
                None => Ok(()),
            }
        };
        ended.await.map_err(|source| self.error(source))
    }

    /// Kills it, and waits until it is gone.
    ///
    /// # Errors
    /// When it may not be killed, or does not go.
    pub fn kill(&self) -> Result<(), WaitError> {
        kill_and_wait(self.id, KILL_LIMIT)
            .map(drop)
            .map_err(|source| self.error(source))
    }

    fn error(&self, source: io::Error) -> WaitError {
        WaitError {
            program: self.name.clone().into(),
            pid: self.id.pid,
            source,
        }
    }
}

/// Everything in the session or process group of `leader`, and what was started with `mark` since.
pub(super) fn survivors_of(leader: ProcessId, (name, value): (&str, &str)) -> Vec<Survivor> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|&pid| pid != leader.pid);
    pids.filter_map(|pid| {
        let stat = Stat::read(pid).ok()?;
        let id = ProcessId {
            pid,
            start_time: stat.start_time,
        };
        let stayed = stat.session == leader.pid || stat.group == leader.pid;
        // Reading an environment costs most; what is older than the leader was not started by it.
        let strayed = || {
            stat.start_time >= leader.start_time
                && stat.parent != KTHREADD
                && newcomer_has_mark(id, &format!("{name}={value}"))
        };
        let left = (stayed || strayed()) && id.is_alive();
        left.then(|| Survivor {
            id,
            name: fs::read_to_string(format!("/proc/{pid}/comm"))
                .unwrap_or_default()
                .trim()
                .to_owned(),
        })
    })
    .collect()
}
