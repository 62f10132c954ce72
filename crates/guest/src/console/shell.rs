//! A shell on a console: one command after another, each with its status and output.
//!
//! A console has no frames, echoes what is typed, and kernel messages come in between. So each command is put between two
//! marks that differ every time, and that a shell prints but an echo does not contain: the words of a mark are given to
//! `printf` apart. The closing mark is asked for again by a line of its own when it does not come, since a kernel message
//! may have torn it.
//!
//! The shell is made to read lines in a loop of its own instead of at its prompt: line editors differ in what they do with
//! control characters and long lines, and busybox's shell without echo takes the end of a background job for the end of its
//! input.

use std::collections::hash_map::RandomState;
use std::fmt::Write;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::{Console, From, Reader, floor_boundary};
use crate::error::{Attempt, GuestError};
use crate::output::{ExitStatus, Output};

/// The longest piece of a command in one line. A terminal cuts lines at 4096 bytes (`N_TTY_BUF_SIZE` in Linux).
const PIECE: usize = 1000;

/// How many bytes are typed before the shell has to have read them, well below what a terminal queues.
const BURST: usize = 8 << 10;

/// After how long an answer of the shell is asked for again, at first; doubled every time.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// How long an interrupted shell may take to answer.
const RECOVERY: Duration = Duration::from_secs(5);

/// The most output of a command that is kept: its end.
const MAX_OUTPUT: usize = 64 << 20;

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
    console: Console,
    /// What this shell's marks have in common.
    secret: u32,
    commands: u32,
    /// Whether the last command may still hold the terminal.
    lost: bool,
}

impl Shell {
    /// Finds out whether a shell listens, and makes it quiet: no echo, no prompts.
    pub(super) async fn probe(console: &Console, limit: Duration) -> Result<Self, GuestError> {
        let attempt = console.attempt("reach the shell on the console", limit);
        let mut shell = Shell {
            console: console.clone(),
            // Marks of an earlier shell on the same console must not be taken for ours.
            secret: RandomState::new().build_hasher().finish() as u32,
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

    fn next_mark(&mut self) -> String {
        self.commands += 1;
        format!("{:08x}-{}", self.secret, self.commands)
    }

    /// Runs a line of shell and gives its status and what it wrote, standard error and kernel messages included. Its
    /// standard input is empty. Variables and the working directory stay for the next command. A command that takes
    /// too long is interrupted as by Ctrl-C.
    ///
    /// # Errors
    /// When the command does not end in time or the console is closed.
    pub async fn run(&mut self, command: &str, limit: Duration) -> Result<Output, GuestError> {
        let attempt = self
            .console
            .attempt(format!("run {command:?} on the console"), limit);
        if self.lost {
            self.recover(&attempt).await?;
        }
        self.lost = true;
        let mark = self.next_mark();
        let mut reader = self.console.reader(From::Now);
        let outcome = self.run_marked(&mut reader, command, &mark, &attempt).await;
        match outcome {
            Ok(output) => {
                self.lost = false;
                Ok(output)
            }
            Err(error) => {
                if error.is_timeout() {
                    let recovery = self.console.attempt("interrupt a command", RECOVERY);
                    // If this fails too, the next command tries again and tells.
                    let _ = self.recover(&recovery).await;
                }
                Err(error)
            }
        }
    }

    async fn run_marked(
        &mut self,
        reader: &mut Reader,
        command: &str,
        mark: &str,
        attempt: &Attempt,
    ) -> Result<Output, GuestError> {
        self.type_command(reader, command, mark, attempt).await?;
        let begin = format!("VT-BEGIN-{mark}\n");
        let end = format!("\nVT-END-{mark}:");
        let mut truncated = false;
        let mut patience = ASK_AGAIN;
        let mut ask_at = Instant::now() + patience;
        let mut searched = 0;
        loop {
            let text = reader.text();
            if let Some((found, status)) = find_end(text, searched, &end) {
                let start = text.find(&begin).map_or(0, |at| at + begin.len());
                // The mark's own line end directly after an empty output.
                let stdout = text.as_bytes()[start.min(found)..found].to_vec();
                return Ok(Output {
                    status: ExitStatus::Code(status),
                    stdout,
                    stderr: Vec::new(),
                    truncated,
                });
            }
            if text.len() > MAX_OUTPUT {
                let half = floor_boundary(text, MAX_OUTPUT / 2);
                reader.consume(half);
                truncated = true;
            }
            let text = reader.text();
            searched = floor_boundary(text, text.len().saturating_sub(end.len() + 16));
            match timeout_at(ask_at, reader.more(attempt, "the end of the command")).await {
                Ok(outcome) => outcome?,
                Err(_) => {
                    patience *= 2;
                    ask_at += patience;
                    self.console.send_within(attempt, b"vt_a\n").await?;
                }
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
                let _ = write!(batch, "\nvt_p VT-TYPED :{pauses}");
                let typed = format!("VT-TYPED-{mark}:{pauses}\n");
                batch.push('\n');
                self.console.send_within(attempt, batch.as_bytes()).await?;
                wait_for(reader, attempt, "the shell to read its input", &typed).await?;
                batch.clear();
            }
            let separator = if at == 0 { "" } else { "\nvt_c=$vt_c" };
            let _ = write!(batch, "{separator}{}", quoted(piece));
        }
        batch.push_str(";vt_r\n");
        self.console.send_within(attempt, batch.as_bytes()).await
    }

    /// Takes the terminal back from a command: politely, then by force.
    async fn recover(&mut self, attempt: &Attempt) -> Result<(), GuestError> {
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

/// Waits for a text and moves behind it.
async fn wait_for(
    reader: &mut Reader,
    attempt: &Attempt,
    awaited: &str,
    wanted: &str,
) -> Result<(), GuestError> {
    loop {
        if let Some(at) = reader.text().find(wanted) {
            reader.consume(at + wanted.len());
            return Ok(());
        }
        reader.more(attempt, awaited).await?;
    }
}

/// The place of a whole closing mark, and the status in it.
fn find_end(text: &str, from: usize, mark: &str) -> Option<(usize, i32)> {
    text[from..].match_indices(mark).find_map(|(at, _)| {
        let at = from + at;
        let (status, _) = text[at + mark.len()..].split_once(':')?;
        Some((at, status.parse().ok()?))
    })
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

    #[test]
    fn a_torn_closing_mark_is_no_closing_mark() {
        assert_eq!(
            find_end("out\nVT-END-1-1:0:\n", 0, "\nVT-END-1-1:"),
            Some((3, 0))
        );
        assert_eq!(find_end("out\nVT-END-1-1:", 0, "\nVT-END-1-1:"), None);
        assert_eq!(
            find_end("out\nVT-END-1-1:[ 1.2] oops:", 0, "\nVT-END-1-1:"),
            None
        );
        let again = "\nVT-END-1-1:[ 1.2] oops: x\nVT-END-1-1:3:\n";
        assert_eq!(find_end(again, 0, "\nVT-END-1-1:"), Some((26, 3)));
        assert_eq!(find_end("out\nVT-EN", 0, "\nVT-END-1-1:"), None);
    }
}
