//! The SSH server, in guests that were given one.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::process::hear_signals;

const SERVER: &str = "/sbin/dropbear";
const DIRECTORY: &str = "/root/.ssh";
const KEYS: &str = "/root/.ssh/authorized_keys";
const PASSWORDS: &str = "/etc/shadow";

/// The server and who may log in there: the holder of the key and who knows the password that was made into the hash, and nobody else.
#[derive(Debug, Default)]
pub struct Server {
    key: Option<String>,
    password: Option<String>,
    running: Option<Child>,
}

impl Server {
    /// Not started yet.
    pub fn new(key: Option<String>, password: Option<String>) -> Self {
        Self {
            key,
            password,
            running: None,
        }
    }

    /// Starts the server, if the guest was given one and somebody may log in. Connections may come before there is a network; the
    /// server makes its own keys at the first.
    ///
    /// # Errors
    /// When key or hash cannot be written or the server not be started.
    pub fn start(&mut self) -> io::Result<()> {
        if (self.key.is_none() && self.password.is_none()) || !Path::new(SERVER).exists() {
            return Ok(());
        }
        if let Some(key) = &self.key {
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
        match &self.password {
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
        self.running = Some(hear_signals(&mut server).spawn()?);
        Ok(())
    }

    /// Starts it in a guest that was cloned while it ran, with the key of who may log in from now on. One that runs ends first: it would
    /// draw the same random numbers as that of any other clone, and so make the same keys.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_anew(&mut self, key: Option<&str>) -> io::Result<()> {
        if let Some(mut server) = self.running.take() {
            // It may have ended by itself.
            let _ = server.kill();
            let _ = server.wait();
        }
        if let Some(key) = key {
            self.key = Some(key.to_owned());
        }
        self.start()
    }
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
