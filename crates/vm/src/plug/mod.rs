//! Plugging devices into a running machine, and out of it.
//!
//! One verb for every kind of device: [`Vm::plug`] adds what is behind a device and the device, [`Vm::unplug`] asks the guest
//! to let go of it and takes everything back. Both look into QEMU's tree before they say that they have done it. What the
//! guest makes of it is asked by [`Vm::wait_for_guest_to_see`] and [`Vm::wait_for_guest_to_lose`].

mod error;
mod guest_view;
mod inventory;
mod place;
pub mod script;
mod tree;

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use machine::{Accel, ByteSize, Device, Endpoint, Endpoints, Link, Netdev, Part, Placed, Wants};
use serde_json::{Value, json};
use tokio::net::UnixStream;

use crate::error::VmError;
use crate::qmp::{Cursor, Event, QmpError};
use crate::vm::Vm;

pub use error::{PlugError, Refusal};
pub(crate) use inventory::Inventory;
use place::find_place;
use tree::Tree;

/// Base time for a guest to let go of a device. PCI devices, CPUs and memory take Linux a tenth of a second.
const UNPLUG_LIMIT: Duration = Duration::from_secs(5);

/// How often it is looked whether a device is gone of which no event tells.
const LOOK: Duration = Duration::from_millis(200);

/// Base time for the event to follow once QEMU no longer has the device.
const EVENT_LIMIT: Duration = Duration::from_millis(100);

/// ACPI specification, 6.3.5: the source events of `_OST` that are about an ejection.
const EJECTION: [u64; 2] = [0x03, 0x103];

/// ACPI specification, 6.3.5: the guest is still at it.
const IN_PROGRESS: u64 = 0x84;

/// A device that was plugged in.
#[derive(Debug, Clone, PartialEq)]
pub struct Plugged {
    /// The device, and where it is.
    pub placed: Placed,
    /// What QEMU says of it.
    pub qemu: String,
    /// The guest's PCI address of it, or of the controller it hangs on.
    pub pci: Option<String>,
}

/// A device that was unplugged.
#[derive(Debug, Clone, PartialEq)]
pub struct Unplugged {
    /// The device, and where it was.
    pub placed: Placed,
    /// The guest's PCI address it had, or that of the controller it hung on.
    pub pci: Option<String>,
    /// The event that told of its end; none for what is no device, and where QEMU no longer has the device but never told.
    pub event: Option<Event>,
    /// How long the guest took to let go of it.
    pub took: Duration,
}

impl AsRef<str> for Plugged {
    fn as_ref(&self) -> &str {
        self.placed.device.id()
    }
}

/// Why a step failed, before it is known of which machine.
#[derive(Debug)]
enum Failure {
    Plug(PlugError),
    Monitor(QmpError),
    Machine(VmError),
}

impl From<PlugError> for Failure {
    fn from(error: PlugError) -> Self {
        Self::Plug(error)
    }
}

impl From<QmpError> for Failure {
    fn from(error: QmpError) -> Self {
        Self::Monitor(error)
    }
}

impl From<VmError> for Failure {
    fn from(error: VmError) -> Self {
        Self::Machine(error)
    }
}

/// A device in messages.
fn named(device: &Device) -> String {
    format!("{} \"{}\"", device.kind(), device.id())
}

impl Vm {
    /// Plugs a device in: finds a place for it, adds what is behind it, adds the device, and makes sure that QEMU shows it.
    /// When a step fails, what had been added is taken back.
    ///
    /// # Errors
    /// [`VmError::Plug`], with the step; also when this QEMU has no such device (then [`Blame::Unsupported`]).
    ///
    /// [`Blame::Unsupported`]: crate::Blame::Unsupported
    pub async fn plug(&self, device: impl Into<Device>) -> Result<Plugged, VmError> {
        let device = device.into();
        let mut inventory = self.inventory.lock().await;
        match self.plug_into(device, &mut inventory).await {
            Ok(plugged) => Ok(plugged),
            Err(failure) => Err(self.plug_error(failure).await),
        }
    }

