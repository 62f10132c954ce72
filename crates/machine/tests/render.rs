//! What machines look like to QEMU: a snapshot for every kind of part, and the contradictions that are refused.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests, and what they share"
)]

use std::collections::{BTreeMap, BTreeSet};

use machine::capabilities::{
    Command, DeviceType, MachineType as KnownMachine, Schema, Type, Version,
};
use machine::{
    Accel, Boot, ByteSize, CacheMode, Capabilities, Disk, DiskBus, Endpoint, Endpoints, Firmware,
    ImageFormat, Link, MachineError, MachineSpec, MachineType, Made, Media, MemoryFile, Monitor,
    MonitorProtocol, Netdev, Nic, NicModel, Program, RebootAction, RtcClock, TcgThread, Topology,
    VgaModel, VirtioPort, WatchdogModel, render, repro_script,
};

const DEVICES: [&str; 27] = [
    "VGA",
    "virtio-blk-pci",
    "virtio-scsi-pci",
    "virtio-net-pci",
    "virtio-rng-pci",
    "virtio-balloon-pci",
    "virtio-serial-pci",
    "virtserialport",
    "virtconsole",
    "isa-serial",
    "isa-debugcon",
    "scsi-hd",
    "scsi-cd",
    "ide-hd",
    "ide-cd",
    "ich9-ahci",
    "nvme",
    "qemu-xhci",
    "usb-storage",
    "e1000",
    "e1000e",
    "rtl8139",
    "pcie-root-port",
    "pvpanic",
    "i6300esb",
    "ib700",
    "not-for-us",
];

