//! What can be plugged into a machine while it runs, and where it then is.

use units::ByteSize;

use crate::devices::{Disk, DiskBus, Nic, VirtioPort, WatchdogModel};
use crate::spec::words;

/// Anything that can be plugged into a running machine: a device with what backs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Device {
    /// A disk with its image, on virtio-blk, virtio-scsi, NVMe or USB.
    Disk(Disk),
    /// A network card with what it is connected to.
    Nic(Nic),
    /// A virtio-scsi controller, by id.
    ScsiController(String),
    /// A USB 3 controller, by id.
    UsbController(String),
    /// A USB device.
    Usb(UsbDevice),
    /// A CPU, by the id it is to have.
    Cpu(String),
    /// A memory module.
    Dimm(Dimm),
    /// Memory that can be resized.
    VirtioMem(VirtioMem),
    /// A virtio-serial port, with its channel.
    VirtioPort(VirtioPort),
    /// A virtio console, by its channel.
    VirtioConsole(String),
    /// A serial port on a PCI card, by its channel.
    PciSerial(String),
    /// A virtio random number generator, by id.
    Rng(String),
    /// A virtio balloon, by id.
    Balloon(String),
    /// A watchdog.
    Watchdog {
        /// Device id.
        id: String,
        /// Which one; only a PCI device can be plugged.
        model: WatchdogModel,
    },
    /// A thread for block devices, by id. The guest does not see it.
    IoThread(String),
    /// Any other PCI device that needs nothing behind it.
    Pci(PciDevice),
}

/// A PCI device by QEMU's name for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PciDevice {
    /// Device id.
    pub id: String,
    /// QEMU's device type, such as `pci-testdev`.
    pub driver: String,
    /// Properties of the device.
    pub properties: Vec<(String, String)>,
}

words! {
    /// A kind of USB device.
    UsbModel {
        /// A hub with eight ports.
        Hub = "usb-hub",
        /// An absolute pointer.
        Tablet = "usb-tablet",
        /// A relative pointer.
        Mouse = "usb-mouse",
        /// A keyboard.
        Keyboard = "usb-kbd",
    }
}

/// A USB device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsbDevice {
    /// Device id; the guest sees it as the serial number.
    pub id: String,
    /// What it is.
    pub model: UsbModel,
    /// Id of the controller; the one that USB disks share when absent.
    pub controller: Option<String>,
    /// Port, such as `2`, or `2.1` for the first of the hub there; a free one when absent.
    pub port: Option<String>,
}

impl UsbDevice {
    /// A device at the first free port of the controller that USB disks share.
    #[must_use]
    pub fn new(id: impl Into<String>, model: UsbModel) -> Self {
        Self {
            id: id.into(),
            model,
            controller: None,
            port: None,
        }
    }
}

/// A memory module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimm {
    /// Device id; its memory backend is `<id>-memory`.
    pub id: String,
    /// Size; Linux uses whole blocks of 128 MiB.
    pub size: ByteSize,
}

/// A virtio memory device: of its size the guest is given as much as is requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtioMem {
    /// Device id; its memory backend is `<id>-memory`.
    pub id: String,
    /// The most it can have.
    pub size: ByteSize,
    /// What the guest is to have at first.
    pub requested: ByteSize,
}

/// Where a device is plugged in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Place {
    /// Where QEMU puts it, or no place at all.
    #[default]
    Anywhere,
    /// On a PCI bus: a root port, or a slot of the root bus.
    Pci {
        /// Name of the bus.
        bus: String,
        /// Slot; absent on a root port, which has one only.
        slot: Option<u8>,
    },
    /// On a SCSI bus, as logical unit 0.
    Scsi {
        /// Name of the bus, such as `scsi0.0`.
        bus: String,
        /// Target.
        id: u32,
    },
    /// On an ATA bus.
    Ata {
        /// Name of the bus, such as `ide.0`.
        bus: String,
        /// Which of two, where a bus has two.
        unit: Option<u32>,
    },
    /// On a USB bus.
    Usb {
        /// Name of the bus, such as `usb0.0`.
        bus: String,
        /// Port; a free one when absent.
        port: Option<String>,
    },
    /// On another bus, by its name.
    Bus(String),
    /// In a CPU's place, as `query-hotpluggable-cpus` describes it.
    Cpu {
        /// QEMU's device type of the CPU.
        driver: String,
        /// `socket-id`, `core-id`, …
        position: Vec<(String, u64)>,
    },
}

/// A device where it is plugged in. Rendered with a machine, it is where it was: what a migration's destination needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The device.
    pub device: Device,
    /// Where it is.
    pub place: Place,
    /// Properties QEMU chose by itself, such as the address of a memory module.
    pub chosen: Vec<(String, u64)>,
}