    /// Unplugs a device, by its id or what [`Vm::plug`] returned: asks the guest to let go of it, waits until it has, and takes
    /// what was behind it back. Cards and disks the machine started with can be unplugged too, where they are `unpluggable`.
    ///
    /// # Errors
    /// [`VmError::Plug`]: [`PlugError::GuestRefused`] when the guest says no. [`VmError::Wait`] when it says nothing; it may
    /// still let go later, and unplugging the device again waits on.
    pub async fn unplug(&self, device: impl AsRef<str>) -> Result<Unplugged, VmError> {
        let mut inventory = self.inventory.lock().await;
        match self.unplug_from(device.as_ref(), &mut inventory).await {
            Ok(unplugged) => Ok(unplugged),
            Err(failure) => Err(self.plug_error(failure).await),
        }
    }

    /// Asks the guest to let go of a device, and does not wait for it: [`Vm::unplug`] does. A guest that stands still hears of
    /// it when it goes on.
    ///
    /// # Errors
    /// [`VmError::Plug`].
    pub async fn request_unplug(&self, device: impl AsRef<str>) -> Result<(), VmError> {
        let mut inventory = self.inventory.lock().await;
        match self.ask_for(device.as_ref(), &mut inventory).await {
            Ok(_) => Ok(()),
            Err(failure) => Err(self.plug_error(failure).await),
        }
    }

    /// Does its QEMU live on unharmed once a CPU was unplugged?
    ///
    /// Under TCG, QEMU 7.2.22 does not: its heap is corrupt from then on, and it crashes at one of the next devices to go. 10.0.2 does. No
    /// answer of the binary tells, so its version has to; those in between are not trusted.
    #[must_use]
    pub fn survives_unplugged_cpus(&self) -> bool {
        self.spec().accel != Accel::Tcg || self.capabilities().version.major >= 10
    }

    /// What was plugged in and is there still.
    pub async fn plugged(&self) -> Vec<Placed> {
        self.inventory.lock().await.plugged()
    }

    /// Does QEMU have a device of this id, by its tree of objects?
    ///
    /// # Errors
    /// [`VmError::Monitor`].
    pub async fn has_device(&self, id: &str) -> Result<bool, VmError> {
        let told = Tree(self.qmp()).in_tree(id).await;
        self.watch.told("ask for the devices of", told).await
    }

    /// Names of all that is behind devices: character devices, block nodes, objects.
    ///
    /// # Errors
    /// [`VmError::Monitor`].
    pub async fn backends(&self) -> Result<Vec<String>, VmError> {
        let told = Tree(self.qmp()).backends().await;
        self.watch.told("ask for the back ends of", told).await
    }

    /// Requests that the guest has so much of a virtio memory device, and waits until it has.
    ///
    /// # Errors
    /// [`VmError`].
    pub async fn resize_memory(
        &self,
        device: impl AsRef<str>,
        size: ByteSize,
    ) -> Result<Event, VmError> {
        let id = device.as_ref();
        let cursor = self.cursor();
        let arguments = json!({
            "path": format!("/machine/peripheral/{id}"),
            "property": "requested-size",
            "value": size.as_bytes(),
        });
        let told = self.qmp().execute("qom-set", arguments).await;
        self.watch.told("resize the memory of", told).await?;
        let what = format!("MEMORY_DEVICE_SIZE_CHANGE of {id} to {size}");
        let reached = |event: &Event| {
            event.name == "MEMORY_DEVICE_SIZE_CHANGE"
                && event.data["id"] == id
                && event.data["size"] == size.as_bytes()
        };
        self.wait_for_event_that(cursor, &what, UNPLUG_LIMIT, reached)
            .await
    }

