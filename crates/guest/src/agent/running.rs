//! A program of the guest whose output is read while it runs.
//!
//! The agent gives a program's output away only when it has ended. So it goes into files of the guest, which are read as
//! they grow.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::exec::{FIRST_PAUSE, LONGEST_PAUSE, Started, Status};
use super::{AgentClient, Exec};
use crate::command::{Command, kill_tree, shortened};
use crate::error::{Attempt, Cause, GuestError};
use crate::output::{ExitStatus, Output};
use crate::running::Chunk;
use crate::secret::secret;

/// How long tidying up in the guest may take.
const TIDY_LIMIT: Duration = Duration::from_secs(5);

/// A line of shell that runs, its output in files.
#[derive(Debug)]
pub(crate) struct Running {
    job: Option<Job>,
    ended: Option<ExitStatus>,
    last_output: Instant,
}

/// What there is of a running program in the guest, to be removed in the end.
#[derive(Debug, Clone)]
struct Job {
    agent: AgentClient,
    words: String,
    folder: String,
    pid: i64,
    /// Handles of standard output and standard error.
    handles: [i64; 2],
}

impl AgentClient {
    /// Starts a line of shell and reads its output as it comes.
    pub(crate) async fn start(
        &self,
        command: &Command,
        limit: Duration,
    ) -> Result<Running, GuestError> {
        let words = shortened(&command.line);
        let attempt = self.attempt(format!("start {words} in the guest"), limit);
        let folder = format!("/tmp/vt-{:016x}", secret());
        let prepare = format!("umask 077;mkdir {folder}&&:>{folder}/1&&:>{folder}/2");
        let prepared = self.exec(&Exec::shell(&prepare), attempt.left()).await?;
        if !prepared.status.success() {
            return Err(attempt.fail(Cause::GuestFile(prepared.stderr_text())));
        }
        let stdout = self.open(&attempt, &format!("{folder}/1"), "r").await?;
        let stderr = self.open(&attempt, &format!("{folder}/2"), "r").await?;
        let line = format!("exec >>{folder}/1 2>>{folder}/2\n{}", command.line);
        let exec = Exec::from(&Command {
            line,
            ..command.clone()
        });
        let mut arguments = exec.arguments();
        arguments["capture-output"] = json!(false);
        let started: Started = self.ask_typed(&attempt, "guest-exec", &arguments).await?;
        Ok(Running {
            job: Some(Job {
                agent: self.clone(),
                words,
                folder,
                pid: started.pid,
                handles: [stdout, stderr],
            }),
            ended: None,
            last_output: Instant::now(),
        })
    }
}

impl Running {
    pub(crate) fn no_input(&self) -> GuestError {
        Attempt::new("write to a running command", Duration::ZERO, None).fail(Cause::Unsupported {
            channel: "guest agent",
            what: "give a running command more input",
        })
    }

    pub(crate) async fn next_chunk(
        &mut self,
        limit: Duration,
    ) -> Result<Option<Chunk>, GuestError> {
        let Some(job) = self.job.clone() else {
            return Ok(None);
        };
        let attempt = job.attempt("read the output of", limit);
        loop {
            // What was written before the end is in the files before the end is known.
            let was_over = self.ended.is_some();
            if let Some(chunk) = job.read(&attempt).await? {
                self.last_output = Instant::now();
                return Ok(Some(chunk));
            }
            if was_over {
                self.job = None;
                job.tidy().await;
                return Ok(None);
            }
            self.look_whether_ended(&job, &attempt).await?;
            if self.ended.is_none() {
                // As for a program that is waited for: late by an eighth at most.
                let pause = (self.last_output.elapsed() / 8).clamp(FIRST_PAUSE, LONGEST_PAUSE);
                if attempt.left() <= pause {
                    sleep(attempt.left()).await;
                    return Err(attempt.timed_out("more output"));
                }
                sleep(pause).await;
            }
        }
    }

    async fn look_whether_ended(&mut self, job: &Job, attempt: &Attempt) -> Result<(), GuestError> {
        let pid = json!({"pid": job.pid});
        let agent = &job.agent;
        let status: Status = agent.ask_typed(attempt, "guest-exec-status", &pid).await?;
        if status.exited {
            let output = super::exec::output(status).map_err(|cause| attempt.fail(cause))?;
            self.ended = Some(output.status);
        }
        Ok(())
    }

    pub(crate) async fn wait(mut self, limit: Duration) -> Result<Output, GuestError> {
        let started = Instant::now();
        let mut output = Output::empty();
        loop {
            let left = limit.saturating_sub(started.elapsed());
            match self.next_chunk(left).await? {
                Some(chunk) => output.add(chunk),
                None => {
                    output.status = self.ended.unwrap_or(output.status);
                    return Ok(output);
                }
            }
        }
    }

    pub(crate) async fn kill(mut self, limit: Duration) -> Result<(), GuestError> {
        let Some(job) = self.job.take() else {
            return Ok(());
        };
        let attempt = job.attempt("kill", limit);
        let killed = attempt.wait("its end", async {
            job.end().await;
            Ok(())
        });
        killed.await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(job) = self.job.take() else {
            return;
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { job.end().await });
        }
    }
}

impl Job {
    fn attempt(&self, verb: &str, limit: Duration) -> Attempt {
        self.agent
            .attempt(format!("{verb} {} in the guest", self.words), limit)
    }

    /// What came since the last time, of either stream.
    async fn read(&self, attempt: &Attempt) -> Result<Option<Chunk>, GuestError> {
        let kinds: [fn(Vec<u8>) -> Chunk; 2] = [Chunk::Stdout, Chunk::Stderr];
        for (handle, kind) in self.handles.into_iter().zip(kinds) {
            let (bytes, _) = self.agent.read_chunk(attempt, handle).await?;
            if !bytes.is_empty() {
                return Ok(Some(kind(bytes)));
            }
        }
        Ok(None)
    }

    /// Kills the program and removes its traces.
    async fn end(&self) {
        let kill = Exec::shell(&kill_tree(self.pid));
        // What of it fails here fails because the guest is gone.
        let _ = self.agent.exec(&kill, TIDY_LIMIT).await;
        let attempt = self.attempt("end", TIDY_LIMIT);
        // Lets the agent forget it.
        let _ = self.agent.finish(&attempt, self.pid).await;
        self.tidy().await;
    }

    async fn tidy(&self) {
        let attempt = self.attempt("tidy up after", TIDY_LIMIT);
        for handle in self.handles {
            let arguments = json!({"handle": handle});
            let _ = self
                .agent
                .ask(&attempt, "guest-file-close", &arguments)
                .await;
        }
        let remove = Exec::shell(&format!("rm -rf {}", self.folder));
        let _ = self.agent.exec(&remove, TIDY_LIMIT).await;
    }
}
