//! The sockets between QEMU and us: listened on by us before QEMU starts, so there is nothing to wait for.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;

use machine::{Endpoint, Endpoints, MachineSpec};
use tokio::net::UnixStream;

use crate::error::VmError;

/// Number of the first descriptor QEMU inherits. Those below are left to the standard streams and to libraries.
const FIRST_FD: i32 = 10;

/// Both ends of every channel of a machine.
pub(crate) struct Sockets {
    /// Where QEMU finds its ends.
    pub(crate) endpoints: Endpoints,
    /// QEMU's ends, each with the number it is to have there.
    pub(crate) listeners: Vec<(OwnedFd, i32)>,
    /// Our ends, connected already: the connection waits in the listener's backlog.
    pub(crate) streams: BTreeMap<String, UnixStream>,
}

impl Sockets {
    /// Makes `<directory>/<channel>.sock` for every channel.
    pub(crate) async fn open(spec: &MachineSpec, directory: &Path) -> Result<Self, VmError> {
        let mut sockets = Self {
            endpoints: Endpoints::default(),
            listeners: Vec::new(),
            streams: BTreeMap::new(),
        };
        for (channel, number) in spec.channels().into_iter().zip(FIRST_FD..) {
            let path = directory.join(format!("{channel}.sock"));
            let error = |verb| {
                let path = path.clone();
                move |source| VmError::Io { verb, path, source }
            };
            let listener = UnixListener::bind(&path).map_err(error("listen on"))?;
            let stream = UnixStream::connect(&path)
                .await
                .map_err(error("connect to"))?;
            sockets
                .endpoints
                .set(channel, Endpoint::ListeningFd(number));
            sockets.listeners.push((listener.into(), number));
            sockets.streams.insert(channel.to_owned(), stream);
        }
        Ok(sockets)
    }
}
