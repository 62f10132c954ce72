//! A command between its marks: its output as it comes, and its status.

use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;
use tokio::time::{Instant, timeout_at};

use super::kernel::{Sight, find_mark, find_numbered_mark, without_messages};
use super::shell::{ASK_AGAIN, Shell};
use super::{Reader, floor_boundary};
use crate::error::{Attempt, Cause, GuestError};
use crate::output::{ExitStatus, Output};
use crate::running::Chunk;

/// The most output of a command that is kept: its end.
const MAX_OUTPUT: usize = 64 << 20;

/// How shells say that they do not know what is asked: they are not the one that was told.
#[expect(clippy::expect_used, reason = "the pattern is a constant under test")]
static UNKNOWN_QUESTION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\bvt_a: .*not found").expect("a constant pattern is valid"));

/// A command that was started, and what is known of its output.
#[derive(Debug)]
pub(crate) struct Underway {
    reader: Reader,
    begin: String,
    end: String,
    begun: bool,
    patience: Duration,
    ask_at: Instant,
}

/// What comes next of a command.
enum Step {
    Text(String),
    End { text: String, status: i32 },
    Nothing,
}

impl Underway {
    pub(super) fn new(reader: Reader, mark: &str) -> Self {
        Underway {
            reader,
            begin: format!("VT-BEGIN-{mark}\n"),
            end: format!("\nVT-END-{mark}:"),
            begun: false,
            patience: ASK_AGAIN,
            ask_at: Instant::now() + ASK_AGAIN,
        }
    }

    /// Takes what is certain of the text that has come.
    fn step(&mut self) -> Step {
        if !self.begun
            && let Sight::Whole(found) = find_mark(self.reader.text(), &self.begin)
        {
            self.reader.consume(found.end);
            self.begun = true;
        }
        let text = self.reader.text();
        let certain = match find_numbered_mark(text, &self.end) {
            Sight::Whole((end, status)) => {
                let text = text[..end].to_owned();
                self.reader.consume_all();
                return Step::End { text, status };
            }
            Sight::Part(start) => start,
            Sight::Nothing => text.len(),
        };
        if !self.begun || certain == 0 {
            return Step::Nothing;
        }
        let text = text[..certain].to_owned();
        self.reader.consume(certain);
        Step::Text(text)
    }

    /// Waits for more text. The closing mark is asked for again from time to time: it may be past recognition.
    async fn more(
        &mut self,
        shell: &Shell,
        attempt: &Attempt,
        awaited: &str,
    ) -> Result<(), GuestError> {
        match timeout_at(self.ask_at, self.reader.more(attempt, awaited)).await {
            Ok(Ok(())) if self.is_logged_out() => Err(attempt.fail(Cause::LoggedOut)),
            Ok(outcome) => outcome,
            Err(_) => {
                self.patience *= 2;
                self.ask_at += self.patience;
                shell.console.send_within(attempt, b"vt_a\n").await
            }
        }
    }

    /// Whether another shell has answered what this one was asked.
    fn is_logged_out(&self) -> bool {
        self.patience > ASK_AGAIN
            && UNKNOWN_QUESTION.is_match(&without_messages(self.reader.text()))
    }

    /// Waits for the end.
    pub(super) async fn finish(
        &mut self,
        shell: &Shell,
        attempt: &Attempt,
    ) -> Result<Output, GuestError> {
        let mut output = String::new();
        let mut truncated = false;
        loop {
            match self.step() {
                Step::Text(text) => output.push_str(&text),
                Step::End { text, status } => {
                    output.push_str(&text);
                    return Ok(Output {
                        status: ExitStatus::Code(status),
                        stdout: output.into_bytes(),
                        stderr: Vec::new(),
                        truncated,
                    });
                }
                Step::Nothing => self.more(shell, attempt, "the end of the command").await?,
            }
            if output.len() > MAX_OUTPUT {
                let half = floor_boundary(&output, MAX_OUTPUT / 2);
                output.drain(..half);
                truncated = true;
            }
        }
    }
}

/// A command on a console whose output is read while it runs.
#[derive(Debug)]
pub(crate) struct Running<'a> {
    shell: &'a mut Shell,
    underway: Underway,
    words: String,
    ended: Option<i32>,
}

impl<'a> Running<'a> {
    pub(super) fn new(shell: &'a mut Shell, underway: Underway, words: String) -> Self {
        Running {
            shell,
            underway,
            words,
            ended: None,
        }
    }

    fn attempt(&self, verb: &str, limit: Duration) -> Attempt {
        let tried = format!("{verb} {} on the console", self.words);
        self.shell.console.attempt(tried, limit)
    }

    pub(crate) fn no_input(&self) -> GuestError {
        self.attempt("write to", Duration::ZERO)
            .fail(Cause::Unsupported {
                channel: "console",
                what: "give a running command input",
            })
    }

    pub(crate) async fn next_chunk(
        &mut self,
        limit: Duration,
    ) -> Result<Option<Chunk>, GuestError> {
        if self.ended.is_some() {
            return Ok(None);
        }
        let attempt = self.attempt("read the output of", limit);
        loop {
            match self.underway.step() {
                Step::Text(text) => return Ok(Some(Chunk::Stdout(text.into_bytes()))),
                Step::End { text, status } => {
                    self.ended = Some(status);
                    self.shell.lost = false;
                    return Ok((!text.is_empty()).then(|| Chunk::Stdout(text.into_bytes())));
                }
                Step::Nothing => {
                    let awaited = "more output";
                    self.underway.more(self.shell, &attempt, awaited).await?;
                }
            }
        }
    }

    pub(crate) async fn wait(mut self, limit: Duration) -> Result<Output, GuestError> {
        if let Some(status) = self.ended {
            return Ok(Output {
                status: ExitStatus::Code(status),
                ..Output::empty()
            });
        }
        let attempt = self.attempt("run", limit);
        let outcome = self.underway.finish(self.shell, &attempt).await;
        self.shell.conclude(outcome).await
    }

    pub(crate) async fn kill(self, limit: Duration) -> Result<(), GuestError> {
        if self.ended.is_some() {
            return Ok(());
        }
        let attempt = self.attempt("interrupt", limit);
        self.shell.recover(&attempt).await
    }
}
