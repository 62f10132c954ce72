//! What can be unplugged from a machine.

use std::collections::BTreeMap;

use machine::{Device, DiskBus, MachineSpec, Place, Placed};

use super::error::PlugError;
use crate::qmp::Cursor;

/// Devices by id.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    entries: BTreeMap<String, Entry>,
    /// Devices put in so far.
    count: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) placed: Placed,
    /// Where the events of its unplugging begin, once the guest was asked to let go of it.
    pub(super) asked: Option<Cursor>,
    order: u64,
    /// Was it plugged into the running machine, or another that this one took up?
    pub(super) plugged: bool,
}

impl Inventory {
    /// What a machine starts with.
    pub(crate) fn of(spec: &MachineSpec) -> Self {
        let mut inventory = Self::default();
        let own_slot = |bus| matches!(bus, DiskBus::VirtioBlk | DiskBus::Nvme);
        let disks = spec.disks.iter().filter(|disk| own_slot(disk.bus));
        let disks = disks.cloned().map(Device::Disk);
        let nics = spec.nics.iter().cloned().map(Device::Nic);
        let rng = spec.rng.then(|| Device::Rng("rng0".to_owned()));
        let balloon = spec.balloon.then(|| Device::Balloon("balloon0".to_owned()));
        for device in disks.chain(nics).chain(rng).chain(balloon) {
            inventory.put(Placed::new(device, Place::Anywhere), false);
        }
        for placed in &spec.plugged {
            inventory.put(placed.clone(), true);
        }
        inventory
    }

    pub(super) fn put(&mut self, placed: Placed, plugged: bool) {
        self.count += 1;
        let entry = Entry {
            placed,
            order: self.count,
            asked: None,
            plugged,
        };
        let id = entry.placed.device.id().to_owned();
        self.entries.insert(id, entry);
    }

    pub(super) fn get(&self, id: &str) -> Result<&Entry, PlugError> {
        self.entries.get(id).ok_or_else(|| PlugError::Unknown {
            id: id.to_owned(),
            known: match self.entries.keys().map(String::as_str).collect::<Vec<_>>() {
                known if known.is_empty() => "none".to_owned(),
                known => known.join(", "),
            },
        })
    }

    pub(super) fn ask(&mut self, id: &str, from: Option<Cursor>) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.asked = from;
        }
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.entries.contains_key(id)
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.entries.remove(id);
    }

    pub(super) fn devices(&self) -> impl Iterator<Item = &Placed> {
        self.entries.values().map(|entry| &entry.placed)
    }

    /// What was plugged in, in order: a controller comes before what hangs on it.
    pub(crate) fn plugged(&self) -> Vec<Placed> {
        let plugged = self.entries.values().filter(|entry| entry.plugged);
        let mut plugged: Vec<&Entry> = plugged.collect();
        plugged.sort_by_key(|entry| entry.order);
        let placed = plugged.into_iter().map(|entry| entry.placed.clone());
        placed.collect()
    }
}
