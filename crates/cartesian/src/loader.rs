//! Where included text comes from. The crate reads nothing by itself: everything goes through [`Loader`].

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

/// Reads the files that `include` names.
///
/// Paths are handed over as written, joined to the directory of the including file; the crate does not
/// canonicalise them.
pub trait Loader {
    /// Reads the whole file at `path`.
    ///
    /// # Errors
    ///
    /// Any error means "this file cannot be included"; it is shown to the user.
    fn load(&self, path: &str) -> io::Result<Vec<u8>>;

    /// Does `path` stand for itself, rather than for a file below the directory of the including file?
    fn is_absolute(&self, path: &str) -> bool {
        path.starts_with('/')
    }

    /// The directory that a leading `~` stands for, when there is one.
    fn home(&self) -> Option<String> {
        None
    }
}

impl<L: Loader + ?Sized> Loader for &L {
    fn load(&self, path: &str) -> io::Result<Vec<u8>> {
        (**self).load(path)
    }

    fn is_absolute(&self, path: &str) -> bool {
        (**self).is_absolute(path)
    }

    fn home(&self) -> Option<String> {
        (**self).home()
    }
}

/// Files held in memory, for tests, embedded configuration and editors with unsaved text.
///
/// ```
/// use cartesian::{Loader, MemoryLoader};
/// let files = MemoryLoader::new().with("cfg/base.cfg", "mem = 512");
/// assert_eq!(files.load("cfg/base.cfg")?, b"mem = 512");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryLoader {
    files: BTreeMap<String, Vec<u8>>,
}

impl MemoryLoader {
    /// No files at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file, replacing one of the same path.
    pub fn with(mut self, path: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        self.insert(path, text);
        self
    }

    /// Adds a file, replacing one of the same path.
    pub fn insert(&mut self, path: impl Into<String>, text: impl Into<Vec<u8>>) {
        self.files.insert(path.into(), text.into());
    }
}

impl Loader for MemoryLoader {
    fn load(&self, path: &str) -> io::Result<Vec<u8>> {
        self.files
            .get(path)
            .cloned()
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file"))
    }
}

/// Files of the file system; relative paths are relative to the working directory.
#[derive(Debug, Clone, Copy, Default)]
pub struct FsLoader;

impl Loader for FsLoader {
    fn load(&self, path: &str) -> io::Result<Vec<u8>> {
        let path = PathBuf::from(path);
        if path.is_dir() {
            return Err(io::Error::new(
                io::ErrorKind::IsADirectory,
                "it is a directory",
            ));
        }
        std::fs::read(path)
    }

    fn home(&self) -> Option<String> {
        std::env::var("HOME").ok().filter(|home| !home.is_empty())
    }
}
