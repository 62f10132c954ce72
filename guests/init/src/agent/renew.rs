//! `__org.virt-test_renew`, a command of ours: makes a guest that was cloned while it ran a machine of its own, in one round trip.
//!
//! | argument | meaning |
//! |---|---|
//! | `seed` | bytes in base64 that no other clone gets, for the random number generator |
//! | `time` | nanoseconds since the epoch, now |
//! | `nics` | for each network card, its hardware address `from` before and `to` from now on, and an `ip` such as `192.168.10.1/24` if it gets one now |
//! | `ssh_key` | may be absent: who may log in by SSH, as a line of `authorized_keys`, where the guest has a server |

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_settime};

use super::args::Args;
use super::error::AgentError;
use crate::cmdline::{Address, parse_address};
use crate::network::{self, Mac, MacChanger};
use crate::ssh::Server;

/// Most bytes of seed taken: the kernel's pool holds no more.
const MAX_SEED: usize = 512;

/// Where a system keeps its name.
pub const MACHINE_ID: &str = "/etc/machine-id";

nix::ioctl_write_ptr_bad!(
    add_entropy,
    // _IOW('R', 0x03, int[2]), see linux/random.h.
    nix::request_code_write!(b'R', 0x03, 8),
    Entropy
);
nix::ioctl_none!(reseed, b'R', 0x07);

/// `struct rand_pool_info` with its buffer.
#[repr(C)]
pub struct Entropy {
    bits: libc::c_int,
    size: libc::c_int,
    bytes: [u8; MAX_SEED],
}

/// What makes a guest another one.
#[derive(Debug, PartialEq, Eq)]
pub struct Renewal {
    /// Bytes that no other clone gets.
    pub seed: Vec<u8>,
    /// Nanoseconds since the epoch.
    pub time: i64,
    /// Its network cards.
    pub nics: Vec<Card>,
    /// Who may log in by SSH.
    pub ssh_key: Option<String>,
}

/// What becomes of a network card.
#[derive(Debug, PartialEq, Eq)]
pub struct Card {
    /// Its hardware address before.
    pub from: Mac,
    /// Its hardware address from now on.
    pub to: Mac,
    /// How it gets another address, if it does.
    pub ip: Option<Address>,
}

impl Renewal {
    pub(super) fn read(mut args: Args) -> Result<Self, AgentError> {
        let seed = BASE64.decode(args.string("seed")?).ok();
        let seed = seed.filter(|seed| !seed.is_empty() && seed.len() <= MAX_SEED);
        let seed = seed.ok_or_else(|| AgentError::invalid_parameter("seed"))?;
        let time = args.int("time")?;
        if time < 0 {
            return Err(AgentError::invalid_parameter("time"));
        }
        let nics = args.objects("nics")?;
        let ssh_key = args.string_opt("ssh_key")?;
        args.finish()?;
        let nics = nics.into_iter().map(card).collect::<Result<_, _>>()?;
        Ok(Self {
            seed,
            time,
            nics,
            ssh_key,
        })
    }
}

/// Makes the machine this runs on another one, as often as wanted. What it has opened it keeps, for the sake of clones of a guest that
/// has done it before.
#[derive(Default)]
pub struct Renewer {
    random: Option<File>,
    macs: MacChanger,
    machine_id: Option<File>,
    ssh: Rc<RefCell<Server>>,
}

impl Renewer {
    /// One for a guest with this server.
    pub fn new(ssh: Rc<RefCell<Server>>) -> Self {
        Self {
            ssh,
            ..Self::default()
        }
    }

    /// Becomes what the renewal says.
    ///
    /// # Errors
    /// When the kernel refuses a step; those before it have been done.
    pub fn renew(&mut self, renewal: &Renewal) -> Result<(), AgentError> {
        let Renewal {
            seed,
            time,
            nics,
            ssh_key,
        } = renewal;
        let now = TimeSpec::new(time / 1_000_000_000, time % 1_000_000_000);
        clock_settime(ClockId::CLOCK_REALTIME, now)
            .map_err(|error| AgentError::system("failed to set the clock", &error.into()))?;
        self.stir(seed)
            .map_err(|error| AgentError::system("failed to reseed /dev/urandom", &error))?;
        for Card { from, to, ip } in nics {
            let interface = self.macs.change(*from, *to);
            let configured = interface.and_then(|interface| match ip {
                Some(ip) => network::configure(interface, *ip),
                None => Ok(()),
            });
            configured.map_err(|error| {
                AgentError::system(format!("failed to make card {from} {to}"), &error)
            })?;
        }
        self.name(seed)
            .map_err(|error| AgentError::system(format!("failed to write {MACHINE_ID}"), &error))?;
        let server = self.ssh.borrow_mut().start_anew(ssh_key.as_deref());
        server.map_err(|error| AgentError::system("failed to start the SSH server", &error))
    }

