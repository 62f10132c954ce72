//! `guest-exec` and `guest-exec-status`: programs that run beside the agent.

use std::collections::HashMap;
use std::ffi::c_int;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use serde_json::{Map, Value, json};

use super::args::{Args, wrong_type};
use super::error::{AgentError, reason};
use crate::process::hear_signals;

/// The most of each output stream that is kept, as in `qemu-ga`; the rest is read, dropped and reported as truncated.
pub const MAX_OUTPUT: usize = 16 << 20;

const READ_SIZE: usize = 64 << 10;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// It returned this code.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
}

impl ExitStatus {
    /// From `waitpid`; none when the process only stopped or continued.
    pub fn from_wait(status: WaitStatus) -> Option<(i32, Self)> {
        match status {
            WaitStatus::Exited(pid, code) => Some((pid.as_raw(), ExitStatus::Code(code))),
            WaitStatus::Signaled(pid, signal, _) => {
                Some((pid.as_raw(), ExitStatus::Signal(signal as i32)))
            }
            _ => None,
        }
    }
}

impl From<std::process::ExitStatus> for ExitStatus {
    fn from(status: std::process::ExitStatus) -> Self {
        match status.code() {
            Some(code) => ExitStatus::Code(code),
            None => ExitStatus::Signal(status.signal().unwrap_or(0)),
        }
    }
}

/// What `capture-output` asks for; a boolean up to QEMU 8.0, also a word since 8.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Nothing,
    Stdout,
    Stderr,
    Separated,
    Merged,
}

impl Wanted {
    fn from_args(args: &mut Args) -> Result<Self, AgentError> {
        Ok(match args.take("capture-output") {
            None | Some(Value::Bool(false)) => Wanted::Nothing,
            Some(Value::Bool(true)) => Wanted::Separated,
            Some(Value::String(word)) => match word.as_str() {
                "none" => Wanted::Nothing,
                "stdout" => Wanted::Stdout,
                "stderr" => Wanted::Stderr,
                "separated" => Wanted::Separated,
                "merged" => Wanted::Merged,
                _ => return Err(AgentError::invalid_parameter("capture-output")),
            },
            Some(_) => return Err(wrong_type("capture-output", "boolean or string")),
        })
    }
}

/// The pipes of a program, as in the low bits of an epoll token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Exit = 0,
    Stdin = 1,
    Stdout = 2,
    Stderr = 3,
}

impl Source {
    fn token(self, pid: i32) -> u64 {
        (u64::from(pid.unsigned_abs()) << 2) | self as u64
    }

    fn from_token(token: u64) -> (i32, Source) {
        let source = match token & 3 {
            0 => Source::Exit,
            1 => Source::Stdin,
            2 => Source::Stdout,
            _ => Source::Stderr,
        };
        // Process ids fit 22 bits (`PID_MAX_LIMIT`).
        ((token >> 2) as i32, source)
    }
}

/// Captured output of one stream.
#[derive(Default)]
struct Capture {
    /// Open until the last writer closed its end.
    pipe: Option<std::fs::File>,
    data: Vec<u8>,
    truncated: bool,
}

impl Capture {
    /// Reads what is there; true when the stream has ended.
    fn read(&mut self, buffer: &mut [u8]) -> bool {
        let Some(pipe) = &mut self.pipe else {
            return true;
        };
        match pipe.read(buffer) {
            Ok(0) => true,
            Ok(count) => {
                let room = MAX_OUTPUT - self.data.len();
                self.truncated |= count > room;
                self.data.extend_from_slice(&buffer[..count.min(room)]);
                false
            }
            Err(error) => !would_block(&error),
        }
    }

    fn into_reply(self, reply: &mut Map<String, Value>, data: &str, truncated: &str) {
        if !self.data.is_empty() {
            reply.insert(data.to_string(), json!(BASE64.encode(self.data)));
        }
        if self.truncated {
            reply.insert(truncated.to_string(), json!(true));
        }
    }
}

/// A program that was started and not yet asked for to its end.
struct Job {
    status: Option<ExitStatus>,
    exit: Option<OwnedFd>,
    input: Option<(std::fs::File, Vec<u8>, usize)>,
    stdout: Capture,
    stderr: Capture,
}

