//! From a device to what QEMU is given for it: what is behind the device first, the device last.

use super::chardevs::chardev;
use super::disks::{disk_device, image};
use super::nics::{netdev, nic_device};
use super::{Opts, Part};
use crate::devices::WatchdogModel;
use crate::endpoints::Endpoints;
use crate::error::MachineError;
use crate::plug::{Device, Dimm, Place, Placed, UsbDevice, VirtioMem};

/// The only virtio-serial controller of a machine.
pub(super) const VIRTIO_SERIAL: &str = "virtio-serial0";

impl Placed {
    /// A device that is not plugged in yet, or was where QEMU decided.
    #[must_use]
    pub fn new(device: impl Into<Device>, place: Place) -> Self {
        Self {
            device: device.into(),
            place,
            chosen: Vec::new(),
        }
    }

    /// What QEMU is given for it, in order: what is behind the device, then the device. `endpoints` has that of the channel
    /// it brings, or the link of its card to a private network.
    ///
    /// # Errors
    /// [`MachineError::Invalid`] when there can be no such device, [`MachineError::NoEndpoint`] when its channel has none.
    pub fn parts(&self, endpoints: &Endpoints) -> Result<Vec<Part>, MachineError> {
        let mut parts = self.backends(endpoints)?;
        if let Some(device) = self.device_opts()? {
            let device = placed(device, &self.place);
            let chosen = self.chosen.iter();
            let device = chosen.fold(device, |opts, (key, value)| opts.set(key, *value));
            parts.push(Part::device(device));
        }
        Ok(parts)
    }

    fn backends(&self, endpoints: &Endpoints) -> Result<Vec<Part>, MachineError> {
        if let Some(channel) = self.device.channel() {
            return Ok(vec![Part::chardev(chardev(
                channel,
                endpoints.get(channel)?,
            )?)]);
        }
        Ok(match &self.device {
            Device::Disk(disk) => image(disk)?,
            Device::Nic(nic) => netdev(nic, endpoints)?.into_iter().collect(),
            Device::Dimm(Dimm { id, size }) | Device::VirtioMem(VirtioMem { id, size, .. }) => {
                let opts = Opts::new("memory-backend-ram").set("id", format!("{id}-memory"));
                vec![Part::object(opts.set("size", *size))]
            }
            Device::Rng(id) => {
                let opts = Opts::new("rng-builtin").set("id", format!("{id}-source"));
                vec![Part::object(opts)]
            }
            Device::IoThread(id) => vec![Part::object(Opts::new("iothread").set("id", id))],
            _ => Vec::new(),
        })
    }

    /// The device without its place.
    fn device_opts(&self) -> Result<Option<Opts>, MachineError> {
        let simple = |driver: &str, id: &str| Opts::new(driver).set("id", id);
        let port = |driver: &str, channel: &str| {
            simple(driver, &format!("{channel}-port")).set("chardev", channel)
        };
        Ok(Some(match &self.device {
            Device::Disk(disk) => disk_device(disk),
            Device::Nic(nic) => nic_device(nic),
            Device::ScsiController(id) => simple("virtio-scsi-pci", id),
            Device::UsbController(id) => simple("qemu-xhci", id),
            Device::Usb(UsbDevice { id, model, .. }) => {
                simple(model.qemu_name(), id).set("serial", id)
            }
            Device::Cpu(id) => match &self.place {
                Place::Cpu { driver, .. } => simple(driver, id),
                _ => {
                    return Err(MachineError::invalid(
                        format!("CPU \"{id}\""),
                        "is not given a place",
                        "place it where query-hotpluggable-cpus has room",
                    ));
                }
            },
            Device::Dimm(dimm) => {
                simple("pc-dimm", &dimm.id).set("memdev", format!("{}-memory", dimm.id))
            }
            Device::VirtioMem(memory) => simple("virtio-mem-pci", &memory.id)
                .set("memdev", format!("{}-memory", memory.id))
                .set("requested-size", memory.requested),
            Device::VirtioPort(p) => port("virtserialport", &p.id).set("name", &p.name),
            Device::VirtioConsole(id) => port("virtconsole", id),
            Device::PciSerial(id) => port("pci-serial", id),
            Device::Rng(id) => simple("virtio-rng-pci", id).set("rng", format!("{id}-source")),
            Device::Balloon(id) => simple("virtio-balloon-pci", id),
            Device::Watchdog { id, model } => match model {
                WatchdogModel::I6300esb => simple("i6300esb", id),
                WatchdogModel::Ib700 => simple("ib700", id),
                WatchdogModel::Itco => {
                    return Err(MachineError::invalid(
                        "watchdog itco",
                        "is part of the q35 board",
                        "use i6300esb, which any board takes",
                    ));
                }
            },
            Device::Pci(device) => simple(&device.driver, &device.id).all(&device.properties),
            Device::IoThread(_) => return Ok(None),
        }))
    }
}

/// Adds what says where a device is.
pub(super) fn placed(opts: Opts, place: &Place) -> Opts {
    match place {
        Place::Anywhere => opts,
        Place::Pci { bus, slot } => opts
            .set("bus", bus)
            .maybe("addr", slot.map(|slot| format!("{slot:#x}"))),
        Place::Scsi { bus, id } => opts.set("bus", bus).set("scsi-id", *id).set("lun", 0),
        Place::Ata { bus, unit } => opts.set("bus", bus).maybe("unit", *unit),
        Place::Usb { bus, port } => opts.set("bus", bus).maybe("port", port.as_deref()),
        Place::Bus(bus) => opts.set("bus", bus),
        Place::Cpu { position, .. } => {
            let set = |opts: Opts, (key, value): &(String, u64)| opts.set(key, *value);
            position.iter().fold(opts, set)
        }
    }
}