    /// Writes another machine-id, where there is one.
    fn name(&mut self, seed: &[u8]) -> io::Result<()> {
        let file = match self.machine_id.take() {
            Some(file) => file,
            None => match OpenOptions::new().write(true).open(MACHINE_ID) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            },
        };
        let bytes = seed.iter().cycle().take(16);
        let id: String = bytes.map(|byte| format!("{byte:02x}")).collect();
        // As long as the one before.
        self.machine_id
            .insert(file)
            .write_all_at((id + "\n").as_bytes(), 0)
    }

    /// Counts the seed as entropy, and has the kernel draw new keys at once rather than within a minute.
    fn stir(&mut self, seed: &[u8]) -> io::Result<()> {
        let random = match self.random.take() {
            Some(random) => random,
            None => OpenOptions::new().write(true).open("/dev/urandom")?,
        };
        let random = self.random.insert(random);
        let mut entropy = Entropy {
            bits: seed.len() as libc::c_int * 8,
            size: seed.len() as libc::c_int,
            bytes: [0; MAX_SEED],
        };
        entropy.bytes[..seed.len()].copy_from_slice(seed);
        // SAFETY: `entropy` lives through the call, and its buffer is at least `size` bytes long; the kernel only reads it.
        unsafe { add_entropy(random.as_raw_fd(), &entropy) }?;
        // SAFETY: takes no argument.
        unsafe { reseed(random.as_raw_fd()) }?;
        Ok(())
    }
}

fn card(mut nic: Args) -> Result<Card, AgentError> {
    let mut mac = |name: &str| {
        let text = nic.string(name)?;
        text.parse()
            .map_err(|()| AgentError::invalid_parameter(name))
    };
    let (from, to) = (mac("from")?, mac("to")?);
    let ip = nic.string_opt("ip")?;
    nic.finish()?;
    let ip = ip.map(|text| parse_address(&text).ok_or_else(|| AgentError::invalid_parameter("ip")));
    let ip = ip.transpose()?;
    Ok(Card { from, to, ip })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(arguments: Value) -> Result<Renewal, AgentError> {
        let Value::Object(members) = arguments else {
            panic!("{arguments}");
        };
        Renewal::read(Args::new(members))
    }

    #[test]
    fn what_is_malformed_is_refused_and_the_rest_is_read() {
        let nic = |from: &str| json!({"from": from, "to": "52:54:00:00:00:02"});
        for (arguments, expected) in [
            (
                json!({"seed": "", "time": 0, "nics": []}),
                "Invalid parameter 'seed'",
            ),
            (
                json!({"seed": "%", "time": 0, "nics": []}),
                "Invalid parameter 'seed'",
            ),
            (
                json!({"seed": "AAAA", "time": -1, "nics": []}),
                "Invalid parameter 'time'",
            ),
            (
                json!({"seed": "AAAA", "time": 0, "nics": [nic("52:54:00")]}),
                "Invalid parameter 'from'",
            ),
            (
                json!({"seed": "AAAA", "time": 0, "nics": [
                    {"from": "52:54:00:00:00:01", "to": "52:54:00:00:00:02", "ip": "192.168.10.1"},
                ]}),
                "Invalid parameter 'ip'",
            ),
        ] {
            assert_eq!(read(arguments).unwrap_err().desc, expected);
        }
        let nothing = read(json!({"time": 0, "nics": []})).unwrap_err();
        assert!(nothing.desc.contains("'seed' is missing"), "{nothing:?}");
        let mut second = nic("52:54:00:00:00:01");
        second["ip"] = json!("192.168.10.1/24");
        let nics = json!([nic("52:54:00:00:00:01"), second]);
        let arguments =
            json!({"seed": "AAE=", "time": 5, "nics": nics, "ssh_key": "ssh-ed25519 AAAA"});
        let renewal = read(arguments).unwrap();
        let card = |ip| Card {
            from: "52:54:00:00:00:01".parse().unwrap(),
            to: "52:54:00:00:00:02".parse().unwrap(),
            ip,
        };
        let expected = Renewal {
            seed: vec![0, 1],
            time: 5,
            nics: vec![card(None), card(parse_address("192.168.10.1/24"))],
            ssh_key: Some("ssh-ed25519 AAAA".to_owned()),
        };
        assert_eq!(renewal, expected);
        assert!(expected.nics[1].ip.is_some());
    }
}