impl Job {
    /// As in `qemu-ga`, a program has ended when it exited *and* nobody holds its captured streams any more.
    fn finished(&self) -> Option<ExitStatus> {
        self.status
            .filter(|_| self.stdout.pipe.is_none() && self.stderr.pipe.is_none())
    }
}

/// The programs of one agent.
pub struct Execs {
    epoll: Epoll,
    jobs: HashMap<i32, Job>,
    buffer: Vec<u8>,
}

impl Execs {
    pub fn new() -> io::Result<Self> {
        Ok(Execs {
            epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            jobs: HashMap::new(),
            buffer: Vec::new(),
        })
    }

    pub fn start(&mut self, mut args: Args) -> Result<Value, AgentError> {
        let path = args.string("path")?;
        let arg = args.strings("arg")?.unwrap_or_default();
        let env = args.strings("env")?;
        let input = args.string_opt("input-data")?;
        let wanted = Wanted::from_args(&mut args)?;
        args.finish()?;
        let input = input
            .map(|text| BASE64.decode(text))
            .transpose()
            .map_err(|error| {
                AgentError::generic(format!("Base64 decoding of input-data failed: {error}"))
            })?;

        let mut command = Command::new(&path);
        hear_signals(command.args(arg).process_group(0));
        if let Some(env) = env {
            command.env_clear();
            command.envs(env.iter().filter_map(|pair| pair.split_once('=')));
        }
        let pid = self
            .spawn(&mut command, input, wanted)
            .map_err(|error| {
                AgentError::generic(format!(
                    "Guest agent command failed, error was 'Failed to execute child process “{path}” ({})'",
                    reason(&error)
                ))
            })?;
        Ok(json!({"pid": pid}))
    }

    fn spawn(
        &mut self,
        command: &mut Command,
        input: Option<Vec<u8>>,
        wanted: Wanted,
    ) -> io::Result<i32> {
        let mut stdout = Capture::default();
        let mut stderr = Capture::default();
        let capture = |capture: &mut Capture| -> io::Result<Stdio> {
            let (reader, writer) = io::pipe()?;
            capture.pipe = Some(nonblocking(reader.into())?);
            Ok(writer.into())
        };
        let (out, err) = match wanted {
            Wanted::Nothing => (Stdio::null(), Stdio::null()),
            Wanted::Stdout => (capture(&mut stdout)?, Stdio::null()),
            Wanted::Stderr => (Stdio::null(), capture(&mut stderr)?),
            Wanted::Separated => (capture(&mut stdout)?, capture(&mut stderr)?),
            Wanted::Merged => {
                let (reader, writer) = io::pipe()?;
                stdout.pipe = Some(nonblocking(reader.into())?);
                (writer.try_clone()?.into(), writer.into())
            }
        };
        command.stdout(out).stderr(err).stdin(match input {
            Some(_) => Stdio::piped(),
            None => Stdio::null(),
        });
        let mut child = command.spawn()?;
        // The command holds our copies of the write ends: without this the pipes would never end.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let pid = child.id() as i32;
        let input = match (child.stdin.take(), input) {
            (Some(pipe), Some(data)) => Some((nonblocking(pipe.into())?, data, 0)),
            _ => None,
        };
        let job = Job {
            status: None,
            exit: pidfd(pid).ok(),
            input,
            stdout,
            stderr,
        };
        self.watch(pid, &job)?;
        self.jobs.insert(pid, job);
        Ok(pid)
    }