    async fn plug_into(
        &self,
        device: Device,
        inventory: &mut Inventory,
    ) -> Result<Plugged, Failure> {
        let id = device.id().to_owned();
        let device_id = device.device_id().unwrap_or_default();
        let tree = Tree(self.qmp());
        if inventory.has(&id) || tree.in_tree(&device_id).await? {
            return Err(PlugError::Twice { id }.into());
        }
        if let Device::Disk(disk) = &device
            && disk.snapshot
        {
            let source = machine::MachineError::Invalid {
                what: format!("disk \"{id}\""),
                why: "is thrown away, which QEMU can do for its command line only".to_owned(),
                hint: "plug in an overlay instead".to_owned(),
            };
            let device = named(&device);
            return Err(PlugError::Machine { device, source }.into());
        }
        let place = find_place(&device, self.spec(), inventory, &tree).await?;
        let mut placed = Placed::new(device, place);
        let handed_over = format!("plug-{id}");
        let parts = self.parts(&placed, &handed_over)?;
        let stream = match placed.device.channel() {
            Some(channel) => Some(self.open_channel(channel, &handed_over).await?),
            None => None,
        };
        if let Some(network) = network_of(&placed.device) {
            self.join(network, &handed_over).await?;
        }
        self.add_all(&placed.device, &parts).await?;
        if let (Some(stream), Some(channel)) = (stream, placed.device.channel()) {
            let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
            streams.insert(channel.to_owned(), stream);
        }
        placed.chosen = self.chosen(&placed).await?;
        inventory.put(placed.clone(), true);
        let qemu = tree.find(&placed).await?.unwrap_or_default();
        if qemu.is_empty() || !Tree::is_whole(&qemu) {
            return Err(PlugError::Tree {
                device: named(&placed.device),
                step: "plugged",
                answer: if qemu.is_empty() {
                    "shows nothing".to_owned()
                } else {
                    format!("shows {qemu}")
                },
            }
            .into());
        }
        let pci = tree.controller_address(&placed).await?;
        Ok(Plugged { placed, qemu, pci })
    }

    /// What QEMU is given for it, and with it what is handed over by that name.
    fn parts(&self, placed: &Placed, handed_over: &str) -> Result<Vec<Part>, PlugError> {
        let mut endpoints = Endpoints::default();
        if let Some(channel) = placed.device.channel() {
            endpoints.set(channel, Endpoint::NamedFd(handed_over.to_owned()));
        }
        if let Device::Nic(nic) = &placed.device {
            endpoints.set_link(nic.netdev_name(), Link::NamedFd(handed_over.to_owned()));
        }
        let error = |source| PlugError::Machine {
            device: named(&placed.device),
            source,
        };
        let parts = placed.parts(&endpoints).map_err(error)?;
        for need in parts.iter().filter_map(Part::need) {
            let met = self.capabilities().require(&need);
            met.map_err(|missing| error(missing.into()))?;
        }
        Ok(parts)
    }

    /// Listens on a socket in the machine's private directory, hands it over and connects to it, as at the machine's start.
    async fn open_channel(&self, channel: &str, name: &str) -> Result<UnixStream, Failure> {
        let path = self.scratch().join(format!("{channel}.sock"));
        // One of an earlier device of the same name.
        let _ = std::fs::remove_file(&path);
        let error = |verb| {
            let path = path.clone();
            move |source| VmError::Io { verb, path, source }
        };
        let listener = UnixListener::bind(&path).map_err(error("listen on"))?;
        let stream = UnixStream::connect(&path);
        let stream = stream.await.map_err(error("connect to"))?;
        let arguments = json!({"fdname": name});
        let listener = OwnedFd::from(listener);
        self.qmp()
            .execute_with_fd("getfd", arguments, listener)
            .await?;
        Ok(stream)
    }

    /// Hands over the end of a cable to a private network.
    async fn join(&self, network: &str, name: &str) -> Result<(), Failure> {
        let cable = self.networks.network(network).join();
        let cable = cable.map_err(|source| VmError::Io {
            verb: "join network",
            path: network.into(),
            source,
        })?;
        let arguments = json!({"fdname": name});
        self.qmp()
            .execute_with_fd("getfd", arguments, cable)
            .await?;
        Ok(())
    }

