//! The agent on one stream, for those who are not init: a Unix socket instead of a virtio-serial port.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::agent::Agent;

/// Serves until the other side closes the stream. The stream has to be non-blocking.
///
/// # Errors
/// When reading or writing fails.
pub fn serve<S: Read + Write + AsFd>(agent: &mut Agent, stream: &mut S) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let wanted = match agent.output().is_empty() {
            true => PollFlags::POLLIN,
            false => PollFlags::POLLIN | PollFlags::POLLOUT,
        };
        let mut fds = [
            PollFd::new(stream.as_fd(), wanted),
            PollFd::new(agent.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        agent.process_children();
        if pump(agent, stream, &mut buffer)? == Peer::Gone {
            agent.reset();
            return Ok(());
        }
    }
}

/// Whether the other side of a channel is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// It is, as far as can be seen.
    There,
    /// It closed its end.
    Gone,
}

/// Reads and writes all that is possible without blocking.
///
/// # Errors
/// When reading or writing fails.
pub fn pump<S: Read + Write>(
    agent: &mut Agent,
    stream: &mut S,
    buffer: &mut [u8],
) -> io::Result<Peer> {
    let mut received = false;
    loop {
        match stream.read(buffer) {
            // A virtio-serial port may deliver a new client's first bytes before it knows that there is one. The end right
            // after bytes is therefore no end yet; a real one is met again.
            Ok(0) if received => break,
            Ok(0) => return Ok(Peer::Gone),
            Ok(count) => {
                agent.receive(&buffer[..count]);
                received = true;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    while !agent.output().is_empty() {
        match stream.write(agent.output().as_slices().0) {
            Ok(count) => drop(agent.output().drain(..count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Peer::There)
}