/// What Debian's QEMU of that version can do, as far as rendering asks.
fn qemu(major: u32, minor: u32) -> Capabilities {
    let machine = |alias: Option<&str>| KnownMachine {
        alias: alias.map(str::to_owned),
        ..KnownMachine::default()
    };
    let device = DeviceType {
        pluggable: true,
        ..DeviceType::default()
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let netdevs = ["user", "socket", "stream", "dgram", "tap"];
    Capabilities {
        version: Version {
            major,
            minor,
            micro: 0,
        },
        target: "x86_64".to_owned(),
        machines: BTreeMap::from([
            (format!("pc-q35-{major}.{minor}"), machine(Some("q35"))),
            (format!("pc-i440fx-{major}.{minor}"), machine(Some("pc"))),
            ("pc-q35-7.1".to_owned(), machine(None)),
            ("microvm".to_owned(), machine(None)),
            ("none".to_owned(), machine(None)),
        ]),
        devices: DEVICES
            .iter()
            .map(|name| ((*name).to_owned(), device.clone()))
            .collect(),
        objects: words(&["memory-backend-file", "rng-builtin"]),
        accelerators: words(&["kvm", "tcg"]),
        cpus: words(&["host", "max", "qemu64", "EPYC"]),
        options: BTreeMap::from([("sandbox".to_owned(), BTreeSet::new())]),
        schema: Schema {
            commands: BTreeMap::from([(
                "netdev_add".to_owned(),
                Command {
                    arguments: 1,
                    returns: 0,
                    out_of_band: false,
                },
            )]),
            events: BTreeMap::new(),
            types: vec![
                Type::Enum(words_vec(&netdevs)),
                Type::Object(BTreeMap::from([("type".to_owned(), 0)]), BTreeMap::new()),
            ],
        },
        ..Capabilities::default()
    }
}

fn words_vec(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Every channel a file descriptor, numbered from 10.
fn inherited(spec: &MachineSpec) -> Endpoints {
    let mut next = 9;
    let mut endpoints = Endpoints::for_each(spec, |_| {
        next += 1;
        Endpoint::ListeningFd(next)
    });
    for ((netdev, _), fd) in spec.links().into_iter().zip(100..) {
        endpoints.set_link(netdev, Link::ConnectedFd(fd));
    }
    endpoints
}

fn rendered(spec: &MachineSpec) -> String {
    let argv = render(spec, &qemu(7, 2), &inherited(spec));
    argv.map_or_else(|error| error.to_string(), |argv| argv.to_shell())
}

fn refused(spec: &MachineSpec) -> String {
    match spec.validate() {
        Ok(()) => panic!("{spec:?} was accepted"),
        Err(error) => error.to_string(),
    }
}

fn tiny() -> MachineSpec {
    let mut spec = MachineSpec::new("vm1");
    spec.boot = Boot::Kernel {
        kernel: "/cache/vmlinux".into(),
        initrd: Some("/cache/initrd.img".into()),
        cmdline: "console=ttyS0 quiet".to_owned(),
    };
    spec
}

fn disk(n: usize, bus: DiskBus) -> Disk {
    let mut disk = Disk::new(
        format!("d{n}"),
        format!("/images/{n}.qcow2"),
        ImageFormat::Qcow2,
    );
    disk.bus = bus;
    disk
}

#[test]
fn the_smallest_machine_on_q35() {
    insta::assert_snapshot!(rendered(&tiny()));
}

#[test]
fn the_smallest_machine_on_i440fx() {
    let mut spec = tiny();
    spec.machine = MachineType::I440fx;
    insta::assert_snapshot!(rendered(&spec));
}

#[test]
fn a_machine_with_nothing_on_it() {
    insta::assert_snapshot!(rendered(&MachineSpec::bare("nothing")));
}

#[test]
fn the_same_machine_has_the_same_arguments_on_every_qemu() {
    let mut spec = tiny();
    spec.disks = DiskBus::ALL
        .into_iter()
        .filter(|bus| *bus != DiskBus::Ide)
        .enumerate()
        .map(|(n, bus)| disk(n, bus))
        .collect();
    spec.nics = vec![Nic::new("vm1", "nic1")];
    let old = render(&spec, &qemu(7, 2), &inherited(&spec)).unwrap();
    let new = render(&spec, &qemu(10, 0), &inherited(&spec)).unwrap();
    assert_eq!(old, new);
}

#[test]
fn every_disk_bus_on_q35() {
    let mut spec = MachineSpec::new("disks");
    let buses = DiskBus::ALL.into_iter().filter(|bus| *bus != DiskBus::Ide);
    spec.disks = buses
        .cycle()
        .take(10)
        .enumerate()
        .map(|(n, bus)| disk(n, bus))
        .collect();
    insta::assert_snapshot!(rendered(&spec));
}

#[test]
fn every_disk_bus_on_i440fx() {
    let mut spec = MachineSpec::new("disks");
    spec.machine = MachineType::I440fx;
    spec.disks = DiskBus::ALL
        .into_iter()
        .cycle()
        .take(12)
        .enumerate()
        .map(|(n, bus)| disk(n, bus))
        .collect();
    insta::assert_snapshot!(rendered(&spec));
}

#[test]
fn every_cache_mode() {
    let mut spec = MachineSpec::new("caches");
    spec.disks = CacheMode::ALL
        .into_iter()
        .enumerate()
        .map(|(n, cache)| Disk {
            cache,
            ..disk(n, DiskBus::VirtioBlk)
        })
        .collect();
    insta::assert_snapshot!(rendered(&spec));
}

#[test]
fn disks_of_every_kind() {
    let mut spec = MachineSpec::new("kinds");
    spec.disks = vec![
        Disk {
            media: Media::Cdrom,
            bootindex: Some(1),
            ..Disk {
                bus: DiskBus::Ahci,
                ..Disk::new("cd1", "/iso/a,b.iso", ImageFormat::Raw)
            }
        },
        Disk {
            media: Media::Cdrom,
            bus: DiskBus::VirtioScsi,
            ..Disk::new("cd2", "/iso/c.iso", ImageFormat::Raw)
        },
        Disk {
            readonly: true,
            serial: Some("S3R1AL".to_owned()),
            ..Disk::new("ro", "/dev/loop7", ImageFormat::Raw)
        },
        Disk {
            snapshot: true,
            bootindex: Some(0),
            ..Disk::new(
                "scratch",
                "/images/s.vmdk",
                ImageFormat::Other("vmdk".to_owned()),
            )
        },
        Disk {
            unpluggable: true,
            properties: vec![("num-queues".to_owned(), "2".to_owned())],
            ..disk(9, DiskBus::VirtioBlk)
        },
    ];
    insta::assert_snapshot!(rendered(&spec));
}

#[test]
fn every_nic_and_netdev() {
    let mut spec = MachineSpec::new("nics");
    let netdevs = [
        Netdev::User {
            restrict: false,
            forwards: vec!["tcp:127.0.0.1:2222-:22".to_owned()],
        },
        Netdev::None,
        Netdev::Private("lan".to_owned()),
        Netdev::Tap {
            ifname: "tap0".to_owned(),
            vhost: true,
        },
    ];
    let models = NicModel::ALL.into_iter().cycle();
    for (n, (netdev, model)) in netdevs.into_iter().zip(models).enumerate() {
        spec.nics.push(Nic {
            netdev,
            model,
            unpluggable: n == 0,
            bootindex: (n == 1).then_some(3),
            ..Nic::new("nics", format!("nic{n}"))
        });
    }
    spec.nics.push(Nic::new("nics", "default"));
    insta::assert_snapshot!(rendered(&spec));
}

#[test]
fn channels_and_monitors() {
    let mut spec = MachineSpec::new("channels");
    spec.serials.push("serial1".to_owned());
    spec.virtio_consoles = vec!["hvc0".to_owned()];
    spec.virtio_ports = vec![VirtioPort {
        id: "vp1".to_owned(),
        name: "org.example.port".to_owned(),
    }];
    spec.monitors = vec![
        Monitor {
            id: "hmp1".to_owned(),
            protocol: MonitorProtocol::Hmp,
        },
        Monitor {
            id: "qmp2".to_owned(),
            protocol: MonitorProtocol::Qmp,
        },
    ];
    let mut endpoints = inherited(&spec);
    endpoints.set("serial1", Endpoint::Stdio);
    endpoints.set("vp1", Endpoint::Socket("/run/vp1.sock".into()));
    endpoints.set("hvc0", Endpoint::File("/log/hvc0".into()));
    endpoints.set("qmp2", Endpoint::Null);
    let argv = render(&spec, &qemu(7, 2), &endpoints).unwrap();
    insta::assert_snapshot!(argv.to_shell());
}

#[test]
fn tcg_alone_is_told_on_how_many_threads_vcpus_run() {
    let accel = |accel, tcg_thread| {
        let spec = MachineSpec {
            accel,
            tcg_thread,
            ..tiny()
        };
        let argv = render(&spec, &qemu(7, 2), &inherited(&spec)).unwrap();
        let at = argv.args().iter().position(|word| word == "-accel");
        argv.args()[at.unwrap() + 1].clone()
    };
    let single = Some(TcgThread::Single);
    assert_eq!(accel(Accel::Tcg, None), "tcg");
    assert_eq!(accel(Accel::Tcg, single), "tcg,thread=single");
    assert_eq!(accel(Accel::Kvm, single), "kvm");
}

#[test]
fn processors_memory_and_small_devices() {
    let mut spec = tiny();
    spec.machine = MachineType::Versioned("pc-q35-7.1".to_owned());
    spec.machine_options = vec![("smm".to_owned(), "off".to_owned())];
    spec.accel = Accel::Kvm;
    spec.cpu.model = Some("EPYC,-svm,+x2apic".to_owned());
    spec.cpu.count = 2;
    spec.cpu.max = Some(8);
    spec.cpu.topology = Some(Topology {
        sockets: 2,
        dies: 1,
        cores: 2,
        threads: 2,
    });
    spec.memory.size = ByteSize::mib(512);
    spec.memory.slots = 4;
    spec.memory.max = Some(ByteSize::gib(4));
    spec.rng = true;
    spec.balloon = true;
    spec.pvpanic = true;
    spec.watchdog = Some(WatchdogModel::I6300esb);
    spec.hotplug_ports = 2;
    spec.actions.reboot = RebootAction::Shutdown;
    spec.rtc.base = "2006-06-17T16:01:21".to_owned();
    spec.rtc.clock = RtcClock::Vm;
    spec.rtc.driftfix = true;
    spec.sandbox = false;
    spec.firmware_log = Some(false);
    spec.extra_args = vec!["-icount".to_owned(), "shift=auto".to_owned()];
    insta::assert_snapshot!(rendered(&spec));
}

#[test]
fn a_graphics_card_is_on_the_root_bus_and_one_that_qemu_lacks_is_told() {
    let mut spec = tiny();
    spec.vga = Some(VgaModel::Std);
    assert!(rendered(&spec).contains("-device VGA,id=vga0,bus=pcie.0"));
    spec.machine = MachineType::I440fx;
    assert!(rendered(&spec).contains("-device VGA,id=vga0,bus=pci.0"));
    spec.vga = Some(VgaModel::Qxl);
    let error = render(&spec, &qemu(7, 2), &inherited(&spec)).unwrap_err();
    assert!(matches!(error, MachineError::Unsupported(_)), "{error}");
}

#[test]
fn memory_lies_in_a_file_that_is_written_or_only_read() {
    let mut spec = tiny();
    for (shared, share) in [(true, "share=on"), (false, "share=off")] {
        let path = "/templates/ram".into();
        spec.memory_file = Some(MemoryFile { path, shared });
        let argv = rendered(&spec);
        let object =
            format!("memory-backend-file,id=pc.ram,size=256M,mem-path=/templates/ram,{share}");
        assert!(
            argv.contains(&object) && argv.contains(",memory-backend=pc.ram"),
            "{argv}"
        );
    }
    let script = repro_script(&spec, &qemu(7, 2), &Program::default()).unwrap();
    assert!(!script.contains("/templates"), "{script}");
}

#[test]
fn a_topology_leaves_room_for_cpus_to_be_plugged() {
    let mut spec = tiny();
    spec.cpu.topology = Some(Topology {
        sockets: 1,
        dies: 1,
        cores: 2,
        threads: 2,
    });
    let smp = "-smp cpus=1,maxcpus=4,sockets=1,dies=1,cores=2,threads=2";
    assert!(rendered(&spec).contains(smp));
}

#[test]
fn the_firmware_logs_where_it_is_to_find_what_to_boot() {
    let logs = |spec: &MachineSpec| rendered(spec).contains("isa-debugcon");
    let mut spec = tiny();
    assert!(!logs(&spec));
    spec.firmware_log = Some(true);
    assert!(logs(&spec));
    spec.firmware_log = None;
    spec.boot = Boot::Disk;
    assert!(logs(&spec));
}

#[test]
fn watchdogs_of_the_boards() {
    let mut spec = MachineSpec::new("dog");
    spec.watchdog = Some(WatchdogModel::Itco);
    assert!(rendered(&spec).contains("-global ICH9-LPC.noreboot=off"));
    spec.machine = MachineType::I440fx;
    insta::assert_snapshot!(refused(&spec), @r#"watchdog itco is part of the q35 board (hint: use i6300esb, which any board takes)"#);
    spec.watchdog = Some(WatchdogModel::Ib700);
    assert!(rendered(&spec).contains("-device ib700,id=watchdog0"));
}

#[test]
fn firmware_in_flash_and_from_a_file() {
    let mut spec = MachineSpec::new("fw");
    spec.firmware = Firmware::Uefi {
        code: "/ovmf/CODE.fd".into(),
        vars: "/run/vars.fd".into(),
    };
    let uefi = rendered(&spec);
    assert!(uefi.contains("-drive if=pflash,unit=0,format=raw,readonly=on,file=/ovmf/CODE.fd"));
    assert!(uefi.contains("-drive if=pflash,unit=1,format=raw,readonly=off,file=/run/vars.fd"));
    spec.firmware = Firmware::Bios("/ovmf/qboot.rom".into());
    assert!(rendered(&spec).contains("-bios /ovmf/qboot.rom"));
}

#[test]
fn a_script_starts_the_same_machine_by_hand() {
    let mut spec = tiny();
    spec.disks = vec![
        Disk {
            made: Some(Made::Of(
                "/images/it's base.qcow2".into(),
                ImageFormat::Qcow2,
            )),
            ..Disk::new("d0", "/run/vt/1/d0.qcow2", ImageFormat::Qcow2)
        },
        Disk {
            made: Some(Made::Blank(ByteSize::mib(64))),
            ..Disk::new("d1", "/run/vt/1/d1.raw", ImageFormat::Raw)
        },
        Disk::new("d2", "/images/d2.raw", ImageFormat::Raw),
    ];
    spec.nics = vec![Nic {
        netdev: Netdev::Private("lan".to_owned()),
        ..Nic::new("vm1", "nic1")
    }];
    let program = Program {
        path: "/usr/bin/qemu-system-x86_64".into(),
        args: words_vec(&["-L", "/opt/q10/share dir"]),
        env: vec![("QEMU_MODULE_DIR".to_owned(), "/nowhere".to_owned())],
    };
    insta::assert_snapshot!(repro_script(&spec, &qemu(7, 2), &program).unwrap());
}

#[test]
fn what_a_qemu_lacks_is_named_so_that_the_test_can_be_skipped() {
    let lacking = |device: &str, spec: &MachineSpec| {
        let mut capabilities = qemu(10, 0);
        capabilities.devices.remove(device);
        match render(spec, &capabilities, &inherited(spec)) {
            Err(MachineError::Unsupported(missing)) => missing.to_string(),
            other => panic!("{other:?}"),
        }
    };
    let mut spec = MachineSpec::new("vm1");
    spec.disks = vec![disk(0, DiskBus::Nvme)];
    assert_eq!(
        lacking("nvme", &spec),
        "QEMU 10.0.0 (x86_64) has no device nvme"
    );
    assert_eq!(
        lacking("virtserialport", &spec),
        "QEMU 10.0.0 (x86_64) has no device virtserialport"
    );
    spec.machine = MachineType::Versioned("pc-q35-99.0".to_owned());
    assert_eq!(
        rendered(&spec),
        "QEMU 7.2.0 (x86_64) has no machine type pc-q35-99.0"
    );
    spec.machine = MachineType::Q35;
    spec.cpu.model = Some("Z80,+turbo".to_owned());
    assert_eq!(rendered(&spec), "QEMU 7.2.0 (x86_64) has no CPU model Z80");
    spec.cpu.model = None;
    spec.nics = vec![Nic::new("vm1", "nic1")];
    let mut capabilities = qemu(10, 0);
    capabilities.schema.types[0] = Type::Enum(vec!["tap".to_owned()]);
    let error = render(&spec, &capabilities, &inherited(&spec)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "QEMU 10.0.0 (x86_64) has no value user at netdev_add.type in its QMP schema"
    );
}

#[test]
fn a_channel_without_an_endpoint_is_an_error() {
    let spec = tiny();
    let error = render(&spec, &qemu(7, 2), &Endpoints::default()).unwrap_err();
    assert_eq!(error, MachineError::NoEndpoint("qmp".to_owned()));
}

#[test]
fn a_board_has_only_so_many_slots() {
    let mut spec = MachineSpec::new("full");
    spec.disks = (0..40).map(|n| disk(n, DiskBus::VirtioBlk)).collect();
    assert_eq!(
        rendered(&spec),
        "bus pcie.0 has no slot left (hint: use fewer devices; virtio_scsi carries many disks in one slot)"
    );
}

#[test]
fn contradictions_are_refused_with_a_hint() {
    let base = || MachineSpec::new("vm1");
    let with = |change: fn(&mut MachineSpec)| {
        let mut spec = base();
        change(&mut spec);
        refused(&spec)
    };
    let all = [
        with(|s| s.name.clear()),
        with(|s| s.machine = MachineType::Versioned("microvm".to_owned())),
        with(|s| s.machine = MachineType::None),
        with(|s| s.cpu.count = 0),
        with(|s| (s.cpu.count, s.cpu.max) = (4, Some(2))),
        with(|s| {
            s.cpu.topology = Some(Topology {
                sockets: 0,
                dies: 1,
                cores: 1,
                threads: 1,
            })
        }),
        with(|s| {
            s.cpu.topology = Some(Topology {
                sockets: 1,
                dies: 1,
                cores: 2,
                threads: 1,
            });
            s.cpu.max = Some(4);
        }),
        with(|s| s.memory.size = ByteSize::bytes(1000)),
        with(|s| s.memory.slots = 2),
        with(|s| s.memory.max = Some(ByteSize::gib(1))),
        with(|s| (s.memory.slots, s.memory.max) = (1, Some(ByteSize::mib(1)))),
        with(|s| s.serials = (0..5).map(|n| format!("s{n}")).collect()),
        with(|s| s.serials = vec!["0serial".to_owned()]),
        with(|s| s.serials = vec!["a,b".to_owned()]),
        with(|s| s.serials = vec!["qmp".to_owned()]),
        with(|s| (s.machine, s.hotplug_ports) = (MachineType::I440fx, 1)),
        with(|s| s.disks = vec![disk(0, DiskBus::Ide)]),
        with(|s| {
            s.disks = vec![Disk {
                media: Media::Cdrom,
                ..disk(0, DiskBus::Nvme)
            }]
        }),
        with(|s| {
            s.disks = vec![Disk {
                readonly: true,
                ..disk(0, DiskBus::Ahci)
            }]
        }),
        with(|s| {
            s.disks = vec![Disk {
                unpluggable: true,
                ..disk(0, DiskBus::Usb)
            }]
        }),
        with(|s| s.disks = (0..7).map(|n| disk(n, DiskBus::Ahci)).collect()),
    ];
    insta::assert_snapshot!(all.join("\n"));
}
