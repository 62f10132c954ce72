//! How a machine's state travels from one QEMU to another.

use std::fmt;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::str::FromStr;

use machine::{Need, shell_quote};
use rustix::fs::{CWD, Mode, mkfifoat};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Cause;
use crate::error::VmError;
use crate::evidence::io_error;
use crate::vm::Vm;

/// How a machine's state travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A Unix socket.
    Unix,
    /// TCP on the loopback interface, at a port the kernel chooses.
    Tcp,
    /// Two connected sockets, handed over on the monitors.
    Fd,
    /// Two commands and a FIFO. Needs machines without QEMU's sandbox, see [`machine::MachineSpec::sandbox`].
    Exec,
    /// A file, written whole before it is read.
    File,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Unix, Self::Tcp, Self::Fd, Self::Exec, Self::File];

    /// The word for it, in configuration and in QEMU's addresses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unix => "unix",
            Self::Tcp => "tcp",
            Self::Fd => "fd",
            Self::Exec => "exec",
            Self::File => "file",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no transport.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no way for a machine to travel (hint: unix, tcp, fd, exec or file)")]
pub struct TransportError(String);

impl FromStr for Transport {
    type Err = TransportError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|transport| transport.as_str() == text)
            .ok_or_else(|| TransportError(text.to_owned()))
    }
}

/// One end of a way, as a QEMU takes it.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) uri: String,
    /// What `fd:` names.
    descriptor: Option<OwnedFd>,
}

/// Name under which a QEMU knows the descriptor of [`Address`].
const DESCRIPTOR: &str = "migration";

impl Address {
    pub(super) fn uri(uri: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            descriptor: None,
        }
    }

    fn descriptor(descriptor: impl Into<OwnedFd>) -> Self {
        Self {
            uri: format!("fd:{DESCRIPTOR}"),
            descriptor: Some(descriptor.into()),
        }
    }

    pub(super) fn unix(socket: &Path) -> Self {
        Self::uri(format!("unix:{}", socket.display()))
    }

    /// A file to write a machine's state to.
    pub(super) fn new_file(vm: &Vm, path: &Path) -> Result<Self, VmError> {
        if takes_files(vm) {
            return Ok(Self::uri(format!("file:{}", path.display())));
        }
        Ok(Self::descriptor(
            File::create(path).map_err(io_error("create", path))?,
        ))
    }

    /// A file to read a machine's state from.
    pub(super) fn file(vm: &Vm, path: &Path) -> Result<Self, VmError> {
        let file = File::open(path).map_err(io_error("open", path))?;
        if takes_files(vm) {
            return Ok(Self::uri(format!("file:{}", path.display())));
        }
        Ok(Self::descriptor(file))
    }

    /// Hands over what goes with the address.
    pub(super) async fn hand_over(&mut self, vm: &Vm) -> Result<(), VmError> {
        let Some(descriptor) = self.descriptor.take() else {
            return Ok(());
        };
        let given = vm
            .qmp()
            .execute_with_fd("getfd", json!({"fdname": DESCRIPTOR}), descriptor);
        vm.watch
            .told("hand a descriptor to", given.await)
            .await
            .map(drop)
    }
}

/// Does this QEMU open files by itself? Others are handed them, which later ones no longer like.
fn takes_files(vm: &Vm) -> bool {
    vm.capabilities().require(&takes_files_need()).is_ok()
}

/// What a QEMU that opens files by itself has.
pub(super) fn takes_files_need() -> Need {
    Need::Word {
        path: "migrate.channels.addr.transport".to_owned(),
        word: "file".to_owned(),
    }
}

#[derive(Deserialize)]
struct Listening {
    #[serde(default, rename = "socket-address")]
    addresses: Vec<Value>,
}

/// Both ends of the way to a destination that does not listen yet.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) to_listen: Address,
    to_connect: Option<Address>,
}

impl Way {
    pub(super) fn prepare(transport: Transport, destination: &Vm) -> Result<Self, VmError> {
        let way = |to_listen, to_connect| Self {
            to_listen,
            to_connect,
        };
        Ok(match transport {
            Transport::Unix | Transport::File => {
                let socket = destination.scratch().join("migrate.sock");
                way(Address::unix(&socket), Some(Address::unix(&socket)))
            }
            Transport::Tcp => way(Address::uri("tcp:127.0.0.1:0"), None),
            Transport::Fd => {
                let here = Path::new("a pair of sockets");
                let (ours, theirs) = UnixStream::pair().map_err(io_error("make", here))?;
                way(Address::descriptor(ours), Some(Address::descriptor(theirs)))
            }
            Transport::Exec => {
                let fifo = destination.scratch().join("migrate.fifo");
                let made = mkfifoat(CWD, &fifo, Mode::RUSR | Mode::WUSR);
                made.map_err(|error| io_error("make", &fifo)(error.into()))?;
                let quoted = shell_quote(&fifo.to_string_lossy());
                way(
                    Address::uri(format!("exec:exec cat < {quoted}")),
                    Some(Address::uri(format!("exec:exec cat > {quoted}"))),
                )
            }
        })
    }

    /// The source's end, once the destination listens.
    pub(super) async fn into_source_end(self, destination: &Vm) -> Result<Address, Cause> {
        if let Some(address) = self.to_connect {
            return Ok(address);
        }
        let told = destination.qmp().query("query-migrate", json!({})).await;
        let listening: Listening = destination.watch.told("ask for the port of", told).await?;
        let port = listening
            .addresses
            .first()
            .and_then(|address| address["port"].as_str());
        let port = port.ok_or_else(|| Cause::Invalid {
            what: "the destination listens, but does not tell its port".to_owned(),
            hint: "choose transport unix".to_owned(),
        })?;
        Ok(Address::uri(format!("tcp:127.0.0.1:{port}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transport_reads_back_as_it_was_written() {
        for transport in Transport::ALL {
            assert_eq!(transport.to_string().parse(), Ok(transport));
        }
        assert!("rdma".parse::<Transport>().is_err());
    }
}
