//! A command over SSH.
//!
//! What `ssh` returns does not tell a command's status 255 from a broken connection, its streams stay open as long as any
//! process in the background holds them, and ending it ends nothing in the guest. So each command is put into a shell that
//! tells its process id first, and the command's status last, on both streams.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use memchr::memmem;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::OwnedRwLockReadGuard;
use tokio::time::timeout;

use super::{JOIN, Ssh, piped, spawn, ssh};
use crate::command::{Command, kill_tree, quoted, shortened};
use crate::error::{Attempt, Cause, GuestError};
use crate::output::{ExitStatus, Output};
use crate::running::Chunk;
use crate::secret::secret;

/// How long killing a command may take.
const KILL_LIMIT: Duration = Duration::from_secs(15);

/// How long the client of a command that has ended may take to end too, on a host as busy as may be.
const PARTING: Duration = Duration::from_secs(20);

/// The most of each output stream that is kept: its beginning.
const MAX_OUTPUT: usize = 64 << 20;

/// How much is read at once.
const READ_SIZE: usize = 64 << 10;

/// The longest that stands between a mark and its end: a number.
const NUMBER: usize = 12;

/// A command that runs over SSH.
#[derive(Debug)]
pub(crate) struct Running {
    ssh: Ssh,
    words: String,
    input: Option<ChildStdin>,
    /// None when it has ended.
    job: Option<Job>,
    status: Option<i32>,
}

/// The client of a command, and what it says.
#[derive(Debug)]
struct Job {
    client: Child,
    stdout: Stream<ChildStdout>,
    stderr: Stream<ChildStderr>,
}

impl Ssh {
    /// Runs a line of shell to its end. One that takes too long is killed, with all it started.
    ///
    /// # Errors
    /// When the command does not end in time or the connection breaks.
    pub async fn run(
        &self,
        command: impl Into<Command>,
        limit: Duration,
    ) -> Result<Output, GuestError> {
        let running = self.start(&command.into(), limit).await?;
        running.wait(limit).await
    }

    /// Starts a line of shell.
    pub(crate) async fn start(
        &self,
        command: &Command,
        limit: Duration,
    ) -> Result<Running, GuestError> {
        let words = shortened(&command.line);
        let attempt = self.attempt(format!("start {words} by SSH"), limit);
        if self.connection.confuses_channels {
            // No longer than a command may take to part.
            drop(self.connection.parting.write().await);
        }
        let started = self.spawn(command, words);
        started.map_err(|cause| attempt.fail(cause))
    }

    fn spawn(&self, command: &Command, words: String) -> Result<Running, Cause> {
        let (job, input) = self.launch(command)?;
        Ok(Running {
            ssh: self.clone(),
            words,
            input,
            job: Some(job),
            status: None,
        })
    }

    fn launch(&self, command: &Command) -> Result<(Job, Option<ChildStdin>), Cause> {
        let mark = format!("VT-{:016x}", secret());
        let tell = format!("printf '{mark}:%s:\\n'");
        // What this shell itself would say, such as "Killed", is no output of the command.
        let script = format!(
            "{tell} $$ >&2;exec 3>&2 2>/dev/null;(exec /bin/sh -c {} 2>&3 3>&-);vt_s=$?;{tell} $vt_s;{tell} $vt_s >&3",
            quoted(&command.line)
        );
        let login = &self.connection.login;
        let mut client = ssh(login, &self.connection.socket);
        client
            .args(JOIN)
            .arg(login.address.ip().to_string())
            // Whatever the account's own shell is, this one reads the script.
            .arg(format!("exec /bin/sh -c {}", quoted(&script)))
            .stdin(Stdio::piped());
        let mut client = spawn(&mut client)?;
        let mut input = client.stdin.take();
        if let Some(bytes) = command.input.clone()
            && let Some(mut pipe) = input.take()
        {
            tokio::spawn(async move {
                // A command need not take all its input.
                let _ = pipe.write_all(&bytes).await;
            });
        }
        let job = Job {
            stdout: Stream::new(piped(client.stdout.take())?, &mark, false),
            stderr: Stream::new(piped(client.stderr.take())?, &mark, true),
            client,
        };
        Ok((job, input))
    }
}

impl Running {
    fn attempt(&self, verb: &str, limit: Duration) -> Attempt {
        self.ssh
            .attempt(format!("{verb} {} by SSH", self.words), limit)
    }

    pub(crate) async fn next_chunk(
        &mut self,
        limit: Duration,
    ) -> Result<Option<Chunk>, GuestError> {
        let attempt = self.attempt("read the output of", limit);
        self.more(&attempt, "more output").await
    }

