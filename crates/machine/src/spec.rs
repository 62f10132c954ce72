//! A machine as data: what it has, not how QEMU is told.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use units::ByteSize;

use crate::devices::{Disk, Netdev, Nic, VgaModel, VirtioPort, WatchdogModel};
use crate::plug::{Device, Placed};

/// A whole machine. [`MachineSpec::new`] gives the smallest one that boots; everything else is set by field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineSpec {
    /// Name, shown by QEMU and in process lists.
    pub name: String,
    /// Chipset and its version.
    pub machine: MachineType,
    /// Is the machine configured over the monitor before it is made (`-preconfig`)? It then waits for `x-exit-preconfig`.
    pub preconfig: bool,
    /// Options appended to `-machine`, such as `("smm", "off")`. A core dump of QEMU is without the guest's memory unless
    /// `dump-guest-core` is among them.
    pub machine_options: Vec<(String, String)>,
    /// How the guest's code is run.
    pub accel: Accel,
    /// On how many of the host's threads TCG runs the vCPUs (`-accel tcg,thread=`); QEMU decides when absent. Of no concern to KVM.
    pub tcg_thread: Option<TcgThread>,
    /// Processors.
    pub cpu: Cpu,
    /// Main memory.
    pub memory: Memory,
    /// The file main memory lies in; QEMU's own anonymous memory without one.
    pub memory_file: Option<MemoryFile>,
    /// Is main memory made of the host's huge pages? Not together with a file.
    pub huge_pages: bool,
    /// Firmware the machine starts in.
    pub firmware: Firmware,
    /// What is booted.
    pub boot: Boot,
    /// Disks and CD-ROMs, in the order the guest finds them.
    pub disks: Vec<Disk>,
    /// Network cards.
    pub nics: Vec<Nic>,
    /// Serial ports by channel id, in order; at most four.
    pub serials: Vec<String>,
    /// Virtio consoles (`/dev/hvc0`, …) by channel id, in order.
    pub virtio_consoles: Vec<String>,
    /// Virtio-serial ports (`/dev/virtio-ports/…`), the guest agent's excepted.
    pub virtio_ports: Vec<VirtioPort>,
    /// Is there the guest agent's port, `org.qemu.guest_agent.0`? Its channel is [`MachineSpec::AGENT`].
    pub agent: bool,
    /// Is there a virtio random number generator?
    pub rng: bool,
    /// Is there a virtio balloon?
    pub balloon: bool,
    /// Watchdog, if any.
    pub watchdog: Option<WatchdogModel>,
    /// Graphics card, if any. Nobody sees what it shows, but it can be asked for.
    pub vga: Option<VgaModel>,
    /// Is there the device through which a guest tells that its kernel panicked?
    pub pvpanic: bool,
    /// Is the firmware's log kept on channel [`MachineSpec::FIRMWARE`]? It is where SeaBIOS says that nothing boots. When absent,
    /// only if the firmware is to find what to boot: under TCG writing the log takes a twentieth of a fast boot's time.
    pub firmware_log: Option<bool>,
    /// Monitors besides the control monitor [`MachineSpec::QMP`].
    pub monitors: Vec<Monitor>,
    /// Empty PCIe root ports to plug devices into; q35 only, `port0` being the first.
    pub hotplug_ports: u32,
    /// Devices in the very places where they were plugged into another machine, which this one is to equal.
    pub plugged: Vec<Placed>,
    /// What certain ends mean.
    pub actions: Actions,
    /// Real-time clock.
    pub rtc: Rtc,
    /// May QEMU do only what a virtual machine needs (seccomp)? Must be off to migrate to `exec:` or to run helpers.
    pub sandbox: bool,
    /// QEMU arguments appended as they are.
    pub extra_args: Vec<String>,
}

impl MachineSpec {
    /// Channel of the control monitor, which every machine has.
    pub const QMP: &str = "qmp";
    /// Channel of the guest agent.
    pub const AGENT: &str = "agent";
    /// Channel of the firmware's log.
    pub const FIRMWARE: &str = "firmware";
    /// Id of the SCSI controller that disks share.
    pub const SCSI: &str = "scsi0";
    /// Id of the USB controller that disks and USB devices share.
    pub const USB: &str = "usb0";

