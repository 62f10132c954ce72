//! Asking a QEMU binary, with a deadline.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::QemuError;
use crate::process::{Exit, Group, ProcessId, spawn_supervised};
use crate::run::exit_of;

/// Most that we show of what a program said.
const QUOTE_MAX: usize = 2000;

/// Most that a program may answer at once; QEMU's longest answer, its schema, has some 200 kB.
const ANSWER_MAX: usize = 32 << 20;

/// A run of a QEMU binary to which questions are put.
pub(super) struct Run {
    path: PathBuf,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    stderr: File,
    pending: Vec<u8>,
    start: Instant,
    limit: Duration,
}

/// A line of QMP. Formats: "QEMU Machine Protocol Specification".
#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Message<T> {
    #[serde(rename = "return")]
    answer: Option<T>,
    error: Option<ErrorMessage>,
}

#[derive(Deserialize)]
struct ErrorMessage {
    desc: String,
}

impl Run {
    /// Starts the binary with these arguments. All of the conversation must be done within `limit`.
    pub(super) fn start(
        path: &Path,
        arguments: &[&str],
        environment: &[(String, String)],
        limit: Duration,
    ) -> Result<Self, QemuError> {
        let io_error = |source| QemuError::Io {
            path: path.to_owned(),
            source,
        };
        // Kept in memory rather than in a pipe, which would fill up with nobody reading.
        let stderr =
            memfd_create("stderr", MemfdFlags::CLOEXEC).map_err(|error| io_error(error.into()))?;
        let stderr = File::from(stderr);
        let mut command = Command::new(path);
        command
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)));
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr.try_clone().map_err(io_error)?);
        let start_error = |source| QemuError::Start {
            path: path.to_owned(),
            source,
        };
        let mut child = spawn_supervised(command).map_err(start_error)?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let Some(stdout) = stdout else {
            return Err(io_error(io::Error::other("its standard output is no pipe")));
        };
        let start = Instant::now();
        Ok(Run {
            path: path.to_owned(),
            child,
            stdin,
            stdout,
            stderr,
            pending: Vec::new(),
            start,
            limit,
        })
    }

    /// The process that answers, which need not be the file that was started, if that is a script.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Reads QMP's greeting and leaves its negotiation mode.
    pub(super) fn greet(&mut self) -> Result<(), QemuError> {
        let line = match self.line("for its greeting") {
            // A program that is no QEMU says so by refusing its options.
            Err(QemuError::Died {
                path, exit, stderr, ..
            }) if !stderr.contains("shared librar") => {
                return Err(QemuError::NotQemu {
                    path,
                    said: format!("it {exit}: {stderr}"),
                });
            }
            Err(QemuError::Died { path, stderr, .. }) => {
                return Err(QemuError::SharedLibrary { path, stderr });
            }
            line => line?,
        };
        let greeting: Result<serde_json::Value, _> = serde_json::from_slice(&line);
        if greeting.is_ok_and(|greeting| greeting.get("QMP").is_some()) {
            return self
                .ask("qmp_capabilities", "")
                .map(|_: serde_json::Value| ());
        }
        Err(QemuError::NotQemu {
            path: self.path.clone(),
            said: quote(&line),
        })
    }

    /// Executes a QMP command. `arguments` is the inside of a JSON object.
    pub(super) fn ask<T: DeserializeOwned>(
        &mut self,
        command: &str,
        arguments: &str,
    ) -> Result<T, QemuError> {
        let text = format!("{{\"execute\":\"{command}\",\"arguments\":{{{arguments}}}}}\n");
        // If it no longer reads, it has ended, and reading the answer tells how.
        let _ = self
            .stdin
            .as_ref()
            .map(|mut stdin| stdin.write_all(text.as_bytes()));
        loop {
            let line = self.line(command)?;
            let wrong = |answer| QemuError::Answer {
                path: self.path.clone(),
                during: command.to_owned(),
                answer,
            };
            let message: Message<T> =
                serde_json::from_slice(&line).map_err(|error| wrong(error.to_string()))?;
            match message {
                Message {
                    error: Some(error), ..
                } => return Err(wrong(error.desc)),
                Message {
                    answer: Some(answer),
                    ..
                } => return Ok(answer),
                // An event.
                Message { .. } => {}
            }
        }
    }

    /// All it prints until it ends by itself, and its errors.
    pub(super) fn output(mut self, during: &str) -> Result<(String, String), QemuError> {
        self.stdin = None;
        while self.read_more(during)? {}
        let exit = self.reap();
        let stderr = self.stderr();
        if !exit.is_some_and(|exit| exit.success()) {
            return Err(self.died(during, exit));
        }
        Ok((String::from_utf8_lossy(&self.pending).into_owned(), stderr))
    }

    /// Lets it end, by closing its monitor and, as that is not enough for QEMU, by force. Returns what it said on standard error.
    pub(super) fn finish(mut self) -> String {
        self.reap();
        self.stderr()
    }

    fn line(&mut self, during: &str) -> Result<Vec<u8>, QemuError> {
        let mut searched = 0;
        loop {
            if let Some(end) = self.pending[searched..]
                .iter()
                .position(|&byte| byte == b'\n')
            {
                let rest = self.pending.split_off(searched + end + 1);
                return Ok(std::mem::replace(&mut self.pending, rest));
            }
            searched = self.pending.len();
            if !self.read_more(during)? {
                let exit = self.reap();
                return Err(self.died(during, exit));
            }
        }
    }

    /// Reads what there is, waiting for it. `false`: that was the end.
    fn read_more(&mut self, during: &str) -> Result<bool, QemuError> {
        let io_error = |source| QemuError::Io {
            path: self.path.clone(),
            source,
        };
        let left = self.limit.saturating_sub(self.start.elapsed());
        let timeout =
            Timespec::try_from(left).map_err(|error| io_error(io::Error::other(error)))?;
        match poll(
            &mut [PollFd::new(&self.stdout, PollFlags::IN)],
            Some(&timeout),
        ) {
            Ok(0) => return Err(self.timed_out(during)),
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(true),
            Err(error) => return Err(io_error(error.into())),
        }
        let mut buffer = [0; 1 << 16];
        let count = match self.stdout.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(true),
            count => count.map_err(io_error)?,
        };
        self.pending.extend_from_slice(&buffer[..count]);
        if self.pending.len() > ANSWER_MAX {
            return Err(QemuError::NotQemu {
                path: self.path.clone(),
                said: quote(&self.pending),
            });
        }
        Ok(count > 0)
    }

    fn timed_out(&mut self, during: &str) -> QemuError {
        let stderr = self.stderr();
        QemuError::TimedOut {
            path: self.path.clone(),
            during: during.to_owned(),
            limit: self.limit,
            stderr,
        }
    }

    fn died(&mut self, during: &str, exit: Option<Exit>) -> QemuError {
        let exit = exit.unwrap_or(Exit {
            code: None,
            signal: None,
            core_dumped: false,
        });
        let stderr = self.stderr();
        QemuError::Died {
            path: self.path.clone(),
            during: during.to_owned(),
            exit,
            stderr,
        }
    }

    fn stderr(&mut self) -> String {
        let mut bytes = Vec::new();
        // What cannot be read of it is left out of the message it was for.
        let _ = self
            .stderr
            .rewind()
            .and_then(|()| self.stderr.read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }

    /// Ends it if it still runs. How it ended by itself, if it did.
    fn reap(&mut self) -> Option<Exit> {
        self.stdin = None;
        if self.ends_by_itself() {
            return self.child.wait().ok().map(exit_of);
        }
        self.kill();
        None
    }

    /// Ends it, and what a script has started, if it was not waited for yet.
    fn kill(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            if let Some(id) = ProcessId::of(self.child.id()) {
                Group(id).kill();
            }
            // The child of ours that was just killed is there to be waited for.
            let _ = self.child.wait();
        }
    }

    /// Has it closed its output? Then it is ending, and gets a moment for it.
    fn ends_by_itself(&mut self) -> bool {
        let mut descriptors = [PollFd::new(&self.stdout, PollFlags::IN)];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let closed = poll(&mut descriptors, Some(&now)).is_ok()
            && descriptors[0].revents().contains(PollFlags::HUP);
        let grace = Instant::now();
        while closed && grace.elapsed() < Duration::from_secs(5) {
            if let Ok(Some(_)) = self.child.try_wait() {
                return true;
            }
            std::thread::yield_now();
        }
        false
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.kill();
    }
}

fn quote(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(QUOTE_MAX)]);
    format!("it said {:?}", text.trim())
}