    /// Adds parts in order; takes back those added when one is refused.
    async fn add_all(&self, device: &Device, parts: &[Part]) -> Result<(), Failure> {
        for (done, part) in parts.iter().enumerate() {
            let Err(source) = self.add(device, part).await else {
                continue;
            };
            if !source.is_refusal() {
                return Err(source.into());
            }
            let (command, _) = part.command();
            let step = format!("{command} {}", part.id());
            let mut left = self.take_back(&parts[..done]).await;
            // What comes first has taken what was handed over, unless that is what failed.
            let hands_over = device.channel().is_some() || network_of(device).is_some();
            let name = json!({"fdname": format!("plug-{}", device.id())});
            if hands_over
                && done == 0
                && let Err(error) = self.qmp().execute("closefd", name).await
            {
                left.push(error.to_string());
            }
            if let Some(channel) = device.channel() {
                self.forget_channel(channel);
            }
            return Err(self.refused(device, step, source, left).await);
        }
        Ok(())
    }

    /// QEMU refused a step, maybe because the machine migrates.
    async fn refused(
        &self,
        device: &Device,
        step: String,
        source: QmpError,
        left: Vec<String>,
    ) -> Failure {
        let device = named(device);
        let source = Box::new(source);
        match self.migration_figures().await {
            Ok(figures) if figures.is_under_way() => PlugError::Migrating {
                device,
                step,
                status: figures.status,
                source,
                left,
            },
            _ => PlugError::Step {
                device,
                step,
                source,
                left,
            },
        }
        .into()
    }

    async fn add(&self, device: &Device, part: &Part) -> Result<(), QmpError> {
        let (command, mut arguments) = part.command();
        let untyped = device.properties();
        if part.is_device() && !untyped.is_empty() {
            let driver = json!({"typename": part.driver()});
            let known = self.qmp().execute("device-list-properties", driver).await?;
            for (key, text) in untyped {
                arguments[key] = typed(&known, key, text);
            }
        }
        self.qmp().execute(command, arguments).await.map(drop)
    }

    /// Removes what is behind a device, last first. What cannot be removed is told.
    async fn take_back(&self, parts: &[Part]) -> Vec<String> {
        let mut left = Vec::new();
        for part in parts.iter().rev().filter(|part| !part.is_device()) {
            let (command, arguments) = part.undo();
            if let Err(error) = self.qmp().execute(command, arguments).await {
                left.push(format!("{}: {error}", part.id()));
            }
        }
        left
    }

