//! Going down, going to sleep, and the power button.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::reboot::{RebootMode, reboot};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::time::TimeSpec;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::time::{ClockId, clock_settime};
use nix::unistd::Pid;

use crate::agent::{AgentError, Shutdown, Suspend, reason};
use crate::process::hear_signals;

/// How long processes may take over a polite request to end.
const GRACE: Duration = Duration::from_secs(2);

/// Ends every process, writes everything back, and takes the machine down. Returns only if the kernel refuses.
pub fn go_down(how: Shutdown) -> io::Error {
    end_processes();
    nix::unistd::sync();
    unmount_devices();
    let mode = match how {
        Shutdown::PowerOff => RebootMode::RB_POWER_OFF,
        Shutdown::Halt => RebootMode::RB_HALT_SYSTEM,
        Shutdown::Reboot => RebootMode::RB_AUTOBOOT,
    };
    match reboot(mode) {
        Ok(never) => match never {},
        Err(error) => error.into(),
    }
}

fn end_processes() {
    let everybody = Pid::from_raw(-1);
    // An interactive shell ignores TERM but not HUP, and a stopped process hears nothing before CONT.
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGCONT] {
        let _ = kill(everybody, signal);
    }
    let deadline = Instant::now() + GRACE;
    let mut child_ended = SigSet::empty();
    child_ended.add(Signal::SIGCHLD);
    let mut killed = false;
    loop {
        match waitpid(everybody, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => {}
            Ok(_) => continue,
            Err(_) => return,
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() && !killed {
            let _ = kill(everybody, Signal::SIGKILL);
            killed = true;
        } else if left.is_zero() {
            // Killed and still there: in the kernel, waiting for something that will not come.
            return;
        }
        let left = if killed { GRACE } else { left };
        // The event loop blocks SIGCHLD, so it stays pending until it is waited for here.
        wait_signal(&child_ended, left);
    }
}

/// Waits for one of the signals, `sigtimedwait(2)`.
fn wait_signal(signals: &SigSet, timeout: Duration) {
    let timeout = TimeSpec::from_duration(timeout);
    // SAFETY: both pointers are to values that live through the call; a null siginfo means it is not wanted.
    unsafe { libc::sigtimedwait(signals.as_ref(), std::ptr::null_mut(), timeout.as_ref()) };
}

/// Unmounts what has a device behind it, the last mounted first, or at least makes it read-only.
fn unmount_devices() {
    let table = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    for line in table.lines().rev() {
        let mut fields = line.split(' ');
        let (Some(device), Some(point)) = (fields.next(), fields.next()) else {
            continue;
        };
        if !device.starts_with("/dev/") {
            continue;
        }
        if umount2(point, MntFlags::empty()).is_err() {
            let flags = MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
            let _ = mount(None::<&str>, point, None::<&str>, flags, None::<&str>);
        }
    }
}

/// Sleeps as asked; returns after the machine woke up.
///
/// # Errors
/// When the kernel or the machine cannot sleep this way.
pub fn suspend(how: Suspend) -> Result<(), AgentError> {
    let unsupported =
        || AgentError::generic("the requested suspend mode is not supported by the guest");
    let states = fs::read_to_string("/sys/power/state").map_err(|_| unsupported())?;
    let has = |state: &str| states.split_whitespace().any(|known| known == state);
    let state = match how {
        Suspend::Ram if has("mem") => {
            let sleeps = fs::read_to_string("/sys/power/mem_sleep").unwrap_or_default();
            if !sleeps.contains("deep") {
                return Err(unsupported());
            }
            write("/sys/power/mem_sleep", "deep")?;
            "mem"
        }
        Suspend::Disk | Suspend::Hybrid if has("disk") => {
            // The list has a heading; without a second line there is nowhere to write memory to.
            let swaps = fs::read_to_string("/proc/swaps").unwrap_or_default();
            if swaps.lines().count() < 2 {
                return Err(AgentError::generic(
                    "the guest has no swap space to suspend to",
                ));
            }
            let mode = if how == Suspend::Hybrid {
                "suspend"
            } else {
                "platform"
            };
            write("/sys/power/disk", mode)?;
            "disk"
        }
        _ => return Err(unsupported()),
    };
    let _quiet = QuietIpv6::begin(IPV6_OFF);
    write("/sys/power/state", state)
}

/// Switches IPv6 off for all network cards.
const IPV6_OFF: &str = "/proc/sys/net/ipv6/conf/all/disable_ipv6";

/// IPv6, switched off until this is dropped.
///
/// It sends by itself, above all in the first seconds (duplicate addresses, groups, routers). Linux 6.1 lets it send over a virtio network
/// card that is put to sleep already, and then asks a queue that is gone whether it is done, for ever.
struct QuietIpv6<'a>(Option<&'a str>);

impl<'a> QuietIpv6<'a> {
    fn begin(switch: &'a str) -> Self {
        let is_on = fs::read_to_string(switch).is_ok_and(|off| off.trim() == "0");
        Self((is_on && fs::write(switch, "1").is_ok()).then_some(switch))
    }
}

impl Drop for QuietIpv6<'_> {
    fn drop(&mut self) {
        // The guest is up again whether or not this works.
        let _ = self.0.map(|switch| fs::write(switch, "0"));
    }
}

fn write(path: &str, text: &str) -> Result<(), AgentError> {
    fs::write(path, text)
        .map_err(|error| AgentError::system(format!("failed to write '{text}' to {path}"), &error))
}

