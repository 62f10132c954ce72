//! From parameters to a machine: what the configuration says a VM is, as a [`MachineSpec`].

use std::path::{Path, PathBuf};

use machine::{
    Accel, Board, Boot, Cpu, Disk, DiskBus, ImageFormat, MacAddr, MachineSpec, MachineType, Made, Memory,
    Netdev, Nic, NicModel, Topology, VirtioPort, WatchdogModel,
};
use params::{ParamError, Params};

use crate::Stop;

/// What a machine boots and what its disks are, decided before it is furnished.
#[derive(Debug, Clone)]
pub(crate) struct Media {
    /// Kernel and the like.
    pub boot: Boot,
    /// Prepared image files by the name of the image, in order.
    pub images: Vec<PreparedImage>,
}

/// An image file that is this test's own.
#[derive(Debug, Clone)]
pub(crate) struct PreparedImage {
    pub name: String,
    pub path: PathBuf,
    pub format: ImageFormat,
    pub made: Made,
}

/// Furnishes machine `name` as `params` (the machine's own, see [`Params::object_params`]) say.
///
/// # Errors
/// ERROR with the key where a value does not make sense.
pub(crate) fn machine_spec(
    name: &str,
    params: &Params,
    accel: Accel,
    media: Media,
) -> Result<MachineSpec, Stop> {
    furnish(name, params, accel, media).map_err(|error| Stop::error(error.to_string()))
}

fn furnish(
    name: &str,
    params: &Params,
    accel: Accel,
    media: Media,
) -> Result<MachineSpec, ParamError> {
    let mut spec = MachineSpec::new(name);
    spec.machine = machine_type(params);
    spec.accel = accel;
    spec.cpu = cpu(params)?;
    spec.memory = Memory {
        size: params.read("mem")?.unwrap_or(spec.memory.size),
        slots: params.read("slots")?.unwrap_or(0),
        max: params.read("maxmem")?,
    };
    spec.boot = media.boot;
    spec.disks = media
        .images
        .iter()
        .map(|image| disk(params, image))
        .collect::<Result<_, _>>()?;
    spec.nics = params
        .objects("nics")
        .into_iter()
        .map(|nic| self::nic(name, params, nic))
        .collect::<Result<_, _>>()?;
    spec.serials = owned(params.objects("serials"));
    spec.virtio_ports = virtio_ports(params);
    spec.agent = params.flag("guest_agent")?;
    spec.rng = params.flag("rng")?;
    spec.balloon = params.flag("balloon")?;
    spec.pvpanic = params.flag("pvpanic")?;
    spec.watchdog = watchdog(params)?;
    // Only PCI Express has root ports; a PCI bus takes plugged devices as it is.
    if spec.machine.board() == Some(Board::Q35) {
        spec.hotplug_ports = params.read("pcie_free_ports")?.unwrap_or(0);
    }
    spec.sandbox = params.value("qemu_sandbox") != Some("off");
    spec.extra_args = extra_args(params)?;
    Ok(spec)
}

fn owned(names: Vec<&str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}

fn machine_type(params: &Params) -> MachineType {
    match params.value("machine_type").unwrap_or("q35").parse() {
        Ok(machine) => machine,
        Err(never) => match never {},
    }
}

fn cpu(params: &Params) -> Result<Cpu, ParamError> {
    let count = params.read("smp")?.unwrap_or(1);
    let part = |key| -> Result<Option<u32>, ParamError> { params.read(key) };
    let (sockets, dies, cores, threads) = (
        part("vcpu_sockets")?,
        part("vcpu_dies")?,
        part("vcpu_cores")?,
        part("vcpu_threads")?,
    );
    let given = [sockets, dies, cores, threads].iter().any(Option::is_some);
    Ok(Cpu {
        model: params.value("cpu_model").map(str::to_owned),
        count,
        max: params.read("vcpu_maxcpus")?,
        topology: given.then(|| Topology {
            sockets: sockets.unwrap_or(1),
            dies: dies.unwrap_or(1),
            cores: cores.unwrap_or(1),
            threads: threads.unwrap_or(1),
        }),
    })
}

