//! A machine into which a disk, a card, a CPU, memory and a USB device were plugged moves: the destination has each in its place, the guest
//! misses none and still uses them, and they can be unplugged there.

use machine::{ByteSize, Device, Dimm, DiskBus, Netdev, Nic, UsbDevice, UsbModel};
use virt_test::{Test, TestResult, check};
use vm::Vm;

use crate::hotplug::both_sides::{BothSides, blank_disk, device_file};
use crate::migration::load;

const TEXT: &str = "written before the machine moved";

/// The guest's port that a port of the host leads to.
const PORT: u16 = 7777;

/// What a guest has, in its own words.
const VIEW: &str = "ls /sys/bus/pci/devices /sys/bus/usb/devices /sys/class/net /sys/class/block; \
    cat /sys/devices/system/cpu/online /sys/devices/system/memory/memory*/state; sed -n 's/^MemTotal: *//p' /proc/meminfo";

#[virt_test::test(type_specific)]
async fn migrate_with_hotplugged(test: &mut Test) -> TestResult {
    let name = test.main_vm_name()?;
    let vm = test.main_vm()?;
    load::booted(test, &vm).await?;
    let mut sides = BothSides::of(test, &vm).await?;
    sides.keep_memory_movable().await?;
    let (disk, seen) = sides
        .plug(blank_disk(test, "disk", DiskBus::VirtioBlk)?)
        .await?;
    let file = device_file(&seen);
    sides.write(&file, TEXT).await?;
    let mut card = Nic::new(vm.name(), "nic");
    card.netdev = Netdev::User {
        restrict: true,
        forwards: vec![format!("tcp:127.0.0.1:0-:{PORT}")],
    };
    let (nic, _) = sides.plug(card).await?;
    let memory = Dimm {
        id: "memory".to_owned(),
        size: ByteSize::mib(256),
    };
    let (memory, _) = sides.plug(memory).await?;
    let (cpu, _) = sides.plug(Device::Cpu("cpu".to_owned())).await?;
    sides.plug(Device::UsbController("usb".to_owned())).await?;
    let mut tablet = UsbDevice::new("tablet", UsbModel::Tablet);
    tablet.controller = Some("usb".to_owned());
    let (tablet, _) = sides.plug(tablet).await?;
    let view = sides.run(VIEW).await?;
    let plugged = vm.plugged().await;

    let migration = test.migration(&name).await?;
    let moved = test.migrate(&name, &migration).await?;
    check!(
        moved.vm.plugged().await == plugged,
        "plugged in are {:?}, and were {plugged:?}",
        moved.vm.plugged().await
    );
    has_all(&moved.vm).await?;
    // As from the source, a port of the host leads to the guest's by the plugged card.
    moved.vm.forwarded_port(PORT).await?;
    load::well(test, &moved).await?;
    let mut sides = BothSides::of(test, &moved.vm).await?;
    let after = sides.run(VIEW).await?;
    check!(
        after == view,
        "the guest had\n{view}\nand after the migration has\n{after}"
    );
    sides.expect_on(&file, TEXT).await?;
    let on_second = sides.run("taskset 2 echo there").await?;
    check!(
        on_second == "there",
        "the plugged CPU runs nothing any more"
    );
    if moved.vm.survives_unplugged_cpus() {
        sides.unplug(&cpu).await?;
    }
    for plugged in [&tablet, &nic, &disk, &memory] {
        sides.unplug(plugged).await?;
    }
    Ok(())
}

/// QEMU has every device it was told of.
async fn has_all(vm: &Vm) -> TestResult {
    for placed in vm.plugged().await {
        let device = placed.device.device_id().unwrap_or_default();
        check!(
            vm.has_device(&device).await?,
            "the destination's QEMU has no {device}"
        );
    }
    Ok(())
}
