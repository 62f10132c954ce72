//! Contradictions in a machine, found before QEMU is asked.

use std::collections::BTreeSet;

use crate::devices::{Disk, DiskBus, Media, Netdev, WatchdogModel};
use crate::error::MachineError;
use crate::plug::Device;
use crate::spec::{Board, Boot, Firmware, MachineSpec};

/// Serial ports a PC has addresses for.
const MAX_SERIALS: usize = 4;

impl MachineSpec {
    /// Looks for contradictions that need no QEMU to be seen. [`render`](crate::render) does this first.
    ///
    /// # Errors
    /// [`MachineError::Invalid`] for the first one found.
    pub fn validate(&self) -> Result<(), MachineError> {
        let board = self.board()?;
        self.validate_names()?;
        self.validate_cpu()?;
        self.validate_memory()?;
        if board == Board::None {
            return self.validate_nothing_plugged();
        }
        if self.serials.len() > MAX_SERIALS {
            return Err(MachineError::invalid(
                format!("machine \"{}\"", self.name),
                format!(
                    "has {} serial ports, a PC has {MAX_SERIALS}",
                    self.serials.len()
                ),
                "use virtio_consoles for more",
            ));
        }
        if board != Board::Q35 && self.hotplug_ports > 0 {
            return Err(MachineError::invalid(
                format!("machine \"{}\"", self.name),
                "has PCIe root ports, but its board has no PCIe",
                "leave hotplug_ports at 0: on i440fx devices are plugged into pci.0",
            ));
        }
        if board != Board::Q35 && self.watchdog == Some(WatchdogModel::Itco) {
            return Err(MachineError::invalid(
                "watchdog itco",
                "is part of the q35 board",
                "use i6300esb, which any board takes",
            ));
        }
        self.disks
            .iter()
            .try_for_each(|disk| validate_disk(disk, board))?;
        validate_bus_room(&self.disks, board)
    }

    /// The board, if virt-test can furnish it.
    pub(crate) fn board(&self) -> Result<Board, MachineError> {
        self.machine.board().ok_or_else(|| {
            MachineError::invalid(
                format!("machine type \"{}\"", self.machine),
                "is neither q35 nor i440fx",
                "use q35, i440fx, or a version of them such as pc-q35-7.2",
            )
        })
    }

    fn validate_names(&self) -> Result<(), MachineError> {
        if self.name.is_empty() {
            return Err(MachineError::invalid(
                "a machine",
                "has no name",
                "set MachineSpec::name",
            ));
        }
        let mut seen = BTreeSet::new();
        let devices = self.disks.iter().map(|disk| disk.id.as_str());
        let devices = devices.chain(self.nics.iter().map(|nic| nic.id.as_str()));
        let plugged = self.plugged.iter().map(|placed| &placed.device);
        let plugged = plugged.filter(|device| device.channel().is_none());
        let devices = devices.chain(plugged.map(Device::id));
        for id in self.channels().into_iter().chain(devices) {
            let starts_well = id.starts_with(|c: char| c.is_ascii_alphabetic());
            let goes_on_well = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
            if !starts_well || !id.chars().all(goes_on_well) {
                return Err(MachineError::invalid(
                    format!("id \"{id}\""),
                    "is not one QEMU takes",
                    "start with a letter; go on with letters, digits, '-', '.' and '_'",
                ));
            }
            if !seen.insert(id) {
                return Err(MachineError::invalid(
                    format!("id \"{id}\""),
                    "is used twice",
                    "give every disk, network card and channel an id of its own",
                ));
            }
        }
        Ok(())
    }

    fn validate_cpu(&self) -> Result<(), MachineError> {
        let cpu = &self.cpu;
        let invalid = |why: String, hint: &str| {
            Err(MachineError::invalid(
                format!("CPUs of machine \"{}\"", self.name),
                why,
                hint,
            ))
        };
        if cpu.count == 0 {
            return invalid("number 0".to_owned(), "give it at least one");
        }
        let room = match cpu.topology {
            None => cpu.max,
            Some(topology) => match topology.cpus() {
                None | Some(0) => {
                    return invalid(
                        "have a topology without a single one, or with too many".to_owned(),
                        "give sockets, dies, cores and threads numbers from 1",
                    );
                }
                room => room,
            },
        };
        if let (Some(room), Some(max)) = (room, cpu.max)
            && room != max
        {
            return invalid(
                format!("have a topology for {room}, but there can be {max}"),
                "make sockets × dies × cores × threads equal to the most there can be",
            );
        }
        match room {
            Some(room) if room < cpu.count => invalid(
                format!("number {}, but there is room for {room}", cpu.count),
                "make the topology or `max` larger",
            ),
            _ => Ok(()),
        }
    }

