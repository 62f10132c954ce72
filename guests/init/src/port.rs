//! The agent's virtio-serial port: found by its name, served, lost and found again.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{OpenOptionsExt, symlink};

use nix::fcntl::OFlag;

use crate::agent::Agent;
use crate::serve::{Peer, pump};

/// The name QEMU's documentation gives to the agent's port.
pub const NAME: &str = "org.qemu.guest_agent.0";

const CLASS: &str = "/sys/class/virtio-ports";
const LINKS: &str = "/dev/virtio-ports";

/// Ports there are now, by device name (`vport1p1`).
pub fn scan() -> Vec<String> {
    fs::read_dir(CLASS)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

/// The name the host gave to a port; none as long as it gave none.
pub fn name(device: &str) -> Option<String> {
    let text = fs::read_to_string(format!("{CLASS}/{device}/name")).ok()?;
    Some(text.trim().to_string()).filter(|name| !name.is_empty())
}

/// Makes `/dev/virtio-ports/<name>` as udev would.
pub fn link(device: &str, name: &str) {
    // A name with a slash cannot be a link; without links the port still works by its device.
    let path = format!("{LINKS}/{name}");
    let _ = fs::create_dir_all(LINKS);
    let _ = fs::remove_file(&path);
    let _ = symlink(format!("../{device}"), path);
}

/// The open port.
pub struct Port {
    /// The device's name.
    pub device: String,
    file: File,
    buffer: Vec<u8>,
}

impl Port {
    /// Opens the agent's port.
    ///
    /// # Errors
    /// When the device is gone again or somebody else has it open.
    pub fn open(device: &str) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open(format!("/dev/{device}"))?;
        Ok(Port {
            device: device.to_string(),
            file,
            buffer: vec![0; 32 << 10],
        })
    }

    /// Serves what has arrived. The descriptor has to be watched edge-triggered: while no host is connected the port
    /// reports a hang-up all the time, but it wakes its waiters only when that changes.
    pub fn serve(&mut self, agent: &mut Agent) {
        match pump(agent, &mut &self.file, &mut self.buffer) {
            Ok(Peer::There) => {}
            // Unplugging is told by a device event as well; until then nothing more is heard here.
            Ok(Peer::Gone) | Err(_) => agent.reset(),
        }
    }
}

impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
