//! A command between its marks: its output as it comes, and its status.

use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;
use tokio::time::{Instant, timeout_at};

use super::shell::{ASK_AGAIN, Shell};
use super::{Reader, floor_boundary};
use crate::error::{Attempt, Cause, GuestError};
use crate::output::{ExitStatus, Output};
use crate::running::Chunk;

/// The most output of a command that is kept: its end.
const MAX_OUTPUT: usize = 64 << 20;

/// The longest that follows a closing mark: status and line end.
const STATUS: usize = 16;

/// A message of the kernel, which begins with its time. It may be in the midst of a line, but is never torn itself.
#[expect(clippy::expect_used, reason = "the pattern is a constant under test")]
static KERNEL_MESSAGE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\[ *\d+\.\d{6}\](\[ *[TC]\d+\])? [^\n]*\n").expect("a constant pattern is valid")
});

/// How shells say that they do not know what is asked: they are not the one that was told.
#[expect(clippy::expect_used, reason = "the pattern is a constant under test")]
static UNKNOWN_QUESTION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\bvt_a: .*not found").expect("a constant pattern is valid"));

/// A console's text without what the kernel said in between.
pub(super) fn without_kernel_messages(text: &str) -> String {
    KERNEL_MESSAGE.replace_all(text, "").into_owned()
}

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
            && let Some(at) = self.reader.text().find(&self.begin)
        {
            self.reader.consume(at + self.begin.len());
            self.begun = true;
        }
        let text = self.reader.text();
        if let Some((found, status)) = find_end(text, &self.end) {
            let mut text = text[..found].to_owned();
            self.reader.consume_all();
            if !self.begun {
                // A kernel message has torn the opening mark.
                text = without_kernel_messages(&text);
                let start = text.find(&self.begin).map_or(0, |at| at + self.begin.len());
                text.drain(..start);
            }
            return Step::End { text, status };
        }
        let certain = certain_length(text, &self.end);
        if !self.begun || certain == 0 {
            return Step::Nothing;
        }
        let text = text[..certain].to_owned();
        self.reader.consume(certain);
        Step::Text(text)
    }

    /// Waits for more text. The closing mark is asked for again from time to time: a kernel message may have torn it.
    async fn more(
        &mut self,
        shell: &Shell,
        attempt: &Attempt,
        awaited: &str,
    ) -> Result<(), GuestError> {
        match timeout_at(self.ask_at, self.reader.more(attempt, awaited)).await {
            Ok(Ok(())) if UNKNOWN_QUESTION.is_match(self.reader.text()) => {
                Err(attempt.fail(Cause::LoggedOut))
            }
            Ok(outcome) => outcome,
            Err(_) => {
                self.patience *= 2;
                self.ask_at += self.patience;
                shell.console.send_within(attempt, b"vt_a\n").await
            }
        }
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

/// The place of a whole closing mark, and the status in it.
fn find_end(text: &str, mark: &str) -> Option<(usize, i32)> {
    text.match_indices(mark).find_map(|(at, _)| {
        let (status, _) = text[at + mark.len()..].split_once(':')?;
        Some((at, status.parse().ok()?))
    })
}

/// How much of a text cannot be the beginning of a closing mark.
fn certain_length(text: &str, mark: &str) -> usize {
    let tail = floor_boundary(text, text.len().saturating_sub(mark.len() + STATUS));
    let may_be_mark = |at: usize| {
        let rest = &text[at..];
        mark.starts_with(rest) || rest.starts_with(mark)
    };
    text[tail..]
        .match_indices('\n')
        .map(|(at, _)| tail + at)
        .find(|&at| may_be_mark(at))
        .unwrap_or(text.len())
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

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: &str = "\nVT-END-1-1:";

    #[test]
    fn a_torn_closing_mark_is_no_closing_mark() {
        assert_eq!(find_end("out\nVT-END-1-1:0:\n", MARK), Some((3, 0)));
        assert_eq!(find_end("out\nVT-END-1-1:", MARK), None);
        assert_eq!(find_end("out\nVT-END-1-1:[ 1.2] oops:", MARK), None);
        let again = "\nVT-END-1-1:[ 1.2] oops: x\nVT-END-1-1:3:\n";
        assert_eq!(find_end(again, MARK), Some((26, 3)));
        assert_eq!(find_end("out\nVT-EN", MARK), None);
    }

    #[test]
    fn only_what_cannot_be_a_closing_mark_is_certain() {
        for (text, certain) in [
            ("", 0),
            ("abc", 3),
            ("abc\n", 3),
            ("abc\nVT-E", 3),
            ("abc\nVT-X", 8),
            ("a\nb\nVT-END-1-1:", 3),
            ("a\nVT-END-1-1:1", 1),
        ] {
            assert_eq!(certain_length(text, MARK), certain, "{text:?}");
        }
        let long = format!("{}\n", "ä".repeat(100));
        assert_eq!(certain_length(&long, MARK), 200);
    }

    #[test]
    fn kernel_messages_are_taken_out_of_the_midst_of_lines() {
        let torn =
            "QUJD[   12.345678] usb 1-1: new\n[ 12.345679][   T12] x\nREVG\n[1] no message\n";
        assert_eq!(without_kernel_messages(torn), "QUJDREVG\n[1] no message\n");
    }
}
