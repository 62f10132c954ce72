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
const PASSWORDS: &str = "/etc/shadow";

/// Starts the server, if there is one, and lets the holder of the key in, and who knows the password that was made into this
/// hash, and nobody else. Connections may come before there is a network; the server makes its own keys at the first.
///
/// # Errors
/// When key or hash cannot be written or the server not be started.
pub fn start(key: Option<&str>, password: Option<&str>) -> io::Result<()> {
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
    // In the foreground, host keys as needed.
    server.args(["-F", "-R"]);
    match password {
        Some(hash) => {
            let passwords = fs::read_to_string(PASSWORDS)?;
            fs::write(PASSWORDS, with_password(&passwords, hash))?;
        }
        None => {
            server.arg("-s");
        }
    }
    server
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // Reaped with everybody else.
    hear_signals(&mut server).spawn().map(drop)
}

/// The lines of `shadow(5)` with another hash for root.
fn with_password(passwords: &str, hash: &str) -> String {
    let line = |line: &str| match line
        .strip_prefix("root:")
        .and_then(|rest| rest.split_once(':'))
    {
        Some((_, rest)) => format!("root:{hash}:{rest}\n"),
        None => format!("{line}\n"),
    };
    passwords.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_gets_the_password_and_nobody_else() {
        assert_eq!(
            with_password("root::20000:0:::\nrooty:*:1:\n", "$6$a$b"),
            "root:$6$a$b:20000:0:::\nrooty:*:1:\n"
        );
    }
}
