//! Keys made for one run.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::error::{Attempt, Cause, GuestError};

/// A pair of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshKey {
    /// The file of the private key.
    pub private: PathBuf,
    /// The public key as a line of `authorized_keys`, without a comment: `ssh-ed25519 AAAA…`.
    pub public: String,
}

impl SshKey {
    /// Makes an ed25519 key without a passphrase in a directory, which nobody else should be able to read.
    ///
    /// # Errors
    /// When this host has no `ssh-keygen` ([`Cause::NoProgram`]), or it fails.
    pub async fn generate(directory: &Path, limit: Duration) -> Result<Self, GuestError> {
        let attempt = Attempt::new("make an SSH key", limit, None);
        let private = directory.join("id_ed25519");
        let generate = async {
            let output = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
                .arg(&private)
                .stdin(Stdio::null())
                .kill_on_drop(true)
                .output();
            let output = output.await.map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Cause::NoProgram {
                    program: "ssh-keygen",
                    package: "openssh-client",
                },
                _ => Cause::Io(error),
            })?;
            if !output.status.success() {
                let said = String::from_utf8_lossy(&output.stderr);
                return Err(Cause::Ssh(said.trim().to_owned()));
            }
            let path = private.with_extension("pub");
            let public = tokio::fs::read_to_string(&path).await;
            public.map_err(|source| Cause::LocalFile { path, source })
        };
        let public = attempt.wait("ssh-keygen", generate).await?;
        Ok(SshKey {
            private,
            public: public.trim().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_key_is_another_and_fits_in_a_line() {
        let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let limit = Duration::from_secs(20);
        let mut keys = Vec::new();
        for folder in &folders {
            match SshKey::generate(folder.path(), limit).await {
                Ok(key) => keys.push(key),
                Err(error) if matches!(*error.cause, Cause::NoProgram { .. }) => return,
                Err(error) => panic!("{error}"),
            }
        }
        assert_ne!(keys[0].public, keys[1].public);
        assert!(keys[0].public.starts_with("ssh-ed25519 AAAA"));
        assert_eq!(keys[0].public.split_whitespace().count(), 2);
        assert!(keys[0].private.exists());
    }
}
