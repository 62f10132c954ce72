//! Power, monitors and health of machines without a guest, on real QEMUs.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests, and what they share"
)]

mod common;

use std::time::{Duration, Instant};

use common::{Lab, is_running, qemus};
use machine::{Disk, DiskBus, ImageFormat, MachineSpec, MachineType, Monitor, MonitorProtocol};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use vm::qmp::RunState;
use vm::{Blame, FindingKind, Ladder, Rung, Severity, Signal, Vm, VmError};

const SOON: Duration = Duration::from_secs(10);

/// An empty board whose CPU runs firmware only.
fn q35() -> MachineSpec {
    let mut spec = MachineSpec::new("vm1");
    spec.firmware_log = Some(false);
    spec
}

#[tokio::test]
async fn a_machine_starts_pauses_resumes_and_quits() {
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let vm = Vm::start(q35(), &lab.context).await.unwrap();
        assert_eq!(vm.status().await.unwrap(), RunState::Running);
        vm.pause().await.unwrap();
        vm.wait_for_status(RunState::Paused, SOON).await.unwrap();
        vm.resume().await.unwrap();
        vm.reset().await.unwrap();
        assert!(vm.hmp("info status").await.unwrap().contains("running"));
        assert!(vm.hmp("info name").await.unwrap().contains("vm1"));
        let exit = vm.quit().await.unwrap();
        assert!(exit.is_clean(), "{exit}");
        assert_eq!(exit.shutdown.unwrap().reason, "host-qmp-quit");
        assert!(vm.health().is_fatal().is_none());
        assert!(!is_running(vm.process_id()));
        let scratch = vm.scratch().to_owned();
        drop(vm);
        assert!(!scratch.exists());
    }
}

#[tokio::test]
async fn a_machine_with_nothing_on_it_is_driven_too() {
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let vm = Vm::start_paused(MachineSpec::bare("bare"), &lab.context)
            .await
            .unwrap();
        assert_eq!(vm.status().await.unwrap(), RunState::Prelaunch);
        vm.resume().await.unwrap();
        vm.wait_for_event("RESUME", SOON).await.unwrap();
        vm.destroy().await.unwrap();
    }
}

#[tokio::test]
async fn a_qemu_that_will_not_start_says_why_at_once() {
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let mut spec = q35();
        spec.extra_args = vec!["-no-such-option".to_owned()];
        let start = Instant::now();
        let error = Vm::start(spec, &lab.context).await.unwrap_err();
        assert!(
            start.elapsed() < Duration::from_secs(15),
            "{:?}",
            start.elapsed()
        );
        assert_eq!(error.blame(), Blame::Host);
        let text = error.to_string();
        assert!(text.contains("exited with status 1"), "{text}");
        assert!(text.contains("-no-such-option: invalid option"), "{text}");

        let mut spec = q35();
        spec.disks = vec![Disk::new("d0", "/nowhere/image.qcow2", ImageFormat::Qcow2)];
        let text = Vm::start(spec, &lab.context).await.unwrap_err().to_string();
        assert!(text.contains("No such file or directory"), "{text}");
    }
}

