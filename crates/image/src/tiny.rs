//! A guest that is ready to be booted.

use crate::{KernelKind, Manifest};
use std::path::PathBuf;

/// What runs the guest's code, as far as its kernel cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceleration {
    /// The processor itself: KVM and its like.
    Hardware,
    /// QEMU's translator, whose clocks the kernel had better not calibrate against each other.
    Tcg,
}

/// A guest that needs no disk: a kernel and an initramfs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TinyGuest {
    /// For `-kernel`: what boots fastest.
    pub kernel: PathBuf,
    /// For `-kernel`: the image the distribution ships.
    pub shipped_kernel: PathBuf,
    /// For `-initrd`.
    pub initrd: PathBuf,
    /// What it is made of.
    pub manifest: Manifest,
}

/// The serial console, and nothing on it but what goes wrong.
const CONSOLE: &[&str] = &["console=ttyS0,115200", "quiet"];

/// Skips work a short-lived guest has no use for; safe on any machine.
const QUICK: &[&str] = &[
    "mitigations=off",
    "random.trust_cpu=on",
    "cryptomgr.notests",
    // It only tests itself, for 100 ms under TCG, and `cryptomgr.notests` does not reach it.
    "initcall_blacklist=crypto_kdf108_init",
    // Patching code that has run already is what TCG is worst at: 200 ms.
    "noreplace-smp",
    "rcupdate.rcu_expedited=1",
    "8250.nr_uarts=4",
    "apparmor=0",
    "audit=0",
    "nowatchdog",
];

/// The same for the code that runs before an image that unpacks itself.
const UNPACKING: &[&str] = &["nokaslr", "edd=off"];

/// Takes the clocks on trust: on a busy host their comparison fails, and the guest is left with a slow clock or none.
const TCG: &[&str] = &[
    "tsc=reliable",
    "no_timer_check",
    // No option tells its frequency. Linux measures it for 25 ticks, which a vCPU that had to wait catches up with in 20 µs, and then
    // "corrects" it by the PM timer: one more wait in between, and its interrupts come hundreds of times too often. The PIT needs no measuring.
    "nolapic_timer",
    // The kernel sets its devices up on one CPU, which takes less time than on more that wait for each other; init brings up the others. QEMU
    // 7.2 would also crash now and then when one of them writes to a device whose address another changes.
    "maxcpus=1",
    "virt_test.cpus=late",
    // Its one-shot that came due while the guest's state was saved is missed by QEMU: the clone waits until 32 bits have wrapped, 42.9 s.
    "hpet=disable",
];

impl TinyGuest {
    /// The same guest with the kernel image the distribution ships, which takes longer to boot and is the only one that wakes up
    /// from a suspension to RAM: QEMU writes an ELF image anew at each reset, and waking up is one.
    #[must_use]
    pub fn as_shipped(&self) -> Self {
        let mut guest = self.clone();
        guest.kernel.clone_from(&self.shipped_kernel);
        guest.manifest.kernel_kind = KernelKind::BzImage;
        guest.manifest.kernel_size = self.manifest.shipped_kernel_size;
        guest
    }

    /// How QEMU starts the kernel.
    #[must_use]
    pub fn kernel_kind(&self) -> KernelKind {
        self.manifest.kernel_kind
    }

    /// `uname -r` in the guest.
    #[must_use]
    pub fn kernel_release(&self) -> &str {
        &self.manifest.kernel_release
    }

    /// The kernel options this guest boots best with; more may follow them, and the last of a kind wins.
    #[must_use]
    pub fn kernel_options(&self, acceleration: Acceleration) -> Vec<&'static str> {
        let unpacking = match self.kernel_kind() {
            KernelKind::Pvh => &[],
            KernelKind::BzImage => UNPACKING,
        };
        let clocks = match acceleration {
            Acceleration::Hardware => &[],
            Acceleration::Tcg => TCG,
        };
        [CONSOLE, QUICK, unpacking, clocks].concat()
    }

    /// Tells the kernel how fast its time-stamp counter runs, in kHz, so that it need not measure it: neither for its clock nor, a tenth of
    /// the time it takes to boot under TCG, for its delays.
    #[must_use]
    pub fn time_stamp_options(&self, khz: u32) -> Vec<String> {
        // Ticks in one of the kernel's jiffies, which is what its delays are counted in where there is such a counter.
        let per_jiffy = |hz: u32| format!("lpj={}", u64::from(khz) * 1000 / u64::from(hz));
        let delays = self.manifest.timer_hz.filter(|&hz| hz > 0).map(per_jiffy);
        let clock = format!("tsc_early_khz={khz}");
        [clock].into_iter().chain(delays).collect()
    }
}
