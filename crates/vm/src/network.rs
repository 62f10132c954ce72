//! Networks of our own: Ethernets that join machines, and that no packet leaves.
//!
//! A network is a hub in this program. Every card on it is one end of a socket pair, the other of which QEMU inherits: no port,
//! no privilege, nothing on the host to be given back. What one end sends all others get; an end whose queue is full
//! loses the frame, as on any Ethernet.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, send, socketpair};
use tokio::net::UnixDatagram;
use tokio::sync::Notify;

/// Longest frame passed on: the largest IP packet and an Ethernet header with a VLAN tag.
const MAX_FRAME: usize = 65_535 + 18;

/// Most of a network's traffic that is kept, in bytes.
const MAX_CAPTURE: usize = 16 << 20;

/// The networks of machines that belong together, by name. Clones are the same networks.
#[derive(Debug, Clone, Default)]
pub struct Networks(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    captures: Option<PathBuf>,
    networks: Mutex<BTreeMap<String, Network>>,
}

impl Networks {
    /// Networks whose traffic is kept in `directory`, one `<name>.pcap` each, from the first frame on.
    #[must_use]
    pub fn captured_in(directory: &Path) -> Self {
        Self(Arc::new(Inner {
            captures: Some(directory.to_owned()),
            networks: Mutex::default(),
        }))
    }

    /// The network of that name, made if there is none.
    #[must_use]
    pub fn network(&self, name: &str) -> Network {
        let mut networks = lock(&self.0.networks);
        let network = networks.entry(name.to_owned()).or_insert_with(|| {
            let captures = self.0.captures.as_ref();
            Network::new(captures.map(|directory| directory.join(format!("{name}.pcap"))))
        });
        network.clone()
    }
}

/// One Ethernet. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Network(Arc<Hub>);

#[derive(Debug)]
struct Hub {
    ports: Mutex<Ports>,
    /// Told whenever a port goes.
    gone: Notify,
    capture: Mutex<Capture>,
}

#[derive(Debug, Default)]
struct Ports {
    next: u64,
    there: BTreeMap<u64, Arc<UnixDatagram>>,
}

impl Network {
    fn new(capture: Option<PathBuf>) -> Self {
        Self(Arc::new(Hub {
            ports: Mutex::default(),
            gone: Notify::new(),
            capture: Mutex::new(Capture::Waiting(capture)),
        }))
    }

    /// Adds a port and returns the far end of its cable: a packet sent or received there is an Ethernet frame. The port goes
    /// when the far end is closed.
    ///
    /// # Errors
    /// When the host has no socket left.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn join(&self) -> io::Result<OwnedFd> {
        let flags = SocketFlags::CLOEXEC;
        // Sequenced packets: whole as datagrams are, and unlike them with an end that is seen when the other side is closed.
        let (near, far) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        let near = std::os::unix::net::UnixDatagram::from(near);
        near.set_nonblocking(true)?;
        let near = Arc::new(UnixDatagram::from_std(near)?);
        let mut ports = lock(&self.0.ports);
        let port = ports.next;
        ports.next += 1;
        ports.there.insert(port, Arc::clone(&near));
        drop(ports);
        tokio::spawn(Arc::clone(&self.0).serve(port, near));
        Ok(far)
    }

    /// How many ports are in use.
    #[must_use]
    pub fn ports(&self) -> usize {
        lock(&self.0.ports).there.len()
    }

    /// Waits until no more than `count` ports are in use.
    pub async fn shrunk_to(&self, count: usize) {
        loop {
            let mut gone = std::pin::pin!(self.0.gone.notified());
            // From here on no port goes unnoticed.
            gone.as_mut().enable();
            if self.ports() <= count {
                return;
            }
            gone.await;
        }
    }
}

impl Hub {
    /// Passes on what comes in at one port until its far end is closed.
    async fn serve(self: Arc<Self>, port: u64, socket: Arc<UnixDatagram>) {
        let mut buffer = vec![0; MAX_FRAME];
        while let Ok(count @ 1..) = socket.recv(&mut buffer).await {
            self.pass_on(port, &buffer[..count]);
        }
        lock(&self.ports).there.remove(&port);
        self.gone.notify_waiters();
    }

    fn pass_on(&self, from: u64, frame: &[u8]) {
        lock(&self.capture).record(frame);
        let ports = lock(&self.ports);
        let others = ports.there.iter().filter(|(port, _)| **port != from);
        for (port, socket) in others {
            // Not tokio's `try_send`, which refuses until the runtime has seen that the socket takes something.
            if let Err(error) = send(socket, frame, SendFlags::NOSIGNAL) {
                // One that is gone is found to be so by its own task.
                tracing::debug!(port, %error, "a frame is lost");
            }
        }
    }
}

