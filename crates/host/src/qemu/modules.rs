//! QEMU's loadable modules, and how to keep those of another build away from it.
//!
//! QEMU loads modules for display, USB redirection and more from the directory it was built for. One unpacked elsewhere finds
//! the installed QEMU's there; a module that was built differently is refused, and a few refusals later, when a list of all
//! devices or one of those modules is asked for, an assertion aborts QEMU (10.0 beside an installed 7.2). It looks into `$QEMU_MODULE_DIR` first
//! and at other places only for what is not there. So: a directory of links to its own modules, and of empty files, which are
//! passed over quietly, in place of foreign ones.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The variable that names the directory QEMU looks into first.
pub(super) const VARIABLE: &str = "QEMU_MODULE_DIR";

/// Directories of modules below the prefix that a binary is installed in.
pub(super) fn below_prefix(binary: &Path) -> Vec<PathBuf> {
    let Some(prefix) = binary.parent().and_then(Path::parent) else {
        return Vec::new();
    };
    let library = prefix.join("lib");
    // Debian has a directory an architecture in between.
    let multiarch = fs::read_dir(&library)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("qemu"));
    let others = [
        library.join("qemu"),
        prefix.join("lib64/qemu"),
        prefix.join("lib64/qemu-kvm"),
    ];
    let mut found: Vec<PathBuf> = multiarch
        .chain(others)
        .filter(|path| !modules_in(path).is_empty())
        .collect();
    found.sort();
    found
}

/// The directories of the modules that QEMU complains of, in what it said on standard error.
pub(super) fn complained_of(stderr: &str) -> BTreeSet<PathBuf> {
    let module = |line: &str| {
        let (_, path) = line
            .split_once("failed to initialize module: ")
            .or_else(|| line.split_once("failed to open module: "))?;
        let path = path.split_once(".so").map_or(path, |(stem, _)| stem);
        Path::new(path).parent().map(Path::to_owned)
    };
    stderr.lines().filter_map(module).collect()
}

/// Makes `directory` anew, with links to the modules in `own` and empty files in place of all others in `foreign`.
pub(super) fn shadow(
    directory: &Path,
    own: &[PathBuf],
    foreign: &BTreeSet<PathBuf>,
) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => fs::create_dir_all(directory)?,
    }
    let mut done = BTreeSet::new();
    for source in own {
        for name in modules_in(source) {
            if done.insert(name.clone()) {
                symlink(source.join(&name), directory.join(&name))?;
            }
        }
    }
    for name in foreign.iter().flat_map(|path| modules_in(path)) {
        if done.insert(name.clone()) {
            fs::write(directory.join(&name), "")?;
        }
    }
    Ok(())
}

fn modules_in(directory: &Path) -> Vec<OsString> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let is_module = |name: &OsString| {
        Path::new(name)
            .extension()
            .is_some_and(|ending| ending == "so")
    };
    entries
        .map(|entry| entry.file_name())
        .filter(is_module)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_name_their_directory() {
        let stderr = "failed to initialize module: /usr/lib/x/qemu/ui-opengl.so\n\
            Only modules from the same build can be loaded.\n\
            qemu: -device help: failed to open module: /opt/lib/qemu/hw-usb-host.so: undefined symbol: device_class_set_props\n";
        let found: Vec<PathBuf> = complained_of(stderr).into_iter().collect();
        assert_eq!(
            found,
            [Path::new("/opt/lib/qemu"), Path::new("/usr/lib/x/qemu")]
        );
        assert!(complained_of("qemu: could not load PC BIOS 'bios-256k.bin'").is_empty());
    }

    #[test]
    fn its_own_modules_are_linked_and_foreign_ones_are_empty() {
        let temp = tempfile::tempdir().unwrap();
        let [own, foreign, shadowed] =
            ["own", "foreign", "shadow"].map(|name| temp.path().join(name));
        for (directory, names) in [
            (&own, ["both.so", "mine.so", "notes"]),
            (&foreign, ["both.so", "theirs.so", "x"]),
        ] {
            fs::create_dir(directory).unwrap();
            for name in names {
                fs::write(
                    directory.join(name),
                    directory.as_os_str().as_encoded_bytes(),
                )
                .unwrap();
            }
        }
        for _ in 0..2 {
            shadow(
                &shadowed,
                std::slice::from_ref(&own),
                &BTreeSet::from([foreign.clone()]),
            )
            .unwrap();
            let read = |name| fs::read_to_string(shadowed.join(name)).ok();
            let mine = own.to_str().map(str::to_owned);
            assert_eq!(read("both.so"), mine);
            assert_eq!(read("mine.so"), mine);
            assert_eq!(read("theirs.so").as_deref(), Some(""));
            assert_eq!((read("notes"), read("x")), (None, None));
        }
    }

    #[test]
    fn modules_are_found_beside_the_binary() {
        let temp = tempfile::tempdir().unwrap();
        let modules = temp.path().join("usr/lib/some-arch/qemu");
        fs::create_dir_all(&modules).unwrap();
        let binary = temp.path().join("usr/bin/qemu-system-x86_64");
        assert!(below_prefix(&binary).is_empty());
        fs::write(modules.join("ui-curses.so"), "").unwrap();
        assert_eq!(below_prefix(&binary), [modules]);
    }
}
