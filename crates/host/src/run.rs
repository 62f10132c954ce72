//! Runs of small tools, with a deadline.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::process::{Exit, Group, ProcessId, spawn_supervised};

/// What a tool printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub exit: Exit,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a tool to its end, its output kept in memory. After `limit` it is killed, with what it started, and the error is of kind
/// [`io::ErrorKind::TimedOut`].
pub(crate) fn run(mut command: Command, limit: Duration) -> io::Result<Finished> {
    let memory = |name| memfd_create(name, MemfdFlags::CLOEXEC).map(File::from);
    let (stdout, stderr) = (memory("stdout")?, memory("stderr")?);
    command
        .stdin(Stdio::null())
        .stdout(stdout.try_clone()?)
        .stderr(stderr.try_clone()?);
    let mut child = spawn_supervised(command)?;
    // An unwaited child has its number for sure.
    let ended = wait_for(child.id(), limit);
    if !matches!(ended, Ok(true))
        && let Some(id) = ProcessId::of(child.id())
    {
        Group(id).kill();
    }
    match ended {
        Ok(true) => {
            let exit = exit_of(child.wait()?);
            Ok(Finished {
                exit,
                stdout: text(stdout)?,
                stderr: text(stderr)?,
            })
        }
        // Not waited for any longer: one that is stuck in the kernel does not die of SIGKILL either.
        Ok(false) => {
            let _ = wait_for(child.id(), Duration::from_millis(100)).and_then(|_| child.try_wait());
            Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("no end within {limit:?}"),
            ))
        }
        Err(error) => Err(error),
    }
}

pub(crate) fn exit_of(status: ExitStatus) -> Exit {
    Exit {
        code: status.code(),
        signal: status.signal(),
        core_dumped: status.core_dumped(),
    }
}

pub(crate) fn wait_for(pid: u32, limit: Duration) -> io::Result<bool> {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or(io::ErrorKind::InvalidInput)?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
    let start = Instant::now();
    loop {
        let left = limit.saturating_sub(start.elapsed());
        let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(
            &mut [PollFd::new(&pidfd.as_fd(), PollFlags::IN)],
            Some(&timeout),
        ) {
            Ok(count) => return Ok(count > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn text(mut file: File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_of_any_length_does_not_block_the_tool() {
        let script = "head -c 300000 /dev/zero | tr '\\0' x; head -c 300000 /dev/zero | tr '\\0' y >&2; exit 5";
        let finished = run(shell(script), Duration::from_secs(60)).unwrap();
        assert_eq!(finished.exit.code, Some(5));
        assert_eq!(
            (finished.stdout.len(), finished.stderr.len()),
            (300_000, 300_000)
        );
    }

    #[test]
    fn a_tool_that_does_not_end_is_killed() {
        let start = Instant::now();
        let error = run(shell("sleep 1000; true"), Duration::from_millis(100)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}