    /// A q35 machine run by TCG with one CPU, 256 MiB, serial port `serial0` and the guest agent's port, that boots from its
    /// (so far absent) disks.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            machine: MachineType::Q35,
            preconfig: false,
            machine_options: Vec::new(),
            accel: Accel::Tcg,
            tcg_thread: None,
            cpu: Cpu::default(),
            memory: Memory {
                size: ByteSize::mib(256),
                slots: 0,
                max: None,
            },
            memory_file: None,
            huge_pages: false,
            firmware: Firmware::SeaBios,
            boot: Boot::Disk,
            disks: Vec::new(),
            nics: Vec::new(),
            serials: vec!["serial0".to_owned()],
            virtio_consoles: Vec::new(),
            virtio_ports: Vec::new(),
            agent: true,
            rng: false,
            balloon: false,
            watchdog: None,
            vga: None,
            pvpanic: false,
            firmware_log: None,
            monitors: Vec::new(),
            hotplug_ports: 0,
            plugged: Vec::new(),
            actions: Actions::default(),
            rtc: Rtc::default(),
            sandbox: true,
            extra_args: Vec::new(),
        }
    }

    /// A machine with nothing on it (`-machine none`), for talking to QEMU itself.
    #[must_use]
    pub fn bare(name: impl Into<String>) -> Self {
        Self {
            machine: MachineType::None,
            serials: Vec::new(),
            agent: false,
            ..Self::new(name)
        }
    }

    /// Ids of all character devices that need an endpoint: `qmp`, other monitors, serial ports, consoles, ports, agent,
    /// firmware log, ports that were plugged.
    #[must_use]
    pub fn channels(&self) -> Vec<&str> {
        let mut channels = vec![Self::QMP];
        channels.extend(self.monitors.iter().map(|monitor| monitor.id.as_str()));
        channels.extend(self.serials.iter().map(String::as_str));
        channels.extend(self.virtio_consoles.iter().map(String::as_str));
        channels.extend(self.virtio_ports.iter().map(|port| port.id.as_str()));
        if self.agent {
            channels.push(Self::AGENT);
        }
        if self.has_firmware_log() {
            channels.push(Self::FIRMWARE);
        }
        channels.extend(
            self.plugged
                .iter()
                .filter_map(|placed| placed.device.channel()),
        );
        channels
    }

    /// Its cards: those it has from the start, and those that are plugged in.
    pub fn all_nics(&self) -> impl Iterator<Item = &Nic> {
        let plugged = self.plugged.iter();
        let plugged = plugged.filter_map(|placed| match &placed.device {
            Device::Nic(nic) => Some(nic),
            _ => None,
        });
        self.nics.iter().chain(plugged)
    }

    /// The same, to be changed.
    pub fn all_nics_mut(&mut self) -> impl Iterator<Item = &mut Nic> {
        let plugged = self.plugged.iter_mut();
        let plugged = plugged.filter_map(|placed| match &mut placed.device {
            Device::Nic(nic) => Some(nic),
            _ => None,
        });
        self.nics.iter_mut().chain(plugged)
    }

    /// Cards on private networks, whose netdevs need an endpoint each: the netdev's name and the network's.
    #[must_use]
    pub fn links(&self) -> Vec<(String, &str)> {
        let links = self.all_nics().filter_map(|nic| match &nic.netdev {
            Netdev::Private(network) => Some((nic.netdev_name(), network.as_str())),
            _ => None,
        });
        links.collect()
    }

    /// Is a firmware log wanted, and does the board have firmware?
    #[must_use]
    pub fn has_firmware_log(&self) -> bool {
        let wanted = self.firmware_log.unwrap_or(self.boot == Boot::Disk);
        wanted && self.machine.board() != Some(Board::None)
    }
}

/// A machine type as `-machine` names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MachineType {
    /// PCI Express chipset of 2007; QEMU's newest `pc-q35-…`.
    Q35,
    /// PCI chipset of 1996; QEMU's newest `pc-i440fx-…`, which QEMU calls `pc`.
    I440fx,
    /// A board with nothing on it, for talking to QEMU itself.
    None,
    /// A certain version, such as `pc-q35-7.2`.
    Versioned(String),
}

