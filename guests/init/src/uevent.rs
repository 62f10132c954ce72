//! The kernel's device events (`NETLINK_KOBJECT_UEVENT`).

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
};

/// Events the kernel itself multicasts (udev's are another group).
const KERNEL_GROUP: u32 = 1;

/// One device event.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Uevent {
    /// `add`, `remove`, `change`, …
    pub action: String,
    /// `virtio-ports`, `net`, `tty`, …
    pub subsystem: String,
    /// The device's path below `/sys`.
    pub devpath: String,
    /// The node's name below `/dev`, where there is one.
    pub devname: Option<String>,
    /// The alias by which a module is found.
    pub modalias: Option<String>,
    /// The network interface's name.
    pub interface: Option<String>,
}

impl Uevent {
    /// Reads one datagram; none when it is not the kernel's.
    pub fn parse(datagram: &[u8]) -> Option<Self> {
        let mut fields = datagram.split(|byte| *byte == 0);
        // "add@/devices/…"; udev's own messages begin otherwise.
        fields.next().filter(|head| head.contains(&b'@'))?;
        let mut event = Uevent::default();
        for field in fields {
            let Ok(field) = std::str::from_utf8(field) else {
                continue;
            };
            let Some((key, value)) = field.split_once('=') else {
                continue;
            };
            let value = value.to_string();
            match key {
                "ACTION" => event.action = value,
                "SUBSYSTEM" => event.subsystem = value,
                "DEVPATH" => event.devpath = value,
                "DEVNAME" => event.devname = Some(value),
                "MODALIAS" => event.modalias = Some(value),
                "INTERFACE" => event.interface = Some(value),
                _ => {}
            }
        }
        Some(event)
    }
}

/// What a read of the socket gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// An event.
    Event(Uevent),
    /// Events were lost: what exists has to be looked at anew.
    Overrun,
    /// Nothing more for now.
    Nothing,
}

/// A subscription to device events.
pub struct Uevents {
    socket: OwnedFd,
}

impl Uevents {
    /// Subscribes; events from now on are queued by the kernel.
    ///
    /// # Errors
    /// When the kernel has no such socket.
    pub fn open() -> io::Result<Self> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Datagram,
            SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkKObjectUEvent,
        )?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, KERNEL_GROUP))?;
        Ok(Uevents { socket })
    }

    /// The next event that has already happened.
    pub fn next(&self) -> Heard {
        let mut buffer = [0; 8192];
        loop {
            match recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                Ok(size) => {
                    if let Some(event) = Uevent::parse(&buffer[..size]) {
                        return Heard::Event(event);
                    }
                }
                Err(Errno::EINTR) => {}
                Err(Errno::ENOBUFS) => return Heard::Overrun,
                Err(_) => return Heard::Nothing,
            }
        }
    }
}

impl AsFd for Uevents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_events_are_read_and_others_are_not() {
        let event = Uevent::parse(
            b"change@/devices/x/virtio-ports/vport1p1\0ACTION=change\0DEVPATH=/devices/x/virtio-ports/vport1p1\0\
              SUBSYSTEM=virtio-ports\0MAJOR=246\0DEVNAME=vport1p1\0SEQNUM=1\0",
        )
        .unwrap();
        assert_eq!(event.action, "change");
        assert_eq!(event.subsystem, "virtio-ports");
        assert_eq!(event.devname.as_deref(), Some("vport1p1"));
        assert_eq!(event.modalias, None);
        assert_eq!(Uevent::parse(b"libudev\0\xfe\xed"), None);
    }
}
