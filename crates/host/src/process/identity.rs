//! Who is that process? A pid alone is reused; a pid with its start time, within one boot, is not.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

/// A process, told apart from a later one with the same number by the time it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessId {
    /// Its number.
    pub pid: u32,
    /// When it started, in clock ticks since boot: field 22 of `/proc/PID/stat`, see `proc_pid_stat(5)`.
    pub start_time: u64,
}

/// The parts of `/proc/PID/stat` that we use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    state: u8,
    pub parent: u32,
    pub group: u32,
    pub session: u32,
    pub start_time: u64,
}

/// The number of a process group, and a process that must be in it for the number to be ours.
pub(crate) struct Group(pub ProcessId);

impl ProcessId {
    /// Ourselves.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn current() -> io::Result<Self> {
        let pid = std::process::id();
        let stat = Stat::read(pid)?;
        Ok(ProcessId {
            pid,
            start_time: stat.start_time,
        })
    }

    /// The process that has this number now; `None` if there is none.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        let stat = Stat::read(pid).ok()?;
        Some(ProcessId {
            pid,
            start_time: stat.start_time,
        })
    }

    /// Does it still run? A zombie, which only waits for its parent to look, does not.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        Stat::read(self.pid).is_ok_and(|stat| {
            stat.start_time == self.start_time && !matches!(stat.state, b'Z' | b'X')
        })
    }

    /// A handle that cannot turn into another process; `None` if this one is gone.
    ///
    /// # Errors
    /// Where the kernel has no pidfd (before Linux 5.3) or we have no descriptors left.
    pub(crate) fn open(&self) -> io::Result<Option<OwnedFd>> {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else {
            return Ok(None);
        };
        let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => pidfd,
            Err(rustix::io::Errno::SRCH) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // Looked at only after the handle was taken: from here on the number cannot pass to another process unnoticed.
        Ok(self.is_alive().then_some(pidfd))
    }
}

impl Stat {
    pub fn read(pid: u32) -> io::Result<Self> {
        let text = fs::read(format!("/proc/{pid}/stat"))?;
        Self::parse(&text)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "unexpected /proc/PID/stat"))
    }

    fn parse(text: &[u8]) -> Option<Self> {
        // The second field is the program's name in parentheses; it may itself hold spaces and parentheses.
        let end = text.iter().rposition(|&byte| byte == b')')?;
        let rest = std::str::from_utf8(text.get(end + 1..)?).ok()?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        Some(Stat {
            state: *fields.first()?.as_bytes().first()?,
            parent: fields.get(1)?.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
            session: fields.get(3)?.parse().ok()?,
            start_time: fields.get(19)?.parse().ok()?,
        })
    }
}

impl Group {
    /// Kills what is in the group. The leader must not have been waited for yet: until then the number stays its.
    pub(crate) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Sends a signal to what is in the group, under the same condition.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.0.pid).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid.filter(|_| ProcessId::of(self.0.pid) == Some(self.0)) {
            // Gone already is as good as killed.
            let _ = rustix::process::kill_process_group(pid, signal);
        }
    }
}

/// Kills a process, if it is still that process, and waits until it is gone. `false`: there was nothing left to kill.
///
/// # Errors
/// When it may not be killed, or outlives `limit`.
pub(crate) fn kill_and_wait(id: ProcessId, limit: Duration) -> io::Result<bool> {
    let Some(pidfd) = id.open()? else {
        return Ok(false);
    };
    match pidfd_send_signal(&pidfd, Signal::KILL) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => return Err(error.into()),
    }
    let start = Instant::now();
    loop {
        let left = limit.saturating_sub(start.elapsed());
        let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&timeout)) {
            Ok(0) => {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "does not die of SIGKILL",
                ));
            }
            Ok(_) => return Ok(true),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Processes that inherited `NAME=VALUE` in their environment, ourselves and those who started us excluded.
pub(crate) fn processes_marked(name: &str, value: &str) -> Vec<ProcessId> {
    let mark = format!("{name}={value}");
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let ancestors = ancestors(std::process::id());
    let pids = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| !ancestors.contains(pid))
        .filter_map(|pid| {
            // Taken first, so that the environment read below is that process's or a later one's; the latter fails to match.
            let id = ProcessId::of(pid)?;
            (has_mark(pid, &mark) && id.is_alive()).then_some(id)
        })
        .collect()
}

