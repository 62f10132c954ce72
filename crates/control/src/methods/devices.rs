//! Devices of `org.virt-test.vm`, plugged and unplugged.

use std::path::PathBuf;
use std::time::Duration;

use machine::{ByteSize, Device as Part, DiskBus, Netdev, UsbModel, WatchdogModel};
use serde_json::Value;
use vm::Plugged as Done;

use crate::call::{Call, count, limit};
use crate::failure::Failure;
use crate::generated::vm::*;

/// Base time for the guest to see or to lose a device, unless a call says otherwise.
const LIMIT: Duration = Duration::from_secs(10);

impl Call<'_> {
    pub(crate) async fn vm_plug(&self, it: PlugCall) -> Result<PlugReply, Failure> {
        let vm = self.vm(&it.vm)?;
        let base = limit(it.timeout, LIMIT)?;
        let kind = it.device.kind;
        let part = self.part(&it.vm, it.device).await?;
        let done = vm.plug(part).await?;
        let guest = match it.guest {
            Some(true) => {
                let mut session = vm.session(base).await?;
                let seen = vm.wait_for_guest_to_see(&mut session, &done, base);
                Some(seen.await?)
            }
            _ => None,
        };
        let Done { placed, pci, .. } = done;
        Ok(PlugReply {
            device: Plugged {
                id: placed.device.id().to_owned(),
                kind,
                pci,
                guest,
            },
        })
    }

    pub(crate) async fn vm_unplug(&self, it: UnplugCall) -> Result<UnplugReply, Failure> {
        let vm = self.vm(&it.vm)?;
        let base = limit(it.timeout, LIMIT)?;
        let gone = vm.unplug(&it.id).await?;
        if it.guest == Some(true) {
            let mut session = vm.session(base).await?;
            vm.wait_for_guest_to_lose(&mut session, &gone, base).await?;
        }
        Ok(UnplugReply {
            took: gone.took.as_secs_f64(),
        })
    }

    pub(crate) async fn vm_devices(&self, it: DevicesCall) -> Result<DevicesReply, Failure> {
        let plugged = self.vm(&it.vm)?.plugged().await.into_iter();
        let devices = plugged.map(|placed| Plugged {
            id: placed.device.id().to_owned(),
            kind: kind(&placed.device),
            pci: None,
            guest: None,
        });
        Ok(DevicesReply {
            devices: devices.collect(),
        })
    }

    pub(crate) async fn vm_resize_memory(
        &self,
        it: ResizeMemoryCall,
    ) -> Result<ResizeMemoryReply, Failure> {
        let size = ByteSize::bytes(count("size", it.size)?);
        self.vm(&it.vm)?.resize_memory(&it.id, size).await?;
        Ok(ResizeMemoryReply {})
    }

    async fn part(&self, vm: &str, mut device: Device) -> Result<Part, Failure> {
        only_what_the_kind_has(&device)?;
        let kind = device.kind;
        let id = match device.id.take() {
            Some(id) => id,
            None => format!("{}{}", word(kind).replace('_', ""), self.state.number()),
        };
        Ok(match kind {
            DeviceKind::Disk => self.disk(vm, id, device).await?,
            DeviceKind::Nic => nic(vm, id, device)?,
            DeviceKind::ScsiController => Part::ScsiController(id),
            DeviceKind::UsbController => Part::UsbController(id),
            DeviceKind::UsbHub => usb(id, UsbModel::Hub, device),
            DeviceKind::UsbTablet => usb(id, UsbModel::Tablet, device),
            DeviceKind::UsbMouse => usb(id, UsbModel::Mouse, device),
            DeviceKind::UsbKeyboard => usb(id, UsbModel::Keyboard, device),
            DeviceKind::Cpu => Part::Cpu(id),
            DeviceKind::Dimm => Part::Dimm(machine::Dimm {
                id,
                size: size("size", device.size)?,
            }),
            DeviceKind::VirtioMem => Part::VirtioMem(machine::VirtioMem {
                id,
                size: size("size", device.size)?,
                requested: size("requested", device.requested)?,
            }),
            DeviceKind::VirtioPort => Part::VirtioPort(machine::VirtioPort {
                name: id.clone(),
                id,
            }),
            DeviceKind::VirtioConsole => Part::VirtioConsole(id),
            DeviceKind::PciSerial => Part::PciSerial(id),
            DeviceKind::Rng => Part::Rng(id),
            DeviceKind::Balloon => Part::Balloon(id),
            DeviceKind::Watchdog => Part::Watchdog {
                model: match device.model {
                    Some(model) => named("model", &model, &WatchdogModel::ALL, |model| {
                        model.qemu_name()
                    })?,
                    None => WatchdogModel::I6300esb,
                },
                id,
            },
            DeviceKind::Iothread => Part::IoThread(id),
            DeviceKind::Pci => Part::Pci(machine::PciDevice {
                id,
                driver: device.driver.ok_or_else(|| missing("driver"))?,
                properties: device.properties.unwrap_or_default().into_iter().collect(),
            }),
        })
    }

    async fn disk(&self, vm: &str, id: String, device: Device) -> Result<Part, Failure> {
        let format = device.format.unwrap_or_else(|| "qcow2".to_owned());
        let path: PathBuf = match (device.path, device.size) {
            (Some(path), None) => self.path(&path),
            (None, Some(size)) => {
                let name = format!("{vm}-{id}-{}", self.state.number());
                let size = count("device.size", size)?;
                self.test.make_image(&name, &format, size).await?
            }
            _ => {
                let message = "a disk is plugged with the path of an image or the size of an empty one, and not with both";
                return Err(Failure::invalid(message).at(id));
            }
        };
        let format = match format.parse() {
            Ok(format) => format,
            Err(never) => match never {},
        };
        let mut disk = machine::Disk::new(id, path, format);
        if let Some(bus) = device.bus {
            disk.bus = named("bus", &bus, &DiskBus::ALL, |bus| bus.qemu_name())?;
        }
        if let Some(cache) = device.cache {
            let all = &machine::CacheMode::ALL;
            disk.cache = named("cache", &cache, all, |cache| cache.qemu_name())?;
        }
        disk.controller = device.controller;
        disk.readonly = device.readonly.unwrap_or(false);
        disk.serial = device.serial;
        disk.properties = device.properties.unwrap_or_default().into_iter().collect();
        Ok(disk.into())
    }
}

