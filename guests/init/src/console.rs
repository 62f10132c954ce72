//! Login shells on the consoles.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;

use crate::process::hear_signals;

nix::ioctl_write_int_bad!(take_terminal, libc::TIOCSCTTY);

/// A shell that ends sooner than this counts as one that could not run.
const TOO_SHORT: Duration = Duration::from_millis(500);

/// How long a shell that could not run is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// One console and the shell on it.
#[derive(Debug)]
pub struct Console {
    device: String,
    shell: Option<i32>,
    started: Instant,
    /// Not to be started before.
    rest_until: Option<Instant>,
}

impl Console {
    /// A console without a shell yet.
    pub fn new(device: &str) -> Self {
        Console {
            device: device.to_string(),
            shell: None,
            started: Instant::now(),
            rest_until: None,
        }
    }

    /// Starts a shell where there is a terminal, no shell, and no reason to wait.
    pub fn tend(&mut self, hostname: &str) {
        let resting = self.rest_until.is_some_and(|until| Instant::now() < until);
        let path = format!("/dev/{}", self.device);
        if self.shell.is_some() || resting || !Path::new(&path).exists() {
            return;
        }
        self.started = Instant::now();
        match spawn_shell(&path, hostname) {
            Ok(pid) => {
                self.shell = Some(pid);
                self.rest_until = None;
            }
            Err(_) => self.rest_until = Some(self.started + PAUSE),
        }
    }

    /// Notes the end of a process; true when it was this console's shell.
    pub fn exited(&mut self, pid: i32) -> bool {
        if self.shell != Some(pid) {
            return false;
        }
        self.shell = None;
        if self.started.elapsed() < TOO_SHORT {
            self.rest_until = Some(Instant::now() + PAUSE);
        }
        true
    }

    /// When [`Console::tend`] has to be called again at the latest.
    pub fn wake_at(&self) -> Option<Instant> {
        self.rest_until.filter(|_| self.shell.is_none())
    }
}

/// A login shell whose controlling terminal is the console, so that Ctrl-C reaches what it runs.
fn spawn_shell(path: &str, hostname: &str) -> io::Result<i32> {
    let terminal = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(OFlag::O_NOCTTY.bits())
        .open(path)?;
    writeln!(&terminal, "\r\n{hostname} login: root (automatic login)\r")?;
    let mut command = Command::new("/bin/busybox");
    command
        .arg0("-sh")
        .current_dir("/root")
        .env("HOME", "/root")
        .env("USER", "root")
        .env("LOGNAME", "root")
        .env("SHELL", "/bin/sh")
        .env("TERM", "vt220")
        .env("PS1", format!(r"[root@{hostname} \W]\$ "))
        .stdin(terminal.try_clone()?)
        .stdout(terminal.try_clone()?)
        .stderr(terminal);
    hear_signals(&mut command);
    // SAFETY: the closure only makes system calls, which is allowed between fork and exec.
    unsafe {
        command.pre_exec(|| {
            nix::unistd::setsid()?;
            take_terminal(io::stdin().as_raw_fd(), 0)?;
            Ok(())
        });
    }
    Ok(command.spawn()?.id() as i32)
}
