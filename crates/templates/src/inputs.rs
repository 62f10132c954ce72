use std::fmt::{self, Write as _};
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::manifest::{FORMAT, Stamp};

/// Everything that went into a template. Two machines with the same inputs are the same machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    about: String,
    text: String,
}

/// The name of a template: a hash of its [`Inputs`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Inputs {
    /// No inputs yet; `about` describes the machine to people and is not one of them.
    #[must_use]
    pub fn new(about: impl Into<String>) -> Self {
        Self {
            about: about.into(),
            text: format!("format = {FORMAT}\n"),
        }
    }

    /// Adds a text, such as QEMU's arguments.
    pub fn text(&mut self, name: &str, value: &str) -> &mut Self {
        // Quoted, so that no value can be taken for another input. Writing to a String cannot fail.
        let _ = writeln!(self.text, "{name} = {value:?}");
        self
    }

    /// Adds a file: where it is, its size, and when it and what is known of it last changed.
    ///
    /// # Errors
    /// When the file cannot be looked at.
    pub fn file(&mut self, name: &str, path: &Path) -> Result<&mut Self, Error> {
        let real = fs::canonicalize(path).map_err(Error::io("find", path))?;
        let stamp = Stamp::of(&real)?;
        let value = format!("{} {stamp}", real.display());
        Ok(self.text(name, &value))
    }

    /// What the machine is, for people.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }

    /// The inputs as text, a line each.
    #[must_use]
    pub fn as_text(&self) -> &str {
        &self.text
    }

    /// The name of the template made from them.
    #[must_use]
    pub fn key(&self) -> Key {
        let hash = Sha256::digest(self.text.as_bytes());
        // Half of it is plenty, and keeps paths short.
        Key(hash
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect())
    }
}

impl Key {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let is_key =
            name.len() == 32 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        is_key.then(|| Self(name.to_owned()))
    }

    /// Its text, 32 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(pairs: &[(&str, &str)]) -> Key {
        let mut inputs = Inputs::new("");
        for (name, value) in pairs {
            inputs.text(name, value);
        }
        inputs.key()
    }

    #[test]
    fn every_input_counts_and_what_is_said_about_them_does_not() {
        assert_ne!(key(&[("a", "1")]), key(&[("a", "2")]));
        assert_ne!(key(&[("a", "1")]), key(&[("b", "1")]));
        assert_ne!(
            key(&[("a", "1\nb = \"2\"")]),
            key(&[("a", "1"), ("b", "2")])
        );
        assert_eq!(Inputs::new("one").key(), Inputs::new("other").key());
        assert!(Key::parse(Inputs::new("").key().as_str()).is_some());
    }

    #[test]
    fn a_file_that_changed_is_another_input() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kernel");
        let keyed = || {
            let mut inputs = Inputs::new("");
            inputs.file("kernel", &path).unwrap();
            inputs.key()
        };
        fs::write(&path, "one").unwrap();
        let first = keyed();
        assert_eq!(first, keyed());
        // Same size, another file in its place: its inode differs even if the clock did not move.
        let other = directory.path().join("other");
        fs::write(&other, "two").unwrap();
        fs::rename(&other, &path).unwrap();
        assert_ne!(first, keyed());
        fs::remove_file(&path).unwrap();
        assert!(Inputs::new("").file("kernel", &path).is_err());
    }
}
