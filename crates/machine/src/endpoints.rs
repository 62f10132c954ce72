//! What a machine's character devices and private networks are connected to.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use crate::error::MachineError;
use crate::spec::MachineSpec;

/// What one character device is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A Unix socket that already listens, inherited by QEMU under this file descriptor number.
    ListeningFd(i32),
    /// A Unix socket that already listens, handed to a running QEMU (QMP `getfd`) under this name.
    NamedFd(String),
    /// A Unix socket QEMU makes at this path.
    Socket(PathBuf),
    /// QEMU's own standard input and output, shared with a monitor (`Ctrl-A C` switches to it).
    Stdio,
    /// A file that takes what is written.
    File(PathBuf),
    /// Nothing.
    Null,
}

/// How one card is connected to its private network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// By a connected socket that keeps frames apart, inherited by QEMU under this file descriptor number.
    ConnectedFd(i32),
    /// By such a socket, handed to a running QEMU (QMP `getfd`) under this name.
    NamedFd(String),
    /// By a multicast group of the host's loopback, heard by every machine on it.
    Multicast {
        /// Address of the group.
        address: Ipv4Addr,
        /// UDP port.
        port: u16,
    },
}

/// Endpoints by channel id, see [`MachineSpec::channels`], and links by name of the netdev, see [`MachineSpec::links`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoints {
    channels: BTreeMap<String, Endpoint>,
    links: BTreeMap<String, Link>,
}

impl Endpoints {
    /// Gives every channel of a machine the endpoint that `endpoint` says.
    pub fn for_each(spec: &MachineSpec, mut endpoint: impl FnMut(&str) -> Endpoint) -> Self {
        let channels = spec.channels().into_iter();
        Self {
            channels: channels
                .map(|channel| (channel.to_owned(), endpoint(channel)))
                .collect(),
            links: BTreeMap::new(),
        }
    }

    /// Sets the endpoint of one channel.
    pub fn set(&mut self, channel: impl Into<String>, endpoint: Endpoint) {
        self.channels.insert(channel.into(), endpoint);
    }

    /// The endpoint of a channel.
    ///
    /// # Errors
    /// [`MachineError::NoEndpoint`] when it has none.
    pub fn get(&self, channel: &str) -> Result<&Endpoint, MachineError> {
        self.channels
            .get(channel)
            .ok_or_else(|| MachineError::NoEndpoint(channel.to_owned()))
    }

    /// Sets how the card behind a netdev is connected to its network.
    pub fn set_link(&mut self, netdev: impl Into<String>, link: Link) {
        self.links.insert(netdev.into(), link);
    }

    /// How the card behind a netdev is connected to its network.
    ///
    /// # Errors
    /// [`MachineError::NoEndpoint`] when it is not.
    pub fn link(&self, netdev: &str) -> Result<&Link, MachineError> {
        self.links
            .get(netdev)
            .ok_or_else(|| MachineError::NoEndpoint(netdev.to_owned()))
    }
}
