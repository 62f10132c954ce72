//! Streams of text kept in a file and, their last lines, in memory, and scanned for trouble as they come.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::inotify;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt, Interest};
use tokio::net::UnixStream;

use crate::exit::Ended;
use crate::health::LineScanner;

/// Bytes kept in memory.
const KEPT: usize = 16 << 10;

/// The end of a text. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tail(Arc<Mutex<VecDeque<u8>>>);

impl Tail {
    pub(crate) fn push(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(&bytes[bytes.len().saturating_sub(KEPT)..]);
        let excess = kept.len().saturating_sub(KEPT);
        kept.drain(..excess);
    }

    /// The last lines, at most `count`, oldest first.
    pub(crate) fn lines(&self, count: usize) -> Vec<String> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = kept.iter().copied().collect();
        drop(kept);
        last_lines(&String::from_utf8_lossy(&bytes), count)
    }
}

/// The last lines of a text, at most `count`, oldest first.
pub(crate) fn last_lines(text: &str, count: usize) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(count);
    lines[from..]
        .iter()
        .map(|line| (*line).to_owned())
        .collect()
}

/// Reads a channel that only QEMU writes to until it is closed.
pub(crate) async fn record_stream(
    mut stream: UnixStream,
    mut log: File,
    tail: Tail,
    mut scanner: LineScanner,
) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        let bytes = &buffer[..count];
        // A full disk must not stop the machine, nor blind us to what is wrong with it.
        let _ = log.write_all(bytes);
        tail.push(bytes);
        scanner.feed(bytes);
    }
    scanner.finish();
}

/// Follows a file that somebody else appends to, until the machine has ended.
pub(crate) async fn follow_file(
    path: PathBuf,
    mut scanner: LineScanner,
    mut ended: Ended,
) -> io::Result<()> {
    let changes = watch_file(&path)?;
    let mut file = File::open(&path)?;
    loop {
        let last = ended.borrow_and_update().is_some();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        scanner.feed(&bytes);
        if last {
            scanner.finish();
            return Ok(());
        }
        tokio::select! {
            changed = changes.readable() => {
                let mut changed = changed?;
                drain(changes.get_ref());
                changed.clear_ready();
            }
            closed = ended.changed() => {
                if closed.is_err() {
                    return Ok(());
                }
            }
        }
    }
}

fn watch_file(path: &Path) -> io::Result<AsyncFd<OwnedFd>> {
    let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
    let changes = inotify::init(flags)?;
    inotify::add_watch(&changes, path, inotify::WatchFlags::MODIFY)?;
    // SAFETY: the AsyncFd owns the descriptor, nobody else has it, and `OwnedFd` always gives the same open one.
    unsafe { AsyncFd::register_with_interest(changes, Interest::READABLE) }.map_err(io::Error::from)
}

/// That something changed is all there is to know.
fn drain(changes: &impl AsFd) {
    let mut buffer = [0; 1024];
    while let Ok(1..) = rustix::io::read(changes, &mut buffer) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::{Health, Source};
    use std::time::{Duration, Instant};
    use tokio::sync::watch;

    #[test]
    fn a_tail_keeps_the_last_lines_and_no_more() {
        let tail = Tail::default();
        tail.push(&vec![b'x'; 3 * KEPT]);
        tail.push(b"\none\ntwo\nthree");
        assert_eq!(tail.lines(2), ["two", "three"]);
        assert!(tail.0.lock().unwrap().len() <= KEPT);
    }

    #[tokio::test]
    async fn lines_appended_to_a_file_are_seen_as_they_come() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let health = Health::new(Instant::now());
        let scanner = LineScanner::new(Source::Stderr, health.clone());
        let (_sender, ended) = watch::channel(None);
        let follow = tokio::spawn(follow_file(file.path().to_owned(), scanner, ended));
        let mut writer = file.reopen().unwrap();
        writeln!(writer, "KVM internal error. Suberror: 1").unwrap();
        let found = tokio::time::timeout(Duration::from_secs(20), health.fatal()).await;
        assert_eq!(found.unwrap().summary, "KVM internal error. Suberror: 1");
        follow.abort();
    }
}
