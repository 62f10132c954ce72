//! Answers of a binary, kept until it changes.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use machine::capabilities::Capabilities;
use serde::{Deserialize, Serialize};

/// Raised when what is kept changes its meaning; files of another format are asked for anew.
const FORMAT: u32 = 1;

/// What is kept of a binary.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    format: u32,
    /// Files that the answers depend on, as they were.
    stamps: Vec<Stamp>,
    pub data_dirs: Vec<PathBuf>,
    pub env: Vec<(String, String)>,
    pub missing_firmware: Vec<String>,
    pub capabilities: Capabilities,
}

/// A file, and what changes when its contents do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    path: PathBuf,
    device: u64,
    inode: u64,
    size: u64,
    modified: i64,
    modified_nanoseconds: i64,
}

impl Stamp {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        Ok(Stamp {
            path: path.to_owned(),
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            modified: found.mtime(),
            modified_nanoseconds: found.mtime_nsec(),
        })
    }

    fn holds(&self) -> bool {
        Stamp::of(&self.path).is_ok_and(|now| now == *self)
    }
}

impl Entry {
    pub(super) fn new(stamps: Vec<Stamp>, capabilities: Capabilities) -> Self {
        Entry {
            format: FORMAT,
            stamps,
            data_dirs: Vec::new(),
            env: Vec::new(),
            missing_firmware: Vec::new(),
            capabilities,
        }
    }

    /// What is kept, if it is of this format and nothing has changed since.
    pub(super) fn load(file: &Path) -> Option<Self> {
        let entry: Entry = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
        let current = entry.format == FORMAT
            && !entry.stamps.is_empty()
            && entry.stamps.iter().all(Stamp::holds);
        current.then_some(entry)
    }

    /// Keeps it.
    pub(super) fn store(&self, file: &Path) -> io::Result<()> {
        crate::cache::store(file, self)
    }
}

/// The name under which the answers of the binary at this canonical path are kept.
pub(super) fn key(binary: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    binary.hash(&mut hasher);
    let name = binary.file_name().unwrap_or_default().to_string_lossy();
    format!("{name}-{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &Path) -> Entry {
        Entry::new(
            vec![Stamp::of(path).unwrap()],
            Capabilities {
                package: "p".into(),
                ..Capabilities::default()
            },
        )
    }

    #[test]
    fn answers_are_kept_until_a_file_changes() {
        let temp = tempfile::tempdir().unwrap();
        let (binary, file) = (
            temp.path().join("qemu"),
            temp.path().join("cache/qemu.json"),
        );
        fs::write(&binary, "one").unwrap();
        assert!(Entry::load(&file).is_none());
        entry(&binary).store(&file).unwrap();
        assert_eq!(Entry::load(&file).unwrap().capabilities.package, "p");
        fs::write(&binary, "two!").unwrap();
        assert!(Entry::load(&file).is_none());
        entry(&binary).store(&file).unwrap();
        assert!(Entry::load(&file).is_some());
        fs::remove_file(&binary).unwrap();
        assert!(Entry::load(&file).is_none());
    }

    #[test]
    fn a_binary_replaced_by_one_of_the_same_size_and_time_is_another() {
        let temp = tempfile::tempdir().unwrap();
        let (binary, file) = (temp.path().join("qemu"), temp.path().join("qemu.json"));
        fs::write(&binary, "one").unwrap();
        entry(&binary).store(&file).unwrap();
        let modified = fs::metadata(&binary).unwrap().modified().unwrap();
        let new = temp.path().join("new");
        fs::write(&new, "two").unwrap();
        fs::File::options()
            .write(true)
            .open(&new)
            .unwrap()
            .set_modified(modified)
            .unwrap();
        fs::rename(&new, &binary).unwrap();
        assert!(Entry::load(&file).is_none());
    }

    #[test]
    fn a_damaged_or_foreign_file_is_no_answer() {
        let temp = tempfile::tempdir().unwrap();
        let (binary, file) = (temp.path().join("qemu"), temp.path().join("qemu.json"));
        fs::write(&binary, "one").unwrap();
        for text in ["", "{", "{}", "[]"] {
            fs::write(&file, text).unwrap();
            assert!(Entry::load(&file).is_none(), "{text:?}");
        }
        let mut later = entry(&binary);
        later.format = FORMAT + 1;
        later.store(&file).unwrap();
        assert!(Entry::load(&file).is_none());
    }

    #[test]
    fn binaries_of_one_name_are_kept_apart() {
        assert_ne!(key(Path::new("/a/qemu")), key(Path::new("/b/qemu")));
        assert!(key(Path::new("/a/qemu")).starts_with("qemu-"));
    }
}
