//! A disk is plugged in, the guest writes to it, and it is unplugged; QEMU keeps nothing of it; plugged in again it still has what
//! was written, as the guest reads and as the image says.

use machine::DiskBus;
use virt_test::{Stop, Test, TestResult, check};

use crate::hotplug::both_sides::{BothSides, blank_disk, device_file};

const TEXT: &str = "written to a disk that was plugged in";

#[virt_test::test(type_specific)]
async fn block_hotplug(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let bus: String = test.param("plug_disk")?;
    let bus = DiskBus::ALL
        .into_iter()
        .find(|known| known.qemu_name() == bus);
    let bus = bus.ok_or_else(|| Stop::error("plug_disk is no bus of disks"))?;
    let disk = blank_disk(test, "plugged", bus)?;
    let before = vm.backends().await?;
    let mut sides = BothSides::of(test, &vm).await?;
    let (plugged, seen) = sides.plug(disk.clone()).await?;
    sides.write(&device_file(&seen), TEXT).await?;
    sides.unplug(&plugged).await?;
    let image = std::fs::read(&disk.path).map_err(|error| Stop::error(error.to_string()))?;
    check!(
        image.starts_with(TEXT.as_bytes()),
        "what the guest has written is not in the image once the disk is unplugged"
    );
    check!(
        vm.backends().await? == before,
        "QEMU keeps block nodes of the unplugged disk"
    );
    let (plugged, seen) = sides.plug(disk).await?;
    sides.expect_on(&device_file(&seen), TEXT).await?;
    sides.unplug(&plugged).await?;
    Ok(())
}
