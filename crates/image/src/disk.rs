//! The disks of one test: made in its own directory in a few milliseconds, whatever they start from.

use crate::ImageFormat;
use crate::apt::hex;
use crate::qemu_img::{Backing, NewImage, QemuImg};
use crate::{Error, Result};
use rustix::fs::{SeekFrom, ioctl_ficlone, seek};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What a disk holds when the test starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Nothing: zeros of this many bytes.
    Blank {
        /// The virtual size.
        size: u64,
    },
    /// What this image holds; the image itself is not written to.
    Of(Backing),
}

/// A disk to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskRequest {
    /// Its name in the directory, without a suffix.
    pub name: String,
    /// The format of the image.
    pub format: ImageFormat,
    /// What it starts from.
    pub contents: Contents,
    /// Options of the format.
    pub options: Vec<(String, String)>,
}

/// A disk of a test; it goes when the test's directory goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Where it is.
    pub path: PathBuf,
    /// Its format.
    pub format: ImageFormat,
}

/// Makes disks.
///
/// Blank qcow2 images are copies of one that `qemu-img` made once, so most tests start no process for their disks.
#[derive(Clone, Debug)]
pub struct Disks {
    cache: PathBuf,
    qemu_img: QemuImg,
}

impl Disks {
    /// `cache` keeps the blank images; it need not exist yet.
    pub fn new(cache: impl Into<PathBuf>, qemu_img: QemuImg) -> Self {
        Self {
            cache: cache.into(),
            qemu_img,
        }
    }

    /// The `qemu-img` used.
    #[must_use]
    pub fn qemu_img(&self) -> &QemuImg {
        &self.qemu_img
    }

    /// Makes a disk in `directory`, as `<name>.<format>`.
    ///
    /// An overlay is made where the format can be one; a raw disk of a raw image is a copy that shares its blocks where the
    /// file system can do that and keeps its holes elsewhere.
    ///
    /// # Errors
    /// [`Error::Io`] when a file cannot be written, and those of [`QemuImg::create`].
    pub async fn create(&self, directory: &Path, request: &DiskRequest) -> Result<Disk> {
        let path = directory.join(format!("{}.{}", request.name, request.format));
        match &request.contents {
            Contents::Blank { size } => self.blank(&path, request, *size).await?,
            Contents::Of(base) => self.of_base(&path, request, base).await?,
        }
        Ok(Disk {
            path,
            format: request.format,
        })
    }

    /// Copies a disk as it is, to a path where there is nothing yet: sharing its blocks where the file system can, else its data
    /// without its holes.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn duplicate(&self, from: &Path, to: &Path) -> Result<()> {
        copy(from, to)
    }

    async fn blank(&self, path: &Path, request: &DiskRequest, size: u64) -> Result<()> {
        match request.format {
            ImageFormat::Raw if request.options.is_empty() => {
                let file = File::create_new(path).map_err(Error::io("create", path))?;
                file.set_len(size).map_err(Error::io("write", path))
            }
            // Other formats carry identities, or make more than one file.
            ImageFormat::Qcow2 if request.options.is_empty() => {
                copy(&self.template(size).await?, path)
            }
            _ => {
                let image = NewImage {
                    options: request.options.clone(),
                    ..NewImage::blank(request.format, size)
                };
                self.qemu_img.create(path, &image).await
            }
        }
    }

    async fn of_base(&self, path: &Path, request: &DiskRequest, base: &Backing) -> Result<()> {
        if request.format == base.format
            && request.format == ImageFormat::Raw
            && request.options.is_empty()
        {
            let (base, path) = (base.path.clone(), path.to_owned());
            let copied = tokio::task::spawn_blocking(move || copy(&base, &path)).await;
            return copied.unwrap_or_else(|join| std::panic::resume_unwind(join.into_panic()));
        }
        let image = NewImage {
            format: request.format,
            size: None,
            backing: request.format.takes_backing().then(|| base.clone()),
            options: request.options.clone(),
        };
        if image.backing.is_some() {
            return self.qemu_img.create(path, &image).await;
        }
        self.qemu_img
            .convert(&base.path, base.format, path, &image)
            .await
    }

    /// A blank qcow2 image of this size as this very `qemu-img` makes it.
    async fn template(&self, size: u64) -> Result<PathBuf> {
        let program = self.qemu_img.program();
        // A bare name in PATH has no identity here; the name then stands for it.
        let identity = program
            .metadata()
            .map(|metadata| (metadata.ino(), metadata.mtime(), metadata.mtime_nsec()))
            .ok();
        let mut hasher = Sha256::new();
        hasher.update(format!("{size}\0{}\0{identity:?}", program.display()));
        let path = self
            .cache
            .join(format!("blank-{}.qcow2", &hex(&hasher.finalize())[..16]));
        if path.exists() {
            return Ok(path);
        }
        fs::create_dir_all(&self.cache).map_err(Error::io("create", &self.cache))?;
        let making = tempfile::Builder::new()
            .prefix(".making-")
            .tempdir_in(&self.cache)
            .map_err(Error::io("create a directory in", &self.cache))?;
        let made = making.path().join("blank");
        self.qemu_img
            .create(&made, &NewImage::blank(ImageFormat::Qcow2, size))
            .await?;
        fs::rename(&made, &path).map_err(Error::io("keep", &path))?;
        Ok(path)
    }
}

