//! From a machine to QEMU's arguments.

mod chardevs;
mod disks;
mod nics;
mod opts;
mod part;
mod parts;
mod pci;

use std::path::Path;

use crate::argv::Argv;
use crate::capabilities::{Capabilities, Need};
use crate::devices::WatchdogModel;
use crate::endpoints::Endpoints;
use crate::error::MachineError;
use crate::plug::{Device, Place, Placed, Wants};
use crate::spec::{Accel, Board, Boot, Firmware, MachineSpec, TcgThread};
use opts::Opts;
use pci::PciSlots;

pub use part::Part;

/// Id of the backend of main memory that lies in a file or in huge pages: the name that memory has in a PC's state without one, so that either
/// takes up the other's state.
const MEMORY: &str = "pc.ram";

/// The arguments that make QEMU be this machine, stopped before its first instruction.
///
/// The same specification, capabilities and endpoints always give the same arguments, PCI addresses included.
///
/// # Errors
/// [`MachineError::Invalid`] when the machine contradicts itself, [`MachineError::Unsupported`] when this QEMU lacks what it
/// needs, [`MachineError::NoEndpoint`] when a channel is connected to nothing.
pub fn render(
    spec: &MachineSpec,
    capabilities: &Capabilities,
    endpoints: &Endpoints,
) -> Result<Argv, MachineError> {
    spec.validate()?;
    let board = spec.board()?;
    let mut render = Render {
        spec,
        capabilities,
        endpoints,
        board,
        pci: PciSlots::new(board),
        argv: Argv::default(),
    };
    render.base()?;
    render.firmware()?;
    render.boot()?;
    render.monitors()?;
    render.serials()?;
    render.root_ports()?;
    render.virtio_serial()?;
    render.disks()?;
    render.nics()?;
    render.small_devices()?;
    render.plugged()?;
    render.argv.extend(&spec.extra_args);
    Ok(render.argv)
}

struct Render<'a> {
    spec: &'a MachineSpec,
    capabilities: &'a Capabilities,
    endpoints: &'a Endpoints,
    board: Board,
    pci: PciSlots,
    argv: Argv,
}

