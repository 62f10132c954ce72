//! From parameters to a machine: what the configuration says a VM is, as a [`MachineSpec`].

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use machine::capabilities::Version;
use machine::{
    Accel, Board, Boot, CacheMode, Cpu, Disk, DiskBus, Firmware, ImageFormat, MacAddr, MachineSpec,
    MachineType, Made, Memory, Monitor, MonitorProtocol, Netdev, Nic, NicModel, Rtc, RtcClock,
    TcgThread, Topology, VgaModel, VirtioPort, WatchdogAction, WatchdogModel,
};
use params::{ParamError, Params};

use crate::{Stop, sessions};

/// What a machine boots and what its disks are, decided before it is furnished.
#[derive(Debug, Clone)]
pub(crate) struct Media {
    /// Kernel and the like.
    pub boot: Boot,
    /// BIOS or UEFI.
    pub firmware: Firmware,
    /// Prepared image files by the name of the image, in order.
    pub images: Vec<PreparedImage>,
    /// Where media are whose path is not absolute.
    pub data: PathBuf,
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
    // What QEMU can do decides on `auto`, and is not known here.
    if params.value("tcg_thread") != Some("auto") {
        let (all, name) = (&TcgThread::ALL, TcgThread::qemu_name);
        spec.tcg_thread = word(params, "tcg_thread", all, name, &[])?;
    }
    spec.preconfig = params.flag("preconfig")?;
    spec.machine_options = machine_options(params)?;
    spec.cpu = cpu(params, accel)?;
    spec.memory = Memory {
        size: params.read("mem")?.unwrap_or(spec.memory.size),
        slots: params.read("slots")?.unwrap_or(0),
        max: params.read("maxmem")?,
    };
    spec.huge_pages = params.flag("hugepage")?;
    spec.boot = media.boot;
    spec.firmware = media.firmware;
    let images = media.images.iter().map(|image| disk(params, image));
    let cdroms = params.objects("cdroms").into_iter();
    let cdroms = cdroms.map(|id| cdrom(params, id, &media.data));
    spec.disks = images.chain(cdroms).collect::<Result<_, _>>()?;
    spec.nics = params
        .objects("nics")
        .into_iter()
        .map(|nic| self::nic(name, params, nic))
        .collect::<Result<_, _>>()?;
    sessions::forward_ssh(params, &mut spec)?;
    spec.serials = owned(params.objects("serials"));
    virtio_ports(params, &mut spec)?;
    spec.monitors = monitors(params)?;
    spec.agent = params.flag("guest_agent")?;
    spec.rng = params.flag("rng")?;
    spec.balloon = params.flag("balloon")?;
    spec.vga = vga(params)?;
    spec.pvpanic = params.flag("pvpanic")?;
    spec.watchdog = watchdog(params)?;
    let fires = word(
        params,
        "watchdog_action",
        &WatchdogAction::ALL,
        WatchdogAction::qemu_name,
        &[],
    )?;
    spec.actions.watchdog = fires.unwrap_or(spec.actions.watchdog);
    spec.rtc = rtc(params)?;
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

fn cpu(params: &Params, accel: Accel) -> Result<Cpu, ParamError> {
    let count = params.read("smp")?.unwrap_or(1);
    // Older configuration writes 0 for what it leaves open.
    let given = |number: Option<u32>| number.filter(|&number| number > 0);
    let max = given(params.read("vcpu_maxcpus")?);
    let parts = [
        given(params.read("vcpu_sockets")?),
        given(params.read("vcpu_dies")?),
        given(params.read("vcpu_cores")?),
        given(params.read("vcpu_threads")?),
    ];
    let topology = parts.iter().any(Option::is_some).then(|| {
        let [sockets, dies, cores, threads] = parts;
        let [dies, cores, threads] = [dies, cores, threads].map(|part| part.unwrap_or(1));
        let in_a_socket = dies.saturating_mul(cores).saturating_mul(threads);
        Topology {
            sockets: sockets.unwrap_or_else(|| max.unwrap_or(count).div_ceil(in_a_socket)),
            dies,
            cores,
            threads,
        }
    });
    Ok(Cpu {
        model: cpu_model(params, accel),
        count,
        max,
        topology,
    })
}

/// Do vCPUs that may take turns do so? Not in a machine that migrates: what works on its memory meanwhile would hold up what watches it. Not
/// where CPUs come and go: QEMU 10.0 ends a CPU that is unplugged by waiting for the end of its thread, on that very thread, and aborts.
///
/// QEMU 7.2.22 then leaves out the guest's memory barriers (`tcg_gen_mb`), as if its devices ran on the same thread, which they do not:
/// notifications of virtio get lost, and a guest waits for ever. 10.0.2 does not. No answer of the binary tells; those in between are
/// not trusted.
pub(crate) fn take_turns(params: &Params, cpu: &Cpu, qemu: Version) -> bool {
    params.value("tcg_thread") == Some("auto")
        && !params.flag("migrates").unwrap_or(false)
        && cpu.most().is_none_or(|most| most <= cpu.count)
        && qemu.major >= 10
}

/// The guest of a machine that has one; a test about none leaves its name empty.
pub(crate) fn guest_of(params: &Params) -> Option<&str> {
    params.value("guest_name").filter(|name| !name.is_empty())
}

/// The model a guest of ours boots quickest on under TCG: a fifth less time than with `max`.
const QUICK_UNDER_TCG: &str = "qemu64";

/// The model and its flags, as `-cpu` takes them. Nothing where nothing is given and QEMU's choice will do.
fn cpu_model(params: &Params, accel: Accel) -> Option<String> {
    let quick = (accel == Accel::Tcg && guest_of(params).is_some()).then_some(QUICK_UNDER_TCG);
    let model = params.value("cpu_model").or(quick);
    let flags = params.value("cpu_model_flags").unwrap_or_default();
    let flags: Vec<&str> = items(flags).collect();
    if flags.is_empty() {
        return model.map(str::to_owned);
    }
    let model = model.unwrap_or(match accel {
        Accel::Kvm => "host",
        Accel::Tcg => "max",
    });
    Some(format!("{model},{}", flags.join(",")))
}

/// What stands between commas and white space.
fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c.is_whitespace())
        .filter(|item| !item.is_empty())
}

