//! Disks: the image's block nodes, the controllers, and the devices the guest sees.

use super::opts::on_off;
use super::{Opts, Render, text};
use crate::devices::{Disk, DiskBus, Media};
use crate::error::MachineError;
use crate::spec::Board;

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
            self.image(disk)?;
            self.disk_device(disk, &mut units)
        })
    }

    /// The controllers that disks share, each only if a disk is on it.
    fn controllers(&mut self) -> Result<(), MachineError> {
        let disks = &self.spec.disks;
        let used = |bus| disks.iter().any(|disk| disk.bus == bus);
        if used(DiskBus::VirtioScsi) {
            let opts = Opts::new("virtio-scsi-pci").set("id", "scsi0");
            self.pci_device("virtio-scsi-pci", opts)?;
        }
        if used(DiskBus::Ahci) && self.board == Board::I440fx {
            self.pci_device("ich9-ahci", Opts::new("ich9-ahci").set("id", "ahci0"))?;
        }
        if used(DiskBus::Usb) {
            self.pci_device("qemu-xhci", Opts::new("qemu-xhci").set("id", "usb0"))?;
        }
        Ok(())
    }

    fn image(&mut self, disk: &Disk) -> Result<(), MachineError> {
        let path = text(&disk.path)?;
        let readonly = disk.readonly || disk.media == Media::Cdrom;
        let node = disk.node_name();
        let format = disk.format.qemu_name();
        if disk.snapshot {
            // Only -drive can make the temporary overlay; -blockdev leaves that to whoever calls QEMU.
            let drive = Opts::new("")
                .set("if", "none")
                .set("id", node)
                .set("file", path)
                .set("format", format)
                .set("cache", disk.cache.qemu_name())
                .set("snapshot", "on");
            self.argv.push("-drive", drive.finish());
            return Ok(());
        }
        let driver = if path.starts_with("/dev/") {
            "host_device"
        } else {
            "file"
        };
        let cached = |opts: Opts| {
            opts.set("cache.direct", on_off(disk.cache.is_direct()))
                .set("cache.no-flush", on_off(disk.cache.ignores_flush()))
                .set("read-only", on_off(readonly))
                .maybe("discard", (!readonly).then_some("unmap"))
        };
        let file = format!("{}-file", disk.id);
        let opts = Opts::new("").set("driver", driver).set("node-name", &file);
        self.argv
            .push("-blockdev", cached(opts.set("filename", path)).finish());
        let opts = Opts::new("").set("driver", format).set("node-name", node);
        self.argv
            .push("-blockdev", cached(opts.set("file", file)).finish());
        Ok(())
    }

    fn disk_device(&mut self, disk: &Disk, units: &mut Units) -> Result<(), MachineError> {
        let name = device_name(disk);
        let opts = Opts::new(name)
            .set("id", &disk.id)
            .set("drive", disk.node_name());
        let opts = match disk.bus {
            DiskBus::VirtioBlk | DiskBus::Nvme => opts,
            DiskBus::VirtioScsi => {
                let unit = take(&mut units.scsi);
                opts.set("bus", "scsi0.0")
                    .set("scsi-id", unit)
                    .set("lun", 0)
            }
            DiskBus::Ide => {
                let unit = take(&mut units.ide);
                opts.set("bus", format!("ide.{}", unit / 2))
                    .set("unit", unit % 2)
            }
            DiskBus::Ahci => {
                let unit = take(&mut units.ahci);
                let controller = if self.board == Board::Q35 {
                    "ide"
                } else {
                    "ahci0"
                };
                opts.set("bus", format!("{controller}.{unit}"))
            }
            DiskBus::Usb => opts.set("bus", "usb0.0"),
        };
        // NVMe will not start without a serial number, and has no switch for its write cache.
        let default_serial = (disk.bus == DiskBus::Nvme).then_some(disk.id.as_str());
        let opts = opts
            .maybe("serial", disk.serial.as_deref().or(default_serial))
            .maybe("bootindex", disk.bootindex);
        let opts = if disk.bus == DiskBus::Nvme || disk.media == Media::Cdrom {
            opts
        } else {
            opts.set("write-cache", on_off(disk.cache.has_write_cache()))
        };
        let opts = opts.all(&disk.properties);
        match disk.bus {
            DiskBus::VirtioBlk | DiskBus::Nvme if disk.unpluggable => {
                self.unpluggable_pci_device(&disk.id, name, opts)
            }
            DiskBus::VirtioBlk | DiskBus::Nvme => self.pci_device(name, opts),
            _ => self.device(name, opts),
        }
    }
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

fn take(next: &mut u32) -> u32 {
    let unit = *next;
    *next += 1;
    unit
}
