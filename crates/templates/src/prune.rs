use std::fs;
use std::time::{Duration, SystemTime};

use units::ByteSize;

use crate::error::Error;
use crate::inputs::Key;
use crate::store::{Store, remove};

/// How much of templates is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Room all of them may take; the longest unused go first.
    pub size: ByteSize,
    /// How long one is kept that nobody uses.
    pub age: Duration,
}

impl Default for Limits {
    /// 4 GiB and 14 days: some forty tiny guests.
    fn default() -> Self {
        Self {
            size: ByteSize::gib(4),
            age: Duration::from_secs(14 * 24 * 60 * 60),
        }
    }
}

/// A template that was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// Its name.
    pub key: Key,
    /// Room it took.
    pub size: ByteSize,
}

pub(crate) fn prune(
    store: &Store,
    limits: &Limits,
    keep: Option<&Key>,
) -> Result<Vec<Pruned>, Error> {
    remove_half_made(store)?;
    let now = SystemTime::now();
    let mut kept = 0u64;
    let mut pruned = Vec::new();
    for entry in store.list()? {
        let age = now.duration_since(entry.used).unwrap_or_default();
        let room = kept.saturating_add(entry.size.as_bytes());
        let wanted = age <= limits.age && room <= limits.size.as_bytes();
        if wanted || keep == Some(&entry.key) {
            kept = room;
            continue;
        }
        // In use: it stays, and counts.
        let Some(_lock) = store.try_lock(&entry.key)? else {
            kept = room;
            continue;
        };
        remove(&store.root().join(entry.key.as_str()))?;
        // The lock file stays: were it removed, a run that waits for it and a later one would hold two different locks.
        pruned.push(Pruned {
            key: entry.key,
            size: entry.size,
        });
    }
    Ok(pruned)
}

/// Removes what killed runs left half made: what nobody holds the lock of.
fn remove_half_made(store: &Store) -> Result<(), Error> {
    let root = store.root();
    let Ok(directory) = fs::read_dir(root) else {
        return Ok(());
    };
    for entry in directory {
        let path = entry.map_err(Error::io("read", root))?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let building = name
            .strip_prefix(".building-")
            .and_then(|rest| rest.get(..32));
        if let Some(key) = building.and_then(Key::parse)
            && let Some(_lock) = store.try_lock(&key)?
        {
            remove(&path)?;
        }
    }
    Ok(())
}