fn machine_options(params: &Params) -> Result<Vec<(String, String)>, ParamError> {
    let key = "machine_type_extra_params";
    let text = params.value(key).unwrap_or_default();
    items(text)
        .map(|item| match item.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
            _ => Err(wrong(key, text, "properties such as hpet=off,smm=off")),
        })
        .collect()
}

fn rtc(params: &Params) -> Result<Rtc, ParamError> {
    let defaults = Rtc::default();
    let clock = word(
        params,
        "rtc_clock",
        &RtcClock::ALL,
        RtcClock::qemu_name,
        &[],
    )?;
    Ok(Rtc {
        base: params
            .value("rtc_base")
            .map_or(defaults.base, str::to_owned),
        clock: clock.unwrap_or(defaults.clock),
        driftfix: params.value("rtc_drift") == Some("slew"),
    })
}

fn disk(params: &Params, image: &PreparedImage) -> Result<Disk, ParamError> {
    let params = params.object_params(&image.name);
    let mut disk = Disk::new(&image.name, &image.path, image.format.clone());
    disk.made = Some(image.made.clone());
    if let Some(bus) = disk_bus(&params, "drive_format")? {
        disk.bus = bus;
    }
    let cache = word(
        &params,
        "drive_cache",
        &CacheMode::ALL,
        CacheMode::qemu_name,
        &[],
    )?;
    disk.cache = cache.unwrap_or(disk.cache);
    disk.readonly = params.flag("image_readonly")?;
    disk.serial = params.value("drive_serial").map(str::to_owned);
    disk.bootindex = params.read("bootindex")?;
    Ok(disk)
}

fn cdrom(params: &Params, id: &str, data: &Path) -> Result<Disk, ParamError> {
    let params = params.object_params(id);
    let medium: PathBuf = params.need("cdrom")?;
    let mut drive = Disk::new(id, data.join(medium), ImageFormat::Raw);
    drive.media = machine::Media::Cdrom;
    drive.readonly = true;
    drive.bus = disk_bus(&params, "cd_format")?.unwrap_or(DiskBus::Ahci);
    Ok(drive)
}

fn disk_bus(params: &Params, key: &str) -> Result<Option<DiskBus>, ParamError> {
    let older = [
        ("virtio", DiskBus::VirtioBlk),
        ("scsi-hd", DiskBus::VirtioScsi),
        ("scsi-cd", DiskBus::VirtioScsi),
    ];
    word(params, key, &DiskBus::ALL, DiskBus::qemu_name, &older)
}

fn nic(vm: &str, params: &Params, id: &str) -> Result<Nic, ParamError> {
    let params = params.object_params(id);
    let mut nic = Nic::new(vm, id);
    let older = [("virtio", NicModel::VirtioNet)];
    let model = word(
        &params,
        "nic_model",
        &NicModel::ALL,
        NicModel::qemu_name,
        &older,
    )?;
    nic.model = model.unwrap_or(nic.model);
    if let Some(mac) = params.value("mac") {
        nic.mac = mac
            .parse::<MacAddr>()
            .map_err(|_| wrong("mac", mac, "a hardware address such as 52:54:00:12:34:56"))?;
    }
    let rules = params.value("hostfwd").unwrap_or_default();
    let forwards: Vec<String> = rules
        .split_whitespace()
        .map(|rule| forward(rule).map_err(|expected| wrong("hostfwd", rules, expected)))
        .collect::<Result<_, _>>()?;
    nic.netdev = match params.value("nettype").unwrap_or("user") {
        "user" => Netdev::User {
            restrict: params.flag("net_restrict")?,
            forwards,
        },
        kind if !forwards.is_empty() => {
            let expected = format!("nothing with nettype = {kind}");
            return Err(wrong("hostfwd", rules, &expected));
        }
        "private" => Netdev::Private(network(&params)?),
        "none" => Netdev::None,
        other => return Err(wrong("nettype", other, "user, private or none")),
    };
    Ok(nic)
}