    fn watch(&self, pid: i32, job: &Job) -> io::Result<()> {
        let add = |fd: BorrowedFd<'_>, source: Source, flags| {
            self.epoll
                .add(fd, EpollEvent::new(flags, source.token(pid)))
                .map_err(io::Error::from)
        };
        if let Some(exit) = &job.exit {
            add(exit.as_fd(), Source::Exit, EpollFlags::EPOLLIN)?;
        }
        if let Some((pipe, _, _)) = &job.input {
            add(pipe.as_fd(), Source::Stdin, EpollFlags::EPOLLOUT)?;
        }
        if let Some(pipe) = &job.stdout.pipe {
            add(pipe.as_fd(), Source::Stdout, EpollFlags::EPOLLIN)?;
        }
        if let Some(pipe) = &job.stderr.pipe {
            add(pipe.as_fd(), Source::Stderr, EpollFlags::EPOLLIN)?;
        }
        Ok(())
    }

    pub fn process(&mut self) {
        let mut events = [EpollEvent::empty(); 16];
        while let Ok(count @ 1..) = self.epoll.wait(&mut events, EpollTimeout::ZERO) {
            for event in &events[..count] {
                let (pid, source) = Source::from_token(event.data());
                self.event(pid, source);
            }
        }
    }

    /// Handles one descriptor. Closing it, which dropping does, also takes it out of the epoll set.
    fn event(&mut self, pid: i32, source: Source) {
        self.buffer.resize(READ_SIZE, 0);
        let Some(job) = self.jobs.get_mut(&pid) else {
            return;
        };
        match source {
            Source::Exit => {
                job.exit = None;
                if let Ok(status) = waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG))
                    && let Some((_, status)) = ExitStatus::from_wait(status)
                {
                    job.status = Some(status);
                }
            }
            Source::Stdin => {
                if let Some((pipe, data, at)) = &mut job.input {
                    match pipe.write(&data[*at..]) {
                        Ok(count) => *at += count,
                        Err(error) if would_block(&error) => {}
                        Err(_) => *at = data.len(),
                    }
                    if *at == data.len() {
                        job.input = None;
                    }
                }
            }
            Source::Stdout => {
                if job.stdout.read(&mut self.buffer) {
                    job.stdout.pipe = None;
                }
            }
            Source::Stderr => {
                if job.stderr.read(&mut self.buffer) {
                    job.stderr.pipe = None;
                }
            }
        }
    }

    pub fn exited(&mut self, pid: i32, status: ExitStatus) -> bool {
        match self.jobs.get_mut(&pid) {
            Some(job) if job.status.is_none() => {
                job.status = Some(status);
                job.exit = None;
                true
            }
            _ => false,
        }
    }

    pub fn status(&mut self, mut args: Args) -> Result<Value, AgentError> {
        let pid = args.int("pid")?;
        args.finish()?;
        self.process();
        let unknown = || AgentError::invalid_parameter("pid");
        let pid = i32::try_from(pid).map_err(|_| unknown())?;
        let job = self.jobs.get(&pid).ok_or_else(unknown)?;
        let Some(status) = job.finished() else {
            return Ok(json!({"exited": false}));
        };
        let mut reply = Map::from_iter([("exited".to_string(), json!(true))]);
        match status {
            ExitStatus::Code(code) => reply.insert("exitcode".to_string(), json!(code)),
            ExitStatus::Signal(signal) => reply.insert("signal".to_string(), json!(signal)),
        };
        if let Some(job) = self.jobs.remove(&pid) {
            job.stdout
                .into_reply(&mut reply, "out-data", "out-truncated");
            job.stderr
                .into_reply(&mut reply, "err-data", "err-truncated");
        }
        Ok(Value::Object(reply))
    }
}

impl AsFd for Execs {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }
}

fn nonblocking(fd: OwnedFd) -> io::Result<std::fs::File> {
    fcntl(&fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(fd.into())
}

fn would_block(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

/// A descriptor that becomes readable when the process ends (`pidfd_open(2)`).
fn pidfd(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: the system call takes two integers and touches no memory of ours.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid as c_int, 0) };
    let fd = Errno::result(fd)?;
    // SAFETY: the kernel just made this descriptor for us; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as c_int) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_keep_pid_and_source_apart() {
        for source in [Source::Exit, Source::Stdin, Source::Stdout, Source::Stderr] {
            assert_eq!(
                Source::from_token(source.token(4_194_303)),
                (4_194_303, source)
            );
        }
    }

    #[test]
    fn pidfd_of_nobody_is_an_error() {
        assert!(pidfd(i32::MAX).is_err());
        assert!(pidfd(std::process::id() as i32).is_ok());
    }
}