    fn forget_channel(&self, channel: &str) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.remove(channel);
        // It may have been removed by whoever used it.
        let _ = std::fs::remove_file(self.scratch().join(format!("{channel}.sock")));
    }

    /// What QEMU chose by itself, which a machine that is to equal this one has to be told.
    async fn chosen(&self, placed: &Placed) -> Result<Vec<(String, u64)>, QmpError> {
        let id = placed.device.device_id().unwrap_or_default();
        let names: &[(&str, &str)] = match placed.device {
            Device::Dimm(_) => &[("addr", "addr"), ("slot", "slot")],
            Device::VirtioMem(_) => &[("memaddr", "memaddr")],
            Device::VirtioPort(_) | Device::VirtioConsole(_) => &[("nr", "nr")],
            _ => &[],
        };
        let mut chosen = Vec::new();
        for (property, key) in names {
            let path = json!({"path": format!("/machine/peripheral/{id}"), "property": property});
            let value = self.qmp().execute("qom-get", path).await?;
            if let Some(value) = value.as_u64() {
                chosen.push(((*key).to_owned(), value));
            }
        }
        Ok(chosen)
    }

    async fn unplug_from(&self, id: &str, inventory: &mut Inventory) -> Result<Unplugged, Failure> {
        let start = Instant::now();
        let placed = inventory.get(id)?.placed.clone();
        let tree = Tree(self.qmp());
        let pci = tree.controller_address(&placed).await?;
        let event = match placed.device.device_id() {
            None => None,
            Some(device_id) => {
                let asked = self.ask_for(id, inventory).await?;
                let event = self.let_go(&placed, &device_id, asked).await?;
                inventory.ask(id, None);
                let refusal = event
                    .as_ref()
                    .and_then(|event| refusal(&placed.device, &device_id, event));
                if let Some(refusal) = refusal {
                    return Err(PlugError::GuestRefused(refusal).into());
                }
                event
            }
        };
        let took = start.elapsed();
        let parts = self.parts(&placed, "gone")?;
        self.remove_all(&placed.device, &parts).await?;
        if let Some(answer) = tree.find(&placed).await? {
            return Err(PlugError::Tree {
                device: named(&placed.device),
                step: "unplugged",
                answer: format!("shows {answer}"),
            }
            .into());
        }
        inventory.remove(id);
        Ok(Unplugged {
            placed,
            pci,
            event,
            took,
        })
    }

    /// Removes what is behind a device that is gone.
    async fn remove_all(&self, device: &Device, parts: &[Part]) -> Result<(), Failure> {
        for part in parts.iter().rev().filter(|part| !part.is_device()) {
            let (command, arguments) = part.undo();
            match self.qmp().execute(command, arguments).await {
                Ok(_) => {}
                Err(source) if source.is_refusal() => {
                    return Err(PlugError::Step {
                        device: named(device),
                        step: format!("{command} {}", part.id()),
                        source: Box::new(source),
                        left: Vec::new(),
                    }
                    .into());
                }
                Err(source) => return Err(source.into()),
            }
        }
        if let Some(channel) = device.channel() {
            self.forget_channel(channel);
        }
        Ok(())
    }

    /// Asks the guest to let go of a device, unless it was asked before. Returns where the events of that begin.
    async fn ask_for(&self, id: &str, inventory: &mut Inventory) -> Result<Cursor, Failure> {
        let entry = inventory.get(id)?;
        let device = entry.placed.device.clone();
        if let Some(asked) = entry.asked {
            return Ok(asked);
        }
        let cursor = self.cursor();
        let Some(device_id) = device.device_id() else {
            return Ok(cursor);
        };
        let request = self.qmp().execute("device_del", json!({"id": device_id}));
        match request.await {
            Ok(_) => {}
            Err(source) if source.is_refusal() => {
                let step = format!("device_del {device_id}");
                return Err(self.refused(&device, step, source, Vec::new()).await);
            }
            Err(source) => return Err(source.into()),
        }
        inventory.ask(id, Some(cursor));
        Ok(cursor)
    }

    /// Waits for the event that ends an unplugging, whichever way. QEMU tells of the end of a device when nothing holds it any more, and
    /// so never of one that holds itself, as `qemu-xhci` does (7.2, 10.0): that one is gone when it is no longer in the tree.
    async fn let_go(
        &self,
        placed: &Placed,
        device_id: &str,
        asked: Cursor,
    ) -> Result<Option<Event>, Failure> {
        let device = &placed.device;
        let what = format!("DEVICE_DELETED of {}", named(device));
        let is_cpu = device.wants() == Wants::Cpu;
        let wanted = |event: &Event| {
            let deleted = event.name == "DEVICE_DELETED" && event.data["device"] == device_id;
            // Under TCG a CPU's object outlives its unplugging, and with it the only event that names it; that the guest has
            // ejected it is told by the place alone.
            let info = &event.data["info"];
            let ejected = is_cpu
                && event.name == "ACPI_DEVICE_OST"
                && info["slot-type"] == "CPU"
                && is_ejection(info)
                && info["status"] == 0;
            deleted || ejected || refusal(device, device_id, event).is_some()
        };
        let tree = Tree(self.qmp());
        let told = self.wait_for_event_that(asked, &what, UNPLUG_LIMIT, wanted);
        let mut told = std::pin::pin!(told);
        let mut gone_since = None;
        loop {
            tokio::select! {
                biased;
                event = &mut told => return Ok(Some(event?)),
                () = tokio::time::sleep(LOOK) => {}
            }
            // What keeps it from answering is found by its health, which ends the wait with a better reason.
            if !matches!(tree.find(placed).await, Ok(None)) {
                continue;
            }
            let gone_since = gone_since.get_or_insert_with(Instant::now);
            if gone_since.elapsed() >= self.limit(EVENT_LIMIT) {
                return Ok(None);
            }
        }
    }

    async fn plug_error(&self, failure: Failure) -> VmError {
        let source = match failure {
            Failure::Machine(error) => return error,
            Failure::Monitor(error) => {
                let told = self.watch.told("plug into or out of", Err::<(), _>(error));
                match told.await {
                    Err(error) => return error,
                    Ok(()) => return self.watch.timed_out("answer", Duration::ZERO),
                }
            }
            Failure::Plug(error) => error,
        };
        VmError::Plug {
            vm: self.name().to_owned(),
            source: Box::new(source),
            last_words: Box::new(self.last_words()),
        }
    }
}

