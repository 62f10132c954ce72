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
    if agent.output().is_empty() {
        // The memory of a reply of many megabytes is missed in a small guest.
        agent.output().shrink_to(buffer.len());
    }
    Ok(Peer::There)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::{AgentError, Shutdown, Suspend, System};

    struct NoMachine;

    impl System for NoMachine {
        fn shutdown(&mut self, _: Shutdown) {}
        fn suspend(&mut self, _: Suspend) -> Result<(), AgentError> {
            Ok(())
        }
        fn set_time(&mut self, _: Option<i64>) -> Result<(), AgentError> {
            Ok(())
        }
    }

    /// A virtio-serial port: nothing can be written, and reading gives the end, while no host is known to be there.
    struct FakePort {
        host: bool,
        incoming: Vec<u8>,
        written: Vec<u8>,
    }

    impl Read for FakePort {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.incoming.is_empty() {
                return match self.host {
                    true => Err(io::ErrorKind::WouldBlock.into()),
                    false => Ok(0),
                };
            }
            let count = self.incoming.len().min(buffer.len());
            buffer[..count].copy_from_slice(&self.incoming[..count]);
            self.incoming.drain(..count);
            Ok(count)
        }
    }

    impl Write for FakePort {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if !self.host {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.written.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_request_that_comes_before_its_client_is_known_is_answered() {
        let mut agent = Agent::new(Box::new(NoMachine)).unwrap();
        let mut port = FakePort {
            host: false,
            incoming: b"{\"execute\":\"guest-ping\"}".to_vec(),
            written: Vec::new(),
        };
        let mut buffer = [0; 64];
        assert_eq!(
            pump(&mut agent, &mut port, &mut buffer).unwrap(),
            Peer::There
        );
        port.host = true;
        assert_eq!(
            pump(&mut agent, &mut port, &mut buffer).unwrap(),
            Peer::There
        );
        assert_eq!(port.written, b"{\"return\":{}}\n");
    }

    #[test]
    fn a_client_that_left_is_noticed() {
        let mut agent = Agent::new(Box::new(NoMachine)).unwrap();
        let mut port = FakePort {
            host: false,
            incoming: Vec::new(),
            written: Vec::new(),
        };
        assert_eq!(
            pump(&mut agent, &mut port, &mut [0; 64]).unwrap(),
            Peer::Gone
        );
    }
}
