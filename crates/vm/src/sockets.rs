//! The sockets between QEMU and us: listened on by us before QEMU starts, so there is nothing to wait for.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;

use machine::{Endpoint, Endpoints, Link, MachineSpec};
use tokio::net::UnixStream;

use crate::error::VmError;
use crate::network::Networks;

/// Number of the first descriptor QEMU inherits. Those below are left to the standard streams and to libraries.
const FIRST_FD: i32 = 10;

/// Both ends of every channel of a machine.
pub(crate) struct Sockets {
    /// Where QEMU finds its ends.
    pub(crate) endpoints: Endpoints,
    /// QEMU's ends, each with the number it is to have there.
    pub(crate) inherited: Vec<(OwnedFd, i32)>,
    /// Our ends, connected already: the connection waits in the listener's backlog.
    pub(crate) streams: BTreeMap<String, UnixStream>,
}

impl Sockets {
    /// Makes `<directory>/<channel>.sock` for every channel, and joins the networks of ours.
    pub(crate) async fn open(
        spec: &MachineSpec,
        directory: &Path,
        networks: &Networks,
    ) -> Result<Self, VmError> {
        let mut sockets = Self {
            endpoints: Endpoints::default(),
            inherited: Vec::new(),
            streams: BTreeMap::new(),
        };
        let mut numbers = FIRST_FD..;
        for (channel, number) in spec.channels().into_iter().zip(&mut numbers) {
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
            sockets.inherited.push((listener.into(), number));
            sockets.streams.insert(channel.to_owned(), stream);
        }
        for ((netdev, network), number) in spec.links().into_iter().zip(&mut numbers) {
            let cable = networks.network(network).join();
            let cable = cable.map_err(|source| VmError::Io {
                verb: "join network",
                path: network.into(),
                source,
            })?;
            sockets
                .endpoints
                .set_link(netdev, Link::ConnectedFd(number));
            sockets.inherited.push((cable, number));
        }
        Ok(sockets)
    }
}
