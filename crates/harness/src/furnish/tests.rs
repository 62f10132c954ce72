use machine::Media as MediaKind;

use super::*;

fn furnished(pairs: &[(&str, &str)]) -> Result<MachineSpec, ParamError> {
    let image = PreparedImage {
        name: "image1".to_owned(),
        path: "/test/vm1-image1.qcow2".into(),
        format: ImageFormat::Qcow2,
        made: Made::Blank(machine::ByteSize::mib(64)),
    };
    let media = Media {
        boot: Boot::Disk,
        firmware: Firmware::SeaBios,
        images: vec![image],
        data: "/data".into(),
    };
    let params = pairs.iter().copied().collect();
    furnish("vm1", &params, Accel::Tcg, media)
}

fn spec(pairs: &[(&str, &str)]) -> MachineSpec {
    furnished(pairs).unwrap()
}

fn refusal(key: &str, value: &str) -> String {
    furnished(&[("nics", "nic1"), (key, value)])
        .unwrap_err()
        .to_string()
}

fn forwards(pairs: &[(&str, &str)]) -> Vec<String> {
    match &spec(pairs).nics[0].netdev {
        Netdev::User { forwards, .. } => forwards.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_machine_of_which_nothing_is_said_is_the_one_the_table_describes() {
    let spec = spec(&[]);
    assert_eq!(spec.memory.size, machine::ByteSize::mib(512));
    assert_eq!(
        (spec.cpu.count, spec.cpu.max, spec.cpu.topology),
        (2, None, None)
    );
    assert_eq!((spec.hotplug_ports, spec.sandbox), (4, true));
    assert_eq!(spec.rtc, Rtc::default());
    assert_eq!(spec.actions, machine::Actions::default());
    assert!(spec.machine_options.is_empty() && spec.virtio_ports.is_empty());
    spec.validate().unwrap();
}

#[test]
fn each_cache_mode_is_what_qemu_calls_it() {
    for mode in CacheMode::ALL {
        let spec = spec(&[("drive_cache_image1", mode.qemu_name())]);
        assert_eq!(spec.disks[0].cache, mode);
    }
    assert!(refusal("drive_cache", "default").contains("writethrough"));
}

#[test]
fn each_bus_is_known_by_its_name_and_by_older_ones() {
    for bus in DiskBus::ALL {
        let spec = spec(&[("drive_format", bus.qemu_name())]);
        assert_eq!(spec.disks[0].bus, bus);
    }
    for (older, bus) in [
        ("virtio", DiskBus::VirtioBlk),
        ("scsi-hd", DiskBus::VirtioScsi),
    ] {
        assert_eq!(spec(&[("drive_format", older)]).disks[0].bus, bus);
    }
}

#[test]
fn the_clock_is_set_by_base_clock_and_drift() {
    let spec = spec(&[
        ("rtc_base", "localtime"),
        ("rtc_clock", "vm"),
        ("rtc_drift", "slew"),
    ]);
    assert_eq!(
        spec.rtc,
        Rtc {
            base: "localtime".to_owned(),
            clock: RtcClock::Vm,
            driftfix: true,
        }
    );
    assert!(refusal("rtc_clock", "sun").contains("host, rt, vm"));
}

#[test]
fn ports_are_forwarded_from_the_loopback_addresses_of_the_host() {
    let rules = "tcp:127.0.0.1:2222-:22 udp:127.8.8.8:5353-10.0.2.15:53 :127.0.0.1:80-:80";
    let expected: Vec<&str> = rules.split(' ').collect();
    assert_eq!(forwards(&[("nics", "nic1"), ("hostfwd", rules)]), expected);
    assert_eq!(forwards(&[("nics", "nic1")]), [""; 0]);
}

#[test]
fn a_guest_has_no_way_out_unless_that_is_asked_for() {
    for (pairs, expected) in [
        (vec![("nics", "nic1")], true),
        (vec![("nics", "nic1"), ("net_restrict", "no")], false),
    ] {
        match &spec(&pairs).nics[0].netdev {
            Netdev::User { restrict, .. } => assert_eq!(*restrict, expected, "{pairs:?}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_forward_from_any_other_address_is_refused_with_a_hint() {
    for rule in [
        "tcp::2222-:22",
        "tcp:0.0.0.0:2222-:22",
        "tcp:192.168.1.1:2222-:22",
        "tcp:localhost:2222-:22",
        "tcp:127.0.0.1:2222-:22 tcp::23-:23",
    ] {
        let refusal = refusal("hostfwd", rule);
        assert!(
            refusal.contains(rule) && refusal.contains("tcp:127.0.0.1:2222-:22"),
            "{refusal}"
        );
        assert!(refusal.contains("loopback"), "{refusal}");
    }
}

#[test]
fn what_is_no_forward_is_refused() {
    for rule in [
        "2222",
        "tcp:127.0.0.1:2222",
        "tcp:127.0.0.1:2222-22",
        "tcp:127.0.0.1:2222-:0",
        "tcp:127.0.0.1:2222-:70000",
        "icmp:127.0.0.1:1-:1",
        "tcp:127.0.0.1:1-guest:1",
        "tcp:127.0.0.1:1-:1,restrict=off",
        "tcp:127.0.0.1:1:1-:1",
    ] {
        assert!(
            refusal("hostfwd", rule).contains("a forward such as"),
            "{rule}"
        );
    }
    let none = furnished(&[
        ("nics", "nic1"),
        ("nettype", "none"),
        ("hostfwd", "tcp:127.0.0.1:2222-:22"),
    ]);
    assert!(none.unwrap_err().to_string().contains("nettype = none"));
}

#[test]
fn properties_of_the_board_stand_between_commas_or_blanks() {
    for text in ["hpet=off,smm=on", "hpet=off smm=on", ",hpet=off, smm=on"] {
        let options = spec(&[("machine_type_extra_params", text)]).machine_options;
        let expected = [("hpet", "off"), ("smm", "on")];
        assert_eq!(options, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }
    for text in ["hpet", "=off"] {
        assert!(refusal("machine_type_extra_params", text).contains("hpet=off"));
    }
}

#[test]
fn each_watchdog_and_each_action_is_known() {
    for model in WatchdogModel::ALL {
        let spec = spec(&[("watchdog", model.qemu_name())]);
        assert_eq!(spec.watchdog, Some(model));
    }
    for action in WatchdogAction::ALL {
        let spec = spec(&[("watchdog_action", action.qemu_name())]);
        assert_eq!(spec.actions.watchdog, action);
    }
    assert_eq!(spec(&[("watchdog", "none")]).watchdog, None);
    assert!(refusal("watchdog_action", "bark").contains("inject-nmi"));
}

#[test]
fn a_disc_is_read_only_and_below_the_data_directory() {
    let pairs = [
        ("cdroms", "cd1 cd2"),
        ("cdrom_cd1", "isos/guest.iso"),
        ("cdrom_cd2", "/elsewhere/answers.iso"),
        ("cd_format_cd2", "scsi-cd"),
    ];
    let spec = spec(&pairs);
    let [image, cd1, cd2] = &spec.disks[..] else {
        panic!("{:?}", spec.disks);
    };
    assert_eq!(image.media, MediaKind::Disk);
    for (drive, path, bus) in [
        (cd1, "/data/isos/guest.iso", DiskBus::Ahci),
        (cd2, "/elsewhere/answers.iso", DiskBus::VirtioScsi),
    ] {
        assert_eq!((drive.media, drive.readonly), (MediaKind::Cdrom, true));
        assert_eq!((drive.path.as_path(), drive.bus), (Path::new(path), bus));
        assert_eq!((&drive.format, &drive.made), (&ImageFormat::Raw, &None));
    }
    spec.validate().unwrap();
}

#[test]
fn a_drive_without_a_medium_is_an_error_that_names_the_key() {
    let error = furnished(&[("cdroms", "cd1")]).unwrap_err();
    assert_eq!(error.key(), "cdrom");
}

#[test]
fn a_virtio_port_is_a_port_or_a_console_as_its_type_says() {
    let spec = spec(&[
        ("virtio_ports", "agent port1 hvc port2"),
        ("virtio_port_type_hvc", "console"),
        ("virtio_port_name_port2", "org.example.port"),
    ]);
    let ports: Vec<_> = spec
        .virtio_ports
        .iter()
        .map(|p| (&*p.id, &*p.name))
        .collect();
    assert_eq!(ports, [("port1", "port1"), ("port2", "org.example.port")]);
    assert_eq!(spec.virtio_consoles, ["hvc"]);
    spec.validate().unwrap();
}

#[test]
fn flags_follow_the_model_of_the_processor_or_the_default_one() {
    for (pairs, model) in [
        (vec![], None),
        (vec![("cpu_model", "EPYC")], Some("EPYC")),
        (
            vec![("cpu_model", "EPYC"), ("cpu_model_flags", "+avx2,-vmx")],
            Some("EPYC,+avx2,-vmx"),
        ),
        (
            vec![("cpu_model_flags", ",+avx2 -vmx")],
            Some("max,+avx2,-vmx"),
        ),
        (vec![("cpu_model_flags", " ")], None),
    ] {
        assert_eq!(spec(&pairs).cpu.model.as_deref(), model, "{pairs:?}");
    }
    let params: Params = [("cpu_model_flags", "+avx2")].into();
    assert_eq!(
        cpu_model(&params, Accel::Kvm).as_deref(),
        Some("host,+avx2")
    );
}

#[test]
fn the_vcpus_take_turns_where_they_are_told_to() {
    assert_eq!(spec(&[]).tcg_thread, None);
    let single = spec(&[("tcg_thread", "single")]).tcg_thread;
    assert_eq!(single, Some(TcgThread::Single));
    assert_eq!(spec(&[("tcg_thread", "auto")]).tcg_thread, None);
    let turns = |pairs: &[(&'static str, &'static str)], major| {
        let params: Params = pairs.iter().copied().collect();
        let version = Version {
            major,
            ..Version::default()
        };
        take_turns(&params, &spec(pairs).cpu, version)
    };
    let auto = ("tcg_thread", "auto");
    assert!(turns(&[auto], 10));
    assert!(!turns(&[auto], 7), "it leaves out barriers");
    assert!(!turns(&[auto, ("migrates", "yes")], 10));
    let two = ("smp", "2");
    assert!(turns(&[auto, two, ("vcpu_maxcpus", "2")], 10));
    assert!(turns(&[auto, two, ("vcpu_cores", "2")], 10));
    for room in [("vcpu_maxcpus", "4"), ("vcpu_sockets", "4")] {
        assert!(
            !turns(&[auto, two, room], 10),
            "unplugging aborts: {room:?}"
        );
    }
    assert!(!turns(&[], 10));
}

#[test]
fn sockets_are_worked_out_from_the_other_parts_of_the_topology() {
    for (pairs, expected) in [
        (vec![("smp", "8"), ("vcpu_cores", "2")], [4, 1, 2, 1]),
        (vec![("smp", "3"), ("vcpu_threads", "2")], [2, 1, 1, 2]),
        (
            vec![
                ("smp", "2"),
                ("vcpu_maxcpus", "8"),
                ("vcpu_cores", "4"),
                ("vcpu_dies", "0"),
            ],
            [2, 1, 4, 1],
        ),
        (vec![("smp", "1"), ("vcpu_sockets", "2")], [2, 1, 1, 1]),
    ] {
        let spec = spec(&pairs);
        let topology = spec.cpu.topology.unwrap();
        let parts = [
            topology.sockets,
            topology.dies,
            topology.cores,
            topology.threads,
        ];
        assert_eq!(parts, expected, "{pairs:?}");
        spec.validate().unwrap();
    }
    assert_eq!(
        spec(&[("vcpu_sockets", "0"), ("vcpu_maxcpus", "0")])
            .cpu
            .topology,
        None
    );
}

#[test]
fn empty_root_ports_are_for_boards_that_can_have_them() {
    assert_eq!(spec(&[("machine_type", "i440fx")]).hotplug_ports, 0);
    assert_eq!(spec(&[("pcie_free_ports", "1")]).hotplug_ports, 1);
}
