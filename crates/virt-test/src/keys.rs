//! Single keys pressed on the terminal, without Enter and without an echo among what is printed.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;

use rustix::fs::OFlags;
use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcgetpgrp, tcsetattr,
};
use tokio::io::unix::AsyncFd;
use tokio::task::JoinHandle;

/// The terminal, listened to. It is as it was when this is dropped.
pub struct Keys {
    terminal: File,
    before: Termios,
    reader: JoinHandle<()>,
}

impl Keys {
    /// Calls `pressed` for each key. `None` where there is no terminal, or we are not the program it is for. Needs a runtime.
    pub fn listen(pressed: impl Fn(u8) + Send + 'static) -> Option<Self> {
        if !isatty(io::stdin()) || !isatty(io::stderr()) {
            return None;
        }
        // Opened anew: what is set on this descriptor is not set on the one we share with the shell.
        let terminal = File::options()
            .read(true)
            .write(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open("/dev/tty")
            .ok()?;
        let before = tcgetattr(&terminal).ok()?;
        // SAFETY: a File always names the one descriptor that it owns and closes when dropped.
        let listened = unsafe { AsyncFd::register(terminal.try_clone().ok()?) }.ok()?;
        let mut keys = Self {
            terminal,
            before,
            reader: tokio::spawn(read(listened, pressed)),
        };
        keys.enter();
        Some(keys)
    }

    /// Has keys handed on as they are pressed. A program in the background leaves the terminal to the one in the foreground.
    pub fn enter(&mut self) {
        if !in_foreground(&self.terminal) {
            return;
        }
        let mut modes = self.before.clone();
        modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        // Without it, keys come with Enter.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &modes);
    }

    /// Leaves the terminal as it was.
    pub fn leave(&mut self) {
        if in_foreground(&self.terminal) {
            let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.reader.abort();
        self.leave();
    }
}

fn in_foreground(terminal: &impl AsFd) -> bool {
    tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp())
}

async fn read(terminal: AsyncFd<File>, pressed: impl Fn(u8)) {
    loop {
        let Ok(mut ready) = terminal.readable().await else {
            return;
        };
        let mut keys = [0; 64];
        match ready.try_io(|terminal| terminal.get_ref().read(&mut keys)) {
            // The terminal is gone, or not ours for now.
            Ok(Ok(0) | Err(_)) => return,
            Ok(Ok(count)) => keys[..count].iter().copied().for_each(&pressed),
            Err(_would_block) => {}
        }
    }
}
