//! Files over SSH, by nothing but a shell in the guest.

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Ssh;
use crate::command::{Command, quoted};
use crate::copy::{Copied, GuestTarget, HostTarget, Source, Tally, at, digest_in};
use crate::error::{Attempt, Cause, GuestError};
use crate::running::Chunk;

/// How much of a file is sent at once.
const CHUNK: usize = 256 << 10;

/// How long what arrived of a failed copy may take to be removed.
const DISCARD_LIMIT: Duration = Duration::from_secs(5);

impl Ssh {
    /// Copies a file of the host into the guest, see [`Session::copy_to`](crate::Session::copy_to).
    ///
    /// # Errors
    /// When a side cannot be read or written, the copy differs, or the connection breaks.
    pub async fn copy_to(
        &self,
        local: &Path,
        guest: &str,
        limit: Duration,
    ) -> Result<Copied, GuestError> {
        let tried = format!("copy {} to {guest} in the guest", local.display());
        let attempt = self.attempt(tried, limit);
        let mut source = Source::open(&attempt, local).await?;
        let target = GuestTarget::new(guest);
        let outcome = self.send(&attempt, &mut source, &target).await;
        if outcome.is_err() {
            // The first error is the one to tell.
            let _ = self.run(target.discard(), DISCARD_LIMIT).await;
        }
        outcome
    }

    async fn send(
        &self,
        attempt: &Attempt,
        source: &mut Source,
        target: &GuestTarget,
    ) -> Result<Copied, GuestError> {
        let line = format!("cat >{0}&&sha256sum <{0}", quoted(&target.partial));
        let mut receiver = self.start(&Command::new(line), attempt.left()).await?;
        let mut tally = Tally::default();
        let mut chunk = Vec::with_capacity(CHUNK);
        loop {
            chunk.clear();
            let mut part = (&mut source.file).take(CHUNK as u64);
            let read = part.read_to_end(&mut chunk).await;
            read.map_err(at(attempt, &source.path))?;
            if chunk.is_empty() {
                break;
            }
            tally.add(&chunk);
            match receiver.write(&chunk, attempt.left()).await {
                Err(error) if error.is_timeout() => return Err(error),
                // The guest takes no more, and says why.
                Err(_) => break,
                Ok(()) => {}
            }
        }
        let output = receiver.wait(attempt.left()).await?;
        let text = output.stdout_text();
        let Some(theirs) = digest_in(&text).filter(|_| output.status.success()) else {
            return Err(attempt.fail(Cause::GuestFile(output.stderr_text())));
        };
        let copied = tally.compare(attempt, theirs)?;
        let settled = self.run(target.settle(source), attempt.left()).await?;
        match settled.status.success() {
            true => Ok(copied),
            false => Err(attempt.fail(Cause::GuestFile(settled.stderr_text()))),
        }
    }

    /// Copies a file of the guest to the host, see [`Session::copy_from`](crate::Session::copy_from).
    ///
    /// # Errors
    /// As [`Ssh::copy_to`].
    pub async fn copy_from(
        &self,
        guest: &str,
        local: &Path,
        limit: Duration,
    ) -> Result<Copied, GuestError> {
        let tried = format!("copy {guest} in the guest to {}", local.display());
        let attempt = self.attempt(tried, limit);
        let mut target = HostTarget::create(&attempt, local).await?;
        let line = format!("cat <{0}&&sha256sum <{0} >&2", quoted(guest));
        let mut sender = self.start(&Command::new(line), attempt.left()).await?;
        sender.close_input();
        let mut tally = Tally::default();
        let mut said = Vec::new();
        while let Some(chunk) = sender.next_chunk(attempt.left()).await? {
            match chunk {
                Chunk::Stdout(bytes) => {
                    tally.add(&bytes);
                    let written = target.file.write_all(&bytes).await;
                    written.map_err(at(&attempt, local))?;
                }
                Chunk::Stderr(bytes) => said.extend(bytes),
            }
        }
        let said = String::from_utf8_lossy(&said);
        let Some(theirs) = digest_in(&said) else {
            return Err(attempt.fail(Cause::GuestFile(said.trim().to_owned())));
        };
        let copied = tally.compare(&attempt, theirs)?;
        target.settle(&attempt).await?;
        Ok(copied)
    }
}
