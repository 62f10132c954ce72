//! A connection between two QEMUs that goes through us, and can be disturbed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::VmError;
use crate::evidence::io_error;

/// Bytes taken at once.
const CHUNK: usize = 64 << 10;

/// A relay between the two ends of a migration by [`Transport::Unix`](super::Transport::Unix), or, by
/// [`Transport::File`](super::Transport::File), whoever has the file in between, where nothing can be cut. Clones are the same relay.
#[derive(Debug, Clone, Default)]
pub struct Relay(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// How often everything was cut.
    cuts: watch::Sender<u64>,
    flip: Mutex<Option<Flip>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// Which byte on the way to the destination arrives with a bit flipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flip {
    /// The byte at this place of a connection.
    At(u64),
    /// The last byte of these where they are first found.
    In(Vec<u8>),
}

impl Drop for Inner {
    fn drop(&mut self) {
        let task = self.task.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task.take() {
            task.abort();
        }
    }
}

impl Relay {
    /// A relay that does nothing to what passes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Flips a bit, once.
    pub fn flip(&self, flip: Flip) {
        *self.pending() = Some(flip);
    }

    /// Was the bit flipped?
    #[must_use]
    pub fn has_flipped(&self) -> bool {
        self.pending().is_none()
    }

    /// Cuts every connection there is; later ones pass.
    pub fn cut(&self) {
        self.0.cuts.send_modify(|cuts| *cuts += 1);
    }

    fn pending(&self) -> std::sync::MutexGuard<'_, Option<Flip>> {
        self.0.flip.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes connections at `here`, and makes one to `there` for each.
    pub(super) fn serve(&self, here: &Path, there: &Path) -> Result<(), VmError> {
        let listener = UnixListener::bind(here).map_err(io_error("listen on", here))?;
        let (there, cuts) = (there.to_owned(), self.0.cuts.subscribe());
        // Not the relay itself, which ends the task when it goes.
        let inner = Arc::downgrade(&self.0);
        let task = tokio::spawn(async move {
            while let Ok((source, _)) = listener.accept().await {
                let Some(inner) = inner.upgrade() else { return };
                tokio::spawn(pass(source, there.clone(), Self(inner), cuts.clone()));
            }
        });
        let mut serving = self.0.task.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = serving.replace(task) {
            before.abort();
        }
        Ok(())
    }

    /// Passes a file on.
    pub(super) fn pass_on(&self, file: &Path) -> Result<(), VmError> {
        let mut state = std::fs::read(file).map_err(io_error("read", file))?;
        self.disturb(&mut state, 0, &[]);
        std::fs::write(file, state).map_err(io_error("write", file))
    }

    /// Flips the bit if it is in this chunk, which begins at `offset`; `tail` are the bytes before.
    fn disturb(&self, chunk: &mut [u8], offset: u64, tail: &[u8]) {
        let mut pending = self.pending();
        let place = match &*pending {
            None => return,
            Some(Flip::At(at)) => at.checked_sub(offset).map(|place| place as usize),
            Some(Flip::In(wanted)) => {
                let joined = [tail, chunk].concat();
                let found = joined
                    .windows(wanted.len())
                    .position(|bytes| bytes == wanted);
                found.and_then(|start| (start + wanted.len() - 1).checked_sub(tail.len()))
            }
        };
        if let Some(byte) = place.and_then(|place| chunk.get_mut(place)) {
            *byte ^= 0x10;
            *pending = None;
        }
    }
}

async fn pass(source: UnixStream, there: PathBuf, relay: Relay, mut cuts: watch::Receiver<u64>) {
    cuts.mark_unchanged();
    let Ok(destination) = UnixStream::connect(&there).await else {
        return;
    };
    let (source_in, source_out) = split(source);
    let (destination_in, destination_out) = split(destination);
    let both = async {
        tokio::join!(
            copy(source_in, destination_out, Some(&relay)),
            copy(destination_in, source_out, None)
        )
    };
    // Dropping both ends is what cuts them.
    tokio::select! {
        _ = both => {}
        _ = cuts.changed() => {}
    }
}

/// Copies until one side ends.
async fn copy(
    mut from: ReadHalf<UnixStream>,
    mut to: WriteHalf<UnixStream>,
    relay: Option<&Relay>,
) {
    let mut buffer = vec![0; CHUNK];
    let mut offset = 0;
    let mut tail = Vec::new();
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let chunk = &mut buffer[..count];
        if let Some(relay) = relay {
            relay.disturb(chunk, offset, &tail);
            tail = chunk[count.saturating_sub(64)..].to_vec();
        }
        offset += count as u64;
        if to.write_all(chunk).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_passes_is_whole_but_for_one_bit_until_it_is_cut() {
        let directory = tempfile::tempdir().unwrap();
        let (here, there) = (
            directory.path().join("here"),
            directory.path().join("there"),
        );
        let listener = UnixListener::bind(&there).unwrap();
        let relay = Relay::new();
        relay.serve(&here, &there).unwrap();
        relay.flip(Flip::In(b"cpu".to_vec()));
        let mut source = UnixStream::connect(&here).await.unwrap();
        let (mut destination, _) = listener.accept().await.unwrap();
        let mut heard = [0; 10];
        source.write_all(b"a cp").await.unwrap();
        destination.read_exact(&mut heard[..4]).await.unwrap();
        source.write_all(b"u, cpu").await.unwrap();
        destination.read_exact(&mut heard[4..]).await.unwrap();
        assert_eq!(&heard, b"a cpe, cpu");
        assert!(relay.has_flipped());
        destination.write_all(b"back").await.unwrap();
        source.read_exact(&mut heard[..4]).await.unwrap();
        relay.cut();
        assert_eq!(source.read(&mut heard).await.unwrap(), 0);
        assert_eq!(destination.read(&mut heard).await.unwrap(), 0);
    }
}