/// Was the process started with `NAME=VALUE` in its environment?
pub(super) fn has_mark(pid: u32, mark: &str) -> bool {
    environment(pid).is_ok_and(|seen| marked(&seen, mark))
}

/// The same of one that may be in the middle of `execve`, where it has no environment for a moment: looks again until it has, or for
/// 20 ms, which then is one that was started without.
pub(super) fn newcomer_has_mark(id: ProcessId, mark: &str) -> bool {
    for _ in 0..20 {
        match environment(id.pid) {
            Ok(seen) if seen.is_empty() && id.is_alive() => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok(seen) => return marked(&seen, mark),
            // Another user's, or gone.
            Err(_) => return false,
        }
    }
    false
}

fn environment(pid: u32) -> io::Result<Vec<u8>> {
    fs::read(format!("/proc/{pid}/environ"))
}

fn marked(environment: &[u8], mark: &str) -> bool {
    environment
        .split(|&byte| byte == 0)
        .any(|variable| variable == mark.as_bytes())
}

fn ancestors(pid: u32) -> Vec<u32> {
    std::iter::successors(Some(pid), |&pid| {
        Stat::read(pid)
            .ok()
            .map(|stat| stat.parent)
            .filter(|&parent| parent != 0)
    })
    .collect()
}

/// Identifies this boot of the kernel: numbers of processes mean nothing in another.
///
/// # Errors
/// When `/proc/sys/kernel/random/boot_id` cannot be read.
pub fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?
        .trim()
        .to_owned())
}

/// Identifies the pid namespace we live in, such as `pid:[4026531836]`.
pub(crate) fn pid_namespace() -> io::Result<String> {
    Ok(fs::read_link("/proc/self/ns/pid")?
        .to_string_lossy()
        .into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_program_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let text = b"42 (a) b (c) S 7 40 41 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2";
        let stat = Stat {
            state: b'S',
            parent: 7,
            group: 40,
            session: 41,
            start_time: 987_654,
        };
        assert_eq!(Stat::parse(text), Some(stat));
        assert_eq!(Stat::parse(b""), None);
        assert_eq!(Stat::parse(b"42 (x) S 1"), None);
    }

    #[test]
    fn a_recycled_number_is_another_process() {
        let me = ProcessId::current().unwrap();
        assert!(me.is_alive());
        let other = ProcessId {
            start_time: me.start_time + 1,
            ..me
        };
        assert!(!other.is_alive());
        assert!(!kill_and_wait(other, Duration::from_secs(5)).unwrap());
    }

    #[test]
    fn a_zombie_is_not_alive() {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let id = ProcessId::of(child.id()).unwrap();
        assert!(id.is_alive());
        assert!(kill_and_wait(id, Duration::from_secs(20)).unwrap());
        assert!(!id.is_alive());
        child.wait().unwrap();
        assert_eq!(ProcessId::of(id.pid).filter(|now| *now == id), None);
    }

    #[test]
    fn processes_are_found_by_the_mark_they_inherited() {
        let value = format!("identity-test-{}", std::process::id());
        let mut child = Command::new("sh")
            .args(["-c", "sleep 1000 & wait"])
            .env("VIRT_TEST_MARK", &value)
            .spawn()
            .unwrap();
        let start = Instant::now();
        let mut found = Vec::new();
        while found.len() < 2 && start.elapsed() < Duration::from_secs(20) {
            found = processes_marked("VIRT_TEST_MARK", &value);
            std::thread::yield_now();
        }
        for id in &found {
            kill_and_wait(*id, Duration::from_secs(20)).unwrap();
        }
        child.wait().unwrap();
        assert_eq!(found.len(), 2, "the shell and its child: {found:?}");
        assert!(processes_marked("VIRT_TEST_MARK", "nothing has this").is_empty());
    }

    #[test]
    fn we_do_not_find_ourselves() {
        let ancestors = ancestors(std::process::id());
        assert_eq!(ancestors[0], std::process::id());
        assert!(ancestors.len() >= 2);
    }
}
