//! What a machine's character devices are connected to.

use std::collections::BTreeMap;
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

/// Endpoints by channel id, see [`MachineSpec::channels`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoints(BTreeMap<String, Endpoint>);

impl Endpoints {
    /// Gives every channel of a machine the endpoint that `endpoint` says.
    pub fn for_each(spec: &MachineSpec, mut endpoint: impl FnMut(&str) -> Endpoint) -> Self {
        let channels = spec.channels().into_iter();
        Self(
            channels
                .map(|channel| (channel.to_owned(), endpoint(channel)))
                .collect(),
        )
    }

    /// Sets the endpoint of one channel.
    pub fn set(&mut self, channel: impl Into<String>, endpoint: Endpoint) {
        self.0.insert(channel.into(), endpoint);
    }

    /// The endpoint of a channel.
    ///
    /// # Errors
    /// [`MachineError::NoEndpoint`] when it has none.
    pub fn get(&self, channel: &str) -> Result<&Endpoint, MachineError> {
        self.0
            .get(channel)
            .ok_or_else(|| MachineError::NoEndpoint(channel.to_owned()))
    }
}
