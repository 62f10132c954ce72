//! What a guest was made from, written beside it.

use crate::KernelKind;
use serde::{Deserialize, Serialize};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The version of the manifest's format this program writes and reads.
pub(crate) const FORMAT: u32 = 3;

/// What went into a guest and what came out: `manifest.json` in the guest's directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this format.
    pub format: u32,
    /// The guest's name.
    pub guest: String,
    /// SHA-256 over everything that went in; also the directory's name.
    pub key: String,
    /// Of what this program itself puts in: the recipe and the init. A program that puts in something else builds anew.
    pub recipe: String,
    /// What went in.
    pub components: Vec<Component>,
    /// `uname -r` in the guest.
    pub kernel_release: String,
    /// The timer's interrupts in a second that its kernel was built for, `CONFIG_HZ`, if its package says.
    pub timer_hz: Option<u32>,
    /// How QEMU starts the kernel.
    pub kernel_kind: KernelKind,
    /// Bytes of the kernel image.
    pub kernel_size: u64,
    /// Bytes of the kernel image as the distribution ships it.
    pub shipped_kernel_size: u64,
    /// Bytes of the initramfs.
    pub initrd_size: u64,
    /// Drivers that are part of the kernel, by module name.
    pub builtin: Vec<String>,
    /// Drivers that the guest loads when it meets their devices, by module name.
    pub modules: Vec<String>,
    /// Drivers the recipe wanted and this kernel does not have.
    pub absent: Vec<String>,
    /// How long the build took, in milliseconds.
    pub build_ms: u64,
}

/// One thing that went into a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// The package's name, or what it is used as.
    pub name: String,
    /// Where it came from.
    pub origin: Origin,
    /// The package's version, or the file's name.
    pub version: String,
    /// SHA-256 of the package or file.
    pub sha256: String,
}

/// Where a component came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "lowercase")]
pub enum Origin {
    /// A package of the distribution.
    Package {
        /// The package's architecture.
        architecture: String,
    },
    /// A file of this host, as it was.
    Host {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// When it was last modified, in nanoseconds since 1970.
        modified_ns: i64,
    },
    /// Part of this program.
    Program,
}

impl Origin {
    pub(crate) fn of_host_file(path: &Path, metadata: &Metadata) -> Self {
        Self::Host {
            path: path.to_owned(),
            size: metadata.len(),
            modified_ns: metadata
                .mtime()
                .saturating_mul(1_000_000_000)
                .saturating_add(metadata.mtime_nsec()),
        }
    }

    /// Whether a host's file is still what it was; anything else does not change.
    pub(crate) fn is_unchanged(&self) -> bool {
        match self {
            Self::Host { path, .. } => path
                .metadata()
                .is_ok_and(|metadata| Self::of_host_file(path, &metadata) == *self),
            Self::Package { .. } | Self::Program => true,
        }
    }
}

impl Manifest {
    /// Whether the guest can drive a device that needs this module (`-` and `_` are the same).
    #[must_use]
    pub fn has_driver(&self, module: &str) -> bool {
        let module = crate::modinfo::canonical(module);
        self.builtin.contains(&module) || self.modules.contains(&module)
    }
}
