//! Where a run and its tests leave their evidence.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Makes `LOGS/run-2026-11-22T10.24.58` (with `-2`, `-3`… where two runs begin in one second) and points `LOGS/latest` at it.
///
/// # Errors
/// Those of making directories and links.
pub fn create(logs: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(logs)?;
    let base = format!("run-{}", jiff::Zoned::now().strftime("%Y-%m-%dT%H.%M.%S"));
    let mut name = base.clone();
    for again in 2.. {
        match fs::create_dir(logs.join(&name)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                name = format!("{base}-{again}")
            }
            result => {
                result?;
                break;
            }
        }
    }
    point_latest(logs, &name)?;
    Ok(logs.join(name))
}

/// Replaces the link in one step, so that it always points at a run.
fn point_latest(logs: &Path, name: &str) -> io::Result<()> {
    // The name of a run is its own: no other run, of this process or another, makes this link.
    let temporary = logs.join(format!(".latest-{name}"));
    std::os::unix::fs::symlink(name, &temporary)?;
    fs::rename(&temporary, logs.join("latest"))
}

/// File names have at most 255 bytes; the end of a test's name tells more than its beginning.
const LONGEST_NAME: usize = 160;

/// `1-kvm.virtio_blk.….boot`, with anything a file name cannot hold replaced.
pub fn test_dir_name(index: usize, name: &str) -> String {
    let safe: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "._-+=()".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    let tail = if safe.len() <= LONGEST_NAME {
        &safe[..]
    } else {
        let start = safe.len() - LONGEST_NAME;
        let label = safe[start..].find('.').map_or(start, |dot| start + dot + 1);
        &safe[label..]
    };
    format!("{index}-{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_in_one_second_have_two_directories_and_latest_is_the_newer() {
        let logs = tempfile::tempdir().unwrap();
        let first = create(logs.path()).unwrap();
        let second = create(logs.path()).unwrap();
        assert_ne!(first, second);
        assert_eq!(
            fs::canonicalize(logs.path().join("latest")).unwrap(),
            fs::canonicalize(second).unwrap()
        );
    }

    #[test]
    fn runs_of_one_process_may_begin_at_the_same_time() {
        let logs = tempfile::tempdir().unwrap();
        let begin = || (0..50).for_each(|_| drop(create(logs.path()).unwrap()));
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(begin))));
        assert_eq!(fs::read_dir(logs.path()).unwrap().count(), 201);
    }

    #[test]
    fn a_directory_name_is_safe_and_keeps_the_end_of_a_long_name() {
        assert_eq!(test_dir_name(3, "kvm.a/b c.boot"), "3-kvm.a_b_c.boot");
        let long = test_dir_name(1, &format!("{}.end.boot", "x".repeat(300)));
        assert!(long.len() < 255 && long.ends_with(".boot"), "{long}");
    }
}
