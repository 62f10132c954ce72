//! The tiny guest on real QEMUs: boot, sessions, every way of ending it, and what is found when it goes wrong.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests, and what they share"
)]

mod common;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use common::{Lab, qemus, spec, tiny};
use guest::console::From;
use guest::{Exec, Login};
use host::deadlines::Deadlines;
use machine::{Boot, Firmware, MachineSpec, MachineType};
use regex::Regex;
use serde_json::json;
use vm::qmp::RunState;
use vm::{FindingKind, Ladder, Rung, Vm, VmError};

const BOOT: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_guest_boots_answers_and_shuts_down_by_the_power_button() {
    let Some(guest) = tiny() else { return };
    for qemu in qemus() {
        for machine in [MachineType::Q35, MachineType::I440fx] {
            let lab = Lab::new(&qemu);
            let mut spec = spec(guest);
            spec.machine = machine.clone();
            let start = Instant::now();
            let vm = Vm::start(spec, &lab.context).await.unwrap();
            let mut session = vm.session(BOOT).await.unwrap();
            let agent = start.elapsed();
            let mut shell = vm.wait_for_login(&Login::default(), BOOT).await.unwrap();
            let login = start.elapsed();
            for session in [&mut session, &mut shell] {
                let output = session.run("echo $((6 * 7))").await.unwrap();
                assert_eq!(output.stdout_text(), "42", "{}", session.kind());
            }
            let report = vm.shutdown(&Ladder::default()).await.unwrap();
            println!(
                "{machine}: agent {agent:.2?}, login {login:.2?}, ended by {}",
                report.ended_by
            );
            assert!(report.exit.is_clean(), "{}", report.exit);
            assert_eq!(report.ended_by, Rung::Agent, "{:?}", report.tried);
            assert!(report.exit.shutdown.unwrap().guest);
            assert!(lab.log("serial0.log").contains("virt-test: ready"));
        }
    }
}

#[tokio::test]
async fn the_power_button_alone_ends_a_guest() {
    let Some(guest) = tiny() else { return };
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let vm = Vm::start(spec(guest), &lab.context).await.unwrap();
        vm.wait_for_login(&Login::default(), BOOT).await.unwrap();
        vm.powerdown().await.unwrap();
        let exit = vm.wait_exit(SOON).await.unwrap();
        assert_eq!(exit.shutdown.unwrap().reason, "guest-shutdown");
        assert!(
            vm.health().is_fatal().is_none(),
            "{:?}",
            vm.health().findings()
        );
    }
}

#[tokio::test]
async fn a_panic_ends_the_wait_at_once_with_its_reason() {
    let Some(guest) = tiny() else { return };
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let vm = Vm::start(spec(guest), &lab.context).await.unwrap();
        let mut session = vm.session(BOOT).await.unwrap();
        session
            .run("echo 1 > /proc/sys/kernel/sysrq")
            .await
            .unwrap();
        let start = Instant::now();
        let crash = "echo c > /proc/sysrq-trigger";
        let error = session.run_within(Duration::from_secs(600), crash).await;
        let error = error.unwrap_err();
        println!("panic found after {:.2?}: {error}", start.elapsed());
        assert!(start.elapsed() < Duration::from_secs(20));
        let VmError::Unwell {
            finding,
            last_words,
            ..
        } = &error
        else {
            panic!("{error}");
        };
        assert!(
            [FindingKind::GuestPanic, FindingKind::Oops].contains(&finding.kind),
            "{finding}"
        );
        assert!(!last_words.console.is_empty());
    }
}

#[tokio::test]
async fn an_expected_panic_is_told_by_pvpanic_and_ends_nothing() {
    let Some(guest) = tiny() else { return };
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let mut spec = spec(guest);
        spec.pvpanic = true;
        let vm = Vm::start(spec, &lab.context).await.unwrap();
        let agent = vm.wait_for_agent(BOOT).await.unwrap();
        vm.health().allow(FindingKind::GuestPanic);
        let crash = Exec::shell("echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger");
        let crash = agent.exec(&crash, vm.limit(SOON));
        let panicked = vm.wait_for_event("GUEST_PANICKED", SOON);
        tokio::pin!(crash, panicked);
        let event = tokio::select! {
            event = &mut panicked => event,
            _ = &mut crash => panicked.await,
        };
        assert_eq!(event.unwrap().data["action"], "pause");
        vm.wait_for_status(RunState::GuestPanicked, SOON)
            .await
            .unwrap();
        assert!(
            vm.health().is_fatal().is_none(),
            "{:?}",
            vm.health().findings()
        );
        vm.destroy().await.unwrap();
    }
}

