//! A stream of ICMP echo requests, and how long no reply came.

use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::socket::{
    AddressFamily, SockFlag, SockProtocol, SockType, SockaddrIn, connect, setsockopt, socket,
    sockopt,
};
use nix::sys::time::TimeVal;
use serde_json::{Map, json};

use super::{Outcome, failed};

/// From one request to the next. How long a reply is waited for, too.
const INTERVAL: Duration = Duration::from_millis(20);

const ECHO_REQUEST: u8 = 8;
const ECHO_REPLY: u8 = 0;
const IDENTIFIER: u16 = 0x7674;

pub(super) struct Ping {
    socket: std::fs::File,
}

impl Ping {
    pub(super) fn new(address: Ipv4Addr) -> Result<Self, String> {
        let socket = socket(
            AddressFamily::Inet,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::Icmp,
        )
        .map_err(failed("open a socket for pings"))?;
        let [a, b, c, d] = address.octets();
        connect(socket.as_raw_fd(), &SockaddrIn::new(a, b, c, d, 0))
            .map_err(failed(&format!("reach {address}")))?;
        let interval = TimeVal::new(0, INTERVAL.as_micros() as i64);
        setsockopt(&socket, sockopt::ReceiveTimeout, &interval)
            .map_err(failed("set a limit for replies"))?;
        Ok(Self {
            socket: socket.into(),
        })
    }

    pub(super) fn work(mut self, stop: &AtomicBool) -> Result<Outcome, String> {
        let start = Instant::now();
        let (mut sent, mut received) = (0_u64, 0_u64);
        let mut last_reply = start;
        let mut longest_silence = Duration::ZERO;
        while !stop.load(Ordering::Relaxed) {
            let due = Instant::now() + INTERVAL;
            sent += 1;
            let number = sent as u16;
            // A request that cannot be sent is one that is not answered.
            let _ = self.socket.write(&request(number));
            while let Some(sequence) = self.reply().map_err(failed("take a reply"))? {
                let now = Instant::now();
                longest_silence = longest_silence.max(now - last_reply);
                last_reply = now;
                received += 1;
                if sequence == number {
                    break;
                }
            }
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        let mut said = Map::new();
        let ms = |span: Duration| json!(span.as_millis() as u64);
        said.insert("sent".to_string(), json!(sent));
        said.insert("received".to_string(), json!(received));
        said.insert(
            "longest_silence_ms".to_string(),
            ms(longest_silence.max(last_reply.elapsed())),
        );
        said.insert("silent_for_ms".to_string(), ms(last_reply.elapsed()));
        Ok((said, 0))
    }

    /// The number of the next reply of ours; nothing when none comes in time.
    fn reply(&mut self) -> io::Result<Option<u16>> {
        let mut packet = [0; 256];
        loop {
            match self.socket.read(&mut packet) {
                Ok(length) => {
                    if let Some(sequence) = sequence_of(&packet[..length]) {
                        return Ok(Some(sequence));
                    }
                }
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                    ) =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// RFC 792: type, code, checksum, identifier, sequence number.
fn request(sequence: u16) -> [u8; 8] {
    let mut packet = [ECHO_REQUEST, 0, 0, 0, 0, 0, 0, 0];
    packet[4..6].copy_from_slice(&IDENTIFIER.to_be_bytes());
    packet[6..8].copy_from_slice(&sequence.to_be_bytes());
    let words = packet
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    packet[2..4].copy_from_slice(&(!(folded as u16)).to_be_bytes());
    packet
}

/// The sequence number of a reply to us. A raw socket gives the IP header too.
fn sequence_of(packet: &[u8]) -> Option<u16> {
    let header = usize::from(packet.first()? & 0xf) * 4;
    let icmp = packet.get(header..header + 8)?;
    let ours = icmp[0] == ECHO_REPLY && icmp[4..6] == IDENTIFIER.to_be_bytes();
    ours.then(|| u16::from_be_bytes([icmp[6], icmp[7]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_a_checksum_that_makes_the_sum_of_its_words_all_ones() {
        for sequence in [0, 1, 0xffff, 0x8bcd] {
            let packet = request(sequence);
            let sum: u32 = packet
                .chunks(2)
                .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
                .sum();
            assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff, "{sequence}");
        }
    }

    #[test]
    fn only_replies_to_us_count() {
        let mut packet = vec![0x45; 20];
        packet.extend(request(5));
        assert_eq!(sequence_of(&packet), None);
        packet[20] = ECHO_REPLY;
        assert_eq!(sequence_of(&packet), Some(5));
        packet[24] ^= 1;
        assert_eq!(sequence_of(&packet), None);
        assert_eq!(sequence_of(&packet[..22]), None);
    }
}
