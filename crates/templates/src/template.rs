use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::inputs::Key;
use crate::manifest::{FORMAT, Manifest, Stamp, sha256};

pub(crate) const RAM: &str = "ram";
pub(crate) const STATE: &str = "state";
pub(crate) const MANIFEST: &str = "template.json";

/// A template that was found to be as it was left. While the value is there, nobody removes the files.
#[derive(Debug)]
pub struct Template {
    key: Key,
    directory: PathBuf,
    manifest: Manifest,
    /// Held shared.
    _lock: File,
}

impl Template {
    /// Loads what is in a directory, if it can be trusted; otherwise the reason why not.
    pub(crate) fn load(
        key: Key,
        directory: PathBuf,
        lock: File,
    ) -> Result<Result<Self, Distrust>, Error> {
        let path = directory.join(MANIFEST);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Err(Distrust::Absent));
            }
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        // One written by another version of this program has to be made again; nothing is wrong with it.
        let Some(manifest) = serde_json::from_str::<Manifest>(&text)
            .ok()
            .filter(|m| m.format == FORMAT)
        else {
            return Ok(Err(Distrust::Changed(MANIFEST.to_owned())));
        };
        let template = Self {
            key,
            directory,
            manifest,
            _lock: lock,
        };
        if let Err(changed) = template.is_unchanged() {
            return Ok(Err(Distrust::Changed(changed)));
        }
        if sha256(&template.state())? != template.manifest.state_sha256 {
            return Ok(Err(Distrust::Changed(STATE.to_owned())));
        }
        Ok(Ok(template))
    }

    /// Are the files as they were left? A look at each, quick enough before every clone.
    ///
    /// # Errors
    /// The name of the first file that is not.
    pub fn is_unchanged(&self) -> Result<(), String> {
        for (name, stamp) in &self.manifest.files {
            if Stamp::of(&self.directory.join(name)).ok().as_ref() != Some(stamp) {
                return Err(name.clone());
            }
        }
        Ok(())
    }

    /// Its name.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// What is known of it.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The file its memory lies in; only to be mapped privately.
    #[must_use]
    pub fn ram(&self) -> PathBuf {
        self.directory.join(RAM)
    }

    /// The file its state is in.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.directory.join(STATE)
    }

    /// A disk as it was when the machine was frozen.
    #[must_use]
    pub fn disk(&self, id: &str) -> PathBuf {
        disk(&self.directory, id)
    }
}

/// Why a template is not used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Distrust {
    /// There is none.
    Absent,
    /// This file of it is not as it was left.
    Changed(String),
}

pub(crate) fn disk(directory: &Path, id: &str) -> PathBuf {
    directory.join(format!("disk-{id}"))
}
