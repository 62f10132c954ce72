//! Printing. The only room that may: a reader that went away (`| head`) ends the program quietly.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use crate::exit::Status;

/// Prints a line on standard output.
pub fn line(text: impl Display) {
    if writeln!(io::stdout().lock(), "{text}").is_err() {
        // As a program that SIGPIPE ends: what was asked for has been read, as far as anyone wanted it.
        std::process::exit(i32::from(Status::Passed.code()));
    }
}

/// Prints an error with its hints on standard error.
pub fn error(text: impl Display, hints: &[String]) {
    let mut err = io::stderr().lock();
    let (start, end) = if colour() {
        ("\x1b[91m", "\x1b[0m")
    } else {
        ("", "")
    };
    // Nobody is left to tell if standard error is closed.
    let _ = writeln!(err, "{start}error:{end} {text}");
    for hint in hints {
        let _ = writeln!(err, "hint: {hint}");
    }
}

/// Says what is going on, on standard error.
pub fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Is colour wanted on standard error?
pub fn colour() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}
