//! An SSH server for the tiny guests, in an initramfs of its own so that guests without one boot no slower.

use crate::apt::{self, Apt};
use crate::fetch::fetch;
use crate::initramfs::Tree;
use crate::store::GuestStore;
use crate::{Error, Progress, Result, TinyGuest, library, lock};
use std::fs;
use std::path::PathBuf;

/// The distribution's small server; the guest's init starts it where it finds it.
const PACKAGE: &str = "dropbear-bin";
const PROGRAM: &str = "usr/sbin/dropbear";
/// Where it lies in the guest, whose `/usr/sbin` is a link.
const PLACE: &str = "sbin/dropbear";
/// Where it keeps the host keys it makes when it is first asked for them.
const KEYS: &str = "etc/dropbear";

/// The name of the initramfs; another one when other contents should be in it.
const INITRD: &str = "initrd-ssh-1";

impl GuestStore {
    /// The initramfs of a guest with an SSH server in it, made if need be; that blocks for seconds.
    ///
    /// # Errors
    /// When the server cannot be had; [`Error::hint`] says what would help.
    pub fn ensure_ssh_server(
        &self,
        guest: &TinyGuest,
        progress: &dyn Fn(Progress),
    ) -> Result<PathBuf> {
        let wanted = guest.initrd.with_file_name(INITRD);
        if wanted.exists() {
            return Ok(wanted);
        }
        let directory = guest.initrd.parent().unwrap_or(&guest.initrd);
        let building = tempfile::Builder::new()
            .prefix(".building-")
            .tempdir_in(directory)
            .map_err(Error::io("create a directory in", directory))?;
        let unpacked = building.path().join("unpacked");
        let apt = Apt::new(self.packages());
        let packages = apt.packages_dir();
        fs::create_dir_all(packages).map_err(Error::io("create", packages))?;
        let lock = lock::take(&packages.join("lock"), progress)?;
        let debs = fetch(&apt, &[], &[PACKAGE], progress)?;
        progress(Progress::Unpacking);
        for deb in &debs {
            apt::unpack(&deb.path, &unpacked)?;
        }
        drop(lock);
        progress(Progress::Assembling);

        let files = library::with_libraries(&unpacked.join(PROGRAM), PLACE, &unpacked)?;
        let mut tree = Tree::default();
        tree.directory(KEYS, 0o700);
        for (path, content) in files {
            tree.file(&path, 0o755, content);
        }
        let mut initrd = fs::read(&guest.initrd).map_err(Error::io("read", &guest.initrd))?;
        // The kernel unpacks one archive after the other ("initramfs buffer format" in its documentation).
        initrd.extend(tree.archive());
        let made = building.path().join(INITRD);
        fs::write(&made, initrd).map_err(Error::io("write", &made))?;
        // Whoever else makes it makes the same.
        fs::rename(&made, &wanted).map_err(Error::io("create", &wanted))?;
        Ok(wanted)
    }
}
