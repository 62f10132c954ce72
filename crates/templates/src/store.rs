use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock, statvfs};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tracing::{info, warn};
use units::ByteSize;

use crate::error::Error;
use crate::inputs::{Inputs, Key};
use crate::manifest::{FORMAT, Manifest, Manner, Stamp, sha256};
use crate::prune::{Limits, prune};
use crate::template::{Distrust, MANIFEST, RAM, STATE, Template, disk};

/// What a template may take besides the machine's memory.
const STATE_ROOM: u64 = 64 << 20;

/// The templates of a data directory: `templates/<key>/{ram,state,disk-…,template.json}`, each with a lock beside it, whose time of
/// modification is that of the last use.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    limits: Limits,
}

/// What [`Store::begin`] found.
#[derive(Debug)]
pub enum Begun {
    /// The template is there.
    Ready(Template),
    /// It has to be made, and nobody else makes it meanwhile.
    Make(Building),
}

/// A template there is.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name.
    pub key: Key,
    /// What is known of it; nothing when its description cannot be read.
    pub manifest: Option<Manifest>,
    /// Room it takes on the disk.
    pub size: ByteSize,
    /// When a run last used it.
    pub used: SystemTime,
    /// Does a run hold it now?
    pub in_use: bool,
}

impl Store {
    /// The templates below a data directory, which need not exist yet.
    #[must_use]
    pub fn new(data: &Path) -> Self {
        Self {
            root: data.join("templates"),
            limits: Limits::default(),
        }
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The template made from these inputs, or the right to make it. Waits up to `patience` while another run makes it.
    ///
    /// # Errors
    /// [`Error::Busy`] when another run still makes it, or uses one that cannot be trusted; another [`Error`] when the store
    /// cannot be read or written.
    pub async fn begin(&self, inputs: &Inputs, patience: Duration) -> Result<Begun, Error> {
        let key = inputs.key();
        let begun = tokio::time::timeout(patience, self.begin_at_once(inputs));
        begun.await.unwrap_or_else(|_| {
            Err(Error::Busy {
                path: self.root.join(key.as_str()),
                waited: patience,
            })
        })
    }

    async fn begin_at_once(&self, inputs: &Inputs) -> Result<Begun, Error> {
        let key = inputs.key();
        fs::create_dir_all(&self.root).map_err(Error::io("create", &self.root))?;
        if let Some(template) =
            self.usable(&key, self.lock(&key, FlockOperation::LockShared).await?)?
        {
            return Ok(Begun::Ready(template));
        }
        let lock = self.lock(&key, FlockOperation::LockExclusive).await?;
        // Whoever held the lock may have made it.
        let again = lock
            .try_clone()
            .map_err(Error::io("lock", &self.lock_path(&key)))?;
        if let Some(template) = self.usable(&key, again)? {
            self.share(&lock, &key)?;
            return Ok(Begun::Ready(template));
        }
        let directory = self.root.join(key.as_str());
        remove(&directory)?;
        let building = tempfile::Builder::new()
            .prefix(&format!(".building-{key}-"))
            .tempdir_in(&self.root);
        let building = building.map_err(Error::io("create a directory in", &self.root))?;
        Ok(Begun::Make(Building {
            store: self.clone(),
            inputs: inputs.clone(),
            key,
            building,
            lock,
        }))
    }

    /// All templates there are, the last used first.
    ///
    /// # Errors
    /// [`Error`] when the store cannot be read.
    pub fn list(&self) -> Result<Vec<Entry>, Error> {
        let directory = match fs::read_dir(&self.root) {
            Ok(directory) => directory,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::io("read", &self.root)(error)),
        };
        let mut entries = Vec::new();
        for entry in directory {
            let path = entry.map_err(Error::io("read", &self.root))?.path();
            let key = path
                .file_name()
                .and_then(|name| name.to_str())
                .and_then(Key::parse);
            let Some(key) = key else { continue };
            let manifest = fs::read_to_string(path.join(MANIFEST)).ok();
            let used = fs::metadata(self.lock_path(&key)).and_then(|m| m.modified());
            entries.push(Entry {
                manifest: manifest.and_then(|text| serde_json::from_str(&text).ok()),
                size: ByteSize::bytes(allocated(&path)?),
                used: used.unwrap_or(SystemTime::UNIX_EPOCH),
                in_use: self.try_lock(&key)?.is_none(),
                key,
            });
        }
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.used));
        Ok(entries)
    }

    /// Removes templates beyond the limits, and what killed runs left half made; those in use stay.
    ///
    /// # Errors
    /// [`Error`] when the store cannot be read or written.
    pub fn prune(&self, limits: &Limits) -> Result<Vec<crate::Pruned>, Error> {
        prune(self, limits, None)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    fn usable(&self, key: &Key, lock: File) -> Result<Option<Template>, Error> {
        let directory = self.root.join(key.as_str());
        // A time that cannot be set only makes it look older than it is.
        let _ = lock.set_modified(SystemTime::now());
        Ok(match Template::load(key.clone(), directory, lock)? {
            Ok(template) => Some(template),
            Err(Distrust::Absent) => None,
            Err(Distrust::Changed(file)) => {
                warn!("template {key} is made anew: {file} is not as it was left");
                None
            }
        })
    }

    pub(crate) fn lock_path(&self, key: &Key) -> PathBuf {
        self.root.join(format!("{key}.lock"))
    }

    fn open_lock(&self, key: &Key) -> Result<File, Error> {
        let path = self.lock_path(key);
        let options = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        options.map_err(Error::io("open", &path))
    }

    /// Takes a template's lock if that needs no waiting.
    pub(crate) fn try_lock(&self, key: &Key) -> Result<Option<File>, Error> {
        let file = self.open_lock(key)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(Error::io("lock", &self.lock_path(key))(error.into())),
        }
    }

    async fn lock(&self, key: &Key, how: FlockOperation) -> Result<File, Error> {
        let file = self.open_lock(key)?;
        let (sender, receiver) = oneshot::channel();
        // A thread of its own, not one of the runtime's, which would wait for it at the end of the program.
        thread::spawn(move || {
            let locked = rustix::io::retry_on_intr(|| flock(&file, how)).map(|()| file);
            // Nobody waits any more: the lock goes with the file.
            let _ = sender.send(locked);
        });
        let locked = receiver.await.unwrap_or(Err(rustix::io::Errno::INTR));
        locked.map_err(|error| Error::io("lock", &self.lock_path(key))(error.into()))
    }

    fn share(&self, lock: &File, key: &Key) -> Result<(), Error> {
        let shared = rustix::io::retry_on_intr(|| flock(lock, FlockOperation::LockShared));
        shared.map_err(|error| Error::io("lock", &self.lock_path(key))(error.into()))
    }
}

