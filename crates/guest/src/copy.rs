//! Copies that are checked, and there wholly or not at all.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use crate::command::quoted;
use crate::error::{Attempt, Cause, GuestError};

/// A copy that arrived whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal, the same on both sides.
    pub sha256: String,
}

/// A name for a copy that is not whole yet, beside where it goes: no other copy has it.
fn partial(path: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{path}.vt-{}-{count}", std::process::id())
}

/// A file of the host on its way to the guest.
pub(crate) struct Source {
    pub file: File,
    pub path: PathBuf,
    mode: u32,
}

impl Source {
    pub(crate) async fn open(attempt: &Attempt, path: &Path) -> Result<Self, GuestError> {
        let file = File::open(path).await.map_err(at(attempt, path))?;
        let metadata = file.metadata().await.map_err(at(attempt, path))?;
        Ok(Source {
            file,
            path: path.to_owned(),
            mode: metadata.permissions().mode() & 0o777,
        })
    }
}

/// Where in the guest a copy goes.
pub(crate) struct GuestTarget {
    pub partial: String,
    path: String,
}

impl GuestTarget {
    pub(crate) fn new(path: &str) -> Self {
        GuestTarget {
            partial: partial(path),
            path: path.to_owned(),
        }
    }

    /// A line of shell that puts the copy where it belongs, with the permissions of the source.
    pub(crate) fn settle(&self, source: &Source) -> String {
        let (partial, path) = (quoted(&self.partial), quoted(&self.path));
        // `mv` would put it into a directory of that name.
        format!(
            "if [ -d {path} ];then echo {path}: is a directory >&2;exit 1;fi;chmod {:o} {partial}&&mv -f {partial} {path}",
            source.mode
        )
    }

    /// A line of shell that removes what arrived.
    pub(crate) fn discard(&self) -> String {
        format!("rm -f {}", quoted(&self.partial))
    }
}

/// Where on the host a copy goes. What was not settled is removed when this is dropped.
pub(crate) struct HostTarget {
    pub file: File,
    pub partial: PathBuf,
    path: PathBuf,
    settled: bool,
}

impl HostTarget {
    pub(crate) async fn create(attempt: &Attempt, path: &Path) -> Result<Self, GuestError> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(partial(""));
        let partial = path.with_file_name(name);
        let file = File::create_new(&partial)
            .await
            .map_err(at(attempt, path))?;
        Ok(HostTarget {
            file,
            partial,
            path: path.to_owned(),
            settled: false,
        })
    }

    pub(crate) async fn write(mut self, attempt: &Attempt, all: &[u8]) -> Result<(), GuestError> {
        let written = self.file.write_all(all).await;
        written.map_err(at(attempt, &self.path))?;
        self.settle(attempt).await
    }

    pub(crate) async fn settle(mut self, attempt: &Attempt) -> Result<(), GuestError> {
        self.file.flush().await.map_err(at(attempt, &self.path))?;
        fs::rename(&self.partial, &self.path).map_err(at(attempt, &self.path))?;
        self.settled = true;
        Ok(())
    }
}

impl Drop for HostTarget {
    fn drop(&mut self) {
        if !self.settled {
            // The first error is the one to tell.
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// Counts and digests what passes.
#[derive(Default)]
pub(crate) struct Tally {
    digest: Sha256,
    bytes: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// Compares with what the guest makes of it.
    pub(crate) fn compare(self, attempt: &Attempt, guest: &str) -> Result<Copied, GuestError> {
        let bytes = self.bytes;
        let host = hex(self.digest);
        if host == guest {
            Ok(Copied {
                bytes,
                sha256: host,
            })
        } else {
            let guest = guest.to_owned();
            Err(attempt.fail(Cause::Checksum { host, guest }))
        }
    }
}

/// The digest in what `sha256sum` prints.
pub(crate) fn digest_in(text: &str) -> Option<&str> {
    // A name with special characters is announced by a backslash in front.
    let word = text.trim_start_matches('\\').split_whitespace().next()?;
    let is_digest = word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest.then_some(word)
}

pub(crate) fn hex(digest: Sha256) -> String {
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

pub(crate) fn at(attempt: &Attempt, path: &Path) -> impl Fn(std::io::Error) -> GuestError {
    move |source| {
        attempt.fail(Cause::LocalFile {
            path: path.to_path_buf(),
            source,
        })
    }
}