fn nic(vm: &str, id: String, device: Device) -> Result<Part, Failure> {
    let mut nic = machine::Nic::new(vm, id);
    if let Some(model) = device.model {
        let all = &machine::NicModel::ALL;
        nic.model = named("model", &model, all, |model| model.qemu_name())?;
    }
    if let Some(mac) = device.mac {
        let wrong = |error: machine::MacAddrError| {
            Failure::Parameter("device.mac".to_owned(), error.to_string())
        };
        nic.mac = mac.parse().map_err(wrong)?;
    }
    if let Some(network) = device.network {
        nic.netdev = Netdev::Private(network);
    }
    nic.properties = device.properties.unwrap_or_default().into_iter().collect();
    Ok(nic.into())
}

fn usb(id: String, model: UsbModel, device: Device) -> Part {
    let mut usb = machine::UsbDevice::new(id, model);
    usb.controller = device.controller;
    usb.into()
}

fn missing(field: &str) -> Failure {
    Failure::Parameter(
        format!("device.{field}"),
        format!("missing field `{field}`"),
    )
}

fn size(field: &str, size: Option<i64>) -> Result<ByteSize, Failure> {
    let size = size.ok_or_else(|| missing(field))?;
    Ok(ByteSize::bytes(count(&format!("device.{field}"), size)?))
}

fn named<T: Copy>(
    field: &str,
    word: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<T, Failure> {
    let found = all.iter().copied().find(|&one| name(one) == word);
    found.ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(|&one| name(one)).collect();
        let message = format!("'{word}' is none of {}", known.join(", "));
        Failure::Parameter(format!("device.{field}"), message)
    })
}

