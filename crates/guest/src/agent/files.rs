//! Files of the guest by `guest-file-*`, and copies that are checked.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{AgentClient, Exec};
use crate::error::{Attempt, Cause, GuestError};

/// How much of a file goes in one message: large enough to amortise it, small enough for a guest of little memory.
const CHUNK: usize = 256 << 10;

/// How long a handle may take to be given back after a failure.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// A copy that arrived whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal, the same on both sides.
    pub sha256: String,
}

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

impl AgentClient {
    /// Reads a file of the guest.
    ///
    /// # Errors
    /// When the guest cannot read it or the channel fails.
    pub async fn read_file(&self, path: &str, limit: Duration) -> Result<Vec<u8>, GuestError> {
        let attempt = self.attempt(format!("read {path} in the guest"), limit);
        let mut content = Vec::new();
        self.each_chunk(&attempt, path, async |chunk| {
            content.extend_from_slice(chunk);
            Ok(())
        })
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

    /// Copies a file of the host into the guest and compares both by SHA-256.
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
        let mut source = File::open(local).await.map_err(at(&attempt, local))?;
        let handle = self.open(&attempt, guest, "w").await?;
        let sending = self.send_file(&attempt, handle, &mut source, local).await;
        let (bytes, sha256) = self.close(&attempt, handle, sending).await?;
        let theirs = self.guest_digest(&attempt, guest).await?;
        compare(&attempt, bytes, sha256, theirs)
    }

    async fn send_file(
        &self,
        attempt: &Attempt,
        handle: i64,
        source: &mut File,
        local: &Path,
    ) -> Result<(u64, String), GuestError> {
        let mut digest = Sha256::new();
        let mut bytes = 0;
        let mut chunk = Vec::with_capacity(CHUNK);
        loop {
            chunk.clear();
            let mut part = source.take(CHUNK as u64);
            part.read_to_end(&mut chunk)
                .await
                .map_err(at(attempt, local))?;
            if chunk.is_empty() {
                return Ok((bytes, hex(digest)));
            }
            digest.update(&chunk);
            bytes += chunk.len() as u64;
            self.write_chunk(attempt, handle, &chunk).await?;
        }
    }

    /// Copies a file of the guest to the host and compares both by SHA-256. A copy that failed is removed.
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
        let mut target = File::create(local).await.map_err(at(&attempt, local))?;
        let outcome = self.receive_file(&attempt, guest, &mut target, local).await;
        if outcome.is_err() {
            // The first error is the one to tell.
            let _ = tokio::fs::remove_file(local).await;
        }
        outcome
    }

    async fn receive_file(
        &self,
        attempt: &Attempt,
        guest: &str,
        target: &mut File,
        local: &Path,
    ) -> Result<Copied, GuestError> {
        let mut digest = Sha256::new();
        let bytes = self
            .each_chunk(attempt, guest, async |chunk| {
                digest.update(chunk);
                target.write_all(chunk).await.map_err(at(attempt, local))
            })
            .await?;
        target.flush().await.map_err(at(attempt, local))?;
        let theirs = self.guest_digest(attempt, guest).await?;
        compare(attempt, bytes, hex(digest), theirs)
    }

    /// The SHA-256 of a guest's file, by the guest's own tool where it has one.
    async fn guest_digest(&self, attempt: &Attempt, path: &str) -> Result<String, GuestError> {
        let tool = Exec::new("sha256sum").args(["--", path]);
        match self.exec(&tool, attempt.left()).await {
            Ok(output) if output.status.success() => {
                let text = output.stdout_text();
                // A name with special characters is announced by a backslash in front.
                let digest = text.trim_start_matches('\\').split_whitespace().next();
                if let Some(digest) = digest.filter(|digest| digest.len() == 64) {
                    return Ok(digest.to_string());
                }
            }
            Err(error) if error.is_timeout() || error.is_closed() => return Err(error),
            _ => {}
        }
        let mut digest = Sha256::new();
        self.each_chunk(attempt, path, async |chunk| {
            digest.update(chunk);
            Ok(())
        })
        .await?;
        Ok(hex(digest))
    }

    async fn each_chunk(
        &self,
        attempt: &Attempt,
        path: &str,
        mut take: impl AsyncFnMut(&[u8]) -> Result<(), GuestError>,
    ) -> Result<u64, GuestError> {
        let handle = self.open(attempt, path, "r").await?;
        let mut bytes = 0;
        let outcome = loop {
            let chunk = match self.read_chunk(attempt, handle).await {
                Ok((chunk, eof)) => {
                    bytes += chunk.len() as u64;
                    // A file of /proc may give less than asked before its end: only nothing at all, or eof, is the end.
                    if eof || chunk.is_empty() {
                        break take(&chunk).await;
                    }
                    chunk
                }
                Err(error) => break Err(error),
            };
            if let Err(error) = take(&chunk).await {
                break Err(error);
            }
        };
        self.close(attempt, handle, outcome).await?;
        Ok(bytes)
    }

    async fn open(&self, attempt: &Attempt, path: &str, mode: &str) -> Result<i64, GuestError> {
        let arguments = json!({"path": path, "mode": mode});
        self.ask_typed(attempt, "guest-file-open", &arguments).await
    }

    async fn read_chunk(
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

fn at(attempt: &Attempt, path: &Path) -> impl Fn(std::io::Error) -> GuestError {
    move |source| {
        attempt.fail(Cause::LocalFile {
            path: path.to_path_buf(),
            source,
        })
    }
}

fn compare(
    attempt: &Attempt,
    bytes: u64,
    host: String,
    guest: String,
) -> Result<Copied, GuestError> {
    if host == guest {
        Ok(Copied {
            bytes,
            sha256: host,
        })
    } else {
        Err(attempt.fail(Cause::Checksum { host, guest }))
    }
}

fn hex(digest: Sha256) -> String {
    use std::fmt::Write;
    digest
        .finalize()
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