/// Takes up the guest that was suspended to this swap device (`/dev/vda`), if there is one; then this one is no more. The kernel
/// itself has looked before there was a driver for the device.
pub fn resume(device: &str) {
    let Ok(found) = fs::metadata(device) else {
        return;
    };
    let (major, minor) = (
        nix::sys::stat::major(found.rdev()),
        nix::sys::stat::minor(found.rdev()),
    );
    // Refused where the device holds no image, which is how most boots go.
    let _ = fs::write("/sys/power/resume", format!("{major}:{minor}"));
}

/// Sets the system's clock and the hardware's, or the system's from the hardware's.
///
/// # Errors
/// When the time is out of range or the clock refuses it.
pub fn set_time(nanoseconds: Option<i64>) -> Result<(), AgentError> {
    let Some(nanoseconds) = nanoseconds else {
        return hwclock("-s");
    };
    if nanoseconds < 0 {
        return Err(AgentError::generic("Invalid time"));
    }
    let time = TimeSpec::new(nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
    clock_settime(ClockId::CLOCK_REALTIME, time)
        .map_err(|error| AgentError::system("Failed to set time to guest", &error.into()))?;
    hwclock("-w")
}

fn hwclock(option: &str) -> Result<(), AgentError> {
    let failed =
        |why: String| AgentError::generic(format!("hwclock failed to set hardware clock: {why}"));
    let mut command = Command::new("/bin/busybox");
    command
        .args(["hwclock", "-u", option])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let status = hear_signals(&mut command).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(status.to_string())),
        Err(error) => Err(failed(reason(&error))),
    }
}

/// The key code of a power button (`KEY_POWER` in linux/input-event-codes.h).
const KEY_POWER: u16 = 116;
/// The type of key events (`EV_KEY`).
const EV_KEY: u16 = 1;

/// An input device that has a power button.
pub struct PowerButton {
    device: String,
    file: File,
}

impl PowerButton {
    /// Input devices there are now (`event0`).
    pub fn scan() -> Vec<String> {
        fs::read_dir("/sys/class/input")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name.starts_with("event"))
            .collect()
    }

    /// Opens the device (`event0`) if it has a power button.
    pub fn open(device: &str) -> Option<Self> {
        let keys = fs::read_to_string(format!("/sys/class/input/{device}/device/capabilities/key"))
            .ok()?;
        if !has_bit(&keys, KEY_POWER) {
            return None;
        }
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open(format!("/dev/input/{device}"))
            .ok()?;
        Some(PowerButton {
            device: device.to_string(),
            file,
        })
    }

    /// The device's name.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// Whether the button was pressed since last asked.
    pub fn pressed(&mut self) -> bool {
        // struct input_event of a 64-bit kernel: 16 bytes of time, then type, code and value.
        let mut events = [0_u8; 24 * 16];
        let mut pressed = false;
        while let Ok(size @ 24..) = self.file.read(&mut events) {
            pressed |= events[..size].chunks_exact(24).any(is_press);
        }
        pressed
    }
}

impl AsFd for PowerButton {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn is_press(event: &[u8]) -> bool {
    let half = |at: usize| u16::from_ne_bytes([event[at], event[at + 1]]);
    let value = i32::from_ne_bytes([event[20], event[21], event[22], event[23]]);
    half(16) == EV_KEY && half(18) == KEY_POWER && value == 1
}

/// Whether a bit is set in a bitmap as `/sys` prints it: words of 64 bits in hexadecimal, the highest first.
fn has_bit(bitmap: &str, bit: u16) -> bool {
    let word = bitmap.split_whitespace().rev().nth(usize::from(bit / 64));
    word.and_then(|word| u64::from_str_radix(word, 16).ok())
        .is_some_and(|word| word >> (bit % 64) & 1 == 1)
}

/// True when the process is the first one, the only one that may act on the whole machine.
pub fn is_init() -> bool {
    nix::unistd::getpid().as_raw() == 1
}

/// Keeps Ctrl-Alt-Del from restarting at once; the kernel sends init SIGINT instead.
pub fn take_ctrl_alt_del() {
    // Fails only where this is not init.
    let _: Result<(), Errno> = nix::sys::reboot::set_cad_enabled(false);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_is_off_while_the_guest_sleeps_and_as_it_was_afterwards() {
        let switch = std::env::temp_dir().join(format!("disable_ipv6.{}", std::process::id()));
        let path = switch.to_str().unwrap();
        for (before, during) in [("0\n", "1"), ("1\n", "1\n")] {
            fs::write(path, before).unwrap();
            let quiet = QuietIpv6::begin(path);
            assert_eq!(fs::read_to_string(path).unwrap(), during);
            drop(quiet);
            let after = fs::read_to_string(path).unwrap();
            assert_eq!(after.trim(), before.trim());
        }
        fs::remove_file(path).unwrap();
        drop(QuietIpv6::begin(path));
        assert!(!switch.exists(), "a kernel without IPv6");
    }

    #[test]
    fn a_power_button_is_found_in_the_key_bitmap() {
        assert!(has_bit("10000000000000 0", 116));
        assert!(!has_bit("10000000000000", 116));
        assert!(!has_bit("8000000000000 ffffffffffffffff", 116));
    }

    #[test]
    fn only_a_press_of_the_power_key_counts() {
        let mut event = [0_u8; 24];
        event[16] = 1;
        event[18] = 116;
        event[20] = 1;
        assert!(is_press(&event));
        event[20] = 0;
        assert!(!is_press(&event), "release");
        event[20] = 1;
        event[18] = 30;
        assert!(!is_press(&event), "another key");
    }
}
