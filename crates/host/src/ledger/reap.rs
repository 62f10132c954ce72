//! Giving back what a dead run left.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::file::{KEPT, Line, Owner, UNFINISHED, directory};
use super::{Item, Ledger, LedgerError};
use crate::process::{boot_id, kill_and_wait, pid_namespace, processes_marked};

/// Longest wait for the kernel to carry out a SIGKILL.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// What a dead run had left.
#[derive(Debug, Default)]
pub struct Reaped {
    /// What was there and is gone now.
    pub items: Vec<Item>,
    /// What could not be given back, and why. It stays written down, for the next run to try.
    pub failures: Vec<String>,
}

/// What is written in a ledger, as far as it can be read.
#[derive(Debug, Default, PartialEq, Eq)]
struct Contents {
    owner: Option<Owner>,
    held: Vec<Item>,
}

impl Reaped {
    /// Was there nothing?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.failures.is_empty()
    }
}

impl fmt::Display for Reaped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for item in &self.items {
            write!(f, "{separator}removed {item}")?;
            separator = "; ";
        }
        for failure in &self.failures {
            write!(f, "{separator}{failure}")?;
            separator = "; ";
        }
        Ok(())
    }
}

impl Ledger {
    /// Gives back what runs that are dead had left under `runtime`. Ledgers of living runs are not touched, however many reap at once.
    ///
    /// # Errors
    /// When the ledgers cannot be listed. What goes wrong with one of them is in [`Reaped::failures`].
    pub fn reap_stale(runtime: &Path) -> Result<Reaped, LedgerError> {
        let directory = directory(runtime);
        let mut reaped = Reaped::default();
        let entries = match fs::read_dir(&directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(reaped),
            entries => entries.map_err(|source| LedgerError::File {
                path: directory.clone(),
                source,
            })?,
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            let ending = path.extension().and_then(|ending| ending.to_str());
            let result = match ending {
                Some(KEPT) => reap(&path, &mut reaped),
                Some(UNFINISHED) => remove_unfinished(&path),
                _ => Ok(()),
            };
            if let Err(error) = result {
                reaped
                    .failures
                    .push(format!("cannot reap {}: {error}", path.display()));
            }
        }
        Ok(reaped)
    }
}

/// A ledger's file, locked. Dropping it unlocks: closing the file alone would not, while a child of ours that has forked but not yet
/// executed its program shares it.
struct Locked(File);

impl Drop for Locked {
    fn drop(&mut self) {
        // Without it the file is unlocked a moment later.
        let _ = flock(self.0.as_fd(), FlockOperation::Unlock);
    }
}