/// Kind of bus a device wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    /// No place, or one that QEMU finds.
    Nothing,
    /// A PCI slot.
    Pci,
    /// A target on a SCSI controller.
    Scsi,
    /// A port of a USB controller.
    Usb,
    /// A port of the virtio-serial controller.
    VirtioSerial,
    /// The place of a CPU.
    Cpu,
    /// A slot for a memory module.
    MemorySlot,
    /// A bus nothing can be plugged into while the machine runs.
    Fixed,
}

impl Device {
    /// The id it is plugged and unplugged by.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Disk(disk) => &disk.id,
            Self::Nic(nic) => &nic.id,
            Self::Usb(usb) => &usb.id,
            Self::Dimm(dimm) => &dimm.id,
            Self::VirtioMem(memory) => &memory.id,
            Self::VirtioPort(port) => &port.id,
            Self::Watchdog { id, .. } => id,
            Self::Pci(device) => &device.id,
            Self::ScsiController(id)
            | Self::UsbController(id)
            | Self::Cpu(id)
            | Self::VirtioConsole(id)
            | Self::PciSerial(id)
            | Self::Rng(id)
            | Self::Balloon(id)
            | Self::IoThread(id) => id,
        }
    }

    /// What it is, in words.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Disk(_) => "disk",
            Self::Nic(_) => "network card",
            Self::ScsiController(_) => "SCSI controller",
            Self::UsbController(_) => "USB controller",
            Self::Usb(usb) if usb.model == UsbModel::Hub => "USB hub",
            Self::Usb(_) => "USB device",
            Self::Cpu(_) => "CPU",
            Self::Dimm(_) => "memory module",
            Self::VirtioMem(_) => "virtio memory",
            Self::VirtioPort(_) => "virtio port",
            Self::VirtioConsole(_) => "virtio console",
            Self::PciSerial(_) => "serial port",
            Self::Rng(_) => "random number generator",
            Self::Balloon(_) => "balloon",
            Self::Watchdog { .. } => "watchdog",
            Self::IoThread(_) => "iothread",
            Self::Pci(_) => "PCI device",
        }
    }

    /// What it has to be plugged into.
    #[must_use]
    pub fn wants(&self) -> Wants {
        match self {
            Self::Disk(disk) => match disk.bus {
                DiskBus::VirtioBlk | DiskBus::Nvme => Wants::Pci,
                DiskBus::VirtioScsi => Wants::Scsi,
                DiskBus::Usb => Wants::Usb,
                DiskBus::Ide | DiskBus::Ahci => Wants::Fixed,
            },
            Self::Nic(_)
            | Self::ScsiController(_)
            | Self::UsbController(_)
            | Self::VirtioMem(_)
            | Self::PciSerial(_)
            | Self::Rng(_)
            | Self::Balloon(_)
            | Self::Pci(_) => Wants::Pci,
            Self::Watchdog { model, .. } => match model {
                WatchdogModel::I6300esb => Wants::Pci,
                WatchdogModel::Ib700 | WatchdogModel::Itco => Wants::Fixed,
            },
            Self::Usb(_) => Wants::Usb,
            Self::Cpu(_) => Wants::Cpu,
            Self::Dimm(_) => Wants::MemorySlot,
            Self::VirtioPort(_) | Self::VirtioConsole(_) => Wants::VirtioSerial,
            Self::IoThread(_) => Wants::Nothing,
        }
    }

    /// Properties given as text, whose types only QEMU knows.
    #[must_use]
    pub fn properties(&self) -> &[(String, String)] {
        match self {
            Self::Disk(disk) => &disk.properties,
            Self::Nic(nic) => &nic.properties,
            Self::Pci(device) => &device.properties,
            _ => &[],
        }
    }

    /// The channel it brings, which needs an endpoint.
    #[must_use]
    pub fn channel(&self) -> Option<&str> {
        match self {
            Self::VirtioPort(port) => Some(&port.id),
            Self::VirtioConsole(id) | Self::PciSerial(id) => Some(id),
            _ => None,
        }
    }

    /// Id QEMU knows the device by in `device_del` and its events; none for what is no device.
    #[must_use]
    pub fn device_id(&self) -> Option<String> {
        match self {
            Self::IoThread(_) => None,
            device => Some(match device.channel() {
                // The channel's id is the chardev's.
                Some(channel) => format!("{channel}-port"),
                None => device.id().to_owned(),
            }),
        }
    }
}

macro_rules! from_part {
    ($($part:ident)+) => {
        $(impl From<$part> for Device {
            fn from(part: $part) -> Self {
                Self::$part(part)
            }
        })+
    };
}

from_part! { Disk Nic Dimm VirtioMem VirtioPort }

impl From<UsbDevice> for Device {
    fn from(device: UsbDevice) -> Self {
        Self::Usb(device)
    }
}

impl From<PciDevice> for Device {
    fn from(device: PciDevice) -> Self {
        Self::Pci(device)
    }
}