#[tokio::test]
async fn what_a_qemu_lacks_is_a_reason_to_skip() {
    for qemu in qemus() {
        let mut lab = Lab::new(&qemu);
        let mut capabilities = qemu.capabilities.clone();
        capabilities.devices.remove("isa-serial");
        lab.context.capabilities = capabilities.into();
        let error = Vm::start(q35(), &lab.context).await.unwrap_err();
        assert_eq!(error.blame(), Blame::Unsupported);
        assert!(
            error.to_string().contains("no device isa-serial"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_program_that_is_no_qemu_is_told_apart() {
    for qemu in qemus() {
        let mut lab = Lab::new(&qemu);
        lab.context.program.path = "/nowhere/qemu".into();
        let error = Vm::start(q35(), &lab.context).await.unwrap_err();
        assert!(matches!(error, VmError::Spawn(_)), "{error}");
        lab.context.program.path = "/bin/false".into();
        let error = Vm::start(q35(), &lab.context).await.unwrap_err();
        assert!(matches!(error, VmError::Start { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_killed_qemu_ends_every_wait_at_once() {
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let vm = Vm::start(q35(), &lab.context).await.unwrap();
        let start = Instant::now();
        let wait = vm.wait_for_event("NEVER", Duration::from_secs(600));
        let (error, ()) = tokio::join!(wait, async { vm.signal(Signal::KILL).unwrap() });
        let error = error.unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(15));
        assert_eq!(error.blame(), Blame::Machine);
        assert!(matches!(error, VmError::Unwell { .. }), "{error}");
        let text = error.to_string();
        for part in [
            "SIGKILL",
            "s into the wait for NEVER event",
            "the monitor's: ",
        ] {
            assert!(text.contains(part), "{text}");
        }
        let finding = vm.health().is_fatal().unwrap();
        assert_eq!(finding.kind, FindingKind::QemuExit);
        let exit = vm.wait_exit(SOON).await.unwrap();
        assert!(exit.exit.signal.is_some() && exit.shutdown.is_none());
        assert_eq!(vm.crash().await, None);
    }
}

#[tokio::test]
async fn a_crashed_qemu_leaves_its_core_dump_and_a_backtrace() {
    let no_gdb = host::qemu::in_path("gdb".as_ref()).is_none();
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    let limit = rustix::process::getrlimit(rustix::process::Resource::Core);
    for qemu in qemus() {
        for signal in [Signal::SEGV, Signal::ABORT] {
            let lab = Lab::new(&qemu);
            let vm = Vm::start(q35(), &lab.context).await.unwrap();
            vm.health().expect(FindingKind::QemuCrash);
            let start = Instant::now();
            let never = std::future::pending::<()>();
            let wait = vm.wait("login", Duration::from_secs(600), never);
            let (error, ()) = tokio::join!(wait, async { vm.signal(signal).unwrap() });
            let at_once = start.elapsed();
            let error = error.unwrap_err();
            assert!(
                matches!(&error, VmError::Unwell { finding, .. } if finding.kind == FindingKind::QemuCrash),
                "{error}"
            );
            let crash = vm.crash().await.unwrap();
            println!(
                "crash told after {at_once:.2?}, looked at after {:.2?}:\n{crash}",
                start.elapsed()
            );
            assert!(at_once < Duration::from_secs(15), "{at_once:?}");
            assert_eq!(vm.ended().unwrap().crash.as_ref(), Some(&crash));
            assert_eq!(vm.health().is_alarmed(), None);
            if limit.maximum == Some(0) || pattern.starts_with('|') {
                println!("note: this host keeps no core dumps where they can be found");
                assert!(crash.missing.is_some(), "{crash}");
                continue;
            }
            assert!(crash.core.unwrap().starts_with(lab.logs()));
            if no_gdb {
                assert!(crash.missing.unwrap().contains("gdb"));
                continue;
            }
            let frames = crash.backtrace.join("\n");
            // Where it was hit is up to it: it may wait, or still answer.
            assert!(frames.contains("#0 ") && frames.contains("#2 "), "{frames}");
            assert!(lab.log("qemu-backtrace.txt").contains("Thread 2"));
        }
    }
}

#[tokio::test]
async fn a_crash_while_it_is_told_to_end_is_found_too() {
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let vm = Vm::start(q35(), &lab.context).await.unwrap();
        vm.signal(Signal::STOP).unwrap();
        let ladder = Ladder {
            quit: None,
            terminate: Some(SOON),
            ..Ladder::without_guest()
        };
        let crash = async {
            tokio::task::yield_now().await;
            vm.signal(Signal::SEGV).unwrap();
            vm.signal(Signal::CONT).unwrap();
        };
        let (report, ()) = tokio::join!(vm.shutdown(&ladder), crash);
        let report = report.unwrap();
        // Which of the two signals is delivered first is the kernel's choice.
        if report.exit.exit.is_crash() {
            let finding = vm.health().is_alarmed().unwrap();
            assert_eq!(finding.kind, FindingKind::QemuCrash);
        }
    }
}

#[tokio::test]
async fn a_machine_is_configured_before_it_is_made() {
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let mut spec = q35();
        spec.preconfig = true;
        spec.cpu.count = 2;
        let ram = |n| format!("memory-backend-ram,size=128M,id=ram{n}");
        let node = |n| format!("node,nodeid={n},memdev=ram{n}");
        for n in 0..2 {
            let args = ["-object".to_owned(), ram(n), "-numa".to_owned(), node(n)];
            spec.extra_args.extend(args);
        }
        let vm = Vm::start_paused(spec.clone(), &lab.context).await.unwrap();
        let cpus = vm.qmp().execute("query-hotpluggable-cpus", json!({})).await;
        let cpus = cpus.unwrap();
        assert_eq!(cpus.as_array().unwrap().len(), 2, "{cpus}");
        for (node, cpu) in cpus.as_array().unwrap().iter().enumerate() {
            let mut place = cpu["props"].clone();
            place["type"] = json!("cpu");
            place["node-id"] = json!(node);
            let placed = vm.qmp().execute("set-numa-node", place).await;
            placed.unwrap();
        }
        assert!(vm.qmp().execute("cont", json!({})).await.is_err());
        vm.exit_preconfig().await.unwrap();
        assert_eq!(vm.status().await.unwrap(), RunState::Prelaunch);
        vm.resume().await.unwrap();
        vm.wait_for_status(RunState::Running, SOON).await.unwrap();
        let numa = vm.hmp("info numa").await.unwrap();
        assert!(numa.contains("2 nodes"), "{numa}");
        vm.destroy().await.unwrap();

        spec.extra_args.clear();
        let vm = Vm::start(spec, &lab.context).await.unwrap();
        assert_eq!(vm.status().await.unwrap(), RunState::Running);
    }
}

#[tokio::test]
async fn a_dropped_machine_leaves_nothing() {
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let vm = Vm::start(q35(), &lab.context).await.unwrap();
        let (id, scratch) = (vm.process_id(), vm.scratch().to_owned());
        assert!(is_running(id) && scratch.join("qmp.sock").exists());
        drop(vm);
        assert!(!is_running(id));
        assert!(!scratch.exists());
    }
}

#[tokio::test]
async fn the_power_button_is_pressed_and_the_ladder_says_what_ended_it() {
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let vm = Vm::start(q35(), &lab.context).await.unwrap();
        let ladder = Ladder {
            powerdown: Some(Duration::from_millis(100)),
            ..Ladder::without_guest()
        };
        let report = vm.shutdown(&ladder).await.unwrap();
        assert_eq!(report.ended_by, Rung::Quit);
        assert_eq!(report.tried.len(), 1);
        assert_eq!(report.tried[0].0, Rung::Powerdown);
        vm.wait_for_event_since(vm::qmp::Cursor::START, "POWERDOWN", SOON)
            .await
            .unwrap();
        assert!(vm.health().is_fatal().is_none());
    }
}

#[tokio::test]
async fn the_ladder_ends_a_qemu_that_no_longer_listens() {
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let vm = Vm::start(q35(), &lab.context).await.unwrap();
        vm.signal(Signal::STOP).unwrap();
        let ladder = Ladder {
            quit: Some(Duration::from_millis(50)),
            terminate: Some(Duration::from_millis(50)),
            ..Ladder::without_guest()
        };
        let start = Instant::now();
        let report = vm.shutdown(&ladder).await.unwrap();
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{:?}",
            start.elapsed()
        );
        assert_eq!(report.ended_by, Rung::Kill);
        assert_eq!(report.tried.len(), 2);
        assert!(
            report.exit.to_string().contains("SIGKILL"),
            "{}",
            report.exit
        );
    }
}

#[tokio::test]
async fn nothing_to_boot_is_recognised_and_not_waited_out() {
    for qemu in qemus() {
        for machine in [MachineType::Q35, MachineType::I440fx] {
            let lab = Lab::new(&qemu);
            let mut spec = MachineSpec::new("vm1");
            spec.machine = machine;
            let vm = Vm::start(spec, &lab.context).await.unwrap();
            let start = Instant::now();
            let never = std::future::pending::<()>();
            let error = vm.wait("login", Duration::from_secs(600), never).await;
            let error = error.unwrap_err();
            println!("nothing to boot: {:.2} s", start.elapsed().as_secs_f64());
            assert!(
                matches!(&error, VmError::Unwell { finding, .. } if finding.kind == FindingKind::FirmwareDeadEnd),
                "{error}"
            );
            assert!(error.to_string().contains("No bootable device"), "{error}");
            assert!(lab.log("firmware.log").contains("No bootable device"));
            vm.destroy().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_uefi_that_finds_nothing_to_boot_is_recognised() {
    let ovmf = std::env::var("VIRT_TEST_OVMF").unwrap_or("/usr/share/OVMF".to_owned());
    let ovmf = std::path::Path::new(&ovmf);
    let code = ovmf.join("OVMF_CODE_4M.fd");
    if !code.exists() {
        println!(
            "note: there is no OVMF in {}, nothing is tested",
            ovmf.display()
        );
        return;
    }
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let mut spec = MachineSpec::new("vm1");
        let vars = lab.logs().join("vars.fd");
        std::fs::copy(ovmf.join("OVMF_VARS_4M.fd"), &vars).unwrap();
        let code = code.clone();
        spec.firmware = machine::Firmware::Uefi { code, vars };
        let vm = Vm::start(spec, &lab.context).await.unwrap();
        let error = vm
            .wait("login", SOON * 60, std::future::pending::<()>())
            .await;
        let error = error.unwrap_err();
        assert!(
            matches!(&error, VmError::Unwell { finding, .. } if finding.kind == FindingKind::FirmwareDeadEnd),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_disk_that_cannot_be_read_is_found_at_once() {
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let mut spec = q35();
        // The firmware reads the boot sector.
        let bad = "driver=blkdebug,node-name=bad,image.driver=null-co,image.size=1048576,\
                   inject-error.0.event=none,inject-error.0.iotype=read";
        let args = ["-blockdev", bad, "-device", "virtio-blk-pci,drive=bad"];
        spec.extra_args = args.map(str::to_owned).to_vec();
        let vm = Vm::start(spec, &lab.context).await.unwrap();
        let finding = vm
            .wait("finding", SOON * 10, std::future::pending::<()>())
            .await;
        let error = finding.unwrap_err();
        assert!(
            matches!(&error, VmError::Unwell { finding, .. } if finding.kind == FindingKind::BlockIoError),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_wait_that_expires_says_what_was_awaited_and_how_long() {
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let vm = Vm::start(q35(), &lab.context).await.unwrap();
        let error = vm.wait_for_event("NEVER", Duration::from_millis(50)).await;
        let error = error.unwrap_err();
        let words = error.last_words().unwrap();
        assert!(words.monitor.iter().any(|line| line.contains("\"cont\"")));
        let text = error.to_string();
        assert!(text.contains("no NEVER event within 0."), "{text}");
        assert!(text.contains("console is silent"), "{text}");
    }
}

#[tokio::test]
async fn what_qemu_says_on_stderr_is_a_finding() {
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let mut spec = q35();
        // A network card without a cable makes QEMU complain, on every version.
        let mut nic = machine::Nic::new("vm1", "nic1");
        nic.netdev = machine::Netdev::None;
        spec.nics = vec![nic];
        let vm = Vm::start(spec, &lab.context).await.unwrap();
        vm.quit().await.unwrap();
        let findings = vm.health().findings();
        let warning = findings.iter().find(|f| f.kind == FindingKind::QemuWarning);
        assert_eq!(warning.unwrap().severity, Severity::Warning, "{findings:?}");
        assert!(lab.log("qemu-stderr.log").contains("nic1"));
    }
}

#[tokio::test]
async fn several_monitors_speak_at_once() {
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let mut spec = q35();
        let monitor = |id: &str, protocol| Monitor {
            id: id.to_owned(),
            protocol,
        };
        spec.monitors = vec![
            monitor("qmp2", MonitorProtocol::Qmp),
            monitor("hmp1", MonitorProtocol::Hmp),
        ];
        let vm = Vm::start(spec, &lab.context).await.unwrap();
        let second = vm.monitor("qmp2").await.unwrap();
        assert!(second.has_out_of_band());
        let (one, two) = tokio::join!(vm.status(), second.status());
        assert_eq!(one.unwrap(), two.unwrap().status);
        assert!(
            lab.log("qmp2.log")
                .contains("> {\"execute\":\"query-status\"")
        );
        assert!(matches!(
            vm.monitor("qmp2").await,
            Err(VmError::NoChannel { .. })
        ));
        assert!(matches!(
            vm.monitor("hmp1").await,
            Err(VmError::NoChannel { .. })
        ));

        let mut human = vm.channel("hmp1").unwrap();
        human.write_all(b"info status\n").await.unwrap();
        let mut text = Vec::new();
        while !String::from_utf8_lossy(&text).contains("VM status: running") {
            let mut buffer = [0; 512];
            let count = vm.wait("answer", SOON, human.read(&mut buffer)).await;
            text.extend_from_slice(&buffer[..count.unwrap().unwrap()]);
        }
        vm.destroy().await.unwrap();
    }
}

#[tokio::test]
async fn a_disk_can_be_added_by_a_descriptor_that_was_passed() {
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let vm = Vm::start(q35(), &lab.context).await.unwrap();
        let image = tempfile::tempfile().unwrap();
        image.set_len(1 << 20).unwrap();
        let arguments = json!({"fdset-id": 7});
        vm.qmp()
            .execute_with_fd("add-fd", arguments, image.into())
            .await
            .unwrap();
        let node = json!({"driver": "file", "node-name": "n", "filename": "/dev/fdset/7"});
        vm.qmp().execute("blockdev-add", node).await.unwrap();
        let nodes = vm.qmp().execute("query-named-block-nodes", json!({})).await;
        assert!(nodes.unwrap().to_string().contains("/dev/fdset/7"));
    }
}

#[tokio::test]
async fn malformed_json_is_answered_and_forgiven() {
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let vm = Vm::start(q35(), &lab.context).await.unwrap();
        let answer = vm.qmp().raw(b"{ \"execute\": }\n").await.unwrap();
        assert_eq!(answer["error"]["class"], "GenericError");
        assert_eq!(vm.status().await.unwrap(), RunState::Running);
        let error = vm.qmp().execute("no-such-command", json!({})).await;
        assert!(error.unwrap_err().is_refusal());
    }
}

#[tokio::test]
async fn every_disk_bus_and_nic_is_accepted_by_qemu() {
    for qemu in qemus() {
        for machine in [MachineType::Q35, MachineType::I440fx] {
            let lab = Lab::new(&qemu);
            let image = tempfile::NamedTempFile::new().unwrap();
            image.as_file().set_len(1 << 20).unwrap();
            let mut spec = everything(machine);
            for disk in &mut spec.disks {
                disk.path = image.path().to_owned();
            }
            let vm = match Vm::start(spec, &lab.context).await {
                Err(error) if error.blame() == Blame::Unsupported => {
                    println!("note: {error}");
                    continue;
                }
                started => started.unwrap(),
            };
            vm.destroy().await.unwrap();
        }
    }
}

/// A machine with one of each.
fn everything(machine: MachineType) -> MachineSpec {
    let mut spec = MachineSpec::new("all");
    let q35 = machine == MachineType::Q35;
    spec.machine = machine;
    for (n, bus) in DiskBus::ALL.into_iter().enumerate() {
        if bus == DiskBus::Ide && q35 {
            continue;
        }
        let mut disk = Disk::new(format!("d{n}"), "", ImageFormat::Raw);
        disk.bus = bus;
        // All on one file: readers do not exclude each other.
        disk.snapshot = true;
        disk.unpluggable = bus == DiskBus::VirtioBlk;
        disk.bootindex = Some(u32::try_from(n).unwrap());
        spec.disks.push(disk);
    }
    for (n, model) in machine::NicModel::ALL.into_iter().enumerate() {
        let mut nic = machine::Nic::new("all", format!("nic{n}"));
        nic.model = model;
        spec.nics.push(nic);
    }
    spec.serials.push("serial1".to_owned());
    spec.virtio_consoles = vec!["hvc0".to_owned()];
    spec.virtio_ports = vec![machine::VirtioPort {
        id: "vp1".to_owned(),
        name: "org.example.vp1".to_owned(),
    }];
    spec.hotplug_ports = if q35 { 2 } else { 0 };
    spec.rng = true;
    spec.balloon = true;
    spec.pvpanic = true;
    spec.watchdog = Some(machine::WatchdogModel::I6300esb);
    spec.cpu.count = 2;
    spec.cpu.topology = Some(machine::Topology {
        sockets: 1,
        dies: 1,
        cores: 2,
        threads: 2,
    });
    spec.memory.slots = 2;
    spec.memory.max = Some(machine::ByteSize::gib(1));
    spec.rtc.clock = machine::RtcClock::Vm;
    spec
}
