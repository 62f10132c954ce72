//! Where our files live: one data directory that stays, one private runtime directory that does not.

use std::env;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Longest path of a Unix socket, in bytes: `sun_path` holds 108, the last of them a NUL (`unix(7)`).
pub const SOCKET_PATH_MAX: usize = 107;

/// Longest runtime directory we accept, in bytes. What is left of [`SOCKET_PATH_MAX`] names a VM's directory and a socket in it.
const RUNTIME_PATH_MAX: usize = 60;

/// The directories of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dirs {
    data: PathBuf,
    runtime: PathBuf,
}

/// Why there is no directory to work in.
#[derive(Debug, thiserror::Error)]
pub enum DirsError {
    /// Nothing says where the data directory is.
    #[error("no data directory: none of XDG_DATA_HOME and HOME is set (hint: give --data-dir DIR)")]
    NoHome,
    /// A directory cannot be made or looked at.
    #[error("cannot use directory {path}: {source}")]
    Io {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The runtime directory belongs to somebody else, who could replace what we put there.
    #[error(
        "runtime directory {path} belongs to user {owner}, not to us (hint: remove it, or set VIRT_TEST_RUNTIME_DIR to a \
         directory of your own)"
    )]
    NotOurs {
        /// The directory.
        path: PathBuf,
        /// Its owner's user id.
        owner: u32,
    },
    /// The runtime directory is no directory, perhaps a symbolic link someone laid out for us.
    #[error("runtime directory {0} is not a directory")]
    NotADirectory(PathBuf),
    /// No socket would fit below this directory.
    #[error(
        "runtime directory {path} has {length} bytes, but Unix sockets need it to have at most {max} \
         (hint: set VIRT_TEST_RUNTIME_DIR to a shorter one)"
    )]
    TooLong {
        /// The directory.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
        /// Longest possible.
        max: usize,
    },
    /// A socket's path is too long for the kernel.
    #[error("socket path {path} has {length} bytes, the kernel takes {SOCKET_PATH_MAX}")]
    SocketTooLong {
        /// The socket.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
    },
}

impl Dirs {
    /// Chooses the directories and makes them.
    ///
    /// Data: `data_dir` (of `--data-dir`), else `$VIRT_TEST_DATA_DIR`, else `$XDG_DATA_HOME/virt-test`, else
    /// `~/.local/share/virt-test`. Runtime (private to us, mode 0700): `$VIRT_TEST_RUNTIME_DIR`, else `$XDG_RUNTIME_DIR/virt-test` if
    /// that exists and is short enough for sockets, else `/tmp/virt-test-UID`.
    ///
    /// # Errors
    /// When one cannot be made, or the runtime directory is not ours alone.
    pub fn resolve(data_dir: Option<&Path>) -> Result<Self, DirsError> {
        let uid = rustix::process::getuid().as_raw();
        let dirs = choose(
            data_dir,
            uid,
            |name| env::var_os(name).filter(|value| !value.is_empty()),
            Path::is_dir,
        )?;
        let io_error = |source| DirsError::Io {
            path: dirs.data.clone(),
            source,
        };
        fs::create_dir_all(&dirs.data).map_err(io_error)?;
        let data = dirs.data.canonicalize().map_err(io_error)?;
        make_private(&dirs.runtime, uid)?;
        Ok(Dirs {
            data,
            runtime: dirs.runtime,
        })
    }

    /// Directories that exist already, for tests and for embedding. The runtime directory should be private.
    #[must_use]
    pub fn at(data: PathBuf, runtime: PathBuf) -> Self {
        Dirs { data, runtime }
    }

    /// What stays between runs.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// What lives as long as a run: sockets, pid ledgers, scratch. Private to us and short.
    #[must_use]
    pub fn runtime(&self) -> &Path {
        &self.runtime
    }

    /// What can be made again: probes of QEMU and of the accelerator, built guests.
    #[must_use]
    pub fn cache(&self) -> PathBuf {
        self.data.join("cache")
    }

    /// Results, one directory a run, unless `--logs-dir` says otherwise.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.data.join("logs")
    }

    /// Disk images of guests.
    #[must_use]
    pub fn images(&self) -> PathBuf {
        self.data.join("images")
    }
}

/// Does this path fit into a socket address?
///
/// # Errors
/// [`DirsError::SocketTooLong`] if it does not.
pub fn check_socket_path(path: &Path) -> Result<(), DirsError> {
    let length = path.as_os_str().as_bytes().len();
    if length <= SOCKET_PATH_MAX {
        Ok(())
    } else {
        Err(DirsError::SocketTooLong {
            path: path.to_owned(),
            length,
        })
    }
}

