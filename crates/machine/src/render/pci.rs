//! Addresses on the PCI root bus, and root ports to plug into.

use super::{Opts, Render};
use crate::error::MachineError;
use crate::plug::Place;
use crate::spec::Board;

/// Slots of the root bus, given out in order so that a machine's addresses never depend on the QEMU version.
pub(super) struct PciSlots {
    bus: &'static str,
    next: u8,
    last: u8,
    chassis: u32,
}

impl PciSlots {
    /// On q35 the host bridge is slot 0 and the south bridge slot 0x1f; on i440fx they are slots 0 and 1.
    pub(super) fn new(board: Board) -> Self {
        let (bus, next, last) = match board {
            Board::Q35 => ("pcie.0", 1, 0x1e),
            Board::I440fx | Board::None => ("pci.0", 2, 0x1f),
        };
        Self {
            bus,
            next,
            last,
            chassis: 0,
        }
    }

    /// The next free slot.
    pub(super) fn next(&mut self) -> Result<Place, MachineError> {
        if self.next > self.last {
            return Err(MachineError::invalid(
                format!("bus {}", self.bus),
                "has no slot left",
                "use fewer devices; virtio_scsi carries many disks in one slot",
            ));
        }
        let slot = self.next;
        self.next += 1;
        Ok(Place::Pci {
            bus: self.bus.to_owned(),
            slot: Some(slot),
        })
    }
}

impl Render<'_> {
    /// The empty ports devices can be plugged into later: `port0`, `port1`, …
    pub(super) fn root_ports(&mut self) -> Result<(), MachineError> {
        (0..self.spec.hotplug_ports).try_for_each(|n| self.root_port(&format!("port{n}")))
    }

    /// Where a PCI device goes: on the root bus, but on q35 one that can be unplugged behind a root port of its own.
    pub(super) fn pci_place(&mut self, id: &str, unpluggable: bool) -> Result<Place, MachineError> {
        if self.board != Board::Q35 || !unpluggable {
            return self.pci.next();
        }
        let port = format!("{id}-port");
        self.root_port(&port)?;
        Ok(Place::Pci {
            bus: port,
            slot: None,
        })
    }

    fn root_port(&mut self, id: &str) -> Result<(), MachineError> {
        self.pci.chassis += 1;
        let chassis = self.pci.chassis;
        let opts = Opts::new("pcie-root-port").set("id", id);
        self.pci_device(opts.set("chassis", chassis))
    }
}