    fn validate_memory(&self) -> Result<(), MachineError> {
        let memory = &self.memory;
        let invalid = |why: String, hint: &str| {
            Err(MachineError::invalid(
                format!("memory of machine \"{}\"", self.name),
                why,
                hint,
            ))
        };
        if memory.size.as_mib() == 0 {
            return invalid(
                format!("is {}", memory.size),
                "give it at least 1M; Linux wants 128M",
            );
        }
        match (memory.slots, memory.max) {
            (0, Some(max)) if max != memory.size => invalid(
                format!("can grow to {max}, but has no slot to grow by"),
                "set `slots` too",
            ),
            (slots, None) if slots > 0 => invalid(
                format!("has {slots} slots, but no size it can grow to"),
                "set `max` too",
            ),
            (_, Some(max)) if max < memory.size => invalid(
                format!("is {}, but can be at most {max}", memory.size),
                "make `max` larger",
            ),
            _ => Ok(()),
        }
    }

    fn validate_nothing_plugged(&self) -> Result<(), MachineError> {
        let plugged = !self.disks.is_empty()
            || !self.nics.is_empty()
            || !self.serials.is_empty()
            || !self.virtio_consoles.is_empty()
            || !self.virtio_ports.is_empty()
            || self.agent
            || self.rng
            || self.balloon
            || self.pvpanic
            || self.vga.is_some()
            || self.watchdog.is_some()
            || self.hotplug_ports > 0
            || self.boot != Boot::Disk
            || self.firmware != Firmware::SeaBios;
        if plugged {
            return Err(MachineError::invalid(
                "machine type \"none\"",
                "has nothing to plug a device into",
                "start from MachineSpec::bare",
            ));
        }
        Ok(())
    }
}

fn validate_disk(disk: &Disk, board: Board) -> Result<(), MachineError> {
    let invalid = |why: &str, hint: &str| {
        Err(MachineError::invalid(
            format!("disk \"{}\"", disk.id),
            why,
            hint,
        ))
    };
    match (disk.bus, board) {
        (DiskBus::Ide, Board::Q35) => {
            return invalid(
                "is on IDE, which the q35 board lacks",
                "use ahci on q35, or i440fx",
            );
        }
        (DiskBus::VirtioBlk | DiskBus::Nvme | DiskBus::Usb, _) if disk.media == Media::Cdrom => {
            return invalid(
                "is a CD-ROM on a bus that has none",
                "use ahci, ide or virtio_scsi",
            );
        }
        (DiskBus::Ide | DiskBus::Ahci, _) if disk.readonly && disk.media == Media::Disk => {
            return invalid(
                "is read-only, which ATA disks cannot be",
                "use virtio_blk, virtio_scsi or usb",
            );
        }
        _ => {}
    }
    if disk.unpluggable && !matches!(disk.bus, DiskBus::VirtioBlk | DiskBus::Nvme) {
        return invalid(
            "cannot be unplugged with its controller, which it shares",
            "use virtio_blk or nvme for a disk that is to be unplugged",
        );
    }
    Ok(())
}

fn validate_bus_room(disks: &[Disk], board: Board) -> Result<(), MachineError> {
    let room = [
        (DiskBus::Ide, 4),
        (DiskBus::Ahci, 6),
        (DiskBus::VirtioScsi, 256),
    ];
    for (bus, room) in room {
        let used = disks.iter().filter(|disk| disk.bus == bus).count();
        if used > room {
            return Err(MachineError::invalid(
                format!("bus {}", bus.qemu_name()),
                format!("takes {room} disks, not {used}"),
                if board == Board::Q35 {
                    "put the others on virtio_scsi"
                } else {
                    "put the others on virtio_scsi or ahci"
                },
            ));
        }
    }
    Ok(())
}

impl Netdev {
    /// The kind of network back end `-netdev` must know.
    pub(crate) fn qemu_type(&self) -> Option<&'static str> {
        match self {
            Self::User { .. } => Some("user"),
            Self::None => None,
            Self::Private(_) => Some("dgram"),
            Self::Tap { .. } => Some("tap"),
        }
    }
}