/// Copies an image: sharing its blocks where the file system can, else its data without its holes. What could not be copied whole
/// is not there.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let source = File::open(from).map_err(Error::io("read", from))?;
    let target = File::create_new(to).map_err(Error::io("create", to))?;
    if ioctl_ficlone(&target, &source).is_ok() {
        return Ok(());
    }
    copy_data(&source, &target).map_err(|error| {
        // The first error is the one to tell.
        let _ = fs::remove_file(to);
        Error::io("write", to)(error)
    })
}

fn copy_data(source: &File, mut target: &File) -> io::Result<()> {
    let size = source.metadata()?.len();
    target.set_len(size)?;
    let mut at = 0;
    while at < size {
        let from = match seek(source, SeekFrom::Data(at)) {
            Ok(from) => from,
            // Nothing but a hole up to the end.
            Err(rustix::io::Errno::NXIO) => break,
            Err(error) => return Err(error.into()),
        };
        let end = seek(source, SeekFrom::Hole(from))?;
        seek(source, SeekFrom::Start(from))?;
        seek(target, SeekFrom::Start(from))?;
        // In the kernel where it can, and from one file system to another too.
        if io::copy(&mut source.take(end - from), &mut target)? < end - from {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the image became shorter while it was read",
            ));
        }
        at = end;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, Write};

    #[test]
    fn a_copy_has_the_same_bytes_and_keeps_its_holes() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        let mut file = File::create(&from).unwrap();
        file.set_len(64 << 20).unwrap();
        for at in [0, 5 << 20, (64 << 20) - 7] {
            file.seek(std::io::SeekFrom::Start(at)).unwrap();
            file.write_all(b"written").unwrap();
        }
        copy(&from, &to).unwrap();
        assert!(fs::read(&from).unwrap() == fs::read(&to).unwrap());
        assert!(
            to.metadata().unwrap().blocks() * 512 < 1 << 20,
            "its holes were filled"
        );
        let error = copy(&from, &to).unwrap_err();
        assert!(
            error.to_string().starts_with("could not create "),
            "an existing disk is kept: {error}"
        );
    }

    /// The data directory and that of the results need not be on one file system.
    #[test]
    fn an_image_is_copied_to_another_file_system() {
        let here = tempfile::tempdir().unwrap();
        let there = tempfile::tempdir_in("/dev/shm").unwrap();
        let (from, to) = (here.path().join("from"), there.path().join("to"));
        fs::write(&from, vec![7; 3 << 20]).unwrap();
        copy(&from, &to).unwrap();
        assert!(fs::read(&from).unwrap() == fs::read(&to).unwrap());
        fs::remove_file(&from).unwrap();
        copy(&to, &from).unwrap();
        assert!(fs::read(&from).unwrap() == fs::read(&to).unwrap());
    }

    #[test]
    fn an_image_that_is_one_hole_can_be_copied() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        File::create(&from).unwrap().set_len(1 << 30).unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(to.metadata().unwrap().len(), 1 << 30);
    }
}
