//! PCI devices of many kinds are plugged in until no place is left, `plug_rounds` times: each is seen by the guest with its driver, one
//! more than there is room for is refused with nothing left behind, and all can be unplugged in another order.

use machine::{Device, Disk, DiskBus, Nic};
use virt_test::{Test, TestResult, check};
use vm::{PlugError, Vm, VmError};

use crate::hotplug::both_sides::{BothSides, blank_disk};

#[virt_test::test(type_specific)]
async fn pci_hotplug(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let rounds: u32 = test.param("plug_rounds")?;
    let disks = [DiskBus::VirtioBlk, DiskBus::VirtioBlk];
    let disks = disks.into_iter().zip(["disk-a", "disk-b"]);
    let disks = disks.map(|(bus, id)| blank_disk(test, id, bus));
    let disks: Vec<Disk> = disks.collect::<TestResult<_>>()?;
    let before = vm.backends().await?;
    let mut sides = BothSides::of(test, &vm).await?;
    for round in 0..rounds {
        let mut plugged = Vec::new();
        for device in devices(&vm, &disks) {
            plugged.push(sides.plug(device).await?.0);
        }
        if vm.spec().hotplug_ports > 0 {
            full(&vm).await?;
        }
        // Another order every round.
        let count = plugged.len();
        plugged.rotate_left(round as usize % count);
        for device in plugged.iter().rev() {
            sides.unplug(device).await?;
        }
        let after = vm.backends().await?;
        check!(
            after == before,
            "QEMU had {before:?} and has {after:?} after round {round}"
        );
    }
    Ok(())
}

/// As many as a q35 machine has root ports for.
fn devices(vm: &Vm, disks: &[Disk]) -> Vec<Device> {
    let named = |id: &str| id.to_owned();
    let mut devices: Vec<Device> = disks.iter().cloned().map(Device::Disk).collect();
    devices.extend(["nic-a", "nic-b"].map(|id| Device::Nic(Nic::new(vm.name(), id))));
    devices.push(Device::Rng(named("rng-a")));
    devices.push(Device::Balloon(named("balloon-a")));
    devices.push(Device::ScsiController(named("scsi-a")));
    devices.push(Device::Rng(named("rng-b")));
    devices
}

/// One more has no place, and that is all that happens.
async fn full(vm: &Vm) -> TestResult {
    let before = vm.backends().await?;
    let refused = vm.plug(Device::Rng("one-more".to_owned())).await;
    let no_room = matches!(&refused, Err(VmError::Plug { source, .. }) if matches!(**source, PlugError::NoRoom { .. }));
    check!(
        no_room,
        "a device more than there are root ports came to {refused:?}"
    );
    check!(
        vm.backends().await? == before,
        "the device without a place left something behind"
    );
    Ok(())
}
