//! `__org.virt-test_renew`, a command of ours: makes a guest that was cloned while it ran a machine of its own, in one round trip.
//!
//! | argument | meaning |
//! |---|---|
//! | `seed` | bytes in base64 that no other clone gets, for the random number generator |
//! | `time` | nanoseconds since the epoch, now |
//! | `nics` | for each network card, its address `from` before and `to` from now on |

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_settime};

use super::args::Args;
use super::error::AgentError;
use crate::network::{Mac, MacChanger};

/// Most bytes of seed taken: the kernel's pool holds no more.
const MAX_SEED: usize = 512;

const MACHINE_ID: &str = "/etc/machine-id";

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
    /// Network cards' addresses, before and after.
    pub nics: Vec<(Mac, Mac)>,
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
        args.finish()?;
        let nics = nics.into_iter().map(renamed).collect::<Result<_, _>>()?;
        Ok(Self { seed, time, nics })
    }
}

/// Makes the machine this runs on another one, as often as wanted. What it has opened it keeps, for the sake of clones of a guest that
/// has done it before.
#[derive(Default)]
pub struct Renewer {
    random: Option<File>,
    macs: MacChanger,
    machine_id: Option<File>,
}

impl Renewer {
    /// Becomes what the renewal says.
    ///
    /// # Errors
    /// When the kernel refuses a step; those before it have been done.
    pub fn renew(&mut self, renewal: &Renewal) -> Result<(), AgentError> {
        let Renewal { seed, time, nics } = renewal;
        let now = TimeSpec::new(time / 1_000_000_000, time % 1_000_000_000);
        clock_settime(ClockId::CLOCK_REALTIME, now)
            .map_err(|error| AgentError::system("failed to set the clock", &error.into()))?;
        self.stir(seed)
            .map_err(|error| AgentError::system("failed to reseed /dev/urandom", &error))?;
        for (from, to) in nics {
            self.macs.change(*from, *to).map_err(|error| {
                AgentError::system(format!("failed to make card {from} {to}"), &error)
            })?;
        }
        self.name(seed)
            .map_err(|error| AgentError::system(format!("failed to write {MACHINE_ID}"), &error))
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

fn renamed(mut nic: Args) -> Result<(Mac, Mac), AgentError> {
    let mut mac = |name: &str| {
        let text = nic.string(name)?;
        text.parse()
            .map_err(|()| AgentError::invalid_parameter(name))
    };
    let renamed = (mac("from")?, mac("to")?);
    nic.finish()?;
    Ok(renamed)
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
        ] {
            assert_eq!(read(arguments).unwrap_err().desc, expected);
        }
        let nothing = read(json!({"time": 0, "nics": []})).unwrap_err();
        assert!(nothing.desc.contains("'seed' is missing"), "{nothing:?}");
        let nics = json!([nic("52:54:00:00:00:01")]);
        let renewal = read(json!({"seed": "AAE=", "time": 5, "nics": nics})).unwrap();
        let (from, to) = ("52:54:00:00:00:01", "52:54:00:00:00:02");
        let expected = Renewal {
            seed: vec![0, 1],
            time: 5,
            nics: vec![(from.parse().unwrap(), to.parse().unwrap())],
        };
        assert_eq!(renewal, expected);
    }
}
