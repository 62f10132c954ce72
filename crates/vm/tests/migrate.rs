//! Machines with a tiny guest that move from one QEMU to another.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests, and what they share"
)]

mod common;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use common::{Lab, qemus, spec, tiny};
use guest::Login;
use machine::{Disk, ImageFormat, MachineType, Nic};
use vm::migrate::Transport;
use vm::qmp::RunState;
use vm::{Migration, Session, Vm};

const BOOT: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_secs(20);

/// A machine with a disk and a network card, whose guest keeps what it can compare later, and counts.
async fn machine(lab: &Lab, machine: MachineType) -> (Vm, String) {
    let mut spec = spec(tiny().unwrap());
    spec.machine = machine;
    spec.sandbox = false;
    let image = lab.logs().join("disk.qcow2");
    create(&image);
    spec.disks
        .push(Disk::new("disk1", &image, ImageFormat::Qcow2));
    spec.nics.push(Nic::new("vm1", "nic1"));
    let vm = Vm::start(spec, &lab.context).await.unwrap();
    let mut session = vm.session(BOOT).await.unwrap();
    let prepare = "head -c 8388608 /dev/urandom > /tmp/data && dd if=/tmp/data of=/dev/vda bs=1M 2>/dev/null && sync; \
                   (n=0; while :; do n=$((n+1)); echo $n > /tmp/next; mv /tmp/next /tmp/count; done) > /dev/null 2>&1 & \
                   sha256sum < /tmp/data";
    let sum = told(&mut session, prepare).await;
    (vm, sum)
}

fn create(image: &Path) {
    let made = Command::new("qemu-img")
        .args(["create", "-q", "-f", "qcow2"])
        .arg(image)
        .arg("64M")
        .status();
    assert!(made.unwrap().success());
}

async fn told(session: &mut Session, command: &str) -> String {
    let output = session.run(command).await.unwrap();
    assert!(
        output.status.success(),
        "{command}: {}",
        output.stdout_text()
    );
    output.stdout_text()
}

/// The guest has what it had, on its disk too, and goes on counting.
async fn has_all(vm: &Vm, sum: &str) {
    let mut session = vm.session(SOON).await.unwrap();
    assert_eq!(told(&mut session, "sha256sum < /tmp/data").await, sum);
    let disk = "echo 3 > /proc/sys/vm/drop_caches; head -c 8388608 /dev/vda | sha256sum";
    assert_eq!(told(&mut session, disk).await, sum);
    let counts = told(&mut session, "cat /tmp/count; sleep 1; cat /tmp/count").await;
    let counts: Vec<u64> = counts.lines().map(|count| count.parse().unwrap()).collect();
    assert!(counts[1] > counts[0], "{counts:?}");
}

#[tokio::test]
async fn a_guest_goes_on_where_it_was_by_every_transport() {
    if tiny().is_none() {
        return;
    }
    let some = [Transport::Unix, Transport::File];
    for qemu in qemus() {
        for (machine_type, transports) in [
            (MachineType::Q35, &Transport::ALL[..]),
            (MachineType::I440fx, &some[..]),
        ] {
            let lab = Lab::new(&qemu);
            let (mut vm, sum) = machine(&lab, machine_type.clone()).await;
            let mut shell = vm.wait_for_login(&Login::default(), BOOT).await.unwrap();
            told(&mut shell, "here=$((6 * 7))").await;
            for &transport in transports {
                let start = Instant::now();
                let mut migration = Migration::new(lab.another(transport.as_str()), transport);
                if !vm.tracks_written_memory() {
                    migration.options.parameters.downtime_limit = Some(Duration::from_secs(100));
                }
                let migrated = vm
                    .migrate(&migration)
                    .await
                    .unwrap_or_else(|error| panic!("{error}"));
                println!(
                    "{machine_type} {transport}: {:.0?}, {}, still {:?}",
                    start.elapsed(),
                    migrated.figures,
                    migrated.standstill
                );
                assert!(vm.ended().unwrap().is_clean());
                vm = migrated.vm;
                assert_eq!(vm.status().await.unwrap(), RunState::Running);
                has_all(&vm, &sum).await;
            }
            let mut shell = vm.wait_for_login(&Login::default(), SOON).await.unwrap();
            assert_eq!(told(&mut shell, "echo $here").await, "42");
            assert!(
                vm.health().is_fatal().is_none(),
                "{:?}",
                vm.health().findings()
            );
            vm.destroy().await.unwrap();
        }
    }
}
