//! Finding a place for a device.

use machine::{Board, Device, DiskBus, MachineSpec, Place, Wants};

use super::error::PlugError;
use super::inventory::Inventory;
use super::tree::Tree;
use super::{Failure, named};

/// Ports of the USB controller.
const USB_PORTS: u32 = 4;

/// Targets of a virtio-scsi controller.
const SCSI_TARGETS: u32 = 256;

/// Chooses where a device goes.
pub(super) async fn find_place(
    device: &Device,
    spec: &MachineSpec,
    inventory: &Inventory,
    tree: &Tree<'_>,
) -> Result<Place, Failure> {
    match device.wants() {
        Wants::Nothing | Wants::MemorySlot => Ok(Place::Anywhere),
        Wants::Pci if spec.machine.board() == Some(Board::Q35) => {
            root_port(device, spec, tree).await
        }
        Wants::Pci => root_slot(device, tree).await,
        Wants::Scsi => scsi_target(device, spec, inventory),
        Wants::Usb => usb_port(device, spec, inventory),
        Wants::VirtioSerial => virtio_serial(device, spec),
        Wants::Cpu => cpu(device, tree).await,
        Wants::Fixed => Err(no_room(
            device,
            "its bus takes no device while the machine runs",
            "use a PCI, SCSI or USB device",
        )),
    }
}

/// On PCI Express only a root port takes a device while the machine runs, and each takes one.
async fn root_port(device: &Device, spec: &MachineSpec, tree: &Tree<'_>) -> Result<Place, Failure> {
    let empty = tree.empty_ports().await?;
    let mut ports = (0..spec.hotplug_ports).map(|n| format!("port{n}"));
    match ports.find(|port| empty.contains(port)) {
        Some(bus) => Ok(Place::Pci { bus, slot: None }),
        None => Err(no_room(
            device,
            &format!("{} root ports are taken", spec.hotplug_ports),
            "give the machine more by pcie_free_ports",
        )),
    }
}

async fn root_slot(device: &Device, tree: &Tree<'_>) -> Result<Place, Failure> {
    let taken = tree.taken_slots().await?;
    // Slots 0 and 1 are the board's.
    let free = (2..=0x1f_u8).find(|slot| !taken.contains(&u64::from(*slot)));
    match free {
        Some(slot) => Ok(Place::Pci {
            bus: "pci.0".to_owned(),
            slot: Some(slot),
        }),
        None => Err(no_room(device, "bus pci.0 is full", "unplug something")),
    }
}

fn scsi_target(
    device: &Device,
    spec: &MachineSpec,
    inventory: &Inventory,
) -> Result<Place, Failure> {
    let Device::Disk(disk) = device else {
        return Ok(Place::Anywhere);
    };
    let cold = spec
        .disks
        .iter()
        .filter(|disk| disk.bus == DiskBus::VirtioScsi);
    let cold = u32::try_from(cold.count()).unwrap_or(u32::MAX);
    let mut controllers = inventory
        .devices()
        .filter_map(|placed| match &placed.device {
            Device::ScsiController(id) => Some(id.as_str()),
            _ => None,
        });
    let shared = (cold > 0).then_some(MachineSpec::SCSI);
    let controller = disk
        .controller
        .as_deref()
        .or(shared)
        .or_else(|| controllers.next());
    let Some(controller) = controller else {
        let why = "the machine has no SCSI controller";
        return Err(no_room(device, why, "plug one in first"));
    };
    let bus = format!("{controller}.0");
    let taken = |target: u32| {
        let is_there = |place: &Place| matches!(place, Place::Scsi { bus: b, id } if *b == bus && *id == target);
        (controller == MachineSpec::SCSI && target < cold)
            || inventory.devices().any(|placed| is_there(&placed.place))
    };
    match (0..SCSI_TARGETS).find(|target| !taken(*target)) {
        Some(id) => Ok(Place::Scsi { bus, id }),
        None => Err(no_room(
            device,
            &format!("bus {bus} is full"),
            "plug another controller in",
        )),
    }
}

fn usb_port(device: &Device, spec: &MachineSpec, inventory: &Inventory) -> Result<Place, Failure> {
    let (controller, port) = match device {
        Device::Usb(usb) => (usb.controller.as_deref(), usb.port.clone()),
        Device::Disk(disk) => (disk.controller.as_deref(), None),
        _ => (None, None),
    };
    let cold = spec
        .disks
        .iter()
        .filter(|disk| disk.bus == DiskBus::Usb)
        .count();
    let mut controllers = inventory
        .devices()
        .filter_map(|placed| match &placed.device {
            Device::UsbController(id) => Some(id.as_str()),
            _ => None,
        });
    let shared = (cold > 0).then_some(MachineSpec::USB);
    let Some(controller) = controller.or(shared).or_else(|| controllers.next()) else {
        let why = "the machine has no USB controller";
        return Err(no_room(device, why, "plug one in first"));
    };
    let bus = format!("{controller}.0");
    if port.is_some() {
        return Ok(Place::Usb { bus, port });
    }
    let cold = if controller == MachineSpec::USB {
        cold
    } else {
        0
    };
    let taken = |port: &String| {
        inventory.devices().any(|placed| {
            matches!(&placed.place, Place::Usb { bus: b, port: Some(p) } if *b == bus && p == port)
        })
    };
    let mut ports = (1..=USB_PORTS).skip(cold).map(|port| port.to_string());
    match ports.find(|port| !taken(port)) {
        Some(port) => Ok(Place::Usb {
            bus,
            port: Some(port),
        }),
        None => Err(no_room(
            device,
            &format!("the {USB_PORTS} ports of {controller} are taken"),
            "plug a hub in, and name one of its ports",
        )),
    }
}

fn virtio_serial(device: &Device, spec: &MachineSpec) -> Result<Place, Failure> {
    if spec.agent || !spec.virtio_ports.is_empty() || !spec.virtio_consoles.is_empty() {
        return Ok(Place::Bus("virtio-serial0.0".to_owned()));
    }
    Err(no_room(
        device,
        "the machine has no virtio-serial controller",
        "give it a port or the agent's channel from the start",
    ))
}

async fn cpu(device: &Device, tree: &Tree<'_>) -> Result<Place, Failure> {
    let places = tree.cpu_places().await?;
    let free = places.iter().find(|place| place["qom-path"].is_null());
    let Some(free) = free else {
        return Err(no_room(
            device,
            &format!("all {} places for CPUs are taken", places.len()),
            "raise vcpu_maxcpus",
        ));
    };
    let position = free["props"].as_object().into_iter().flatten();
    let position = position.filter_map(|(key, value)| Some((key.clone(), value.as_u64()?)));
    Ok(Place::Cpu {
        driver: free["type"].as_str().unwrap_or_default().to_owned(),
        position: position.collect(),
    })
}

fn no_room(device: &Device, why: &str, hint: &str) -> Failure {
    Failure::Plug(PlugError::NoRoom {
        device: named(device),
        why: why.to_owned(),
        hint: hint.to_owned(),
    })
}
