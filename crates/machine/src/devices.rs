//! The parts a machine is furnished with.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use units::ByteSize;

use crate::spec::words;

/// A disk or CD-ROM: an image and the device the guest sees it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// Device id; the image's block node is `<id>-image`.
    pub id: String,
    /// Image file or block device.
    pub path: PathBuf,
    /// Format of the image.
    pub format: ImageFormat,
    /// How a throw-away image at `path` was made; lets `repro.sh` make it anew. Absent where `path` stays.
    pub made: Option<Made>,
    /// What it is plugged into.
    pub bus: DiskBus,
    /// Disk or CD-ROM.
    pub media: Media,
    /// How the host caches it.
    pub cache: CacheMode,
    /// Is writing refused? Always so for a CD-ROM.
    pub readonly: bool,
    /// Is what is written thrown away when QEMU ends?
    pub snapshot: bool,
    /// Serial number the guest sees.
    pub serial: Option<String>,
    /// Place in the firmware's boot order, 0 being the first.
    pub bootindex: Option<u32>,
    /// Can it be unplugged? On q35 it then sits on a root port of its own, named `<id>-port`. Virtio-blk and NVMe only.
    pub unpluggable: bool,
    /// Id of the SCSI or USB controller it is on; the one that such disks share when absent.
    pub controller: Option<String>,
    /// Further properties of the device.
    pub properties: Vec<(String, String)>,
}

impl Disk {
    /// A writable disk on virtio-blk with the default cache mode.
    #[must_use]
    pub fn new(id: impl Into<String>, path: impl Into<PathBuf>, format: ImageFormat) -> Self {
        Self {
            id: id.into(),
            path: path.into(),
            format,
            made: None,
            bus: DiskBus::VirtioBlk,
            media: Media::Disk,
            cache: CacheMode::Writeback,
            readonly: false,
            snapshot: false,
            serial: None,
            bootindex: None,
            unpluggable: false,
            controller: None,
            properties: Vec::new(),
        }
    }

    /// Name of the block node that holds the image, for QMP's block commands.
    #[must_use]
    pub fn node_name(&self) -> String {
        format!("{}-image", self.id)
    }
}

/// How a throw-away image was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// Empty, of this virtual size.
    Blank(ByteSize),
    /// As an overlay of, or a copy of, this image, which has this format.
    Of(PathBuf, ImageFormat),
}

/// Format of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageFormat {
    /// The disk's bytes as they are.
    Raw,
    /// QEMU's own.
    Qcow2,
    /// Another block driver by its name, such as `vmdk`.
    Other(String),
}

impl ImageFormat {
    /// The name of QEMU's block driver for it.
    #[must_use]
    pub fn qemu_name(&self) -> &str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
            Self::Other(name) => name,
        }
    }
}

impl FromStr for ImageFormat {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "raw" => Self::Raw,
            "qcow2" => Self::Qcow2,
            other => Self::Other(other.to_owned()),
        })
    }
}

words! {
    /// What a disk is plugged into. `qemu_name` is the name used in configuration.
    DiskBus {
        /// Its own virtio-blk PCI device.
        VirtioBlk = "virtio_blk",
        /// A virtio-scsi controller, shared by all such disks.
        VirtioScsi = "virtio_scsi",
        /// The IDE controller on an i440fx board.
        Ide = "ide",
        /// SATA: on board on q35, a controller card on i440fx.
        Ahci = "ahci",
        /// Its own NVMe controller.
        Nvme = "nvme",
        /// A USB 3 controller, shared by all such disks.
        Usb = "usb",
    }
}

words! {
    /// Disk or CD-ROM.
    Media {
        /// A disk.
        Disk = "disk",
        /// A CD-ROM drive with a disc in it.
        Cdrom = "cdrom",
    }
}

words! {
    /// How the host caches a disk (QEMU's table for `-drive cache=`).
    CacheMode {
        /// Host page cache; flushed when the guest asks.
        Writeback = "writeback",
        /// No host page cache (`O_DIRECT`); flushed when the guest asks.
        None = "none",
        /// Host page cache; every write flushed.
        Writethrough = "writethrough",
        /// No host page cache; every write flushed.
        Directsync = "directsync",
        /// Host page cache; flushes ignored. Fast; loses data if the host crashes.
        Unsafe = "unsafe",
    }
}

impl CacheMode {
    /// Is the host's page cache passed by?
    pub(crate) fn is_direct(self) -> bool {
        matches!(self, Self::None | Self::Directsync)
    }

    /// Are flushes ignored?
    pub(crate) fn ignores_flush(self) -> bool {
        self == Self::Unsafe
    }

    /// Does the guest see a volatile write cache?
    pub(crate) fn has_write_cache(self) -> bool {
        !matches!(self, Self::Writethrough | Self::Directsync)
    }
}

/// A network card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nic {
    /// Device id; its netdev is `<id>-net`.
    pub id: String,
    /// Device the guest sees.
    pub model: NicModel,
    /// Hardware address.
    pub mac: MacAddr,
    /// What it is connected to.
    pub netdev: Netdev,
    /// Place in the firmware's boot order, 0 being the first.
    pub bootindex: Option<u32>,
    /// Can it be unplugged? On q35 it then sits on a root port of its own, named `<id>-port`.
    pub unpluggable: bool,
    /// Further properties of the device.
    pub properties: Vec<(String, String)>,
}

