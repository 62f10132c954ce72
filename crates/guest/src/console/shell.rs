//! A shell on a console: one command after another, each with its status and output.
//!
//! A console has no frames, echoes what is typed, and kernel messages come in between. So each command is put between two
//! marks that differ every time, and that a shell prints but an echo does not contain: the words of a mark are given to
//! `printf` apart. They are found though kernel messages have torn them. The closing mark is asked for again by a line of its
//! own when it does not come: mark and message may have torn each other.
//!
//! The shell is made to read lines in a loop of its own instead of at its prompt: line editors differ in what they do with
//! control characters and long lines, and busybox's shell without echo takes the end of a background job for the end of its
//! input.

use std::fmt::Write;
use std::time::Duration;

use tokio::time::timeout;

use super::kernel::{Sight, find_mark};
use super::running::{Running, Underway};
use super::{Console, From, Reader, floor_boundary};
use crate::command::{Command, shortened};
use crate::error::{Attempt, Cause, GuestError};
use crate::output::Output;
use crate::secret::secret;

/// The longest piece of a command in one line. A terminal cuts lines at 4096 bytes (`N_TTY_BUF_SIZE` in Linux).
const PIECE: usize = 1000;

/// How many bytes are typed before the shell has to have read them, well below what a terminal queues.
pub(super) const BURST: usize = 8 << 10;

/// After how long an answer of the shell is asked for again, at first; doubled every time.
pub(super) const ASK_AGAIN: Duration = Duration::from_secs(1);

/// How long an interrupted shell may take to answer.
const RECOVERY: Duration = Duration::from_secs(5);

const INTERRUPT: &[u8] = b"\x03";
const QUIT: &[u8] = b"\x1c";

/// Makes a terminal take the next character as it is (`VLNEXT`).
const LITERAL: char = '\u{16}';

/// What a shell is told at first, in one line; the mark of the answer is in `vt_m`.
///
/// - No echo, no prompts, and no job control, for its messages come at any time.
/// - `vt_n` is a line end, which cannot be typed within a line.
/// - `vt_r` runs the command in `vt_c`; `command` keeps a syntax error from ending more than the command. Its status goes
///   to a variable, so that `vt_a` can tell it again. The names are short because a slow guest reads them byte by byte.
/// - A read that fails is tried again, since a signal may have interrupted it, but not for ever, since the terminal may
///   be gone.
const SETUP: &str = concat!(
    "stty -echo 2>/dev/null;set +m;PS1= PS2= PROMPT_COMMAND=;vt_n=$(printf '\\n.');vt_n=${vt_n%.};",
    "vt_p(){ printf '\\n%s-%s%s\\n' \"$1\" $vt_m \"$2\";};vt_a(){ vt_p VT-END :$vt_s:;};",
    "vt_r(){ vt_s=2;vt_p VT-BEGIN;command eval \"$vt_c\" </dev/null;vt_s=$?;vt_a;};",
    "vt_p VT-READY;vt_e=0;while [ $vt_e -lt 1000 ];do ",
    "if IFS= read -r vt_l;then vt_e=0;eval \"$vt_l\";else vt_e=$((vt_e+1));fi;done",
);

/// A shell on a console, found by [`Console::wait_for_login`] or [`Console::shell`].
#[derive(Debug)]
pub struct Shell {
    pub(super) console: Console,
    /// What this shell's marks have in common.
    secret: u32,
    commands: u32,
    /// Whether the last command may still hold the terminal.
    pub(super) lost: bool,
}

impl Shell {
    /// Finds out whether a shell listens, and makes it quiet: no echo, no prompts.
    pub(super) async fn probe(console: &Console, limit: Duration) -> Result<Self, GuestError> {
        let attempt = console.attempt("reach the shell on the console", limit);
        let mut shell = Shell {
            console: console.clone(),
            // Marks of an earlier shell on the same console must not be taken for ours.
            secret: secret() as u32,
            commands: 0,
            lost: false,
        };
        shell.hello(&attempt).await?;
        Ok(shell)
    }

