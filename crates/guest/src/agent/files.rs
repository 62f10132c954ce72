//! Files of the guest by `guest-file-*`, and copies that are checked.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{AgentClient, Exec};
use crate::copy::{Copied, GuestTarget, HostTarget, Source, Tally, at, digest_in, hex};
use crate::error::{Attempt, Cause, GuestError};

/// How much of a file goes in one message: large enough to amortise it, small enough for a guest of little memory.
const CHUNK: usize = 256 << 10;

/// How long a handle may take to be given back after a failure.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// `GuestFileRead`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Read {
    buf_b64: String,
    eof: bool,
}

/// `GuestFileWrite`.
#[derive(Deserialize)]
struct Written {
    count: usize,
}

/// Where a file of the guest goes, piece by piece.
enum Sink<'a> {
    Memory(&'a mut Vec<u8>),
    File(&'a mut HostTarget, &'a mut Tally),
    Digest(&'a mut Sha256),
}

impl Sink<'_> {
    async fn take(&mut self, attempt: &Attempt, chunk: &[u8]) -> Result<(), GuestError> {
        match self {
            Sink::Memory(content) => content.extend_from_slice(chunk),
            Sink::Digest(digest) => digest.update(chunk),
            Sink::File(target, tally) => {
                tally.add(chunk);
                let written = target.file.write_all(chunk).await;
                written.map_err(at(attempt, &target.partial))?;
            }
        }
        Ok(())
    }
}

impl AgentClient {
    /// Reads a file of the guest.
    ///
    /// # Errors
    /// When the guest cannot read it or the channel fails.
    pub async fn read_file(&self, path: &str, limit: Duration) -> Result<Vec<u8>, GuestError> {
        let attempt = self.attempt(format!("read {path} in the guest"), limit);
        let mut content = Vec::new();
        self.read_into(&attempt, path, &mut Sink::Memory(&mut content))
            .await?;
        Ok(content)
    }

    /// Writes a file of the guest, replacing what it held.
    ///
    /// # Errors
    /// When the guest cannot write it or the channel fails.
    pub async fn write_file(
        &self,
        path: &str,
        content: &[u8],
        limit: Duration,
    ) -> Result<(), GuestError> {
        let attempt = self.attempt(format!("write {path} in the guest"), limit);
        let handle = self.open(&attempt, path, "w").await?;
        let mut outcome = Ok(());
        for chunk in content.chunks(CHUNK) {
            outcome = self.write_chunk(&attempt, handle, chunk).await;
            if outcome.is_err() {
                break;
            }
        }
        self.close(&attempt, handle, outcome).await
    }

    /// Copies a file of the host into the guest, its permissions too, and compares both by SHA-256. The file is there when
    /// the copy is whole; until then, and after a failure, what was there before is.
    ///
    /// # Errors
    /// When a side cannot be read or written, the copy differs, or the channel fails.
    pub async fn copy_to_guest(
        &self,
        local: &Path,
        guest: &str,
        limit: Duration,
    ) -> Result<Copied, GuestError> {
        let tried = format!("copy {} to {guest} in the guest", local.display());
        let attempt = self.attempt(tried, limit);
        let mut source = Source::open(&attempt, local).await?;
        let target = GuestTarget::new(guest);
        let outcome = self.send_file(&attempt, &mut source, &target).await;
        if outcome.is_err() {
            let discard = Exec::shell(&target.discard());
            // The first error is the one to tell.
            let _ = self.exec(&discard, CLOSE_LIMIT).await;
        }
        outcome
    }

    async fn send_file(
        &self,
        attempt: &Attempt,
        source: &mut Source,
        target: &GuestTarget,
    ) -> Result<Copied, GuestError> {
        let handle = self.open(attempt, &target.partial, "w").await?;
        let sending = self.send_chunks(attempt, handle, source).await;
        let tally = self.close(attempt, handle, sending).await?;
        let theirs = self.guest_digest(attempt, &target.partial).await?;
        let copied = tally.compare(attempt, &theirs)?;
        let settle = Exec::shell(&target.settle(source));
        let settled = self.exec(&settle, attempt.left()).await?;
        match settled.status.success() {
            true => Ok(copied),
            false => Err(attempt.fail(Cause::GuestFile(settled.stderr_text()))),
        }
    }

    async fn send_chunks(
        &self,
        attempt: &Attempt,
        handle: i64,
        source: &mut Source,
    ) -> Result<Tally, GuestError> {
        let mut tally = Tally::default();
        let mut chunk = Vec::with_capacity(CHUNK);
        loop {
            chunk.clear();
            let mut part = (&mut source.file).take(CHUNK as u64);
            part.read_to_end(&mut chunk)
                .await
                .map_err(at(attempt, &source.path))?;
            if chunk.is_empty() {
                return Ok(tally);
            }
            tally.add(&chunk);
            self.write_chunk(attempt, handle, &chunk).await?;
        }
    }