/// The private network a card is to be on.
fn network_of(device: &Device) -> Option<&str> {
    match device {
        Device::Nic(nic) => match &nic.netdev {
            Netdev::Private(network) => Some(network),
            _ => None,
        },
        _ => None,
    }
}

/// Does this event say that the guest refuses to let go of the device?
fn refusal(device: &Device, device_id: &str, event: &Event) -> Option<Refusal> {
    let data = &event.data;
    let refused = match event.name.as_str() {
        "DEVICE_UNPLUG_GUEST_ERROR" | "MEM_UNPLUG_ERROR" => data["device"] == device_id,
        "ACPI_DEVICE_OST" => {
            let info = &data["info"];
            let status = info["status"].as_u64().unwrap_or(0);
            info["device"] == device_id && is_ejection(info) && status != 0 && status != IN_PROGRESS
        }
        _ => false,
    };
    refused.then(|| Refusal {
        device: named(device),
        event: event.clone(),
    })
}

fn is_ejection(info: &Value) -> bool {
    info["source"]
        .as_u64()
        .is_some_and(|source| EJECTION.contains(&source))
}

/// A property given as text, by the type the device itself names: from QEMU 9.2 on the monitor takes no text for numbers.
fn typed(known: &Value, key: &str, text: &str) -> Value {
    let properties = known.as_array().into_iter().flatten();
    let mut properties = properties.filter(|property| property["name"] == key);
    let kind = properties
        .next()
        .and_then(|property| property["type"].as_str());
    match (kind.unwrap_or_default(), text) {
        ("bool", "on" | "yes" | "true") => true.into(),
        ("bool", "off" | "no" | "false") => false.into(),
        (kind, text) if kind.starts_with("int") || kind.starts_with("uint") => {
            let hexadecimal = text.strip_prefix("0x");
            let number = match hexadecimal {
                Some(digits) => i64::from_str_radix(digits, 16).ok(),
                None => text.parse().ok(),
            };
            number.map_or_else(|| text.into(), Value::from)
        }
        ("size", text) => ByteSize::parse(text, machine::SizeUnit::B)
            .map_or_else(|| text.into(), |size| size.as_bytes().into()),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_given_as_text_get_the_type_the_device_names() {
        let known = json!([
            {"name": "on", "type": "bool"},
            {"name": "queues", "type": "uint16"},
            {"name": "size", "type": "size"},
            {"name": "word", "type": "OnOffAuto"},
        ]);
        assert_eq!(typed(&known, "on", "off"), json!(false));
        assert_eq!(typed(&known, "queues", "0x10"), json!(16));
        assert_eq!(typed(&known, "size", "1M"), json!(1 << 20));
        assert_eq!(typed(&known, "word", "on"), json!("on"));
        assert_eq!(typed(&known, "unknown", "7"), json!("7"));
        assert_eq!(typed(&known, "queues", "many"), json!("many"));
    }

    fn ost(info: Value) -> Event {
        Event {
            seq: 0,
            name: "ACPI_DEVICE_OST".to_owned(),
            data: json!({"info": info}),
            timestamp: None,
        }
    }

    #[test]
    fn only_an_ejection_that_failed_is_a_refusal() {
        let device = Device::Cpu("cpu1".to_owned());
        let refused = |info| refusal(&device, "cpu1", &ost(info)).is_some();
        assert!(refused(
            json!({"device": "cpu1", "source": 3, "status": 0x82})
        ));
        assert!(!refused(
            json!({"device": "cpu1", "source": 3, "status": IN_PROGRESS})
        ));
        assert!(!refused(
            json!({"device": "cpu1", "source": 3, "status": 0})
        ));
        assert!(!refused(
            json!({"device": "cpu1", "source": 1, "status": 0x80})
        ));
        assert!(!refused(
            json!({"device": "cpu2", "source": 3, "status": 0x82})
        ));
    }
}