/// A template in the making. When it is dropped unfinished, nothing of it stays.
#[derive(Debug)]
pub struct Building {
    store: Store,
    inputs: Inputs,
    key: Key,
    building: TempDir,
    /// Held alone.
    lock: File,
}

impl Building {
    /// The directory it is made in, gone with this value.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.building.path()
    }

    /// Where the machine's memory is to lie.
    #[must_use]
    pub fn ram(&self) -> PathBuf {
        self.directory().join(RAM)
    }

    /// Where the machine's state is to be written.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.directory().join(STATE)
    }

    /// Where a disk is to lie.
    #[must_use]
    pub fn disk(&self, id: &str) -> PathBuf {
        disk(self.directory(), id)
    }

    /// Is there room for a machine with so much memory?
    ///
    /// # Errors
    /// [`Error::NoRoom`] if not.
    pub fn check_room(&self, memory: ByteSize) -> Result<(), Error> {
        let path = self.directory();
        let room = statvfs(path).map_err(|e| Error::io("look at", path)(e.into()))?;
        let free = room.f_bavail.saturating_mul(room.f_frsize);
        let needed = memory.as_bytes().saturating_add(STATE_ROOM);
        if free >= needed {
            return Ok(());
        }
        Err(Error::NoRoom {
            path: path.to_owned(),
            needed: ByteSize::bytes(needed),
            free: ByteSize::bytes(free),
        })
    }

    /// The machine is frozen and was tried: from now on others may clone it. Older templates make room for it.
    ///
    /// # Errors
    /// [`Error`] when it cannot be written.
    pub fn finish(self, manner: Manner) -> Result<Template, Error> {
        let path = self.directory();
        if manner == Manner::Stream {
            // The state has it all.
            let _ = fs::remove_file(self.ram());
        }
        let mut files = Vec::new();
        for entry in fs::read_dir(path).map_err(Error::io("read", path))? {
            let entry = entry.map_err(Error::io("read", path))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            files.push((name, Stamp::of(&entry.path())?));
        }
        let manifest = Manifest {
            format: FORMAT,
            about: self.inputs.about().to_owned(),
            inputs: self.inputs.as_text().to_owned(),
            made: Timestamp::now(),
            manner,
            files,
            state_sha256: sha256(&self.state())?,
        };
        let file = path.join(MANIFEST);
        let json = serde_json::to_vec_pretty(&manifest)
            .map_err(|e| Error::io("write", &file)(e.into()))?;
        let written = File::create(&file).and_then(|mut file| file.write_all(&json));
        written.map_err(Error::io("write", &file))?;
        let directory = self.store.root.join(self.key.as_str());
        fs::rename(path, &directory).map_err(Error::io("rename", path))?;
        // It is no longer where it would be removed from.
        let _ = self.building.keep();
        self.store.share(&self.lock, &self.key)?;
        info!("template {} is ready in {}", self.key, directory.display());
        let limits = self.store.limits;
        if let Err(error) = prune(&self.store, &limits, Some(&self.key)) {
            warn!("old templates could not be removed: {error}");
        }
        let template = self.store.usable(&self.key, self.lock)?;
        template.ok_or_else(|| {
            let error = io::Error::other("it changed while it was made");
            Error::io("trust", &directory)(error)
        })
    }
}

pub(crate) fn remove(directory: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("remove", directory)(error))
        }
        _ => Ok(()),
    }
}

/// Bytes the files of a directory take, holes not counted.
pub(crate) fn allocated(directory: &Path) -> Result<u64, Error> {
    let mut sum = 0;
    for entry in fs::read_dir(directory).map_err(Error::io("read", directory))? {
        // One that is gone in between takes nothing.
        let metadata = entry.and_then(|entry| entry.metadata());
        sum += metadata.map_or(0, |metadata| metadata.blocks() * 512);
    }
    Ok(sum)
}