impl Render<'_> {
    fn base(&mut self) -> Result<(), MachineError> {
        let spec = self.spec;
        let machine = spec.machine.qemu_name();
        self.capabilities
            .require(&Need::Machine(machine.to_owned()))?;
        let accel = spec.accel.qemu_name();
        self.capabilities
            .require(&Need::Accelerator(accel.to_owned()))?;
        let name = Opts::new("").set("guest", &spec.name);
        self.argv.flag("-nodefaults");
        self.argv.flag("-no-user-config");
        self.argv.flag("-S");
        self.argv
            .push("-name", name.set("debug-threads", "on").finish());
        if spec.sandbox && self.capabilities.has_option("sandbox") {
            self.argv.push(
                "-sandbox",
                "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
            );
        }
        self.argv.push("-display", "none");
        if spec.preconfig {
            self.capabilities
                .require(&Need::Command("x-exit-preconfig".to_owned()))?;
            self.argv.flag("-preconfig");
        }
        self.argv.push("-machine", self.machine());
        self.memory_file()?;
        self.huge_pages()?;
        let thread = spec.tcg_thread.filter(|_| spec.accel == Accel::Tcg);
        let thread = thread.map(TcgThread::qemu_name);
        self.argv
            .push("-accel", Opts::new(accel).maybe("thread", thread).finish());
        if self.board != Board::None {
            let model = spec.cpu.model.as_deref().unwrap_or(match spec.accel {
                Accel::Kvm => "host",
                Accel::Tcg => "max",
            });
            let (name, _flags) = model.split_once(',').unwrap_or((model, ""));
            self.capabilities.require(&Need::Cpu(name.to_owned()))?;
            // Flags follow the model after commas, which must stay as they are.
            self.argv.push("-cpu", model);
        }
        self.argv.push("-smp", self.smp());
        self.argv.push("-m", self.memory());
        let actions = spec.actions;
        let action = Opts::new("")
            .set("reboot", actions.reboot.qemu_name())
            .set("shutdown", actions.shutdown.qemu_name())
            .set("panic", actions.panic.qemu_name())
            .set("watchdog", actions.watchdog.qemu_name());
        self.argv.push("-action", action.finish());
        let rtc = Opts::new("")
            .set("base", &spec.rtc.base)
            .set("clock", spec.rtc.clock.qemu_name())
            .maybe("driftfix", spec.rtc.driftfix.then_some("slew"));
        self.argv.push("-rtc", rtc.finish());
        Ok(())
    }

    fn memory_file(&mut self) -> Result<(), MachineError> {
        let Some(file) = &self.spec.memory_file else {
            return Ok(());
        };
        let backend = "memory-backend-file";
        self.capabilities
            .require(&Need::Object(backend.to_owned()))?;
        // Older QEMUs would make it the guest's ROM. Without this they can punch holes into the file, for a balloon say.
        let only_read = !file.shared && self.capabilities.has_private_memory_files();
        let object = Opts::new(backend)
            .set("id", MEMORY)
            .set("size", self.spec.memory.size)
            .set("mem-path", text(&file.path)?)
            .set("share", opts::on_off(file.shared))
            .maybe("readonly", only_read.then_some("on"))
            .maybe("rom", only_read.then_some("off"))
            .set("x-use-canonical-path-for-ramblock-id", "off");
        self.argv.push("-object", object.finish());
        Ok(())
    }

    fn huge_pages(&mut self) -> Result<(), MachineError> {
        if !self.spec.huge_pages {
            return Ok(());
        }
        let backend = "memory-backend-memfd";
        self.capabilities
            .require(&Need::Object(backend.to_owned()))?;
        let object = Opts::new(backend)
            .set("id", MEMORY)
            .set("size", self.spec.memory.size)
            .set("hugetlb", "on")
            // Where there are too few, QEMU says so now, rather than being killed when the guest writes there.
            .set("prealloc", "on")
            .set("share", "off")
            .set("x-use-canonical-path-for-ramblock-id", "off");
        self.argv.push("-object", object.finish());
        Ok(())
    }

    fn machine(&self) -> String {
        const CORE: &str = "dump-guest-core";
        let options = &self.spec.machine_options;
        let core_is_given = options.iter().any(|(name, _)| name == CORE);
        Opts::new(self.spec.machine.qemu_name())
            .maybe(CORE, (!core_is_given).then_some("off"))
            .all(options)
            .maybe(
                "memory-backend",
                (self.spec.memory_file.is_some() || self.spec.huge_pages).then_some(MEMORY),
            )
            .finish()
    }

    fn smp(&self) -> String {
        let cpu = &self.spec.cpu;
        let topology = cpu.topology.as_ref();
        Opts::new("")
            .set("cpus", cpu.count)
            // QEMU would take the number present as the most there can be, whatever the topology has room for.
            .maybe("maxcpus", cpu.most())
            .maybe("sockets", topology.map(|t| t.sockets))
            .maybe("dies", topology.map(|t| t.dies))
            .maybe("cores", topology.map(|t| t.cores))
            .maybe("threads", topology.map(|t| t.threads))
            .finish()
    }

    fn memory(&self) -> String {
        let memory = &self.spec.memory;
        let growing = memory.slots > 0;
        Opts::new("")
            .set("size", memory.size)
            .maybe("slots", growing.then_some(memory.slots))
            .maybe("maxmem", memory.max.filter(|_| growing))
            .finish()
    }

    fn firmware(&mut self) -> Result<(), MachineError> {
        match &self.spec.firmware {
            Firmware::SeaBios => {}
            Firmware::Bios(path) => self.argv.push("-bios", text(path)?),
            Firmware::Uefi { code, vars } => {
                for (unit, path, readonly) in [(0, code, true), (1, vars, false)] {
                    let drive = Opts::new("")
                        .set("if", "pflash")
                        .set("unit", unit)
                        .set("format", "raw")
                        .set("readonly", opts::on_off(readonly))
                        .set("file", text(path)?);
                    self.argv.push("-drive", drive.finish());
                }
            }
        }
        if self.spec.has_firmware_log() {
            self.chardev(MachineSpec::FIRMWARE)?;
            let device = Opts::new("isa-debugcon").set("iobase", "0x402");
            self.device(device.set("chardev", MachineSpec::FIRMWARE))?;
        }
        Ok(())
    }

    fn boot(&mut self) -> Result<(), MachineError> {
        if let Boot::Kernel {
            kernel,
            initrd,
            cmdline,
        } = &self.spec.boot
        {
            self.argv.push("-kernel", text(kernel)?);
            if let Some(initrd) = initrd {
                self.argv.push("-initrd", text(initrd)?);
            }
            if !cmdline.is_empty() {
                self.argv.push("-append", cmdline);
            }
        }
        Ok(())
    }

    fn small_devices(&mut self) -> Result<(), MachineError> {
        if self.spec.rng {
            self.furnish(Device::Rng("rng0".to_owned()), None, false)?;
        }
        if self.spec.balloon {
            self.furnish(Device::Balloon("balloon0".to_owned()), None, false)?;
        }
        if self.spec.pvpanic {
            self.device(Opts::new("pvpanic").set("id", "pvpanic0"))?;
        }
        match self.spec.watchdog {
            None => {}
            // On board, but strapped so that it never fires.
            Some(WatchdogModel::Itco) => self.argv.push("-global", "ICH9-LPC.noreboot=off"),
            Some(model) => {
                let id = "watchdog0".to_owned();
                self.furnish(Device::Watchdog { id, model }, None, false)?;
            }
        }
        if let Some(model) = self.spec.vga {
            self.pci_device(Opts::new(model.driver()).set("id", "vga0"))?;
        }
        Ok(())
    }

    /// Devices that were plugged into the machine this one is to equal.
    fn plugged(&mut self) -> Result<(), MachineError> {
        let spec = self.spec;
        spec.plugged
            .iter()
            .try_for_each(|placed| self.placed(placed))
    }

    /// Adds a device with what is behind it; where none is given, a PCI device gets the next free place.
    fn furnish(
        &mut self,
        device: Device,
        place: Option<Place>,
        unpluggable: bool,
    ) -> Result<(), MachineError> {
        let place = match place {
            Some(place) => place,
            None if device.wants() == Wants::Pci => self.pci_place(device.id(), unpluggable)?,
            None => Place::Anywhere,
        };
        self.placed(&Placed::new(device, place))
    }

    fn placed(&mut self, placed: &Placed) -> Result<(), MachineError> {
        let parts = placed.parts(self.endpoints)?;
        parts.iter().try_for_each(|part| self.part(part))
    }

    /// Adds a device that has its own way to its bus.
    fn device(&mut self, opts: Opts) -> Result<(), MachineError> {
        self.part(&Part::device(opts))
    }

    /// Adds a PCI device at the next free address of the root bus.
    fn pci_device(&mut self, opts: Opts) -> Result<(), MachineError> {
        let place = self.pci.next()?;
        self.device(parts::placed(opts, &place))
    }

    fn part(&mut self, part: &Part) -> Result<(), MachineError> {
        if let Some(need) = part.need() {
            self.capabilities.require(&need)?;
        }
        part.push_to(&mut self.argv);
        Ok(())
    }
}

fn text(path: &Path) -> Result<&str, MachineError> {
    path.to_str().ok_or_else(|| {
        MachineError::invalid(
            format!("path \"{}\"", path.display()),
            "is not UTF-8",
            "rename it",
        )
    })
}