fn disk(params: &Params, image: &PreparedImage) -> Result<Disk, ParamError> {
    let params = params.object_params(&image.name);
    let mut disk = Disk::new(&image.name, &image.path, image.format.clone());
    disk.made = Some(image.made.clone());
    disk.bus = word(&params, "drive_format", &DiskBus::ALL, DiskBus::qemu_name)?
        .unwrap_or(DiskBus::VirtioBlk);
    disk.readonly = params.flag("image_readonly")?;
    disk.serial = params.value("drive_serial").map(str::to_owned);
    disk.bootindex = params.read("bootindex")?;
    Ok(disk)
}

fn nic(vm: &str, params: &Params, id: &str) -> Result<Nic, ParamError> {
    let params = params.object_params(id);
    let mut nic = Nic::new(vm, id);
    nic.model = word(&params, "nic_model", &NicModel::ALL, NicModel::qemu_name)?
        .unwrap_or(NicModel::VirtioNet);
    if let Some(mac) = params.value("mac") {
        nic.mac = mac
            .parse::<MacAddr>()
            .map_err(|_| wrong("mac", mac, "a hardware address such as 52:54:00:12:34:56"))?;
    }
    nic.netdev = match params.value("nettype").unwrap_or("user") {
        "user" => Netdev::User {
            restrict: params.value("net_restrict") != Some("no"),
            forwards: Vec::new(),
        },
        "none" => Netdev::None,
        other => return Err(wrong("nettype", other, "user or none")),
    };
    Ok(nic)
}

fn virtio_ports(params: &Params) -> Vec<VirtioPort> {
    let names = params
        .objects("virtio_ports")
        .into_iter()
        .filter(|&name| name != MachineSpec::AGENT);
    names
        .map(|id| {
            let name = params
                .object_params(id)
                .value("virtio_port_name")
                .unwrap_or(id)
                .to_owned();
            VirtioPort {
                id: id.to_owned(),
                name,
            }
        })
        .collect()
}

fn watchdog(params: &Params) -> Result<Option<WatchdogModel>, ParamError> {
    match params.value("watchdog") {
        None | Some("none") => Ok(None),
        Some("i6300esb") => Ok(Some(WatchdogModel::I6300esb)),
        Some("ib700") => Ok(Some(WatchdogModel::Ib700)),
        Some("itco") => Ok(Some(WatchdogModel::Itco)),
        Some(other) => Err(wrong("watchdog", other, "none, i6300esb, ib700 or itco")),
    }
}

fn extra_args(params: &Params) -> Result<Vec<String>, ParamError> {
    let Some(text) = params.value("extra_params") else {
        return Ok(Vec::new());
    };
    shell_words::split(text).map_err(|_| wrong("extra_params", text, "words, with balanced quotes"))
}

fn word<T: Copy>(
    params: &Params,
    key: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<Option<T>, ParamError> {
    let Some(value) = params.value(key) else {
        return Ok(None);
    };
    match all.iter().find(|&&word| name(word) == value) {
        Some(&word) => Ok(Some(word)),
        None => {
            let words: Vec<_> = all.iter().map(|&word| name(word)).collect();
            Err(wrong(key, value, &words.join(", ")))
        }
    }
}

fn wrong(key: &str, value: &str, expected: &str) -> ParamError {
    ParamError::Wrong {
        key: key.to_owned(),
        value: value.to_owned(),
        expected: expected.to_owned(),
    }
}

/// What the configuration names besides the guest: a kernel of one's own.
pub(crate) fn own_kernel(params: &Params, data: &Path) -> Option<Boot> {
    let kernel = params.value("kernel")?;
    let absolute = |path: &str| data.join(path);
    Some(Boot::Kernel {
        kernel: absolute(kernel),
        initrd: params.value("initrd").map(absolute),
        cmdline: params.value("kernel_params").unwrap_or_default().to_owned(),
    })
}
