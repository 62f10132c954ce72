//! A client of the human monitor, as somebody at its prompt.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::qmp::QmpError;
use crate::traffic::{Direction, Traffic};

/// What QEMU prints when it waits for a line.
const PROMPT: &[u8] = b"(qemu) ";

/// Most bytes of an answer. `info mtree` and `info qom-tree` print some 100 kB.
const MAX_ANSWER: usize = 16 << 20;

/// A connection to a human monitor. One line at a time: it has no other way to tell which answer is to which.
#[derive(Debug)]
pub struct HumanMonitor {
    stream: UnixStream,
    traffic: Traffic,
    greeting: String,
    /// How long a line may take.
    limit: Duration,
    /// Set when an answer was given up half-way: what comes next could be the rest of it.
    out_of_step: bool,
}

impl HumanMonitor {
    /// Waits for the first prompt. `limit` bounds this, and every later line.
    ///
    /// # Errors
    /// [`QmpError`], when there is none.
    pub async fn connect(stream: UnixStream, limit: Duration) -> Result<Self, QmpError> {
        Self::connect_logged(stream, limit, Traffic::in_memory()).await
    }

    pub(crate) async fn connect_logged(
        stream: UnixStream,
        limit: Duration,
        traffic: Traffic,
    ) -> Result<Self, QmpError> {
        let mut monitor = Self {
            stream,
            traffic,
            greeting: String::new(),
            limit,
            out_of_step: true,
        };
        monitor.greeting = monitor.answer("its greeting").await?;
        Ok(monitor)
    }

    /// What QEMU said before its first prompt.
    #[must_use]
    pub fn greeting(&self) -> &str {
        &self.greeting
    }

    /// Types a line and returns what is printed up to the next prompt, the echo of the line excepted. Errors are text as well: the
    /// human monitor has no other form for them.
    ///
    /// # Errors
    /// [`QmpError::NoAnswer`], after which the connection is of no use; [`QmpError::Closed`], which is also the answer to `quit`.
    pub async fn run(&mut self, line: &str) -> Result<String, QmpError> {
        if self.out_of_step {
            return Err(QmpError::Closed {
                command: line.to_owned(),
                reason: "an earlier answer was given up half-way".to_owned(),
            });
        }
        self.traffic.record(Direction::ToQemu, line.as_bytes());
        self.out_of_step = true;
        let typed = self.stream.write_all(format!("{line}\n").as_bytes()).await;
        typed.map_err(|error| QmpError::Closed {
            command: line.to_owned(),
            reason: error.to_string(),
        })?;
        self.answer(line).await
    }

    /// Reads up to the next prompt.
    async fn answer(&mut self, command: &str) -> Result<String, QmpError> {
        let start = Instant::now();
        let limit = self.limit;
        let read = self.read_to_prompt(command == "its greeting");
        let read = tokio::time::timeout(limit, read).await;
        let bytes = match read {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(reason)) => {
                return Err(QmpError::Closed {
                    command: command.to_owned(),
                    reason,
                });
            }
            Err(_) => {
                return Err(QmpError::NoAnswer {
                    command: command.to_owned(),
                    elapsed: start.elapsed(),
                });
            }
        };
        self.out_of_step = false;
        let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
        text.lines()
            .for_each(|line| self.traffic.record(Direction::FromQemu, line.as_bytes()));
        Ok(text)
    }

    /// What comes before the prompt; unless it is the first one, what comes after the line that echoes what was typed.
    async fn read_to_prompt(&mut self, first: bool) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        loop {
            match self.stream.read_buf(&mut bytes).await {
                Ok(0) => return Err("QEMU closed it".to_owned()),
                Ok(_) if bytes.len() > MAX_ANSWER => {
                    return Err(format!("an answer was longer than {MAX_ANSWER} bytes"));
                }
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            }
            let begin = match bytes.iter().position(|byte| *byte == b'\n') {
                Some(end) if !first => end + 1,
                _ if first => 0,
                _ => continue,
            };
            if let Some(answer) = bytes[begin..].strip_suffix(PROMPT) {
                return Ok(answer.to_vec());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    async fn connected() -> (HumanMonitor, UnixStream) {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let greet = async {
            theirs.write_all(b"QEMU 10 monitor\r\n(qe").await.unwrap();
            theirs.write_all(b"mu) ").await.unwrap();
        };
        let (monitor, ()) = tokio::join!(HumanMonitor::connect(ours, LIMIT), greet);
        (monitor.unwrap(), theirs)
    }

    #[tokio::test]
    async fn an_answer_comes_without_echo_and_prompt() {
        let (mut monitor, mut theirs) = connected().await;
        assert_eq!(monitor.greeting(), "QEMU 10 monitor\n");
        let serve = async {
            let mut line = [0; 5];
            theirs.read_exact(&mut line).await.unwrap();
            assert_eq!(&line, b"info\n");
            let echo = b"i\x1b[K\x1b[Din\x1b[K\x1b[D\x1b[Dinfo\r\n";
            theirs.write_all(echo).await.unwrap();
            theirs
                .write_all(b"one (qemu) \r\ntwo\r\n(qe")
                .await
                .unwrap();
            theirs.write_all(b"mu) ").await.unwrap();
        };
        let (answer, ()) = tokio::join!(monitor.run("info"), serve);
        assert_eq!(answer.unwrap(), "one (qemu) \ntwo\n");
    }

    #[tokio::test]
    async fn the_end_of_qemu_is_told() {
        let (mut monitor, theirs) = connected().await;
        drop(theirs);
        let error = monitor.run("quit").await.unwrap_err();
        assert!(matches!(error, QmpError::Closed { .. }), "{error}");
    }

    #[tokio::test]
    async fn an_answer_given_up_is_not_taken_for_the_next() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"(qemu) ").await.unwrap();
        let soon = Duration::from_millis(20);
        let mut monitor = HumanMonitor::connect(ours, soon).await.unwrap();
        let error = monitor.run("sleepy").await.unwrap_err();
        assert!(matches!(error, QmpError::NoAnswer { .. }), "{error}");
        theirs
            .write_all(b"sleepy\r\nlate\r\n(qemu) ")
            .await
            .unwrap();
        let error = monitor.run("next").await.unwrap_err();
        assert!(error.to_string().contains("half-way"), "{error}");
    }
}
