//! The ledger of a run: its file, and the tokens that hold what is in it.

use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::item::check_path;
use super::{GiveBackError, Item, Scratch};
use crate::process::{ProcessId, boot_id, pid_namespace};

/// A line of a ledger's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    /// The first line.
    Owner(Owner),
    /// Something is about to be used.
    Borrow {
        /// Number within the ledger.
        id: u64,
        /// What.
        item: Item,
    },
    /// Something is no longer ours to care for.
    Return {
        /// Its number.
        id: u64,
    },
}

/// Whose ledger it is, and in which world its process numbers mean something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owner {
    pub process: ProcessId,
    pub boot_id: String,
    pub pid_namespace: String,
}

/// Why something cannot be written down.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// A ledger's file or directory cannot be used.
    #[error("cannot use ledger {path}: {source}")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The thing itself cannot be borrowed.
    #[error("cannot borrow {path}: {source}")]
    Borrow {
        /// The thing.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// We cannot find out who we are.
    #[error("cannot identify ourselves in /proc: {0}")]
    Identity(#[source] io::Error),
}

/// What a run has borrowed. Clones are the same ledger.
#[derive(Debug, Clone)]
pub struct Ledger {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    id: String,
    path: PathBuf,
    runtime: PathBuf,
    names: AtomicU32,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    next: u64,
    held: Vec<(u64, Item)>,
}

/// Holds one thing that is written down. Gives it back when dropped.
#[derive(Debug)]
#[must_use = "what a token holds is given back when it is dropped"]
pub struct Token {
    ledger: Arc<Inner>,
    id: u64,
}

impl Ledger {
    /// The environment variable by which a child, and its children, are known to belong to a ledger.
    pub const MARK: &'static str = "VIRT_TEST_LEDGER";

    /// Starts a ledger under `runtime`, which must be private to us.
    ///
    /// # Errors
    /// When its file cannot be made.
    pub fn open(runtime: &Path) -> Result<Self, LedgerError> {
        let directory = directory(runtime);
        let mut builder = fs::DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(&directory);
        made.map_err(|source| LedgerError::File {
            path: directory.clone(),
            source,
        })?;
        let owner = Owner {
            process: ProcessId::current().map_err(LedgerError::Identity)?,
            boot_id: boot_id().map_err(LedgerError::Identity)?,
            pid_namespace: pid_namespace().map_err(LedgerError::Identity)?,
        };
        let (id, path, file) = create(&directory, &owner)?;
        let state = Mutex::new(State {
            file,
            next: 1,
            held: Vec::new(),
        });
        Ok(Ledger {
            inner: Arc::new(Inner {
                id,
                path,
                runtime: runtime.to_owned(),
                names: AtomicU32::new(0),
                state,
            }),
        })
    }

    /// Names this ledger among all others, past ones included.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.inner.id
    }

    /// Where it is kept.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Writes down a file that is about to be made at this absolute path.
    ///
    /// # Errors
    /// When it cannot be written down; then do not make it.
    pub fn file(&self, path: &Path) -> Result<Token, LedgerError> {
        self.borrow_path(path, |path| Item::File { path })
    }

    /// Writes down a Unix socket that is about to be bound to this absolute path.
    ///
    /// # Errors
    /// When it cannot be written down; then do not make it.
    pub fn socket(&self, path: &Path) -> Result<Token, LedgerError> {
        self.borrow_path(path, |path| Item::Socket { path })
    }

    /// Writes down a directory that is about to be made at this absolute path. All in it goes with it.
    ///
    /// # Errors
    /// When it cannot be written down; then do not make it.
    pub fn directory(&self, path: &Path) -> Result<Token, LedgerError> {
        self.borrow_path(path, |path| Item::Directory { path })
    }

    /// Writes down a process. Prefer [`crate::process::Process::spawn`], which leaves no moment in between.
    ///
    /// # Errors
    /// When it cannot be written down; then end it.
    pub fn process(&self, id: ProcessId, name: &str) -> Result<Token, LedgerError> {
        self.borrow(Item::Process {
            id,
            name: name.to_owned(),
        })
    }

    /// Makes a private, empty directory with a short path, `purpose` in its name.
    ///
    /// # Errors
    /// When it cannot be made or written down.
    pub fn scratch(&self, purpose: &str) -> Result<Scratch, LedgerError> {
        Scratch::create(self, &self.inner.runtime, purpose)
    }

    /// A short text that no other name under the runtime directory ends in.
    pub(super) fn unique_suffix(&self) -> String {
        let number = self.inner.names.fetch_add(1, Ordering::Relaxed);
        let mut hasher = DefaultHasher::new();
        self.inner.id.hash(&mut hasher);
        format!("{:06x}{number:x}", hasher.finish() & 0xff_ffff)
    }

    /// What is borrowed now, in the order it was.
    #[must_use]
    pub fn held(&self) -> Vec<Item> {
        self.inner
            .state()
            .held
            .iter()
            .map(|(_, item)| item.clone())
            .collect()
    }

    /// Gives back everything, the latest first, whoever holds the tokens; for the end of a run that was interrupted. Returns what
    /// could not be given back.
    pub fn give_back_all(&self) -> Vec<GiveBackError> {
        let held = self.inner.state().held.clone();
        held.into_iter()
            .rev()
            .filter_map(|(id, _)| self.inner.give_back(id).err())
            .collect()
    }

    fn borrow_path(
        &self,
        path: &Path,
        item: impl FnOnce(PathBuf) -> Item,
    ) -> Result<Token, LedgerError> {
        let path = check_path(path).map_err(|source| LedgerError::Borrow {
            path: path.to_owned(),
            source,
        })?;
        self.borrow(item(path))
    }

    fn borrow(&self, item: Item) -> Result<Token, LedgerError> {
        let mut state = self.inner.state();
        let id = state.next;
        let line = Line::Borrow {
            id,
            item: item.clone(),
        };
        append(&mut state.file, &line).map_err(|source| LedgerError::File {
            path: self.inner.path.clone(),
            source,
        })?;
        state.next += 1;
        state.held.push((id, item));
        drop(state);
        Ok(Token {
            ledger: Arc::clone(&self.inner),
            id,
        })
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, id: u64) -> Result<bool, GiveBackError> {
        let item = self
            .state()
            .held
            .iter()
            .find(|(held, _)| *held == id)
            .map(|(_, item)| item.clone());
        // Already given back or released.
        let Some(item) = item else {
            return Ok(false);
        };
        let given = item.give_back()?;
        self.strike_out(id);
        Ok(given)
    }

    fn strike_out(&self, id: u64) {
        let mut state = self.state();
        state.held.retain(|(held, _)| *held != id);
        // If this line is lost, the next run finds the thing gone already and goes on.
        let _ = append(&mut state.file, &Line::Return { id });
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // All tokens are gone. What could not be given back stays written down, for the next run to try.
        if self.state().held.is_empty() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Token {
    /// Gives the thing back. `false`: it was gone already.
    ///
    /// # Errors
    /// When it cannot be given back; it then stays written down, for the next run to try.
    pub fn give_back(self) -> Result<bool, GiveBackError> {
        self.ledger.give_back(self.id)
        // The drop that follows finds nothing to do, or tries once more.
    }

    /// Strikes the thing out without touching it: it stays, or is gone by other means.
    pub fn release(self) {
        self.ledger.strike_out(self.id);
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        // Nobody can be told of a failure here; the thing stays written down, and the next run tries again.
        let _ = self.ledger.give_back(self.id);
    }
}

/// Where the ledgers of all runs are.
pub(super) fn directory(runtime: &Path) -> PathBuf {
    runtime.join("ledgers")
}

/// Endings of the names of ledgers: in use, and not yet in use.
pub(super) const KEPT: &str = "jsonl";
pub(super) const UNFINISHED: &str = "new";

/// Makes the file under another name, locks it and only then gives it its own name, so that whoever sees a ledger without a lock
/// knows its owner to be dead.
fn create(directory: &Path, owner: &Owner) -> Result<(String, PathBuf, File), LedgerError> {
    let nanoseconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.subsec_nanos());
    for attempt in 0_u32.. {
        let id = format!(
            "{}-{}-{nanoseconds:x}{attempt:x}",
            owner.process.pid, owner.process.start_time
        );
        let unfinished = directory.join(format!("{id}.{UNFINISHED}"));
        let path = directory.join(format!("{id}.{KEPT}"));
        match try_create(&unfinished, &path, owner) {
            Ok(Some(file)) => return Ok((id, path, file)),
            Ok(None) if attempt < 100 => {}
            Ok(None) => break,
            Err(source) => return Err(LedgerError::File { path, source }),
        }
    }
    let source = io::Error::other("others keep taking its file away");
    Err(LedgerError::File {
        path: directory.to_owned(),
        source,
    })
}

/// `None`: the name is taken, or somebody who reaped removed the file before we had locked it.
fn try_create(unfinished: &Path, path: &Path, owner: &Owner) -> io::Result<Option<File>> {
    let opened = OpenOptions::new()
        .append(true)
        .create_new(true)
        .mode(0o600)
        .open(unfinished);
    let mut file = match opened {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
        opened => opened?,
    };
    match flock(file.as_fd(), FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let still_there = fs::metadata(unfinished)
        .is_ok_and(|found| file.metadata().is_ok_and(|ours| found.ino() == ours.ino()));
    if !still_there {
        return Ok(None);
    }
    append(&mut file, &Line::Owner(owner.clone()))?;
    fs::rename(unfinished, path)?;
    Ok(Some(file))
}

/// One `write(2)` a line, which is in the kernel's hands when it returns: it survives our death, if not a power cut, after which
/// there is nothing left to give back but files of a temporary directory.
fn append(file: &mut File, line: &Line) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    file.write_all(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(ledger: &Ledger) -> Vec<Line> {
        let text = fs::read_to_string(ledger.path()).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn what_is_borrowed_is_on_disk_before_it_exists() {
        let temp = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(temp.path()).unwrap();
        let path = temp.path().join("socket");
        let token = ledger.socket(&path).unwrap();
        assert_eq!(
            lines(&ledger)[1],
            Line::Borrow {
                id: 1,
                item: Item::Socket { path }
            }
        );
        drop(token);
        assert_eq!(lines(&ledger)[2], Line::Return { id: 1 });
    }

    #[test]
    fn a_dropped_token_gives_back_and_a_released_one_does_not() {
        let temp = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(temp.path()).unwrap();
        let (gone, kept) = (temp.path().join("gone"), temp.path().join("kept"));
        let first = ledger.file(&gone).unwrap();
        let second = ledger.file(&kept).unwrap();
        fs::write(&gone, "").unwrap();
        fs::write(&kept, "").unwrap();
        drop(first);
        second.release();
        assert!(!gone.exists());
        assert!(kept.exists());
        assert!(ledger.held().is_empty());
    }

    #[test]
    fn a_panic_gives_back() {
        let temp = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(temp.path()).unwrap();
        let path = temp.path().join("directory");
        let result = std::panic::catch_unwind(|| {
            let _token = ledger.directory(&path).unwrap();
            fs::create_dir(&path).unwrap();
            fs::write(path.join("file"), "x").unwrap();
            panic!("a test failed");
        });
        assert!(result.is_err());
        assert!(!path.exists());
    }

    #[test]
    fn everything_is_given_back_latest_first_whoever_holds_it() {
        let temp = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(temp.path()).unwrap();
        let paths = ["a", "b", "c"].map(|name| temp.path().join(name));
        let tokens: Vec<Token> = paths
            .iter()
            .map(|path| ledger.file(path).unwrap())
            .collect();
        for path in &paths {
            fs::write(path, "").unwrap();
        }
        assert_eq!(ledger.held().len(), 3);
        assert!(ledger.give_back_all().is_empty());
        assert!(paths.iter().all(|path| !path.exists()));
        let returned: Vec<Line> = lines(&ledger).split_off(4);
        assert_eq!(returned, [3, 2, 1].map(|id| Line::Return { id }));
        drop(tokens);
    }

    #[test]
    fn the_file_goes_when_nothing_is_borrowed_any_more() {
        let temp = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(temp.path()).unwrap();
        let path = ledger.path().to_owned();
        let token = ledger.file(&temp.path().join("x")).unwrap();
        drop(ledger);
        assert!(path.exists());
        drop(token);
        assert!(!path.exists());
    }

    #[test]
    fn what_cannot_be_given_back_stays_written_down() {
        let temp = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(temp.path()).unwrap();
        let path = ledger.path().to_owned();
        let file = temp.path().join("x");
        let token = ledger.file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(token.give_back().is_err());
        drop(ledger);
        assert!(path.exists());
    }

    #[test]
    fn two_ledgers_of_one_program_do_not_meet() {
        let temp = tempfile::tempdir().unwrap();
        let ledgers: Vec<Ledger> = (0..20)
            .map(|_| Ledger::open(temp.path()).unwrap())
            .collect();
        let mut ids: Vec<&str> = ledgers.iter().map(Ledger::id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 20);
    }
}
