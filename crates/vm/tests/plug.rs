//! Devices plugged into a running guest and out of it, on real QEMUs, both boards, seen from both sides.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests, and what they share"
)]

mod common;

use std::time::{Duration, Instant};

use common::{Lab, qemus, spec, tiny};
use machine::{
    Boot, ByteSize, Device, Dimm, Disk, DiskBus, ImageFormat, MachineSpec, MachineType, Nic,
    VirtioPort,
};
use vm::{Session, Vm, VmError};

const BOOT: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_secs(20);

fn furnished(mut spec: MachineSpec, machine: &MachineType) -> MachineSpec {
    spec.machine = machine.clone();
    if *machine == MachineType::Q35 {
        spec.hotplug_ports = 3;
    }
    spec.cpu.model = Some("Nehalem".to_owned());
    spec.cpu.max = Some(3);
    spec.memory.slots = 4;
    spec.memory.max = Some(ByteSize::gib(2));
    // In other memory a kernel may keep what it cannot move, and then it rightly refuses to give it back.
    if let Boot::Kernel { cmdline, .. } = &mut spec.boot {
        cmdline.push_str(" memhp_default_state=online_movable");
    }
    spec
}

fn blank(lab: &Lab, id: &str, bus: DiskBus) -> Disk {
    let path = lab.logs().join(format!("{id}.raw"));
    std::fs::File::create(&path)
        .unwrap()
        .set_len(1 << 20)
        .unwrap();
    let mut disk = Disk::new(id, path, ImageFormat::Raw);
    disk.bus = bus;
    disk
}

/// Without the many lines of last words.
fn done<T>(result: Result<T, VmError>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// Plugs a device, waits until the guest has it, unplugs it and waits until the guest has not.
async fn there_and_back(vm: &Vm, session: &mut Session, device: impl Into<Device>) {
    let device = device.into();
    let name = format!("{} {}", device.kind(), device.id());
    let before = vm.backends().await.unwrap();
    let start = Instant::now();
    let plugged = done(vm.plug(device).await);
    let seen = done(vm.wait_for_guest_to_see(session, &plugged, SOON).await);
    let appeared = start.elapsed();
    let unplugged = done(vm.unplug(&plugged).await);
    done(vm.wait_for_guest_to_lose(session, &unplugged, SOON).await);
    println!(
        "{name}: QEMU: {}; guest: {seen:?} after {appeared:.2?}, gone after {:.2?}",
        plugged.qemu, unplugged.took
    );
    assert_eq!(vm.backends().await.unwrap(), before, "{name}");
}

#[tokio::test]
async fn what_is_plugged_is_seen_by_the_guest_and_taken_back() {
    let Some(guest) = tiny() else { return };
    for qemu in qemus() {
        for machine in [MachineType::Q35, MachineType::I440fx] {
            let lab = Lab::new(&qemu);
            let vm = Vm::start(furnished(spec(guest), &machine), &lab.context).await;
            let vm = vm.unwrap();
            let mut session = vm.session(BOOT).await.unwrap();
            println!("{machine} on {}", qemu.path.display());
            there_and_back(&vm, &mut session, Nic::new("vm1", "nic2")).await;
            for bus in [DiskBus::VirtioBlk, DiskBus::Nvme] {
                there_and_back(&vm, &mut session, blank(&lab, "d2", bus)).await;
            }
            let controller = Device::ScsiController("scsi1".to_owned());
            let controller = vm.plug(controller).await.unwrap();
            for id in ["s1", "s2"] {
                let disk = blank(&lab, id, DiskBus::VirtioScsi);
                there_and_back(&vm, &mut session, disk).await;
            }
            vm.unplug(&controller).await.unwrap();
            there_and_back(&vm, &mut session, Device::Rng("rng2".to_owned())).await;
            there_and_back(&vm, &mut session, Device::Balloon("b2".to_owned())).await;
            let port = VirtioPort {
                id: "vp2".to_owned(),
                name: "org.example.two".to_owned(),
            };
            there_and_back(&vm, &mut session, port).await;
            there_and_back(&vm, &mut session, Device::IoThread("io1".to_owned())).await;
            let dimm = Dimm {
                id: "m1".to_owned(),
                size: ByteSize::mib(128),
            };
            there_and_back(&vm, &mut session, dimm).await;
            assert!(vm.plugged().await.is_empty());
            assert!(vm.health().is_fatal().is_none());
        }
    }
}
