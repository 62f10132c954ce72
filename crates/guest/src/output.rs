//! What a command in a guest left behind.

use std::fmt;

use crate::running::Chunk;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// It returned this code. Shells report a command killed by signal N as code 128 + N.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
}

impl ExitStatus {
    /// Whether it returned zero.
    pub fn success(self) -> bool {
        self == ExitStatus::Code(0)
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExitStatus::Code(code) => write!(f, "exit status {code}"),
            ExitStatus::Signal(signal) => write!(f, "killed by signal {signal}"),
        }
    }
}

/// How a command ended and what it wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to standard output; on a console, to standard error as well.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error; always empty on a console.
    pub stderr: Vec<u8>,
    /// Whether there was more than the channel keeps (16 MiB of each stream in the guest agent).
    pub truncated: bool,
}

impl Output {
    pub(crate) fn empty() -> Self {
        Output {
            status: ExitStatus::Code(0),
            stdout: Vec::new(),
            stderr: Vec::new(),
            truncated: false,
        }
    }

    pub(crate) fn add(&mut self, chunk: Chunk) {
        match chunk {
            Chunk::Stdout(bytes) => self.stdout.extend(bytes),
            Chunk::Stderr(bytes) => self.stderr.extend(bytes),
        }
    }

    /// Standard output as text without trailing white space.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end().to_string()
    }

    /// Standard error as text without trailing white space.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).trim_end().to_string()
    }
}