    /// Copies a file of the guest to the host and compares both by SHA-256. The file is there when the copy is whole; until
    /// then, and after a failure, what was there before is.
    ///
    /// # Errors
    /// As [`AgentClient::copy_to_guest`].
    pub async fn copy_from_guest(
        &self,
        guest: &str,
        local: &Path,
        limit: Duration,
    ) -> Result<Copied, GuestError> {
        let tried = format!("copy {guest} in the guest to {}", local.display());
        let attempt = self.attempt(tried, limit);
        let mut target = HostTarget::create(&attempt, local).await?;
        let mut tally = Tally::default();
        self.read_into(&attempt, guest, &mut Sink::File(&mut target, &mut tally))
            .await?;
        let theirs = self.guest_digest(&attempt, guest).await?;
        let copied = tally.compare(&attempt, &theirs)?;
        target.settle(&attempt).await?;
        Ok(copied)
    }

    /// The SHA-256 of a guest's file, by the guest's own tool where it has one.
    async fn guest_digest(&self, attempt: &Attempt, path: &str) -> Result<String, GuestError> {
        let tool = Exec::new("sha256sum").args(["--", path]);
        match self.exec(&tool, attempt.left()).await {
            Ok(output) if output.status.success() => {
                if let Some(digest) = digest_in(&output.stdout_text()) {
                    return Ok(digest.to_string());
                }
            }
            Err(error) if error.is_timeout() || error.is_closed() => return Err(error),
            _ => {}
        }
        let mut digest = Sha256::new();
        self.read_into(attempt, path, &mut Sink::Digest(&mut digest))
            .await?;
        Ok(hex(digest))
    }

    async fn read_into(
        &self,
        attempt: &Attempt,
        path: &str,
        sink: &mut Sink<'_>,
    ) -> Result<(), GuestError> {
        let handle = self.open(attempt, path, "r").await?;
        let reading = self.read_chunks(attempt, handle, sink).await;
        self.close(attempt, handle, reading).await
    }

    async fn read_chunks(
        &self,
        attempt: &Attempt,
        handle: i64,
        sink: &mut Sink<'_>,
    ) -> Result<(), GuestError> {
        loop {
            let (chunk, eof) = self.read_chunk(attempt, handle).await?;
            sink.take(attempt, &chunk).await?;
            // A file of /proc may give less than asked before its end: only nothing at all, or eof, is the end.
            if eof || chunk.is_empty() {
                return Ok(());
            }
        }
    }

    pub(super) async fn open(
        &self,
        attempt: &Attempt,
        path: &str,
        mode: &str,
    ) -> Result<i64, GuestError> {
        let arguments = json!({"path": path, "mode": mode});
        self.ask_typed(attempt, "guest-file-open", &arguments).await
    }

    pub(super) async fn read_chunk(
        &self,
        attempt: &Attempt,
        handle: i64,
    ) -> Result<(Vec<u8>, bool), GuestError> {
        let arguments = json!({"handle": handle, "count": CHUNK});
        let read: Read = self
            .ask_typed(attempt, "guest-file-read", &arguments)
            .await?;
        let chunk = BASE64
            .decode(&read.buf_b64)
            .map_err(|error| attempt.fail(Cause::Protocol(format!("guest-file-read: {error}"))))?;
        Ok((chunk, read.eof))
    }

    async fn write_chunk(
        &self,
        attempt: &Attempt,
        handle: i64,
        mut chunk: &[u8],
    ) -> Result<(), GuestError> {
        while !chunk.is_empty() {
            let arguments = json!({"handle": handle, "buf-b64": BASE64.encode(chunk)});
            let written: Written = self
                .ask_typed(attempt, "guest-file-write", &arguments)
                .await?;
            chunk = match written.count {
                0 => {
                    let why = "guest-file-write wrote nothing".to_string();
                    return Err(attempt.fail(Cause::Protocol(why)));
                }
                count => chunk.get(count..).unwrap_or_default(),
            };
        }
        Ok(())
    }

    /// Gives a handle back whatever came of it; the earlier error is the one to tell.
    async fn close<T>(
        &self,
        attempt: &Attempt,
        handle: i64,
        outcome: Result<T, GuestError>,
    ) -> Result<T, GuestError> {
        let arguments = json!({"handle": handle});
        match outcome {
            Ok(value) => self
                .ask(attempt, "guest-file-close", &arguments)
                .await
                .map(|_| value),
            Err(error) => {
                let attempt = self.attempt("close a file in the guest", CLOSE_LIMIT);
                let _ = self.ask(&attempt, "guest-file-close", &arguments).await;
                Err(error)
            }
        }
    }
}