/// What a machine type is at heart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Board {
    /// PCI Express: root bus `pcie.0`, SATA on board.
    Q35,
    /// PCI: root bus `pci.0`, IDE on board.
    I440fx,
    /// No buses, no firmware.
    None,
}

impl MachineType {
    /// The name QEMU knows it by.
    #[must_use]
    pub fn qemu_name(&self) -> &str {
        match self {
            Self::Q35 => "q35",
            Self::I440fx => "pc",
            Self::None => "none",
            Self::Versioned(name) => name,
        }
    }

    /// What kind of board it is, or `None` for one that virt-test cannot furnish.
    #[must_use]
    pub fn board(&self) -> Option<Board> {
        match self {
            Self::Q35 => Some(Board::Q35),
            Self::I440fx => Some(Board::I440fx),
            Self::None => Some(Board::None),
            Self::Versioned(name) if name.starts_with("pc-q35-") => Some(Board::Q35),
            Self::Versioned(name) if name.starts_with("pc-i440fx-") => Some(Board::I440fx),
            Self::Versioned(_) => None,
        }
    }
}

impl FromStr for MachineType {
    type Err = std::convert::Infallible;

    /// `q35`, `i440fx` (or `pc`), `none`; anything else is a version's name.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "q35" => Self::Q35,
            "i440fx" | "pc" => Self::I440fx,
            "none" => Self::None,
            name => Self::Versioned(name.to_owned()),
        })
    }
}

/// Writes `q35`, `i440fx`, `none` or the version's name, as [`MachineType::from_str`] reads it.
impl fmt::Display for MachineType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::I440fx => "i440fx",
            other => other.qemu_name(),
        })
    }
}

/// How the guest's code is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Accel {
    /// By the host's CPU.
    Kvm,
    /// By translation, on any host.
    Tcg,
}

impl Accel {
    /// The name `-accel` takes.
    #[must_use]
    pub fn qemu_name(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
        }
    }
}

/// Processors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cpu {
    /// Model with its flags, as `-cpu` takes it; when absent `host` under KVM and `max` under TCG.
    pub model: Option<String>,
    /// CPUs present at the start.
    pub count: u32,
    /// Most CPUs there can be, plugged ones included; when absent those of the topology, or as many as `count`.
    pub max: Option<u32>,
    /// How they are arranged; when absent QEMU decides.
    pub topology: Option<Topology>,
}

impl Cpu {
    /// Most CPUs there can be, where that is said; `None` also for a topology beyond all numbers.
    #[must_use]
    pub fn most(&self) -> Option<u32> {
        self.max
            .or_else(|| self.topology.as_ref().and_then(Topology::cpus))
    }
}

impl Default for Cpu {
    fn default() -> Self {
        Self {
            model: None,
            count: 1,
            max: None,
            topology: None,
        }
    }
}

/// How processors are arranged; the product is the most there can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topology {
    /// Sockets on the board.
    pub sockets: u32,
    /// Dies in a socket.
    pub dies: u32,
    /// Cores in a die.
    pub cores: u32,
    /// Threads in a core.
    pub threads: u32,
}

impl Topology {
    /// Number of CPUs it has room for; `None` if that does not fit 32 bits.
    #[must_use]
    pub fn cpus(&self) -> Option<u32> {
        self.sockets
            .checked_mul(self.dies)?
            .checked_mul(self.cores)?
            .checked_mul(self.threads)
    }
}

/// Main memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Memory at the start.
    pub size: ByteSize,
    /// Slots to plug modules into.
    pub slots: u32,
    /// Most memory there can be, plugged modules included.
    pub max: Option<ByteSize>,
}

/// A file that main memory lies in (`memory-backend-file`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryFile {
    /// The file, which QEMU makes if there is none.
    pub path: PathBuf,
    /// Is what the guest writes written to the file? Otherwise the file is only read, and every machine has changes of its own.
    pub shared: bool,
}

/// Firmware the machine starts in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Firmware {
    /// QEMU's own.
    SeaBios,
    /// A BIOS image instead of QEMU's own.
    Bios(PathBuf),
    /// UEFI (OVMF) in two flash chips.
    Uefi {
        /// Code, read-only (`OVMF_CODE_4M.fd`).
        code: PathBuf,
        /// Variables, written to: this machine's own copy of `OVMF_VARS_4M.fd`.
        vars: PathBuf,
    },
}

