//! Where QEMU is installed.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::QemuError;

/// Names a system emulator for x86 has, the usual one first: upstream and Debian, then Red Hat, then old wrappers.
const NAMES: [&str; 3] = ["qemu-system-x86_64", "qemu-kvm", "kvm"];

/// Where it is when not in `$PATH`; Red Hat keeps it out of there.
const PLACES: [&str; 3] = [
    "/usr/libexec/qemu-kvm",
    "/usr/bin/qemu-system-x86_64",
    "/usr/local/bin/qemu-system-x86_64",
];

/// The QEMU to use: the one asked for (of `--qemu`), else the first of [`find_all`].
///
/// # Errors
/// When the one asked for is not there or not a program, or none is installed.
pub fn find(explicit: Option<&Path>) -> Result<PathBuf, QemuError> {
    match explicit {
        Some(path) => check(path),
        None => find_all()
            .into_iter()
            .next()
            .ok_or_else(|| QemuError::NotFound {
                names: NAMES.join(", "),
                places: PLACES.join(", "),
            }),
    }
}

/// All QEMU system emulators for x86 that are installed, each once, in the order of preference.
#[must_use]
pub fn find_all() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let directories: Vec<PathBuf> = env::split_paths(&path)
        .filter(|path| path.is_absolute())
        .collect();
    candidates(&directories, PLACES.iter().map(PathBuf::from))
}

/// Looks for a program: a path as it is, a plain name in `$PATH`.
#[must_use]
pub fn in_path(name: &Path) -> Option<PathBuf> {
    if name.components().count() > 1 {
        return is_program(name).then(|| name.to_owned());
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|path| is_program(path))
}

fn candidates(directories: &[PathBuf], places: impl Iterator<Item = PathBuf>) -> Vec<PathBuf> {
    let in_path = NAMES.iter().flat_map(|name| {
        directories
            .iter()
            .map(move |directory| directory.join(name))
    });
    let mut seen = Vec::new();
    in_path
        .chain(places)
        .filter(|path| {
            let real = path
                .canonicalize()
                .ok()
                .filter(|real| is_program(real) && !seen.contains(real));
            seen.extend(real.clone());
            real.is_some()
        })
        .collect()
}

fn check(path: &Path) -> Result<PathBuf, QemuError> {
    let found = if path.components().count() > 1 {
        Some(path.to_owned())
    } else {
        in_path(path)
    };
    // A plain name that is not in $PATH may still be a file here.
    let found = found.unwrap_or_else(|| path.to_owned());
    let found = std::path::absolute(&found).unwrap_or(found);
    match fs::metadata(&found) {
        Err(source) => Err(QemuError::Unreadable {
            path: found,
            source,
        }),
        Ok(_) if !is_program(&found) => Err(QemuError::NotExecutable(found)),
        Ok(_) => Ok(found),
    }
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(path: &Path, mode: u32) {
        fs::write(path, "").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn each_qemu_is_found_once_and_the_usual_name_comes_first() {
        let temp = tempfile::tempdir().unwrap();
        let [one, two] = ["one", "two"].map(|name| temp.path().join(name));
        fs::create_dir_all(&one).unwrap();
        fs::create_dir_all(&two).unwrap();
        program(&one.join("qemu-kvm"), 0o755);
        program(&two.join("qemu-system-x86_64"), 0o755);
        program(&one.join("kvm"), 0o644);
        std::os::unix::fs::symlink(two.join("qemu-system-x86_64"), two.join("kvm")).unwrap();
        let found = candidates(
            &[one.clone(), two.clone()],
            [two.join("qemu-system-x86_64")].into_iter(),
        );
        assert_eq!(
            found,
            [two.join("qemu-system-x86_64"), one.join("qemu-kvm")]
        );
    }

    #[test]
    fn one_that_is_asked_for_must_be_a_program() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("qemu");
        assert!(matches!(
            find(Some(&path)),
            Err(QemuError::Unreadable { .. })
        ));
        program(&path, 0o644);
        assert!(matches!(
            find(Some(&path)),
            Err(QemuError::NotExecutable(_))
        ));
        assert!(matches!(
            find(Some(temp.path())),
            Err(QemuError::NotExecutable(_))
        ));
        program(&path, 0o755);
        assert_eq!(find(Some(&path)).unwrap(), path);
    }

    #[test]
    fn a_plain_name_is_looked_for_in_the_path() {
        assert!(find(Some(Path::new("sh"))).unwrap().is_absolute());
        assert!(matches!(
            find(Some(Path::new("no-such-program-here"))),
            Err(QemuError::Unreadable { .. })
        ));
    }
}