fn choose(
    data_dir: Option<&Path>,
    uid: u32,
    var: impl Fn(&str) -> Option<OsString>,
    is_dir: impl Fn(&Path) -> bool,
) -> Result<Dirs, DirsError> {
    // The XDG specification says that a relative path is to be ignored.
    let xdg = |name| {
        var(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let data = data_dir
        .map(Path::to_owned)
        .or_else(|| var("VIRT_TEST_DATA_DIR").map(PathBuf::from))
        .or_else(|| xdg("XDG_DATA_HOME").map(|home| home.join("virt-test")))
        .or_else(|| xdg("HOME").map(|home| home.join(".local/share/virt-test")))
        .ok_or(DirsError::NoHome)?;
    if let Some(path) = var("VIRT_TEST_RUNTIME_DIR").map(PathBuf::from) {
        let length = path.as_os_str().as_bytes().len();
        if length > RUNTIME_PATH_MAX {
            return Err(DirsError::TooLong {
                path,
                length,
                max: RUNTIME_PATH_MAX,
            });
        }
        return Ok(Dirs {
            data,
            runtime: path,
        });
    }
    let runtime = xdg("XDG_RUNTIME_DIR")
        .filter(|path| is_dir(path))
        .map(|path| path.join("virt-test"))
        .filter(|path| path.as_os_str().as_bytes().len() <= RUNTIME_PATH_MAX)
        .unwrap_or_else(|| PathBuf::from(format!("/tmp/virt-test-{uid}")));
    Ok(Dirs { data, runtime })
}

/// Makes a directory that only we can enter, or checks that it is so already.
fn make_private(path: &Path, uid: u32) -> Result<(), DirsError> {
    let io_error = |source| DirsError::Io {
        path: path.to_owned(),
        source,
    };
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(io_error(error)),
    }
    let found = fs::symlink_metadata(path).map_err(io_error)?;
    if !found.is_dir() {
        return Err(DirsError::NotADirectory(path.to_owned()));
    }
    if found.uid() != uid {
        return Err(DirsError::NotOurs {
            path: path.to_owned(),
            owner: found.uid(),
        });
    }
    if found.mode() & 0o777 != 0o700 {
        fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(io_error)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(
        data_dir: Option<&str>,
        vars: &[(&str, &str)],
        xdg_exists: bool,
    ) -> Result<Dirs, DirsError> {
        let var = |name: &str| {
            vars.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| OsString::from(value))
        };
        choose(data_dir.map(Path::new), 1000, var, |_| xdg_exists)
    }

    #[test]
    fn the_nearest_word_on_the_data_directory_wins() {
        let vars = [
            ("VIRT_TEST_DATA_DIR", "/v"),
            ("XDG_DATA_HOME", "/x"),
            ("HOME", "/h"),
        ];
        assert_eq!(
            chosen(Some("/cli"), &vars, false).unwrap().data(),
            Path::new("/cli")
        );
        assert_eq!(chosen(None, &vars, false).unwrap().data(), Path::new("/v"));
        assert_eq!(
            chosen(None, &vars[1..], false).unwrap().data(),
            Path::new("/x/virt-test")
        );
        assert_eq!(
            chosen(None, &vars[2..], false).unwrap().data(),
            Path::new("/h/.local/share/virt-test")
        );
        assert!(matches!(chosen(None, &[], false), Err(DirsError::NoHome)));
    }

    #[test]
    fn a_relative_xdg_directory_is_ignored() {
        let vars = [("XDG_DATA_HOME", "x"), ("HOME", "/h")];
        assert_eq!(
            chosen(None, &vars, false).unwrap().data(),
            Path::new("/h/.local/share/virt-test")
        );
    }

    #[test]
    fn the_runtime_directory_leaves_room_for_sockets() {
        let runtime = |vars: &[(&str, &str)], exists| {
            chosen(Some("/d"), vars, exists).map(|dirs| dirs.runtime)
        };
        let xdg = [("XDG_RUNTIME_DIR", "/run/user/1000")];
        assert_eq!(
            runtime(&xdg, true).unwrap(),
            Path::new("/run/user/1000/virt-test")
        );
        assert_eq!(
            runtime(&xdg, false).unwrap(),
            Path::new("/tmp/virt-test-1000")
        );
        assert_eq!(
            runtime(&[], true).unwrap(),
            Path::new("/tmp/virt-test-1000")
        );
        let long = format!("/{}", "x".repeat(80));
        assert_eq!(
            runtime(&[("XDG_RUNTIME_DIR", &long)], true).unwrap(),
            Path::new("/tmp/virt-test-1000")
        );
        assert!(matches!(
            runtime(&[("VIRT_TEST_RUNTIME_DIR", &long)], true),
            Err(DirsError::TooLong { length: 81, .. })
        ));
    }

    #[test]
    fn the_runtime_directory_is_made_private_and_links_are_refused() {
        let temp = tempfile::tempdir().unwrap();
        let uid = rustix::process::getuid().as_raw();
        let runtime = temp.path().join("runtime");
        make_private(&runtime, uid).unwrap();
        fs::set_permissions(&runtime, Permissions::from_mode(0o755)).unwrap();
        make_private(&runtime, uid).unwrap();
        assert_eq!(fs::metadata(&runtime).unwrap().mode() & 0o777, 0o700);
        assert!(matches!(
            make_private(&runtime, uid + 1),
            Err(DirsError::NotOurs { .. })
        ));

        let link = temp.path().join("link");
        std::os::unix::fs::symlink(&runtime, &link).unwrap();
        assert!(matches!(
            make_private(&link, uid),
            Err(DirsError::NotADirectory(_))
        ));
    }

    #[test]
    fn a_socket_path_of_108_bytes_is_refused() {
        assert!(check_socket_path(Path::new(&"x".repeat(107))).is_ok());
        assert!(check_socket_path(Path::new(&"x".repeat(108))).is_err());
    }
}
