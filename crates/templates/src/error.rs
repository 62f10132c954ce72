use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use units::ByteSize;

/// Why a template cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or directory of the store failed us.
    #[error("cannot {verb} {path}: {source}")]
    Io {
        /// What was tried.
        verb: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is not enough room.
    #[error(
        "a template needs {needed} in {path}, where {free} are free (hint: make room there, by virt-test template prune --all for one, or say vm_start = boot)"
    )]
    NoRoom {
        /// Where.
        path: PathBuf,
        /// Room it may take.
        needed: ByteSize,
        /// Room there is.
        free: ByteSize,
    },
    /// Another run has it.
    #[error(
        "another run has held {path} for {} s (hint: wait for that run's end, or say vm_start = boot)", waited.as_secs()
    )]
    Busy {
        /// Where the template is to be.
        path: PathBuf,
        /// How long it was waited for.
        waited: Duration,
    },
}

impl Error {
    pub(crate) fn io(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { verb, path, source }
    }
}