    async fn hello(&mut self, attempt: &Attempt) -> Result<(), GuestError> {
        let mark = self.next_mark();
        let mut reader = self.console.reader(From::Now);
        let line = format!("vt_m={mark};{SETUP}\n");
        let ready = format!("VT-READY-{mark}\n");
        let mut patience = ASK_AGAIN;
        loop {
            self.console.send_within(attempt, line.as_bytes()).await?;
            let answer = wait_for(&mut reader, attempt, "the shell's answer", &ready);
            match timeout(patience, answer).await {
                Ok(outcome) => return outcome.map(drop),
                Err(_) => patience *= 2,
            }
        }
    }

    /// What a console said after the last answer of a shell that is now idle; none when there was no such answer.
    pub(super) fn text_after_last_answer(text: &str) -> Option<&str> {
        let last = |mark: &str| text.rfind(mark).map(|at| at + mark.len());
        let answer = last("\nVT-END-").max(last("\nVT-READY-"))?;
        (Some(answer) > last("\nVT-BEGIN-")).then(|| &text[answer..])
    }

    pub(super) fn next_mark(&mut self) -> String {
        self.commands += 1;
        format!("{:08x}-{}", self.secret, self.commands)
    }

    /// Runs a line of shell and gives its status and what it wrote, standard error and kernel messages included unless the
    /// command is [`exact`](Command::exact). Variables and the working directory stay for the next command. A command that
    /// takes too long is interrupted as by Ctrl-C.
    ///
    /// # Errors
    /// When the command does not end in time or the console is closed.
    pub async fn run(
        &mut self,
        command: impl Into<Command>,
        limit: Duration,
    ) -> Result<Output, GuestError> {
        let command = command.into();
        let tried = format!("run {} on the console", shortened(&command.line));
        let attempt = self.console.attempt(tried, limit);
        if command.exact || command.input.is_some() {
            self.run_with_files(&command, &attempt).await
        } else {
            self.run_line(&command.line, &attempt).await
        }
    }

