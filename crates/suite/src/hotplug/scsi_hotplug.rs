//! A SCSI controller is plugged in, then disks on it; each disk keeps its own data, one can be unplugged while the others work, and in
//! the end the controller is unplugged too, and QEMU keeps nothing.

use machine::{Device, DiskBus};
use virt_test::{Test, TestResult, check};

use crate::hotplug::both_sides::{BothSides, blank_disk, device_file};

#[virt_test::test(type_specific)]
async fn scsi_hotplug(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let before = vm.backends().await?;
    let mut sides = BothSides::of(test, &vm).await?;
    let controller = Device::ScsiController("plugged".to_owned());
    let (controller, _) = sides.plug(controller).await?;
    let mut disks = Vec::new();
    for id in ["scsi-a", "scsi-b", "scsi-c"] {
        let mut disk = blank_disk(test, id, DiskBus::VirtioScsi)?;
        disk.controller = Some("plugged".to_owned());
        let (plugged, seen) = sides.plug(disk).await?;
        let file = device_file(&seen);
        sides.write(&file, id).await?;
        disks.push((id, plugged, file));
    }
    let (_, middle, _) = disks.remove(1);
    sides.unplug(&middle).await?;
    for (id, plugged, file) in &disks {
        sides.expect_on(file, id).await?;
        sides.unplug(plugged).await?;
    }
    sides.unplug(&controller).await?;
    let after = vm.backends().await?;
    check!(
        after == before,
        "QEMU had {before:?} and has {after:?} after all is unplugged"
    );
    Ok(())
}