    async fn more(
        &mut self,
        attempt: &Attempt,
        awaited: &str,
    ) -> Result<Option<Chunk>, GuestError> {
        while let Some(job) = &mut self.job {
            if let Some(bytes) = job.stdout.take() {
                return Ok(Some(Chunk::Stdout(bytes)));
            }
            if let Some(bytes) = job.stderr.take() {
                return Ok(Some(Chunk::Stderr(bytes)));
            }
            if job.stdout.status.is_some() && job.stderr.status.is_some() {
                self.status = job.stdout.status;
                let parting = Arc::clone(&self.ssh.connection.parting).read_owned().await;
                if let Some(job) = self.job.take() {
                    tokio::spawn(job.part(parting));
                }
            } else if job.stdout.is_over() && job.stderr.is_over() {
                let cause = job.why_closed();
                self.job = None;
                return Err(attempt.fail(cause));
            } else {
                attempt.wait(awaited, job.read()).await?;
            }
        }
        Ok(None)
    }

    pub(crate) async fn write(&mut self, bytes: &[u8], limit: Duration) -> Result<(), GuestError> {
        let attempt = self.attempt("write to", limit);
        let Some(input) = &mut self.input else {
            return Err(attempt.fail(Cause::Closed));
        };
        let write = async {
            input.write_all(bytes).await?;
            Ok(input.flush().await?)
        };
        attempt.wait("the command to take input", write).await
    }

    pub(crate) fn close_input(&mut self) {
        self.input = None;
    }

    pub(crate) async fn wait(mut self, limit: Duration) -> Result<Output, GuestError> {
        self.close_input();
        let attempt = self.attempt("run", limit);
        let mut output = Output::empty();
        loop {
            match self.more(&attempt, "the end of the command").await {
                Ok(Some(chunk)) => {
                    output.add(chunk);
                    for stream in [&mut output.stdout, &mut output.stderr] {
                        output.truncated |= stream.len() > MAX_OUTPUT;
                        stream.truncate(MAX_OUTPUT);
                    }
                }
                Ok(None) => {
                    output.status = ExitStatus::Code(self.status.unwrap_or_default());
                    return Ok(output);
                }
                Err(error) => {
                    if let Some(job) = self.job.take() {
                        job.end(self.ssh.clone()).await;
                    }
                    return Err(error);
                }
            }
        }
    }

    pub(crate) async fn kill(mut self, limit: Duration) -> Result<(), GuestError> {
        let attempt = self.attempt("kill", limit);
        let Some(job) = self.job.take() else {
            return Ok(());
        };
        let end = async {
            job.end(self.ssh.clone()).await;
            Ok(())
        };
        attempt.wait("its end", end).await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(job) = self.job.take() else {
            return;
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(job.end(self.ssh.clone()));
        }
    }
}

impl Job {
    /// Reads what there is of either stream. Dropping the future loses nothing.
    async fn read(&mut self) -> Result<(), Cause> {
        tokio::select! {
            read = self.stdout.read(), if !self.stdout.is_over() => read,
            read = self.stderr.read(), if !self.stderr.is_over() => read,
        }
    }

    /// Why the streams ended before the command told its status: what the client says of it, if it does.
    fn why_closed(&self) -> Cause {
        let said = String::from_utf8_lossy(&self.stderr.buffer);
        let lines: Vec<&str> = said.lines().map(str::trim).collect();
        match lines.join("; ") {
            said if said.is_empty() => Cause::Closed,
            said => Cause::Ssh(said),
        }
    }

    /// Lets the client of a command that has ended go, whatever the command's background processes still say. Those may
    /// hold its streams for long.
    async fn part(mut self, _parting: OwnedRwLockReadGuard<()>) {
        self.leave().await;
    }

    async fn leave(&mut self) {
        let (stdout, stderr) = (&mut self.stdout, &mut self.stderr);
        let left = async {
            tokio::join!(stdout.drain(), stderr.drain());
            self.client.wait().await
        };
        let _ = timeout(PARTING, left).await;
    }

    /// Kills the command with all it started, and then the client.
    async fn end(mut self, ssh: Ssh) {
        // A command that has not told its process id yet is about to.
        let process = timeout(KILL_LIMIT, async {
            loop {
                self.stdout.take();
                self.stderr.take();
                if self.stderr.process.is_some() || self.stderr.is_over() {
                    return self.stderr.process;
                }
                self.read().await.ok()?;
            }
        });
        if let Ok(Some(process)) = process.await {
            // Others that part are waited for, and nobody starts before this one has.
            let parting = Arc::clone(&ssh.connection.parting);
            let _parting = parting.write_owned().await.downgrade();
            let kill = Command::new(kill_tree(i64::from(process)));
            // What fails here fails because the connection broke.
            if let Ok((mut killer, input)) = ssh.launch(&kill) {
                drop(input);
                tokio::join!(killer.leave(), self.leave());
            }
        }
        let _ = self.client.kill().await;
    }
}

