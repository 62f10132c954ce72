//! Disks: the image's block nodes, the controllers, and the devices the guest sees.

use super::opts::on_off;
use super::{Opts, Part, Render, text};
use crate::devices::{Disk, DiskBus, Media};
use crate::error::MachineError;
use crate::plug::{Device, Place};
use crate::spec::{Board, MachineSpec};

/// Units given out so far on the buses that count them.
#[derive(Default)]
struct Units {
    ide: u32,
    ahci: u32,
    scsi: u32,
}

impl Render<'_> {
    pub(super) fn disks(&mut self) -> Result<(), MachineError> {
        self.controllers()?;
        let spec = self.spec;
        let mut units = Units::default();
        spec.disks.iter().try_for_each(|disk| {
            let place = self.disk_place(disk, &mut units);
            if disk.snapshot {
                self.throw_away(disk)?;
            }
            self.furnish(Device::Disk(disk.clone()), place, disk.unpluggable)
        })
    }

    /// The controllers that disks share, each only if a disk is on it.
    fn controllers(&mut self) -> Result<(), MachineError> {
        let disks = &self.spec.disks;
        let used = |bus| disks.iter().any(|disk| disk.bus == bus);
        if used(DiskBus::VirtioScsi) {
            let id = MachineSpec::SCSI.to_owned();
            self.furnish(Device::ScsiController(id), None, false)?;
        }
        if used(DiskBus::Ahci) && self.board == Board::I440fx {
            self.pci_device(Opts::new("ich9-ahci").set("id", "ahci0"))?;
        }
        if used(DiskBus::Usb) {
            let id = MachineSpec::USB.to_owned();
            self.furnish(Device::UsbController(id), None, false)?;
        }
        Ok(())
    }

    /// A disk whose changes are lost: only -drive can make the temporary overlay; -blockdev leaves that to whoever calls QEMU.
    fn throw_away(&mut self, disk: &Disk) -> Result<(), MachineError> {
        let drive = Opts::new("")
            .set("if", "none")
            .set("id", disk.node_name())
            .set("file", text(&disk.path)?)
            .set("format", disk.format.qemu_name())
            .set("cache", disk.cache.qemu_name())
            .set("snapshot", "on");
        self.argv.push("-drive", drive.finish());
        Ok(())
    }

    /// Where a disk goes that does not sit on the root bus.
    fn disk_place(&self, disk: &Disk, units: &mut Units) -> Option<Place> {
        Some(match disk.bus {
            DiskBus::VirtioBlk | DiskBus::Nvme => return None,
            DiskBus::VirtioScsi => Place::Scsi {
                bus: bus_of(disk, MachineSpec::SCSI),
                id: take(&mut units.scsi),
            },
            DiskBus::Ide => {
                let unit = take(&mut units.ide);
                Place::Ata {
                    bus: format!("ide.{}", unit / 2),
                    unit: Some(unit % 2),
                }
            }
            DiskBus::Ahci => {
                let unit = take(&mut units.ahci);
                let on_board = self.board == Board::Q35;
                let controller = if on_board { "ide" } else { "ahci0" };
                Place::Ata {
                    bus: format!("{controller}.{unit}"),
                    unit: None,
                }
            }
            DiskBus::Usb => Place::Bus(bus_of(disk, MachineSpec::USB)),
        })
    }
}

/// The block nodes of an image; none for a disk that is thrown away, whose image is no `-blockdev`.
pub(super) fn image(disk: &Disk) -> Result<Vec<Part>, MachineError> {
    if disk.snapshot {
        return Ok(Vec::new());
    }
    let path = text(&disk.path)?;
    let readonly = disk.readonly || disk.media == Media::Cdrom;
    let driver = if path.starts_with("/dev/") {
        "host_device"
    } else {
        "file"
    };
    let cached = |opts: Opts| {
        opts.set("cache.direct", disk.cache.is_direct())
            .set("cache.no-flush", disk.cache.ignores_flush())
            .set("read-only", readonly)
            .maybe("discard", (!readonly).then_some("unmap"))
    };
    let file = format!("{}-file", disk.id);
    let protocol = Opts::new("").set("driver", driver).set("node-name", &file);
    let format = Opts::new("").set("driver", disk.format.qemu_name());
    let format = format.set("node-name", disk.node_name());
    Ok(vec![
        Part::blockdev(cached(protocol.set("filename", path))),
        Part::blockdev(cached(format.set("file", file))),
    ])
}

/// The device the guest sees, without its place.
pub(super) fn disk_device(disk: &Disk) -> Opts {
    // NVMe will not start without a serial number, and has no switch for its write cache.
    let default_serial = (disk.bus == DiskBus::Nvme).then_some(disk.id.as_str());
    let opts = Opts::new(device_name(disk))
        .set("id", &disk.id)
        .set("drive", disk.node_name())
        .maybe("serial", disk.serial.as_deref().or(default_serial))
        .maybe("bootindex", disk.bootindex);
    let opts = if disk.bus == DiskBus::Nvme || disk.media == Media::Cdrom {
        opts
    } else {
        opts.set("write-cache", on_off(disk.cache.has_write_cache()))
    };
    opts.all(&disk.properties)
}

fn device_name(disk: &Disk) -> &'static str {
    match (disk.bus, disk.media) {
        (DiskBus::VirtioBlk, _) => "virtio-blk-pci",
        (DiskBus::Nvme, _) => "nvme",
        (DiskBus::Usb, _) => "usb-storage",
        (DiskBus::VirtioScsi, Media::Disk) => "scsi-hd",
        (DiskBus::VirtioScsi, Media::Cdrom) => "scsi-cd",
        (DiskBus::Ide | DiskBus::Ahci, Media::Disk) => "ide-hd",
        (DiskBus::Ide | DiskBus::Ahci, Media::Cdrom) => "ide-cd",
    }
}

fn bus_of(disk: &Disk, shared: &str) -> String {
    format!("{}.0", disk.controller.as_deref().unwrap_or(shared))
}

fn take(next: &mut u32) -> u32 {
    let unit = *next;
    *next += 1;
    unit
}
