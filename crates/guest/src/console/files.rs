//! Exact bytes over a console, both ways: through files of the guest and base64.
//!
//! A terminal changes bytes and kernel messages come in between. So input is typed in base64 and decoded into a file of the
//! guest, output goes into files and is read from there piece by piece, and every piece is compared by its SHA-256.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};

use super::From;
use super::kernel::without_messages;
use super::shell::{BURST, Shell};
use crate::command::{Command, quoted};
use crate::copy::{digest_in, hex};
use crate::error::{Attempt, Cause, GuestError};
use crate::output::Output;

/// How long the removal of our files may take.
const TIDY_LIMIT: Duration = Duration::from_secs(5);

/// Bytes in a line of base64: well below what a terminal takes as one line.
const LINE: usize = 76 * 3 / 4;

/// Ends a terminal's input at the beginning of a line (`VEOF`).
const END_OF_INPUT: char = '\x04';

/// Output is read in so many bytes or a multiple: a few lines, since on a virtio console kernel messages and lines tear each other.
const BLOCK: usize = 256;

/// The most blocks that are read at once.
const MOST_BLOCKS: usize = 1024;

impl Shell {
    /// Runs a command that has input or wants its output exactly.
    pub(super) async fn run_with_files(
        &mut self,
        command: &Command,
        attempt: &Attempt,
    ) -> Result<Output, GuestError> {
        self.must("vt_d=$(mktemp -d)", attempt).await?;
        let outcome = self.run_in_folder(command, attempt).await;
        let tidy = self.console.attempt("tidy up in the guest", TIDY_LIMIT);
        // What is left behind is no reason to lose the output, and the first error is the one to tell.
        let _ = self.must("rm -rf \"$vt_d\"", &tidy).await;
        outcome
    }

    async fn run_in_folder(
        &mut self,
        command: &Command,
        attempt: &Attempt,
    ) -> Result<Output, GuestError> {
        let mut line = format!("(eval {})", quoted(&command.line));
        if let Some(input) = &command.input {
            self.type_input(input, attempt).await?;
            line.push_str(" <\"$vt_d/0\"");
        }
        if !command.exact {
            return self.run_line(&line, attempt).await;
        }
        line.push_str(" >\"$vt_d/1\" 2>\"$vt_d/2\"");
        let status = self.run_line(&line, attempt).await?.status;
        Ok(Output {
            status,
            stdout: self.fetch(1, attempt).await?,
            stderr: self.fetch(2, attempt).await?,
            truncated: false,
        })
    }

    /// Runs a line of ours.
    async fn must(&mut self, line: &str, attempt: &Attempt) -> Result<String, GuestError> {
        let output = self.run_line(line, attempt).await?;
        let text = without_messages(&String::from_utf8_lossy(&output.stdout));
        match output.status.success() {
            true => Ok(text),
            false => Err(attempt.fail(Cause::GuestFile(text.trim().to_owned()))),
        }
    }

    /// Types bytes into file 0 of the folder.
    async fn type_input(&mut self, input: &[u8], attempt: &Attempt) -> Result<(), GuestError> {
        self.must(":>\"$vt_d/0\"", attempt).await?;
        let mark = self.next_mark();
        let mut reader = self.console.reader(From::Now);
        for (number, burst) in input.chunks(BURST * 3 / 4).enumerate() {
            let mut batch = format!("vt_m={mark};base64 -d >>\"$vt_d/0\"\n");
            for line in burst.chunks(LINE) {
                BASE64.encode_string(line, &mut batch);
                batch.push('\n');
            }
            batch.push(END_OF_INPUT);
            self.type_batch(&mut reader, &batch, &mark, number, attempt)
                .await?;
        }
        let theirs = loop {
            let text = self.must("sha256sum <\"$vt_d/0\"", attempt).await?;
            // Torn by a message, it is asked for again.
            if let Some(digest) = text.lines().find_map(digest_in) {
                break digest.to_owned();
            }
        };
        let host = hex(Sha256::new_with_prefix(input));
        match host == theirs {
            true => Ok(()),
            false => Err(attempt.fail(Cause::Checksum {
                host,
                guest: theirs,
            })),
        }
    }

    /// Reads a file of the folder. A piece that does not arrive as it was is read again, a smaller one then.
    async fn fetch(&mut self, file: u8, attempt: &Attempt) -> Result<Vec<u8>, GuestError> {
        let mut content = Vec::new();
        let mut blocks = MOST_BLOCKS;
        loop {
            // Pieces are whole blocks but for the last.
            let skip = content.len() / BLOCK;
            let line = format!(
                "dd if=\"$vt_d/{file}\" of=\"$vt_d/3\" bs={BLOCK} skip={skip} count={blocks} 2>/dev/null;\
                 base64 <\"$vt_d/3\"&&sha256sum <\"$vt_d/3\""
            );
            match piece_in(&self.must(&line, attempt).await?) {
                Some(piece) => {
                    content.extend_from_slice(&piece);
                    if piece.len() < blocks * BLOCK {
                        return Ok(content);
                    }
                    blocks = MOST_BLOCKS.min(blocks * 2);
                }
                None => blocks = (blocks / 2).max(1),
            }
        }
    }
}

/// The bytes in base64 that a digest follows, if they are what it says.
fn piece_in(text: &str) -> Option<Vec<u8>> {
    let is_digest = |line: &str| line.ends_with(" -") && digest_in(line).is_some();
    let end = text.lines().position(is_digest)?;
    let encoded: String = text.lines().take(end).collect();
    let piece = BASE64.decode(encoded).ok()?;
    let ours = hex(Sha256::new_with_prefix(&piece));
    (digest_in(text.lines().nth(end)?) == Some(&ours)).then_some(piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_taken_only_when_its_digest_agrees() {
        let digest = hex(Sha256::new_with_prefix(b"ABCDEF"));
        let whole = format!("QUJD\nREVG\n{digest}  -\n");
        assert_eq!(piece_in(&whole).as_deref(), Some(&b"ABCDEF"[..]));
        assert_eq!(piece_in(&whole.replace("QUJD", "QUJE")), None);
        assert_eq!(piece_in(&whole.replace("QUJD", "oops")), None);
        assert_eq!(piece_in("QUJD\nREVG\n"), None);
        let nothing = format!("{}  -\n", hex(Sha256::new()));
        assert_eq!(piece_in(&nothing).as_deref(), Some(&b""[..]));
    }
}
