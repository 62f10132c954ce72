//! Programs in the guest by `guest-exec`.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::AgentClient;
use crate::command::{Command, kill_tree, shortened};
use crate::error::{Attempt, Cause, GuestError};
use crate::output::{ExitStatus, Output};

/// The first pause between two looks at a running program.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(1);

/// The longest pause between two looks.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// How long killing a program that took too long may take.
const KILL_LIMIT: Duration = Duration::from_secs(2);

/// A program to be started in the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    path: String,
    args: Vec<String>,
    env: Vec<String>,
    input: Option<Vec<u8>>,
}

impl Exec {
    /// A program by its path, or by its name in the agent's search path.
    pub fn new(path: impl Into<String>) -> Self {
        Exec {
            path: path.into(),
            args: Vec::new(),
            env: Vec::new(),
            input: None,
        }
    }

    /// A line of shell.
    pub fn shell(command: &str) -> Self {
        Exec::new("/bin/sh").args(["-c", command])
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds a variable. As soon as there is one, the program sees only those given.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push(format!("{name}={value}"));
        self
    }

    /// Gives the program standard input.
    #[must_use]
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = Some(input.into());
        self
    }

    pub(super) fn arguments(&self) -> Value {
        let mut arguments = json!({"path": self.path, "arg": self.args, "capture-output": true});
        if !self.env.is_empty() {
            arguments["env"] = json!(self.env);
        }
        if let Some(input) = &self.input {
            arguments["input-data"] = json!(BASE64.encode(input));
        }
        arguments
    }

    pub(super) fn words(&self) -> String {
        std::iter::once(&self.path)
            .chain(&self.args)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// `GuestExec`.
#[derive(Deserialize)]
pub(super) struct Started {
    pub(super) pid: i64,
}

/// `GuestExecStatus`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Status {
    pub(super) exited: bool,
    exitcode: Option<i32>,
    signal: Option<i32>,
    out_data: String,
    err_data: String,
    out_truncated: bool,
    err_truncated: bool,
}

impl AgentClient {
    /// Runs a program to its end and gives what it wrote. A program that takes too long is killed, and so is one whose end is
    /// not awaited any more.
    ///
    /// # Errors
    /// When it cannot be started, does not end in time, or the channel fails.
    pub async fn exec(&self, exec: &Exec, limit: Duration) -> Result<Output, GuestError> {
        let tried = format!("run {} in the guest", shortened(&exec.words()));
        let attempt = self.attempt(tried.clone(), limit);
        // Without its process id it could not be killed.
        let starting = self.attempt(tried, limit.max(KILL_LIMIT));
        let started: Started = self
            .ask_typed(&starting, "guest-exec", &exec.arguments())
            .await?;
        let mut abandoned = Abandoned(Some((self.clone(), started.pid)));
        let outcome = self.finish(&attempt, started.pid).await;
        abandoned.0 = None;
        if let Err(error) = &outcome
            && error.is_timeout()
        {
            self.kill(started.pid).await;
        }
        outcome
    }

    /// Asks for the end of a program, ever less often: the agent has no events, so this is the one poll there is.
    pub(super) async fn finish(&self, attempt: &Attempt, pid: i64) -> Result<Output, GuestError> {
        let began = Instant::now();
        loop {
            let status: Status = self
                .ask_typed(attempt, "guest-exec-status", &json!({"pid": pid}))
                .await?;
            if status.exited {
                return output(status).map_err(|cause| attempt.fail(cause));
            }
            // An eighth of the time so far: an answer is late by an eighth at most, and a long wait costs little.
            let pause = (began.elapsed() / 8).clamp(FIRST_PAUSE, LONGEST_PAUSE);
            if attempt.left() <= pause {
                sleep(attempt.left()).await;
                return Err(attempt.timed_out("the end of the program"));
            }
            sleep(pause).await;
        }
    }

    /// Ends a program that nobody waits for any more, and lets the agent forget it.
    pub(super) async fn kill(&self, pid: i64) {
        let attempt = self.attempt("kill a program in the guest", KILL_LIMIT);
        let request = json!({"path": "/bin/sh", "arg": ["-c", kill_tree(pid)]});
        if let Ok(killer) = self
            .ask_typed::<Started>(&attempt, "guest-exec", &request)
            .await
        {
            // What comes of it is of no use to anybody; only the agent's table is to be cleared.
            let _ = self.finish(&attempt, killer.pid).await;
            let _ = self.finish(&attempt, pid).await;
        }
    }
}

/// Kills a program whose end nobody waits for any more when it is dropped.
struct Abandoned(Option<(AgentClient, i64)>);

impl Drop for Abandoned {
    fn drop(&mut self) {
        if let Some((agent, pid)) = self.0.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move { agent.kill(pid).await });
        }
    }
}

pub(super) fn output(status: Status) -> Result<Output, Cause> {
    let decode = |text: &str| {
        BASE64
            .decode(text)
            .map_err(|error| Cause::Protocol(format!("output of a program: {error}")))
    };
    Ok(Output {
        status: match (status.exitcode, status.signal) {
            (_, Some(signal)) => ExitStatus::Signal(signal),
            (Some(code), None) => ExitStatus::Code(code),
            (None, None) => {
                return Err(Cause::Protocol(
                    "a program ended without exit code and signal".to_string(),
                ));
            }
        },
        stdout: decode(&status.out_data)?,
        stderr: decode(&status.err_data)?,
        truncated: status.out_truncated || status.err_truncated,
    })
}

impl From<&Command> for Exec {
    fn from(command: &Command) -> Self {
        let exec = Exec::shell(&command.line);
        match &command.input {
            Some(input) => exec.input(input.clone()),
            None => exec,
        }
    }
}