/// The name of a card's private network, which is also that of a file.
fn network(params: &Params) -> Result<String, ParamError> {
    let name = params.value("netdst").unwrap_or_default();
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.chars().all(is_name) && name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        Ok(name.to_owned())
    } else {
        Err(wrong(
            "netdst",
            name,
            "a name of letters, digits, '-', '_' and '.'",
        ))
    }
}

/// Checks a rule `PROTOCOL:HOST-ADDRESS:PORT-[GUEST-ADDRESS]:PORT`, the form `hostfwd=` of `-netdev user` takes.
fn forward(rule: &str) -> Result<String, &'static str> {
    const FORM: &str = "a forward such as tcp:127.0.0.1:2222-:22";
    let (host, guest) = rule.split_once('-').ok_or(FORM)?;
    let [protocol, address, port] = host.split(':').collect::<Vec<_>>()[..] else {
        return Err(FORM);
    };
    let (guest_address, guest_port) = guest.split_once(':').ok_or(FORM)?;
    // The host's kernel chooses a free port where 0 is asked for.
    let is_host_port = |text: &str| text.parse::<u16>().is_ok();
    let is_port = |text: &str| text.parse::<u16>().is_ok_and(|port| port > 0);
    let is_guest = guest_address.is_empty() || guest_address.parse::<Ipv4Addr>().is_ok();
    if !matches!(protocol, "" | "tcp" | "udp")
        || !is_host_port(port)
        || !is_port(guest_port)
        || !is_guest
    {
        return Err(FORM);
    }
    match address.parse::<Ipv4Addr>() {
        Ok(address) if address.is_loopback() => Ok(rule.to_owned()),
        _ => Err(
            "a loopback address of the host, such as tcp:127.0.0.1:2222-:22, or its network could reach the guest",
        ),
    }
}

/// Puts each of `virtio_ports` where its type says.
fn virtio_ports(params: &Params, spec: &mut MachineSpec) -> Result<(), ParamError> {
    let names = params.objects("virtio_ports");
    for id in names.into_iter().filter(|&id| id != MachineSpec::AGENT) {
        let params = params.object_params(id);
        match params.value("virtio_port_type").unwrap_or("serialport") {
            "serialport" => spec.virtio_ports.push(VirtioPort {
                id: id.to_owned(),
                name: params.value("virtio_port_name").unwrap_or(id).to_owned(),
            }),
            "console" => spec.virtio_consoles.push(id.to_owned()),
            other => return Err(wrong("virtio_port_type", other, "serialport or console")),
        }
    }
    Ok(())
}

fn monitors(params: &Params) -> Result<Vec<Monitor>, ParamError> {
    let monitors = params.objects("monitors").into_iter().map(|id| {
        let params = params.object_params(id);
        let protocol = match params.value("monitor_type") {
            None | Some("qmp") => MonitorProtocol::Qmp,
            Some("human") => MonitorProtocol::Hmp,
            Some(other) => return Err(wrong("monitor_type", other, "qmp or human")),
        };
        let id = id.to_owned();
        Ok(Monitor { id, protocol })
    });
    monitors.collect()
}

fn watchdog(params: &Params) -> Result<Option<WatchdogModel>, ParamError> {
    if params.value("watchdog") == Some("none") {
        return Ok(None);
    }
    word(
        params,
        "watchdog",
        &WatchdogModel::ALL,
        WatchdogModel::qemu_name,
        &[],
    )
}

fn vga(params: &Params) -> Result<Option<VgaModel>, ParamError> {
    if params.value("vga") == Some("none") {
        return Ok(None);
    }
    word(params, "vga", &VgaModel::ALL, VgaModel::qemu_name, &[])
}

fn extra_args(params: &Params) -> Result<Vec<String>, ParamError> {
    let Some(text) = params.value("extra_params") else {
        return Ok(Vec::new());
    };
    shell_words::split(text).map_err(|_| wrong("extra_params", text, "words, with balanced quotes"))
}

/// The one of `all` whose name is the value of `key`; `older` are names older configuration has.
fn word<T: Copy>(
    params: &Params,
    key: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
    older: &[(&str, T)],
) -> Result<Option<T>, ParamError> {
    let Some(value) = params.value(key) else {
        return Ok(None);
    };
    let current = all.iter().find(|&&word| name(word) == value).copied();
    let older = older.iter().find(|(older, _)| *older == value);
    match current.or(older.map(|&(_, word)| word)) {
        Some(word) => Ok(Some(word)),
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

#[cfg(test)]
mod tests;