/// The word of the interface for a kind.
fn word(kind: DeviceKind) -> String {
    match serde_json::to_value(kind) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

fn only_what_the_kind_has(device: &Device) -> Result<(), Failure> {
    use DeviceKind as Kind;
    let has: &[&str] = match device.kind {
        Kind::Disk => &[
            "path",
            "format",
            "size",
            "bus",
            "controller",
            "cache",
            "readonly",
            "serial",
            "properties",
        ],
        Kind::Nic => &["model", "mac", "network", "properties"],
        Kind::Dimm => &["size"],
        Kind::VirtioMem => &["size", "requested"],
        Kind::Pci => &["driver", "properties"],
        Kind::UsbHub | Kind::UsbTablet | Kind::UsbMouse | Kind::UsbKeyboard => &["controller"],
        Kind::Watchdog => &["model"],
        _ => &[],
    };
    let Ok(Value::Object(given)) = serde_json::to_value(device) else {
        return Ok(());
    };
    let strange = given
        .keys()
        .find(|key| !matches!(key.as_str(), "kind" | "id") && !has.contains(&key.as_str()));
    match strange {
        None => Ok(()),
        Some(key) => {
            let message = format!("a device of kind {} has no {key}", word(device.kind));
            Err(Failure::Parameter(format!("device.{key}"), message))
        }
    }
}

fn kind(part: &Part) -> DeviceKind {
    match part {
        Part::Disk(_) => DeviceKind::Disk,
        Part::Nic(_) => DeviceKind::Nic,
        Part::ScsiController(_) => DeviceKind::ScsiController,
        Part::UsbController(_) => DeviceKind::UsbController,
        Part::Usb(usb) => match usb.model {
            UsbModel::Hub => DeviceKind::UsbHub,
            UsbModel::Tablet => DeviceKind::UsbTablet,
            UsbModel::Mouse => DeviceKind::UsbMouse,
            UsbModel::Keyboard => DeviceKind::UsbKeyboard,
        },
        Part::Cpu(_) => DeviceKind::Cpu,
        Part::Dimm(_) => DeviceKind::Dimm,
        Part::VirtioMem(_) => DeviceKind::VirtioMem,
        Part::VirtioPort(_) => DeviceKind::VirtioPort,
        Part::VirtioConsole(_) => DeviceKind::VirtioConsole,
        Part::PciSerial(_) => DeviceKind::PciSerial,
        Part::Rng(_) => DeviceKind::Rng,
        Part::Balloon(_) => DeviceKind::Balloon,
        Part::Watchdog { .. } => DeviceKind::Watchdog,
        Part::IoThread(_) => DeviceKind::Iothread,
        Part::Pci(_) => DeviceKind::Pci,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn device(members: Value) -> Device {
        serde_json::from_value(members).unwrap()
    }

    #[test]
    fn what_a_kind_does_not_have_is_refused() {
        let check = |members| only_what_the_kind_has(&device(members));
        assert!(check(json!({"kind": "nic", "model": "e1000"})).is_ok());
        assert!(check(json!({"kind": "iothread", "id": "t"})).is_ok());
        let refused = check(json!({"kind": "nic", "size": 1})).unwrap_err();
        assert_eq!(refused.told().1["parameter"], "device.size");
    }

    #[test]
    fn a_card_is_as_it_is_described() {
        let members =
            json!({"kind": "nic", "model": "e1000e", "mac": "52:54:00:00:00:07", "network": "lan"});
        let Part::Nic(card) = nic("vm1", "n".to_owned(), device(members)).unwrap() else {
            panic!("no card");
        };
        assert_eq!(card.model, machine::NicModel::E1000e);
        assert_eq!(card.mac.to_string(), "52:54:00:00:00:07");
        assert_eq!(card.netdev, Netdev::Private("lan".to_owned()));
        let odd = nic(
            "vm1",
            "n".to_owned(),
            device(json!({"kind": "nic", "model": "ne2k"})),
        );
        assert_eq!(odd.unwrap_err().told().1["parameter"], "device.model");
    }
}
