//! A virtio memory device gives the guest as much memory as is requested, more and less, down to none: after each request
//! QEMU says by MEMORY_DEVICE_SIZE_CHANGE that the guest has taken it, and the guest has just as much of it online.

use machine::{ByteSize, VirtioMem};
use virt_test::{Test, TestResult};

use crate::hotplug::both_sides::BothSides;

#[virt_test::test(type_specific)]
async fn virtio_mem(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let mut sides = BothSides::of(test, &vm).await?;
    sides.keep_memory_movable().await?;
    let device = VirtioMem {
        id: "growing".to_owned(),
        size: ByteSize::mib(512),
        requested: ByteSize::mib(128),
    };
    let (plugged, _) = sides.plug(device).await?;
    for size in [384, 256, 512, 0] {
        let size = ByteSize::mib(size);
        test.phase(format!("requesting {size}"));
        vm.resize_memory(&plugged, size).await?;
        let limit = test.span("plug_timeout")?;
        vm.wait_for_guest_to_see(&mut sides.session, &plugged, limit)
            .await?;
    }
    Ok(())
}