/// What is booted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Boot {
    /// A kernel handed over by QEMU: a bzImage, or an uncompressed kernel with a PVH note.
    Kernel {
        /// Kernel image.
        kernel: PathBuf,
        /// Initial RAM file system.
        initrd: Option<PathBuf>,
        /// Kernel command line.
        cmdline: String,
    },
    /// Disks, CD-ROMs and network cards, those with a `bootindex` first.
    Disk,
}

/// A monitor besides the control monitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Monitor {
    /// Channel id.
    pub id: String,
    /// Language it speaks.
    pub protocol: MonitorProtocol,
}

/// Language of a monitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MonitorProtocol {
    /// JSON, for programs.
    Qmp,
    /// Lines, for people.
    Hmp,
}

/// What certain ends mean (`-action`). The default keeps a panicked machine paused, so that it can be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actions {
    /// Guest reboots.
    pub reboot: RebootAction,
    /// Guest powers off.
    pub shutdown: ShutdownAction,
    /// Guest tells of its panic by pvpanic.
    pub panic: PanicAction,
    /// Watchdog fires.
    pub watchdog: WatchdogAction,
}

impl Default for Actions {
    fn default() -> Self {
        Self {
            reboot: RebootAction::Reset,
            shutdown: ShutdownAction::Poweroff,
            panic: PanicAction::Pause,
            watchdog: WatchdogAction::Reset,
        }
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// All of them, in the order of their declaration.
            pub const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];

            /// The word QEMU takes for it.
            #[must_use]
            pub fn qemu_name(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}
pub(crate) use words;

words! {
    /// On how many of the host's threads TCG runs the vCPUs.
    TcgThread {
        /// Each has its own: the guest can use as many of the host's processors as it has vCPUs.
        Multi = "multi",
        /// They take turns on one: none waits for another that the host does not let run.
        Single = "single",
    }
}

words! {
    /// What follows when the guest reboots.
    RebootAction {
        /// It starts again.
        Reset = "reset",
        /// QEMU ends.
        Shutdown = "shutdown",
    }
}

words! {
    /// What follows when the guest powers off.
    ShutdownAction {
        /// QEMU ends.
        Poweroff = "poweroff",
        /// The machine stays, paused, in state `shutdown`.
        Pause = "pause",
    }
}

words! {
    /// What follows when the guest tells of its panic.
    PanicAction {
        /// The machine stays, paused, in state `guest-panicked`.
        Pause = "pause",
        /// QEMU ends.
        Shutdown = "shutdown",
        /// QEMU ends with a failure.
        ExitFailure = "exit-failure",
        /// Nothing but the event.
        None = "none",
    }
}

words! {
    /// What follows when the watchdog fires.
    WatchdogAction {
        /// The machine is reset.
        Reset = "reset",
        /// ACPI power button.
        Shutdown = "shutdown",
        /// QEMU ends.
        Poweroff = "poweroff",
        /// The guest gets a non-maskable interrupt.
        InjectNmi = "inject-nmi",
        /// The machine stays, paused, in state `watchdog`.
        Pause = "pause",
        /// A line on QEMU's stderr.
        Debug = "debug",
        /// Nothing but the event.
        None = "none",
    }
}

/// Real-time clock (`-rtc`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rtc {
    /// `utc`, `localtime` or a moment such as `2006-06-17T16:01:21`.
    pub base: String,
    /// Clock that drives it.
    pub clock: RtcClock,
    /// Are lost ticks made up for?
    pub driftfix: bool,
}

impl Default for Rtc {
    fn default() -> Self {
        Self {
            base: "utc".to_owned(),
            clock: RtcClock::Host,
            driftfix: false,
        }
    }
}

words! {
    /// Clock that drives the real-time clock.
    RtcClock {
        /// The host's, which follows the host's time corrections.
        Host = "host",
        /// The host's monotonic clock.
        Rt = "rt",
        /// The guest's, which stands still while the machine is paused.
        Vm = "vm",
    }
}
