//! Waiting for text on a console.

use std::time::{Duration, SystemTime};

use regex::Regex;
use tokio::sync::mpsc;

use super::{Console, Piece, floor_boundary};
use crate::error::{Attempt, Cause, GuestError};

/// How far before new text a search begins again, so that a pattern may match across pieces.
const OVERLAP: usize = 4 << 10;

/// The most text a reader keeps that no pattern has matched.
const UNMATCHED: usize = 4 << 20;

/// Where a reader begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// At the beginning of the kept history.
    Start,
    /// Where the guest last began anew, as far as that is known and kept.
    Restart,
    /// At what comes next.
    Now,
}

/// A match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The text between the last match and this one.
    pub before: String,
    /// The text that matched.
    pub text: String,
}

/// A place in a console's text that only moves forward.
#[derive(Debug)]
pub struct Reader {
    console: Console,
    pieces: mpsc::UnboundedReceiver<Piece>,
    text: String,
    searched: usize,
}

impl Reader {
    pub(super) fn new(console: Console, from: From) -> Self {
        let (text, pieces) = console.tap(from);
        Reader {
            console,
            pieces,
            text,
            searched: 0,
        }
    }

    /// Waits for a pattern and moves behind its match. `^` and `$` are the text's ends unless the pattern says `(?m)`; a
    /// match is at most 4 KiB long.
    ///
    /// # Errors
    /// When it does not come in time or the console is closed.
    pub async fn expect(&mut self, pattern: &Regex, limit: Duration) -> Result<Found, GuestError> {
        Ok(self.expect_any(&[pattern], limit).await?.1)
    }

    /// Waits for any of several patterns; gives the index of the first that matches.
    ///
    /// # Errors
    /// As [`Reader::expect`].
    pub async fn expect_any(
        &mut self,
        patterns: &[&Regex],
        limit: Duration,
    ) -> Result<(usize, Found), GuestError> {
        let wanted = patterns
            .iter()
            .map(|pattern| format!("/{pattern}/"))
            .collect::<Vec<_>>()
            .join(" or ");
        let attempt = self
            .console
            .attempt(format!("find {wanted} on the console"), limit);
        loop {
            for (index, pattern) in patterns.iter().enumerate() {
                if let Some(found) = pattern.find_at(&self.text, self.searched) {
                    let end = found.end();
                    let found = Found {
                        before: self.text[..found.start()].to_string(),
                        text: found.as_str().to_string(),
                    };
                    self.consume(end);
                    return Ok((index, found));
                }
            }
            self.searched = floor_boundary(&self.text, self.text.len().saturating_sub(OVERLAP));
            if self.searched > UNMATCHED {
                self.consume(self.searched);
            }
            self.more(&attempt, &wanted).await?;
        }
    }

    /// The text that was not consumed yet.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.text.drain(..count);
        self.searched = 0;
    }

    pub(super) fn consume_all(&mut self) {
        self.text.clear();
        self.searched = 0;
    }

    /// Waits for more text.
    pub(super) async fn more(
        &mut self,
        attempt: &Attempt,
        awaited: &str,
    ) -> Result<(), GuestError> {
        let next = async { self.pieces.recv().await.ok_or(Cause::Closed) };
        let piece = attempt.wait(awaited, next).await?;
        self.text.push_str(&piece.text);
        // A flood comes in many small pieces: taken together they are searched once.
        while let Ok(piece) = self.pieces.try_recv() {
            self.text.push_str(&piece.text);
        }
        Ok(())
    }
}

/// A line of a console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleLine {
    /// When its end came.
    pub at: SystemTime,
    /// Its text, without the line end.
    pub text: String,
}

/// The lines of a console, one by one.
#[derive(Debug)]
pub struct Lines {
    pieces: mpsc::UnboundedReceiver<Piece>,
    text: String,
    at: SystemTime,
}

impl Lines {
    pub(super) fn new(console: &Console) -> Self {
        let (text, pieces) = console.tap(From::Start);
        Lines {
            pieces,
            text,
            at: SystemTime::now(),
        }
    }

    /// The next line; an unfinished one only at the end. None when the console is closed and all is read.
    pub async fn next(&mut self) -> Option<ConsoleLine> {
        loop {
            if let Some(end) = self.text.find('\n') {
                let rest = self.text.split_off(end + 1);
                let mut text = std::mem::replace(&mut self.text, rest);
                text.pop();
                return Some(ConsoleLine { at: self.at, text });
            }
            match self.pieces.recv().await {
                Some(piece) => {
                    self.at = piece.at;
                    self.text.push_str(&piece.text);
                }
                None if self.text.is_empty() => return None,
                None => {
                    let text = std::mem::take(&mut self.text);
                    return Some(ConsoleLine { at: self.at, text });
                }
            }
        }
    }
}