/// A network's traffic as a file of libpcap's format (draft-ietf-opsawg-pcap).
#[derive(Debug)]
enum Capture {
    /// Nothing has been sent yet.
    Waiting(Option<PathBuf>),
    Open {
        file: File,
        size: usize,
    },
    Closed,
}

impl Capture {
    /// Evidence must not stop what it is evidence of: a capture that cannot be written ends.
    fn record(&mut self, frame: &[u8]) {
        if let Self::Waiting(path) = self {
            *self = path.take().map_or(Self::Closed, |path| {
                Self::create(&path).unwrap_or_else(|error| {
                    tracing::warn!(%error, path = %path.display(), "a network's traffic is not kept");
                    Self::Closed
                })
            });
        }
        let Self::Open { file, size } = self else {
            return;
        };
        let mut record = packet_header(frame.len());
        record.extend_from_slice(frame);
        *size += record.len();
        if *size > MAX_CAPTURE || file.write_all(&record).is_err() {
            *self = Self::Closed;
        }
    }

    fn create(path: &Path) -> io::Result<Self> {
        let mut file = File::create(path)?;
        // Magic number of times in nanoseconds, version 2.4, two unused words, longest packet, link type Ethernet.
        for word in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, MAX_FRAME as u32, 1] {
            file.write_all(&word.to_le_bytes())?;
        }
        Ok(Self::Open { file, size: 24 })
    }
}

/// Time, length kept and length.
fn packet_header(length: usize) -> Vec<u8> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.unwrap_or_default();
    let words = [
        now.as_secs() as u32,
        now.subsec_nanos(),
        length as u32,
        length as u32,
    ];
    words.into_iter().flat_map(u32::to_le_bytes).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::io::Errno;
    use rustix::net::{RecvFlags, recv};

    use super::*;

    /// The next frame at the far end of a cable.
    fn hear(far: &OwnedFd) -> Vec<u8> {
        let mut buffer = [0; 2000];
        let (_, count) = recv(far, &mut buffer[..], RecvFlags::empty()).unwrap();
        buffer[..count].to_vec()
    }

    fn say(far: &OwnedFd, frame: &[u8]) {
        assert_eq!(send(far, frame, SendFlags::empty()).unwrap(), frame.len());
    }

    /// Waits, at most some seconds, until no more ports are in use.
    async fn ports_become(network: &Network, count: usize) {
        let change = network.shrunk_to(count);
        tokio::time::timeout(Duration::from_secs(20), change)
            .await
            .unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_frame_reaches_every_port_but_its_own_whole_and_in_order() {
        let networks = Networks::default();
        let [one, two, three] = [(); 3].map(|()| networks.network("lan").join().unwrap());
        let stranger = networks.network("other").join().unwrap();
        say(&one, b"first");
        say(&one, &[7; 1514]);
        for far in [&two, &three] {
            assert_eq!(hear(far), b"first");
            assert_eq!(hear(far), [7; 1514]);
        }
        say(&two, b"answer");
        assert_eq!(hear(&one), b"answer");
        let nothing = recv(&stranger, &mut [0; 10][..], RecvFlags::DONTWAIT);
        assert_eq!(nothing.unwrap_err(), Errno::AGAIN);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_left_is_forgotten_and_may_come_again() {
        let network = Networks::default().network("lan");
        let one = network.join().unwrap();
        let two = network.join().unwrap();
        drop(two);
        ports_become(&network, 1).await;
        let again = network.join().unwrap();
        say(&one, b"hello");
        assert_eq!(hear(&again), b"hello");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_that_does_not_listen_holds_nobody_up() {
        let network = Networks::default().network("lan");
        let [talker, listener, _deaf] = [(); 3].map(|()| network.join().unwrap());
        for number in 0..2000_u32 {
            say(&talker, &[&number.to_le_bytes()[..], &[0; 1400]].concat());
            assert_eq!(hear(&listener)[..4], number.to_le_bytes());
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn traffic_is_kept_as_wireshark_reads_it() {
        let directory = tempfile::tempdir().unwrap();
        let network = Networks::captured_in(directory.path()).network("lan");
        let one = network.join().unwrap();
        let two = network.join().unwrap();
        assert!(!directory.path().join("lan.pcap").exists());
        say(&one, b"frame");
        hear(&two);
        let capture = std::fs::read(directory.path().join("lan.pcap")).unwrap();
        assert_eq!(capture[..4], 0xa1b2_3c4d_u32.to_le_bytes());
        assert_eq!(capture[20..24], [1, 0, 0, 0]);
        assert_eq!(capture[32..40], [5, 0, 0, 0, 5, 0, 0, 0]);
        assert_eq!(&capture[40..], b"frame");
    }
}
