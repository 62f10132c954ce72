//! What is in use is not unplugged, and whoever refuses says so: the guest, of a memory module its kernel has data in; QEMU, of the
//! memory behind it. Refused, the module stays and is online. A disk is let go of even while the guest writes to it.

use machine::{ByteSize, Dimm, DiskBus};
use virt_test::{Test, TestResult, check};
use vm::qmp::QmpError;
use vm::{PlugError, VmError};

use crate::hotplug::both_sides::{BothSides, blank_disk, device_file};

#[virt_test::test(type_specific)]
async fn unplug_busy_device(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let mut sides = BothSides::of(test, &vm).await?;

    let dimm = Dimm {
        id: "busy".to_owned(),
        size: ByteSize::mib(128),
    };
    let (module, blocks) = sides.plug(dimm).await?;
    // Inodes cannot be moved, and a kernel takes memory above 4 GiB first.
    sides
        .run("mkdir -p /tmp/busy; for i in $(seq 1500); do : > /tmp/busy/$i; done")
        .await?;
    let refused = vm.unplug(&module).await;
    let by_guest = matches!(&refused, Err(VmError::Plug { source, .. }) if matches!(**source, PlugError::GuestRefused(_)));
    check!(by_guest, "unplugging memory in use came to {refused:?}");
    check!(
        vm.has_device("busy").await?,
        "the module is gone although the guest refused"
    );
    let states = sides
        .run(&format!(
            "cd /sys/devices/system/memory; cat {}",
            states(&blocks)
        ))
        .await?;
    check!(
        states.lines().all(|state| state == "online"),
        "after the refusal the module's blocks are {states}"
    );

    let memory = serde_json::json!({"id": "busy-memory"});
    let refused = vm.qmp().execute("object-del", memory).await;
    let by_qemu = refused.as_ref().is_err_and(QmpError::is_refusal);
    check!(by_qemu, "removing memory in use came to {refused:?}");

    let disk = blank_disk(test, "written", DiskBus::VirtioBlk)?;
    let (disk, seen) = sides.plug(disk).await?;
    let file = device_file(&seen);
    sides
        .run(&format!(
            "(while dd if=/dev/zero of={file} bs=64k count=8 conv=fsync; do :; done) </dev/null >/dev/null 2>&1 &"
        ))
        .await?;
    sides.unplug(&disk).await?;
    Ok(())
}

fn states(blocks: &str) -> String {
    let states = blocks
        .split_whitespace()
        .map(|block| format!("{block}/state"));
    states.collect::<Vec<_>>().join(" ")
}
