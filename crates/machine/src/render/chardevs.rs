//! Monitors, serial ports, virtio consoles and ports.

use super::parts::VIRTIO_SERIAL;
use super::{Opts, Part, Render, text};
use crate::devices::VirtioPort;
use crate::endpoints::Endpoint;
use crate::error::MachineError;
use crate::plug::{Device, Place};
use crate::spec::{MachineSpec, MonitorProtocol};

/// Ports of a virtio-serial controller that may still be plugged in.
const FREE_PORTS: usize = 8;

/// All it can have.
const MAX_PORTS: usize = 31;

impl Render<'_> {
    pub(super) fn chardev(&mut self, id: &str) -> Result<(), MachineError> {
        let endpoint = self.endpoints.get(id)?;
        self.part(&Part::chardev(chardev(id, endpoint)?))?;
        if endpoint == &Endpoint::Stdio {
            let monitor = Opts::new("").set("chardev", id).set("mode", "readline");
            self.argv.push("-mon", monitor.finish());
        }
        Ok(())
    }

    pub(super) fn monitors(&mut self) -> Result<(), MachineError> {
        let spec = self.spec;
        let extra = spec.monitors.iter().map(|m| (m.id.as_str(), m.protocol));
        for (id, protocol) in [(MachineSpec::QMP, MonitorProtocol::Qmp)]
            .into_iter()
            .chain(extra)
        {
            self.chardev(id)?;
            let mode = match protocol {
                MonitorProtocol::Qmp => "control",
                MonitorProtocol::Hmp => "readline",
            };
            let monitor = Opts::new("").set("chardev", id).set("mode", mode);
            self.argv.push("-mon", monitor.finish());
        }
        Ok(())
    }

    pub(super) fn serials(&mut self) -> Result<(), MachineError> {
        let spec = self.spec;
        for (index, id) in (0_u32..).zip(&spec.serials) {
            self.chardev(id)?;
            let device = Opts::new("isa-serial").set("id", format!("{id}-port"));
            self.device(device.set("chardev", id).set("index", index))?;
        }
        Ok(())
    }

    /// All virtio consoles and ports share one controller.
    pub(super) fn virtio_serial(&mut self) -> Result<(), MachineError> {
        let spec = self.spec;
        if !spec.agent && spec.virtio_consoles.is_empty() && spec.virtio_ports.is_empty() {
            return Ok(());
        }
        // Each port there could be costs two queues, whether it is there or not: QEMU has to set them up when it starts or takes up a state, the
        // guest when it boots.
        let ports = spec.virtio_consoles.len() + spec.virtio_ports.len() + usize::from(spec.agent);
        let controller = Opts::new("virtio-serial-pci").set("id", VIRTIO_SERIAL).set(
            "max_ports",
            MAX_PORTS.min(1 + ports + FREE_PORTS).to_string(),
        );
        self.pci_device(controller)?;
        // Port 0 is kept for a console by the virtio specification (5.3, console device), so consoles come first.
        let consoles = spec.virtio_consoles.iter().cloned();
        let agent = spec.agent.then(|| VirtioPort {
            id: MachineSpec::AGENT.to_owned(),
            name: "org.qemu.guest_agent.0".to_owned(),
        });
        let ports = agent.into_iter().chain(spec.virtio_ports.iter().cloned());
        let devices = consoles.map(Device::VirtioConsole);
        for device in devices.chain(ports.map(Device::VirtioPort)) {
            let bus = Place::Bus(format!("{VIRTIO_SERIAL}.0"));
            self.furnish(device, Some(bus), false)?;
        }
        Ok(())
    }
}

/// The character device of a channel.
pub(super) fn chardev(id: &str, endpoint: &Endpoint) -> Result<Opts, MachineError> {
    let listening = || {
        let socket = Opts::new("socket").set("id", id);
        socket.set("server", true).set("wait", false)
    };
    Ok(match endpoint {
        Endpoint::ListeningFd(fd) => listening().set("fd", *fd),
        Endpoint::NamedFd(name) => listening().set("fd", name),
        Endpoint::Socket(path) => listening().set("path", text(path)?),
        Endpoint::Stdio => {
            let stdio = Opts::new("stdio").set("id", id);
            stdio.set("mux", "on").set("signal", "off")
        }
        Endpoint::File(path) => Opts::new("file").set("id", id).set("path", text(path)?),
        Endpoint::Null => Opts::new("null").set("id", id),
    })
}
