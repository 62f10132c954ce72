//! A console on this terminal.

use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::{OptionalActions, OutputModes, Termios, tcgetattr, tcsetattr};
use serde_json::Value;

use crate::client::{Client, Error};
use crate::request::Request;

/// Ctrl-], as with telnet and virsh.
const LEAVE: u8 = 0x1d;

/// Of what the console has said before, as many lines are shown.
const LINES: usize = 24;

/// Shows a console and types on it until the machine ends, the input does, or Ctrl-] is typed.
pub(crate) fn attach(socket: Option<&Path>, vm: &str, console: &Request) -> Result<(), Error> {
    let mut listening = Client::connect(socket)?;
    let mut typing = Client::connect(socket)?;
    let (method, parameters) = (console.method.clone(), console.parameters.clone());
    let to = parameters.clone();
    // That there is no such console is told before the terminal is changed.
    listening.call(&method, parameters.clone())?;
    let stdin = io::stdin();
    let terminal = Raw::of(stdin.as_fd())?;
    if terminal.is_some() {
        show(&format!("[on {vm}; Ctrl-] leaves it]\n"))?;
    }
    let (ended, told) = UnixStream::pair()?;
    let listener = thread::spawn(move || {
        let mut first = true;
        let heard = listening.call_more(&method, parameters, |answer| {
            let text = answer
                .get("text")
                .and_then(Value::as_str)
                .unwrap_or_default();
            match std::mem::take(&mut first) {
                true => show(tail(text)),
                false => show(text),
            }
        });
        drop(ended);
        heard
    });
    let left = type_on(stdin.as_fd(), told.as_fd(), |text| {
        let mut parameters = to.clone();
        parameters.insert("text".to_owned(), text.into());
        typing.call("org.virt-test.session.ConsoleSend", parameters)?;
        Ok(())
    });
    drop(terminal);
    match left? {
        Left::ByHand => show("\n"),
        Left::ByMachine => {
            let heard = listener.join();
            heard.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            show(&format!("\n[{vm} has ended]\n"))
        }
    }?;
    Ok(())
}

/// Who ended it.
#[derive(Debug, PartialEq)]
enum Left {
    ByHand,
    ByMachine,
}

/// Sends what is typed, until `end` hangs up.
fn type_on(
    input: BorrowedFd<'_>,
    end: BorrowedFd<'_>,
    mut send: impl FnMut(&str) -> Result<(), Error>,
) -> Result<Left, Error> {
    let mut pending = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let mut awaited = [
            PollFd::from_borrowed_fd(end, PollFlags::IN),
            PollFd::from_borrowed_fd(input, PollFlags::IN),
        ];
        match poll(&mut awaited, None) {
            Err(rustix::io::Errno::INTR) => continue,
            polled => polled.map_err(io::Error::from)?,
        };
        if !awaited[0].revents().is_empty() {
            return Ok(Left::ByMachine);
        }
        let count = rustix::io::read(input, &mut buffer).map_err(io::Error::from)?;
        let typed = &buffer[..count];
        let leaves = typed.iter().position(|&byte| byte == LEAVE);
        pending.extend_from_slice(&typed[..leaves.unwrap_or(count)]);
        let whole = whole_characters(&pending);
        let rest = pending.split_off(whole);
        if !pending.is_empty() {
            send(&String::from_utf8_lossy(&pending))?;
        }
        pending = rest;
        if leaves.is_some() || count == 0 {
            return Ok(Left::ByHand);
        }
    }
}

/// How many of these bytes come before a character whose end has not been read yet.
fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => bytes.len(),
    }
}

/// The last lines.
fn tail(text: &str) -> &str {
    let starts = text.rmatch_indices('\n').nth(LINES);
    &text[starts.map_or(0, |(at, _)| at + 1)..]
}

fn show(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// A terminal that hands on every key, until it is dropped.
struct Raw<'a> {
    terminal: BorrowedFd<'a>,
    before: Termios,
}

impl<'a> Raw<'a> {
    /// Nothing where it is no terminal.
    fn of(terminal: BorrowedFd<'a>) -> io::Result<Option<Self>> {
        if !terminal.is_terminal() {
            return Ok(None);
        }
        let before = tcgetattr(terminal)?;
        let mut raw = before.clone();
        raw.make_raw();
        // A console's lines have lost their carriage returns.
        raw.output_modes |= OutputModes::OPOST;
        tcsetattr(terminal, OptionalActions::Now, &raw)?;
        Ok(Some(Self { terminal, before }))
    }
}

impl Drop for Raw<'_> {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(bytes: &[u8]) -> (Left, Vec<String>) {
        let (input, mut keyboard) = UnixStream::pair().unwrap();
        let (_ended, told) = UnixStream::pair().unwrap();
        keyboard.write_all(bytes).unwrap();
        drop(keyboard);
        let mut sent = Vec::new();
        let left = type_on(input.as_fd(), told.as_fd(), |text| {
            sent.push(text.to_owned());
            Ok(())
        });
        (left.unwrap(), sent)
    }

    #[test]
    fn what_is_typed_is_sent_up_to_the_key_that_leaves() {
        assert_eq!(
            typed(b"uname\r\x1dgone"),
            (Left::ByHand, vec!["uname\r".to_owned()])
        );
    }

    #[test]
    fn a_machine_that_ends_ends_it() {
        let (input, _keyboard) = UnixStream::pair().unwrap();
        let (ended, told) = UnixStream::pair().unwrap();
        drop(ended);
        let left = type_on(input.as_fd(), told.as_fd(), |_| unreachable!()).unwrap();
        assert_eq!(left, Left::ByMachine);
    }

    #[test]
    fn a_character_is_sent_once_all_of_it_was_read() {
        assert_eq!(whole_characters("aé".as_bytes()), 3);
        assert_eq!(whole_characters(&"aé".as_bytes()[..2]), 1);
        assert_eq!(whole_characters(b"a\xff"), 2, "what is none is not kept");
    }

    #[test]
    fn of_what_was_said_the_last_lines_are_shown() {
        let text: String = (0..100).map(|n| format!("{n}\n")).collect();
        assert!(tail(&text).starts_with("76\n77\n"), "{}", tail(&text));
        assert_eq!(tail("prompt# "), "prompt# ");
    }
}