impl Nic {
    /// A virtio network card of machine `vm` on a user-mode network without a way out. The hardware address
    /// is [`MacAddr::derived`] from both names.
    #[must_use]
    pub fn new(vm: &str, id: impl Into<String>) -> Self {
        let id = id.into();
        Self {
            mac: MacAddr::derived(vm, &id),
            id,
            model: NicModel::VirtioNet,
            netdev: Netdev::User {
                restrict: true,
                forwards: Vec::new(),
            },
            bootindex: None,
            unpluggable: false,
            properties: Vec::new(),
        }
    }

    /// Name of its netdev.
    #[must_use]
    pub fn netdev_name(&self) -> String {
        format!("{}-net", self.id)
    }
}

words! {
    /// Device a guest sees as its network card. `qemu_name` is the name used in configuration.
    NicModel {
        /// Virtio.
        VirtioNet = "virtio_net",
        /// Intel 82540EM.
        E1000 = "e1000",
        /// Intel 82574L.
        E1000e = "e1000e",
        /// Realtek RTL8139C+.
        Rtl8139 = "rtl8139",
    }
}

/// What a network card is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Netdev {
    /// QEMU's user-mode network: DHCP and DNS, no privileges needed.
    User {
        /// Are guest and outside world kept apart? Forwarded ports still work.
        restrict: bool,
        /// Ports forwarded into the guest, as `hostfwd=` takes them, such as `tcp:127.0.0.1:2222-:22`.
        forwards: Vec<String>,
    },
    /// Nothing: the cable is out.
    None,
    /// An Ethernet of ours that no packet leaves: the machines whose network has this name hear each other and nobody else.
    Private(String),
    /// A tap device of the host, which must exist.
    Tap {
        /// Interface name.
        ifname: String,
        /// Is the in-kernel virtio back end used?
        vhost: bool,
    },
}

/// A hash that is the same on every host and for ever (FNV-1a).
pub(crate) fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// An Ethernet hardware address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// An address under QEMU's prefix 52:54:00 that is always the same for the same pair of names.
    #[must_use]
    pub fn derived(vm: &str, nic: &str) -> Self {
        // Folded to the 24 bits under the prefix; the zero byte keeps ("a", "bc") and ("ab", "c") apart.
        let hash = fnv1a(vm.bytes().chain([0]).chain(nic.bytes()));
        let folded = (hash ^ (hash >> 24) ^ (hash >> 48)).to_be_bytes();
        Self([0x52, 0x54, 0x00, folded[5], folded[6], folded[7]])
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// A hardware address that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no hardware address (hint: write six bytes such as 52:54:00:12:34:56)")]
pub struct MacAddrError(String);

impl FromStr for MacAddr {
    type Err = MacAddrError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || MacAddrError(text.to_owned());
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts
                .next()
                .filter(|part| part.len() == 2)
                .ok_or_else(error)?;
            *byte = u8::from_str_radix(part, 16).map_err(|_| error())?;
        }
        match parts.next() {
            None => Ok(Self(bytes)),
            Some(_) => Err(error()),
        }
    }
}

/// A virtio-serial port, `/dev/virtio-ports/<name>` in a Linux guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtioPort {
    /// Channel id.
    pub id: String,
    /// Name the guest finds it by.
    pub name: String,
}

words! {
    /// A graphics card. `qemu_name` is the name used in configuration, and by `-vga`.
    VgaModel {
        /// Bochs' VBE.
        Std = "std",
        /// Cirrus Logic GD5446.
        Cirrus = "cirrus",
        /// Spice's.
        Qxl = "qxl",
        /// VMware's SVGA II.
        Vmware = "vmware",
        /// Virtio with VGA compatibility.
        Virtio = "virtio",
    }
}

impl VgaModel {
    /// QEMU's device type of it.
    pub(crate) fn driver(self) -> &'static str {
        match self {
            Self::Std => "VGA",
            Self::Cirrus => "cirrus-vga",
            Self::Qxl => "qxl-vga",
            Self::Vmware => "vmware-svga",
            Self::Virtio => "virtio-vga",
        }
    }
}

words! {
    /// A watchdog.
    WatchdogModel {
        /// Intel 6300ESB, a PCI device.
        I6300esb = "i6300esb",
        /// IB700, an ISA device.
        Ib700 = "ib700",
        /// Intel TCO, part of the q35 board.
        Itco = "itco",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hardware_address_is_the_same_for_the_same_names_and_no_others() {
        let mac = MacAddr::derived("vm1", "nic1");
        assert_eq!(mac, MacAddr::derived("vm1", "nic1"));
        assert_ne!(mac, MacAddr::derived("vm1", "nic2"));
        assert_ne!(MacAddr::derived("a", "bc"), MacAddr::derived("ab", "c"));
        assert!(mac.to_string().starts_with("52:54:00:"));
    }

    #[test]
    fn a_hardware_address_reads_back_as_it_was_written() {
        let mac: MacAddr = "52:54:00:0a:FF:01".parse().unwrap();
        assert_eq!(mac.to_string(), "52:54:00:0a:ff:01");
        for text in [
            "",
            "52:54:00:0a:ff",
            "52:54:00:0a:ff:01:02",
            "52:54:00:0a:ff:0g",
            "5:54:00:0a:ff:01",
        ] {
            assert!(text.parse::<MacAddr>().is_err(), "{text}");
        }
    }
}