/// One of a command's streams, with its marks.
#[derive(Debug)]
struct Stream<R> {
    pipe: R,
    mark: Vec<u8>,
    buffer: Vec<u8>,
    /// Whether a process id comes before the output.
    begins_with_process: bool,
    process: Option<i32>,
    status: Option<i32>,
    closed: bool,
}

impl<R: AsyncRead + Unpin> Stream<R> {
    fn new(pipe: R, mark: &str, begins_with_process: bool) -> Self {
        Stream {
            pipe,
            mark: format!("{mark}:").into_bytes(),
            buffer: Vec::new(),
            begins_with_process,
            process: None,
            status: None,
            closed: false,
        }
    }

    /// Whether nothing more is to be read.
    fn is_over(&self) -> bool {
        self.closed || self.status.is_some()
    }

    /// Reads what there is. Dropping the future loses nothing.
    async fn read(&mut self) -> Result<(), Cause> {
        self.buffer.reserve(READ_SIZE);
        self.closed = self.pipe.read_buf(&mut self.buffer).await? == 0;
        Ok(())
    }

    /// Reads to the end, for nobody.
    async fn drain(&mut self) {
        while !self.closed {
            self.buffer.clear();
            if self.read().await.is_err() {
                return;
            }
        }
    }

    /// The output that is certain, if there is any.
    fn take(&mut self) -> Option<Vec<u8>> {
        if self.begins_with_process && self.process.is_none() {
            // What a login's own scripts say comes before it.
            let (_, end, process) = self.find_mark()?;
            self.process = Some(process);
            self.buffer.drain(..end);
        }
        if self.status.is_some() {
            return None;
        }
        let certain = match self.find_mark() {
            Some((start, _, status)) => {
                self.status = Some(status);
                start
            }
            None => self.certain_length(),
        };
        let rest = self.buffer.split_off(certain);
        let output = std::mem::replace(&mut self.buffer, rest);
        (!output.is_empty()).then_some(output)
    }

    /// Where a whole mark begins and ends, and its number.
    fn find_mark(&self) -> Option<(usize, usize, i32)> {
        let mark = self.mark.as_slice();
        let start = memmem::find(&self.buffer, mark)?;
        let number = start + mark.len();
        let length = self.buffer[number..]
            .iter()
            .position(|&byte| byte == b'\n')?;
        let text = std::str::from_utf8(&self.buffer[number..number + length]).ok()?;
        let value = text.strip_suffix(':')?.parse().ok()?;
        Some((start, number + length + 1, value))
    }

    /// How much of the buffer cannot be the beginning of a mark.
    fn certain_length(&self) -> usize {
        let length = self.buffer.len();
        let mark = self.mark.as_slice();
        let from = length.saturating_sub(mark.len() + NUMBER);
        (from..length)
            .find(|&at| {
                let rest = &self.buffer[at..];
                mark.starts_with(rest) || rest.starts_with(mark)
            })
            .unwrap_or(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a stream gives when its bytes come cut at every place.
    fn streamed(
        bytes: &[u8],
        begins_with_process: bool,
    ) -> Vec<(Vec<u8>, Option<i32>, Option<i32>)> {
        (0..=bytes.len())
            .map(|cut| {
                let mut stream = Stream::new(tokio::io::empty(), "VT-1", begins_with_process);
                let mut output = Vec::new();
                for part in [&bytes[..cut], &bytes[cut..]] {
                    stream.buffer.extend_from_slice(part);
                    while let Some(certain) = stream.take() {
                        output.extend(certain);
                    }
                }
                (output, stream.process, stream.status)
            })
            .collect()
    }

    #[test]
    fn output_lies_between_the_marks_however_it_is_cut() {
        for (bytes, process, expected, status) in [
            (&b"out\n\nVT-1:7:\n"[..], None, &b"out\n\n"[..], Some(7)),
            (b"no endVT-1:0:\n", None, b"no end", Some(0)),
            (b"VT-1 VT-1VT-1:0:\nlate", None, b"VT-1 VT-1", Some(0)),
            (
                b"motd\nVT-1:42:\nerrVT-1:255:\n",
                Some(42),
                b"err",
                Some(255),
            ),
            (
                b"VT-1:42:\n\x00\xffVT-1:1:\n",
                Some(42),
                b"\x00\xff",
                Some(1),
            ),
            (b"out", None, b"out", None),
        ] {
            for (cut, found) in streamed(bytes, process.is_some()).into_iter().enumerate() {
                let wanted = (expected.to_vec(), process, status);
                assert_eq!(found, wanted, "{bytes:?} cut at {cut}");
            }
        }
    }
}
