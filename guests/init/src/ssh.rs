//! The SSH server, in guests that were given one.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::process::hear_signals;

const SERVER: &str = "/sbin/dropbear";
const DIRECTORY: &str = "/root/.ssh";
const KEYS: &str = "/root/.ssh/authorized_keys";

/// Starts the server, if there is one, and lets the holder of the key in and nobody else. Connections may come before there
/// is a network; the server makes its own keys at the first.
///
/// # Errors
/// When the key cannot be written or the server not be started.
pub fn start(key: Option<&str>) -> io::Result<()> {
    if !Path::new(SERVER).exists() {
        return Ok(());
    }
    if let Some(key) = key {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(DIRECTORY)?;
        fs::write(KEYS, format!("{key}\n"))?;
        fs::set_permissions(KEYS, Permissions::from_mode(0o600))?;
    }
    let mut server = Command::new(SERVER);
    // In the foreground, host keys as needed, no passwords.
    server
        .args(["-F", "-R", "-s"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // Reaped with everybody else.
    hear_signals(&mut server).spawn().map(drop)
}
