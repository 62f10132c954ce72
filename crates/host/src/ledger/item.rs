//! What can be borrowed, and how each is given back.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::process::{Group, ProcessId, kill_and_wait};

/// Longest wait for the kernel to carry out a SIGKILL. A process in an uninterruptible sleep may take longer; that is reported.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// Something borrowed from the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// A process we started; killed to give it back.
    Process {
        /// Which.
        id: ProcessId,
        /// The program's name, for people.
        name: String,
    },
    /// A file.
    File {
        /// Where; absolute.
        path: PathBuf,
    },
    /// A Unix socket.
    Socket {
        /// Where; absolute.
        path: PathBuf,
    },
    /// A directory and all in it.
    Directory {
        /// Where; absolute.
        path: PathBuf,
    },
}

/// What could not be given back.
#[derive(Debug, thiserror::Error)]
#[error("cannot give back {item}: {source}")]
pub struct GiveBackError {
    /// The thing.
    pub item: Item,
    /// Why.
    pub source: io::Error,
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Item::Process { id, name } => write!(f, "process {} ({name})", id.pid),
            Item::File { path } => write!(f, "file {}", path.display()),
            Item::Socket { path } => write!(f, "socket {}", path.display()),
            Item::Directory { path } => write!(f, "directory {}", path.display()),
        }
    }
}

impl Item {
    /// Gives it back. `false`: it was gone already.
    pub(super) fn give_back(&self) -> Result<bool, GiveBackError> {
        let result = match self {
            Item::Process { id, .. } => {
                // While it is there, the number of its group is its own.
                Group(*id).kill();
                kill_and_wait(*id, KILL_LIMIT)
            }
            Item::File { path } => {
                remove(path, |kind| !kind.is_dir(), |path| fs::remove_file(path))
            }
            Item::Socket { path } => {
                remove(path, fs::FileType::is_socket, |path| fs::remove_file(path))
            }
            Item::Directory { path } => {
                remove(path, fs::FileType::is_dir, |path| fs::remove_dir_all(path))
            }
        };
        result.map_err(|source| GiveBackError {
            item: self.clone(),
            source,
        })
    }
}

/// Removes what we left at `path`. The name may by now be another's, so what is there must be ours and of the kind we made.
fn remove(
    path: &Path,
    expected: impl Fn(&fs::FileType) -> bool,
    action: impl Fn(&Path) -> io::Result<()>,
) -> io::Result<bool> {
    let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let found = match fs::symlink_metadata(path) {
        Err(error) if gone(&error) => return Ok(false),
        found => found?,
    };
    if found.uid() != rustix::process::getuid().as_raw() {
        return Err(io::Error::other(format!(
            "it belongs to user {} now",
            found.uid()
        )));
    }
    if !expected(&found.file_type()) {
        return Err(io::Error::other("something of another kind is there now"));
    }
    match action(path) {
        Err(error) if gone(&error) => Ok(false),
        result => result.map(|()| true),
    }
}

/// A path that may be written down: whole, and not one whose loss would be a catastrophe.
pub(super) fn check_path(path: &Path) -> io::Result<PathBuf> {
    use std::path::Component;
    let plain = path
        .components()
        .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    let depth = path
        .components()
        .filter(|part| matches!(part, Component::Normal(_)))
        .count();
    if !path.is_absolute() || !plain || depth < 2 {
        let reason = "a ledger takes absolute paths of two components or more, without '..'";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dangerous_paths_are_refused() {
        for path in ["", "/", "/tmp", "relative/path", "/a/../b", "/../etc"] {
            assert!(check_path(Path::new(path)).is_err(), "{path}");
        }
        assert!(check_path(Path::new("/tmp/x")).is_ok());
    }

    #[test]
    fn only_the_kind_that_was_written_down_is_removed() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("x");
        fs::create_dir(&path).unwrap();
        assert!(Item::File { path: path.clone() }.give_back().is_err());
        assert!(Item::Socket { path: path.clone() }.give_back().is_err());
        assert!(Item::Directory { path: path.clone() }.give_back().unwrap());
        assert!(!Item::Directory { path: path.clone() }.give_back().unwrap());

        fs::write(&path, "x").unwrap();
        assert!(Item::Directory { path: path.clone() }.give_back().is_err());
        assert!(Item::File { path }.give_back().unwrap());
    }

    #[test]
    fn a_link_is_removed_and_what_it_points_at_stays() {
        let temp = tempfile::tempdir().unwrap();
        let kept = temp.path().join("kept");
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join("file"), "x").unwrap();
        let link = temp.path().join("link");
        std::os::unix::fs::symlink(&kept, &link).unwrap();
        assert!(Item::Directory { path: link.clone() }.give_back().is_err());
        assert!(Item::File { path: link }.give_back().unwrap());
        assert!(kept.join("file").exists());
    }
}
