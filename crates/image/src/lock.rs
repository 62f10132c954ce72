//! Locks between runs of this program.

use crate::{Error, Progress, Result};
use rustix::fs::FlockOperation;
use std::fs::File;
use std::path::Path;

/// Takes the lock, which goes when the file is closed, however this program ends.
pub(crate) fn take(path: &Path, progress: &dyn Fn(Progress)) -> Result<File> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(Error::io("open", path))?;
    let flock = |operation| rustix::io::retry_on_intr(|| rustix::fs::flock(&file, operation));
    match flock(FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => {
            progress(Progress::WaitingForOtherRun);
            flock(FlockOperation::LockExclusive)
        }
        other => other,
    }
    .map_err(|error| Error::io("lock", path)(error.into()))?;
    Ok(file)
}
