//! What QEMU says it has.

use machine::{Device, Place, Placed, Wants};
use serde_json::{Value, json};

use crate::qmp::{Qmp, QmpError};

/// Where QEMU keeps devices that have an id.
const PERIPHERAL: &str = "/machine/peripheral";

/// QEMU's view of its devices, asked anew for every question.
pub(super) struct Tree<'a>(pub(super) &'a Qmp);

impl Tree<'_> {
    /// What QEMU says of a device, none when it has no such one. Asked is what fits the kind; and always the tree of objects.
    pub(super) async fn find(&self, placed: &Placed) -> Result<Option<String>, QmpError> {
        let id = placed.device.id();
        if let Device::IoThread(_) = placed.device {
            let threads = self.ask("query-iothreads").await?;
            let found = items(&threads).find(|thread| thread["id"] == id);
            return Ok(found.map(|_| "iothread".to_owned()));
        }
        let device_id = placed.device.device_id().unwrap_or_default();
        let in_tree = self.in_tree(&device_id).await?;
        let shown = match placed.device.wants() {
            Wants::Pci => self.pci_address(&device_id).await?,
            Wants::MemorySlot => self
                .memory(id)
                .await?
                .map(|data| format!("{} bytes at {}", data["size"], data["addr"])),
            Wants::Cpu => {
                let path = format!("{PERIPHERAL}/{id}");
                let cpus = self.ask("query-hotpluggable-cpus").await?;
                let found = items(&cpus).find(|cpu| cpu["qom-path"] == path.as_str());
                found.map(|cpu| format!("CPU {}", cpu["props"]))
            }
            Wants::Scsi => self.block_device(id).await?,
            _ => in_tree.then(|| format!("{PERIPHERAL}/{device_id}")),
        };
        // A device of which only half is there counts as there, whichever half it is.
        Ok(match (shown, in_tree) {
            (Some(shown), _) => Some(shown),
            (None, true) => Some(format!("{PERIPHERAL}/{device_id} and nothing more")),
            (None, false) => None,
        })
    }

    /// Is what QEMU says of a device all there is to say of one that is there?
    pub(super) fn is_whole(said: &str) -> bool {
        !said.ends_with("nothing more")
    }

    pub(super) async fn in_tree(&self, device_id: &str) -> Result<bool, QmpError> {
        let path = json!({"path": PERIPHERAL});
        let devices = self.0.execute("qom-list", path).await?;
        Ok(items(&devices).any(|device| device["name"] == device_id))
    }

    /// Bus, slot and function in the form the guest's sysfs has them.
    pub(super) async fn pci_address(&self, device_id: &str) -> Result<Option<String>, QmpError> {
        let buses = self.ask("query-pci").await?;
        let found = pci_devices(&buses).into_iter();
        let mut found = found.filter(|device| device["qdev_id"] == device_id);
        Ok(found.next().map(|device| {
            let number = |key: &str| device[key].as_u64().unwrap_or(0);
            format!(
                "0000:{:02x}:{:02x}.{:x}",
                number("bus"),
                number("slot"),
                number("function")
            )
        }))
    }

    /// The PCI address of the controller a device hangs on, or its own.
    pub(super) async fn controller_address(
        &self,
        placed: &Placed,
    ) -> Result<Option<String>, QmpError> {
        match &placed.place {
            Place::Scsi { bus, .. } | Place::Usb { bus, .. } => {
                let controller = bus.strip_suffix(".0").unwrap_or(bus);
                self.pci_address(controller).await
            }
            _ if placed.device.wants() == Wants::Pci => {
                let id = placed.device.device_id().unwrap_or_default();
                self.pci_address(&id).await
            }
            _ => Ok(None),
        }
    }

    /// The slots of the root bus that are taken.
    pub(super) async fn taken_slots(&self) -> Result<Vec<u64>, QmpError> {
        let buses = self.ask("query-pci").await?;
        let devices = pci_devices(&buses);
        let on_root = devices.iter().filter(|device| device["bus"] == 0);
        Ok(on_root
            .filter_map(|device| device["slot"].as_u64())
            .collect())
    }

    /// The ids of root ports with nothing behind them.
    pub(super) async fn empty_ports(&self) -> Result<Vec<String>, QmpError> {
        let buses = self.ask("query-pci").await?;
        let devices = pci_devices(&buses);
        let ports = devices.iter().filter(|device| {
            let bridge = &device["pci_bridge"];
            !bridge.is_null() && items(&bridge["devices"]).next().is_none()
        });
        let ids = ports.filter_map(|port| port["qdev_id"].as_str());
        Ok(ids.map(str::to_owned).collect())
    }

    /// What is known of a memory device.
    pub(super) async fn memory(&self, id: &str) -> Result<Option<Value>, QmpError> {
        let devices = self.ask("query-memory-devices").await?;
        let mut data = items(&devices).map(|device| &device["data"]);
        Ok(data.find(|data| data["id"] == id).cloned())
    }

    /// The CPUs' places, in the order of their numbers.
    pub(super) async fn cpu_places(&self) -> Result<Vec<Value>, QmpError> {
        let places = self.ask("query-hotpluggable-cpus").await?;
        Ok(items(&places).rev().cloned().collect())
    }

    /// How many CPUs there are.
    pub(super) async fn cpus(&self) -> Result<usize, QmpError> {
        Ok(items(&self.ask("query-cpus-fast").await?).count())
    }

    /// Names QEMU knows character devices, network back ends, block nodes and objects by.
    pub(super) async fn backends(&self) -> Result<Vec<String>, QmpError> {
        let mut names = Vec::new();
        for (command, key) in [
            ("query-chardev", "label"),
            ("query-named-block-nodes", "node-name"),
        ] {
            let answer = self.ask(command).await?;
            let found = items(&answer).filter_map(|item| item[key].as_str());
            names.extend(found.map(str::to_owned));
        }
        let objects = json!({"path": "/objects"});
        let objects = self.0.execute("qom-list", objects).await?;
        let objects = items(&objects).filter(|object| {
            let kind = object["type"].as_str();
            kind.is_some_and(|kind| kind.starts_with("child<"))
        });
        names.extend(
            objects
                .filter_map(|o| o["name"].as_str())
                .map(str::to_owned),
        );
        Ok(names)
    }

    async fn block_device(&self, id: &str) -> Result<Option<String>, QmpError> {
        let devices = self.ask("query-block").await?;
        let path = format!("{PERIPHERAL}/{id}");
        let mut found = items(&devices).filter(|device| {
            let at = device["qdev"].as_str().unwrap_or_default();
            at == id || at.starts_with(&path)
        });
        let image = |device: &Value| device["inserted"]["node-name"].to_string();
        Ok(found
            .next()
            .map(|device| format!("image {}", image(device))))
    }

    async fn ask(&self, command: &str) -> Result<Value, QmpError> {
        self.0.execute(command, json!({})).await
    }
}

fn items(list: &Value) -> impl DoubleEndedIterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// All devices of all buses, bridges with those behind them.
fn pci_devices(buses: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    let mut left: Vec<&Value> = items(buses)
        .flat_map(|bus| items(&bus["devices"]))
        .collect();
    while let Some(device) = left.pop() {
        left.extend(items(&device["pci_bridge"]["devices"]));
        found.push(device);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_behind_bridges_are_found() {
        let buses = json!([{"bus": 0, "devices": [
            {"qdev_id": "port0", "pci_bridge": {"bus": {}, "devices": [{"qdev_id": "nic2"}]}},
            {"qdev_id": "port1", "pci_bridge": {"bus": {}}},
        ]}]);
        let mut ids: Vec<_> = pci_devices(&buses)
            .into_iter()
            .filter_map(|device| device["qdev_id"].as_str())
            .collect();
        ids.sort_unstable();
        assert_eq!(ids, ["nic2", "port0", "port1"]);
    }
}
