use std::io;
use std::path::{Path, PathBuf};

/// A result whose error is this crate's.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a guest could not be made or a disk could not be prepared.
///
/// Messages read well after "failed to …: "; [`Error::hint`] says what to do about it where that is known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file operation failed.
    #[error("could not {action} {}: {source}", path.display())]
    Io {
        /// What was being done, as a verb: "read", "create", ….
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A program this needs is not installed, or may not be run.
    #[error("could not run {program} ({purpose}): {source}")]
    Spawn {
        /// The program, as given.
        program: PathBuf,
        /// What it was wanted for.
        purpose: &'static str,
        /// What the system said.
        source: io::Error,
    },

    /// A program ran and failed.
    #[error("`{command}` failed ({status}): {stderr}")]
    Command {
        /// The whole command line.
        command: String,
        /// How it ended.
        status: String,
        /// What it said on standard error, trimmed.
        stderr: String,
    },

    /// A program succeeded but its answer could not be understood.
    #[error("could not understand the answer of `{command}`: {reason}")]
    Answer {
        /// The whole command line.
        command: String,
        /// What was wrong with it.
        reason: String,
    },

    /// None of the packages that would do is known to the package manager.
    #[error("the package manager knows none of: {}", candidates.join(", "))]
    NoPackage {
        /// The names tried, in order.
        candidates: Vec<String>,
    },

    /// A package could not be had: neither from the cache nor by download.
    #[error("could not download {}: {reason}", packages.join(", "))]
    Download {
        /// The packages, as given to the package manager.
        packages: Vec<String>,
        /// What the package manager said.
        reason: String,
    },

    /// There is not enough room to make a guest.
    #[error("{} has {} MB free, and making the guest takes up to {} MB for a moment", path.display(), free / 1_000_000, needed / 1_000_000)]
    NoRoom {
        /// Where the guest was to be made.
        path: PathBuf,
        /// Bytes free.
        free: u64,
        /// Bytes needed.
        needed: u64,
    },

    /// A package does not hold what it should.
    #[error("{} holds no {what}", origin.display())]
    Incomplete {
        /// The package or directory searched.
        origin: PathBuf,
        /// What was searched for.
        what: String,
    },

    /// The kernel image is not one we can read.
    #[error("{} is not a usable kernel image: {reason}", path.display())]
    Kernel {
        /// The image.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },

    /// A kernel module is not one we can read.
    #[error("{} is not a usable kernel module: {reason}", path.display())]
    Module {
        /// The module's file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },

    /// A program is not one we can read.
    #[error("{} is not a usable program: {reason}", path.display())]
    Program {
        /// The program's file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },

    /// The kernel has no driver the guest cannot do without.
    #[error("kernel {release} has no {module} driver, neither built in nor as a module")]
    NoDriver {
        /// The kernel's release.
        release: String,
        /// The missing module.
        module: String,
    },

    /// There is no recipe of this name.
    #[error("no guest is called {name:?} (there are: {})", known.join(", "))]
    UnknownGuest {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
}

impl Error {
    /// What the user can do about it: usually the exact command.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Spawn { program, .. } => {
                let name = program.file_name()?.to_str()?;
                let package = match name {
                    "dpkg-deb" => "dpkg",
                    "apt-get" | "apt-cache" | "apt-config" => "apt",
                    "qemu-img" => "qemu-utils",
                    _ => return None,
                };
                Some(match package {
                    "apt" => "this needs a Debian or Ubuntu system, or a readable kernel in /boot with its modules in /lib/modules and a \
                              static busybox in /bin"
                        .to_owned(),
                    package => format!("apt-get install {package}"),
                })
            }
            Self::NoPackage { .. } => Some(
                "apt-get update, and check that the sources hold the distribution's main component"
                    .to_owned(),
            ),
            Self::Download { .. } => Some(
                "virt-test guest build, once, with a network; after that none is needed".to_owned(),
            ),
            Self::NoRoom { .. } => {
                Some("free some space there, or choose another --data-dir".to_owned())
            }
            Self::Io { source, path, .. } => match source.kind() {
                io::ErrorKind::StorageFull => Some(format!(
                    "free some space around {}, or choose another --data-dir",
                    path.display()
                )),
                io::ErrorKind::PermissionDenied => {
                    Some("choose another --data-dir, or take back ownership of it".to_owned())
                }
                _ => None,
            },
            _ => None,
        }
    }

    pub(crate) fn io(
        action: &'static str,
        path: impl AsRef<Path>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