#[tokio::test]
async fn a_guest_without_a_sign_of_life_is_not_waited_out() {
    for qemu in qemus() {
        let mut lab = Lab::new(&qemu);
        lab.context.deadlines = Deadlines::fixed(1.0);
        // Firmware that halts at its first instruction, 16 bytes before the end: `hlt; jmp -3`.
        let mut rom = vec![0; 64 << 10];
        let first = rom.len() - 16;
        rom[first..first + 3].copy_from_slice(&[0xf4, 0xeb, 0xfd]);
        let path = lab.logs().join("rom");
        std::fs::write(&path, rom).unwrap();
        let spec = |name| {
            let mut spec = MachineSpec::new(name);
            spec.firmware = Firmware::Bios(path.clone());
            spec.boot = Boot::Disk;
            spec
        };
        let vm = Vm::start(spec("vm1"), &lab.context).await.unwrap();
        // This one stands still because it is told to.
        let beside = lab.another("vm2");
        let paused = Vm::start_paused(spec("vm2"), &beside).await.unwrap();
        let (silent, waiting) = tokio::join!(
            vm.session(Duration::from_secs(300)),
            paused.session(Duration::from_secs(30)),
        );
        let Err(VmError::Unwell { finding, .. }) = &silent else {
            panic!("{silent:?}");
        };
        assert_eq!(finding.kind, FindingKind::GuestSilent, "{finding}");
        let words = ["has never said a word", "vCPU 0 idle, halted at 0x"];
        for words in words {
            assert!(finding.summary.contains(words), "{finding}");
        }
        assert!(matches!(waiting, Err(VmError::Guest { .. })), "{waiting:?}");
        assert_eq!(paused.health().findings(), []);
    }
}

#[tokio::test]
async fn a_kernel_without_a_root_panics_and_is_not_waited_out() {
    let Some(guest) = tiny() else { return };
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let mut spec = spec(guest);
        if let Boot::Kernel { initrd, .. } = &mut spec.boot {
            *initrd = None;
        }
        let vm = Vm::start(spec, &lab.context).await.unwrap();
        let error = vm.session(Duration::from_secs(600)).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("Kernel panic - not syncing: VFS"), "{text}");
    }
}

#[tokio::test]
async fn a_paused_guest_stands_still_and_goes_on() {
    let Some(guest) = tiny() else { return };
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let vm = Vm::start(spec(guest), &lab.context).await.unwrap();
        let mut session = vm.session(BOOT).await.unwrap();
        vm.pause().await.unwrap();
        assert_eq!(vm.status().await.unwrap(), RunState::Paused);
        let error = session.run_within(Duration::from_millis(100), "true").await;
        assert!(matches!(error, Err(VmError::Guest { .. })), "{error:?}");
        vm.resume().await.unwrap();
        let output = session.run("echo on").await.unwrap();
        assert_eq!(output.stdout_text(), "on");
    }
}

#[tokio::test]
async fn a_reset_guest_boots_again() {
    let Some(guest) = tiny() else { return };
    let said = Regex::new("(?m)^said|^virt-test: ready").unwrap();
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let vm = Vm::start(spec(guest), &lab.context).await.unwrap();
        for monitor in [false, true] {
            let mut session = vm.wait_for_login(&Login::default(), BOOT).await.unwrap();
            let output = session.run("touch /tmp/before; echo said").await.unwrap();
            assert_eq!(output.stdout_text(), "said");
            if monitor {
                let reset = vm.qmp().execute("system_reset", json!({})).await;
                reset.unwrap();
            } else {
                vm.reset().await.unwrap();
            }
            let mut session = vm.wait_for_login(&Login::default(), BOOT).await.unwrap();
            let output = session.run("ls /tmp").await.unwrap();
            assert_eq!(output.stdout_text(), "");
            // What was said before is known to be of another life, whoever wanted the reset.
            let mut reader = vm.console().unwrap().reader(From::Restart);
            let first = reader.expect(&said, SOON).await.unwrap();
            assert_eq!(first.text, "virt-test: ready", "by the monitor: {monitor}");
        }
    }
}

#[tokio::test]
async fn a_detached_guest_goes_on_and_can_be_attached_to_by_path() {
    let Some(guest) = tiny() else { return };
    for qemu in qemus() {
        let mut lab = Lab::new(&qemu);
        lab.context.may_outlive_us = true;
        let vm = Vm::start(spec(guest), &lab.context).await.unwrap();
        vm.wait_for_agent(BOOT).await.unwrap();
        let left = vm.detach().unwrap();
        assert!(left.process.is_alive());
        let monitor = tokio::net::UnixStream::connect(left.sockets.join("qmp.sock")).await;
        let qmp = vm::qmp::Qmp::connect(monitor.unwrap(), SOON).await.unwrap();
        assert_eq!(qmp.status().await.unwrap().status, RunState::Running);
        let agent = tokio::net::UnixStream::connect(left.sockets.join("agent.sock")).await;
        let agent = guest::AgentClient::new(agent.unwrap(), None);
        agent.sync(SOON).await.unwrap();
        qmp.execute("quit", serde_json::json!({})).await.unwrap();
        let events = qmp.events();
        let end = events
            .wait(vm::qmp::Cursor::START, "last", SOON, |_| false)
            .await;
        assert!(matches!(end, Err(vm::qmp::EventError::Closed { .. })));
        std::fs::remove_dir_all(left.sockets).unwrap();
    }
}

#[tokio::test]
async fn the_script_that_reproduces_a_machine_boots_it() {
    let Some(guest) = tiny() else { return };
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let vm = Vm::start(spec(guest), &lab.context).await.unwrap();
        vm.destroy().await.unwrap();
        drop(vm);
        let script: PathBuf = lab.logs().join("repro.sh");
        let mut child = tokio::process::Command::new(script)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let output = child.stdout.take().unwrap();
        let boots = async {
            use tokio::io::AsyncBufReadExt;
            let mut lines = tokio::io::BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if line.contains("virt-test: ready") {
                    return;
                }
            }
            panic!("the script ended before the guest was ready");
        };
        tokio::time::timeout(3 * BOOT, boots).await.unwrap();
        child.kill().await.unwrap();
    }
}
