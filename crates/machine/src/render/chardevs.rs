//! Monitors, serial ports, virtio consoles and ports.

use super::{Opts, Render, text};
use crate::endpoints::Endpoint;
use crate::error::MachineError;
use crate::spec::{MachineSpec, MonitorProtocol};

impl Render<'_> {
    pub(super) fn chardev(&mut self, id: &str) -> Result<(), MachineError> {
        let opts = match self.endpoints.get(id)? {
            Endpoint::ListeningFd(fd) => listening(id).set("fd", fd),
            Endpoint::Socket(path) => listening(id).set("path", text(path)?),
            Endpoint::Stdio => {
                let stdio = Opts::new("stdio").set("id", id);
                stdio.set("mux", "on").set("signal", "off")
            }
            Endpoint::File(path) => Opts::new("file").set("id", id).set("path", text(path)?),
            Endpoint::Null => Opts::new("null").set("id", id),
        };
        let stdio = self.endpoints.get(id)? == &Endpoint::Stdio;
        self.argv.push("-chardev", opts.finish());
        if stdio {
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
        for (index, id) in spec.serials.iter().enumerate() {
            self.chardev(id)?;
            let device = Opts::new("isa-serial").set("id", format!("{id}-port"));
            self.device("isa-serial", device.set("chardev", id).set("index", index))?;
        }
        Ok(())
    }

    /// All virtio consoles and ports share one controller.
    pub(super) fn virtio_serial(&mut self) -> Result<(), MachineError> {
        let spec = self.spec;
        if !spec.agent && spec.virtio_consoles.is_empty() && spec.virtio_ports.is_empty() {
            return Ok(());
        }
        let controller = Opts::new("virtio-serial-pci").set("id", "virtio-serial0");
        self.pci_device("virtio-serial-pci", controller)?;
        // Port 0 is kept for a console by the virtio specification (5.3, console device), so consoles come first.
        for id in &spec.virtio_consoles {
            self.chardev(id)?;
            self.device("virtconsole", self.port("virtconsole", id))?;
        }
        let agent = spec
            .agent
            .then_some((MachineSpec::AGENT, "org.qemu.guest_agent.0"));
        let ports = spec
            .virtio_ports
            .iter()
            .map(|port| (port.id.as_str(), port.name.as_str()));
        for (id, name) in agent.into_iter().chain(ports) {
            self.chardev(id)?;
            self.device(
                "virtserialport",
                self.port("virtserialport", id).set("name", name),
            )?;
        }
        Ok(())
    }

    fn port(&self, device: &str, id: &str) -> Opts {
        Opts::new(device)
            .set("id", format!("{id}-port"))
            .set("bus", "virtio-serial0.0")
            .set("chardev", id)
    }
}

fn listening(id: &str) -> Opts {
    let socket = Opts::new("socket").set("id", id);
    socket.set("server", "on").set("wait", "off")
}
