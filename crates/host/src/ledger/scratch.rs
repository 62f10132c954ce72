//! Private directories with short paths.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::{Ledger, LedgerError, Token};

/// How many names are tried. The first is free but for a great accident.
const ATTEMPTS: u32 = 100;

/// A private directory (mode 0700) that is removed, with all in it, when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    token: Token,
}

impl Scratch {
    pub(super) fn create(
        ledger: &Ledger,
        runtime: &Path,
        purpose: &str,
    ) -> Result<Self, LedgerError> {
        // Sockets go in here, and their paths are short; names of tests are not.
        let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let purpose: String = purpose.chars().filter(plain).take(12).collect();
        for _ in 0..ATTEMPTS {
            let path = runtime.join(format!("{purpose}-{}", ledger.unique_suffix()));
            if path.exists() {
                continue;
            }
            let token = ledger.directory(&path)?;
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Scratch { path, token }),
                Err(error) => {
                    token.release();
                    if error.kind() != io::ErrorKind::AlreadyExists {
                        return Err(LedgerError::Borrow {
                            path,
                            source: error,
                        });
                    }
                }
            }
        }
        let source = io::Error::other("all names tried are taken");
        Err(LedgerError::Borrow {
            path: runtime.to_owned(),
            source,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps it; returns where it is.
    #[must_use = "somebody should learn which directory was left"]
    pub fn release(self) -> PathBuf {
        self.token.release();
        self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn scratch_is_private_short_and_its_own() {
        let temp = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(temp.path()).unwrap();
        let one = ledger
            .scratch("a/very long name of a test, with: signs")
            .unwrap();
        let two = ledger
            .scratch("a/very long name of a test, with: signs")
            .unwrap();
        assert_ne!(one.path(), two.path());
        assert_eq!(fs::metadata(one.path()).unwrap().mode() & 0o777, 0o700);
        assert!(one.path().file_name().unwrap().len() <= 32);
        let (gone, kept) = (one.path().to_owned(), two.release());
        fs::write(gone.join("file"), "x").unwrap();
        drop(one);
        assert!(!gone.exists());
        assert!(kept.exists());
        assert!(ledger.held().is_empty());
    }
}