/// The file with its lock; `None` if its owner, or another who reaps, has that.
fn lock(path: &Path) -> io::Result<Option<Locked>> {
    let file = match OpenOptions::new().read(true).append(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    match flock(file.as_fd(), FlockOperation::NonBlockingLockExclusive) {
        // Between our open and our lock another may have reaped and removed it.
        Ok(()) => Ok(Some(Locked(file)).filter(|_| path.exists())),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn remove_unfinished(path: &Path) -> io::Result<()> {
    match lock(path)? {
        Some(_lock) => fs::remove_file(path),
        None => Ok(()),
    }
}

fn reap(path: &Path, reaped: &mut Reaped) -> io::Result<()> {
    let Some(lock) = lock(path)? else {
        return Ok(());
    };
    let contents = Contents::read(BufReader::new(&lock.0))?;
    let failures_before = reaped.failures.len();
    let owner = contents.owner.as_ref();
    let same_world = owner.map_or(Ok(false), is_our_world)?;
    for item in contents.held.iter().rev() {
        if matches!(item, Item::Process { .. }) && !same_world {
            // The number means nothing here: the machine was restarted, or the process is in another container.
            continue;
        }
        match item.give_back() {
            Ok(true) => reaped.items.push(item.clone()),
            Ok(false) => {}
            Err(error) => reaped.failures.push(error.to_string()),
        }
    }
    let id = path.file_stem().and_then(|stem| stem.to_str());
    if let Some(id) = id.filter(|_| same_world) {
        reap_marked(id, reaped);
    }
    if reaped.failures.len() == failures_before {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// Children of children, which went into process groups of their own and are not in the ledger.
fn reap_marked(ledger: &str, reaped: &mut Reaped) {
    for id in processes_marked(Ledger::MARK, ledger) {
        let name = fs::read_to_string(format!("/proc/{}/comm", id.pid))
            .unwrap_or_default()
            .trim()
            .to_owned();
        let item = Item::Process { id, name };
        match kill_and_wait(id, KILL_LIMIT) {
            Ok(true) => reaped.items.push(item),
            Ok(false) => {}
            Err(error) => reaped
                .failures
                .push(format!("cannot give back {item}: {error}")),
        }
    }
}

fn is_our_world(owner: &Owner) -> io::Result<bool> {
    Ok(owner.boot_id == boot_id()? && owner.pid_namespace == pid_namespace()?)
}

impl Contents {
    /// Lines that cannot be read, such as the last one of a writer killed half-way or those of a later version, are skipped.
    fn read(reader: impl BufRead) -> io::Result<Self> {
        let mut owner = None;
        let mut held = BTreeMap::new();
        for line in reader.split(b'\n') {
            match serde_json::from_slice(&line?) {
                Ok(Line::Owner(found)) => owner = Some(found),
                Ok(Line::Borrow { id, item }) => {
                    held.insert(id, item);
                }
                Ok(Line::Return { id }) => {
                    held.remove(&id);
                }
                Err(_) => {}
            }
        }
        Ok(Contents {
            owner,
            held: held.into_values().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::ProcessId;
    use std::io::Write;
    use std::path::PathBuf;
    use std::process::Command;

    const OWNER: &str = r#"{"owner":{"process":{"pid":1,"start_time":2},"boot_id":"another","pid_namespace":"pid:[1]"}}"#;

    fn read(text: &str) -> Contents {
        Contents::read(text.as_bytes()).unwrap()
    }

    fn stale(runtime: &Path, lines: &[String]) -> PathBuf {
        fs::create_dir_all(directory(runtime)).unwrap();
        let path = directory(runtime).join("stale.jsonl");
        fs::write(&path, lines.join("\n")).unwrap();
        path
    }

    fn owner_here() -> String {
        let owner = Owner {
            process: ProcessId {
                pid: 1,
                start_time: 0,
            },
            boot_id: boot_id().unwrap(),
            pid_namespace: pid_namespace().unwrap(),
        };
        serde_json::to_string(&Line::Owner(owner)).unwrap()
    }

    fn borrow(id: u64, item: Item) -> String {
        serde_json::to_string(&Line::Borrow { id, item }).unwrap()
    }

    #[test]
    fn what_was_returned_is_not_held() {
        let text = r#"{"borrow":{"id":1,"item":{"file":{"path":"/a/b"}}}}
{"borrow":{"id":2,"item":{"socket":{"path":"/a/c"}}}}
{"return":{"id":1}}
"#;
        assert_eq!(
            read(text).held,
            [Item::Socket {
                path: "/a/c".into()
            }]
        );
    }

    #[test]
    fn a_half_written_or_unknown_line_does_not_hide_the_others() {
        let text = format!(
            "{OWNER}\n{}\n{}\n{}\n{}",
            r#"{"borrow":{"id":1,"item":{"file":{"path":"/a/b"}}}}"#,
            r#"{"borrow":{"id":2,"item":{"teapot":{"path":"/a/b"}}}}"#,
            "\u{0}\u{0}",
            r#"{"borrow":{"id":3,"item":{"fi"#
        );
        let contents = read(&text);
        assert!(contents.owner.is_some());
        assert_eq!(contents.held.len(), 1);
    }

    #[test]
    fn the_ledger_of_a_living_owner_is_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(temp.path()).unwrap();
        let scratch = ledger.scratch("vm").unwrap();
        let reaped = Ledger::reap_stale(temp.path()).unwrap();
        assert!(reaped.is_empty(), "{reaped}");
        assert!(scratch.path().exists());
        assert!(ledger.path().exists());
    }

    #[test]
    fn files_of_another_boot_are_removed_and_its_process_numbers_are_ignored() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("file");
        fs::write(&file, "").unwrap();
        let mut bystander = Command::new("sleep").arg("1000").spawn().unwrap();
        let id = ProcessId::of(bystander.id()).unwrap();
        let ledger = stale(
            temp.path(),
            &[
                OWNER.to_owned(),
                borrow(
                    1,
                    Item::Process {
                        id,
                        name: "sleep".into(),
                    },
                ),
                borrow(2, Item::File { path: file.clone() }),
            ],
        );
        let reaped = Ledger::reap_stale(temp.path()).unwrap();
        let alive = id.is_alive();
        bystander.kill().unwrap();
        bystander.wait().unwrap();
        assert!(alive, "a process of another boot is somebody else");
        assert_eq!(reaped.items, [Item::File { path: file.clone() }]);
        assert!(!file.exists());
        assert!(!ledger.exists());
    }

    #[test]
    fn a_process_that_took_a_recycled_number_is_not_killed() {
        let temp = tempfile::tempdir().unwrap();
        let mut bystander = Command::new("sleep").arg("1000").spawn().unwrap();
        let now = ProcessId::of(bystander.id()).unwrap();
        let before = ProcessId {
            start_time: now.start_time - 1,
            ..now
        };
        stale(
            temp.path(),
            &[
                owner_here(),
                borrow(
                    1,
                    Item::Process {
                        id: before,
                        name: "qemu".into(),
                    },
                ),
            ],
        );
        let reaped = Ledger::reap_stale(temp.path()).unwrap();
        let alive = now.is_alive();
        bystander.kill().unwrap();
        bystander.wait().unwrap();
        assert!(alive);
        assert!(reaped.is_empty(), "{reaped}");
    }

    #[test]
    fn a_left_process_is_killed_and_named() {
        let temp = tempfile::tempdir().unwrap();
        let mut left = Command::new("sleep").arg("1000").spawn().unwrap();
        let id = ProcessId::of(left.id()).unwrap();
        stale(
            temp.path(),
            &[
                owner_here(),
                borrow(
                    1,
                    Item::Process {
                        id,
                        name: "sleep".into(),
                    },
                ),
            ],
        );
        let reaped = Ledger::reap_stale(temp.path()).unwrap();
        assert!(!id.is_alive());
        left.wait().unwrap();
        assert_eq!(
            reaped.to_string(),
            format!("removed process {} (sleep)", id.pid)
        );
    }

    #[test]
    fn what_cannot_be_given_back_is_tried_again_by_the_next_run() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("x");
        fs::create_dir(&path).unwrap();
        let ledger = stale(
            temp.path(),
            &[owner_here(), borrow(1, Item::File { path: path.clone() })],
        );
        let reaped = Ledger::reap_stale(temp.path()).unwrap();
        assert_eq!(reaped.failures.len(), 1, "{reaped}");
        assert!(ledger.exists());
        fs::remove_dir(&path).unwrap();
        assert!(Ledger::reap_stale(temp.path()).unwrap().is_empty());
        assert!(!ledger.exists());
    }

    #[test]
    fn the_unfinished_file_of_a_dead_run_goes_and_that_of_a_living_one_stays() {
        let temp = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory(temp.path())).unwrap();
        let dead = directory(temp.path()).join("1-1-0.new");
        let living = directory(temp.path()).join("2-2-0.new");
        fs::write(&dead, "").unwrap();
        let mut file = File::create(&living).unwrap();
        flock(file.as_fd(), FlockOperation::LockExclusive).unwrap();
        file.write_all(b"x").unwrap();
        Ledger::reap_stale(temp.path()).unwrap();
        assert!(!dead.exists());
        assert!(living.exists());
    }

    #[test]
    fn no_ledgers_is_nothing_to_reap() {
        let temp = tempfile::tempdir().unwrap();
        assert!(Ledger::reap_stale(temp.path()).unwrap().is_empty());
    }
}