    /// Starts a line of shell and gives its output as it comes.
    ///
    /// # Errors
    /// When the shell does not take it in time, or the console is closed; [`Cause::Unsupported`] for a command that is to
    /// be [`exact`](Command::exact) or has input.
    pub(crate) async fn start(
        &mut self,
        command: &Command,
        limit: Duration,
    ) -> Result<Running<'_>, GuestError> {
        let words = shortened(&command.line);
        let attempt = self
            .console
            .attempt(format!("start {words} on the console"), limit);
        if command.exact || command.input.is_some() {
            return Err(attempt.fail(Cause::Unsupported {
                channel: "console",
                what: "give exact output as it comes, or a command input while it runs",
            }));
        }
        let underway = self.launch(&command.line, &attempt).await?;
        Ok(Running::new(self, underway, words))
    }

    pub(super) async fn run_line(
        &mut self,
        line: &str,
        attempt: &Attempt,
    ) -> Result<Output, GuestError> {
        let mut underway = self.launch(line, attempt).await?;
        let outcome = underway.finish(self, attempt).await;
        self.conclude(outcome).await
    }

    /// Notes how a command ended; one that takes too long is interrupted.
    pub(super) async fn conclude(
        &mut self,
        outcome: Result<Output, GuestError>,
    ) -> Result<Output, GuestError> {
        match &outcome {
            Ok(_) => self.lost = false,
            Err(error) if error.is_timeout() => {
                let recovery = self.console.attempt("interrupt a command", RECOVERY);
                // If this fails too, the next command tries again and tells.
                let _ = self.recover(&recovery).await;
            }
            Err(_) => {}
        }
        outcome
    }

    /// Makes the shell start a command.
    async fn launch(&mut self, line: &str, attempt: &Attempt) -> Result<Underway, GuestError> {
        if self.lost {
            self.recover(attempt).await?;
        }
        self.lost = true;
        let mark = self.next_mark();
        let mut reader = self.console.reader(From::Now);
        let typed = self.type_command(&mut reader, line, &mark, attempt).await;
        match typed {
            Ok(()) => Ok(Underway::new(reader, &mark)),
            Err(error) => {
                let outcome = self.conclude(Err(error)).await;
                Err(outcome
                    .err()
                    .unwrap_or_else(|| attempt.timed_out("the shell")))
            }
        }
    }

    /// Puts the command into a variable of the shell, in lines a terminal can take, waiting now and then, and starts it.
    async fn type_command(
        &mut self,
        reader: &mut Reader,
        command: &str,
        mark: &str,
        attempt: &Attempt,
    ) -> Result<(), GuestError> {
        let mut batch = format!("vt_m={mark};vt_c=");
        let mut pauses = 0;
        for (at, piece) in pieces(command, PIECE).enumerate() {
            if batch.len() >= BURST {
                pauses += 1;
                batch.push('\n');
                self.type_batch(reader, &batch, mark, pauses, attempt)
                    .await?;
                batch.clear();
            }
            let separator = if at == 0 {
                ""
            } else if batch.is_empty() {
                "vt_c=$vt_c"
            } else {
                "\nvt_c=$vt_c"
            };
            let _ = write!(batch, "{separator}{}", quoted(piece));
        }
        batch.push_str(";vt_r\n");
        self.console.send_within(attempt, batch.as_bytes()).await
    }

    /// Types lines, and waits until the shell has read them.
    pub(super) async fn type_batch(
        &self,
        reader: &mut Reader,
        batch: &str,
        mark: &str,
        number: usize,
        attempt: &Attempt,
    ) -> Result<(), GuestError> {
        let ask = format!("vt_p VT-TYPED :{number}\n");
        let typed = format!("VT-TYPED-{mark}:{number}\n");
        let mut patience = ASK_AGAIN;
        self.console.send_within(attempt, batch.as_bytes()).await?;
        loop {
            self.console.send_within(attempt, ask.as_bytes()).await?;
            let answer = wait_for(reader, attempt, "the shell to read its input", &typed);
            match timeout(patience, answer).await {
                Ok(outcome) => return outcome,
                // The shell is slow, or a kernel message has torn the answer.
                Err(_) => patience *= 2,
            }
        }
    }

    /// Takes the terminal back from a command: politely, then by force.
    pub(super) async fn recover(&mut self, attempt: &Attempt) -> Result<(), GuestError> {
        self.console.send_within(attempt, INTERRUPT).await?;
        if timeout(attempt.left() / 2, self.hello(attempt))
            .await
            .is_ok_and(|outcome| outcome.is_ok())
        {
            self.lost = false;
            return Ok(());
        }
        self.console.send_within(attempt, QUIT).await?;
        self.hello(attempt).await?;
        self.lost = false;
        Ok(())
    }
}

/// Waits for a mark and moves behind it.
async fn wait_for(
    reader: &mut Reader,
    attempt: &Attempt,
    awaited: &str,
    wanted: &str,
) -> Result<(), GuestError> {
    loop {
        if let Sight::Whole(place) = find_mark(reader.text(), wanted) {
            reader.consume(place.end);
            return Ok(());
        }
        reader.more(attempt, awaited).await?;
    }
}

/// Cuts a text into pieces of at most `size` bytes, not within a character.
fn pieces(text: &str, size: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, after) = rest.split_at(floor_boundary(rest, size));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Quotes for a shell that reads single lines from a terminal.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for letter in text.chars() {
        match letter {
            '\'' => quoted.push_str(r"'\''"),
            '\n' => quoted.push_str("'\"$vt_n\"'"),
            letter if letter.is_ascii_control() => {
                quoted.push(LITERAL);
                quoted.push(letter);
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_whole_text_and_keep_characters_whole() {
        let text = "äöü€".repeat(300);
        let cut: Vec<&str> = pieces(&text, 10).collect();
        assert_eq!(cut.concat(), text);
        assert!(cut.iter().all(|piece| piece.len() <= 10));
        assert_eq!(pieces("", 10).count(), 0);
    }

    #[test]
    fn quotes_and_control_characters_reach_the_shell_as_they_are() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("a\tb\x03"), "'a\u{16}\tb\u{16}\u{3}'");
        assert_eq!(quoted("a\nb"), "'a'\"$vt_n\"'b'");
    }
}
