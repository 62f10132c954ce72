//! A machine moves to another QEMU by each transport, idle or under load, and its guest goes on: the one that was booted, with all it
//! had in memory and on disk, its clocks and its network.

use virt_test::{Test, TestResult, check};

use crate::migration::load::{self, run};

const BOOT_ID: &str = "cat /proc/sys/kernel/random/boot_id";

#[virt_test::test(type_specific)]
async fn migrate(test: &mut Test) -> TestResult {
    let name = test.main_vm_name()?;
    let vm = test.main_vm()?;
    let mut session = load::booted(test, &vm).await?;
    let before = run(&mut session, BOOT_ID).await?;
    let migration = test.migration(&name).await?;
    let moved = test.migrate(&name, &migration).await?;
    check!(vm.ended().is_some(), "the source is still there");
    let mut session = load::well(test, &moved).await?;
    let after = run(&mut session, BOOT_ID).await?;
    check!(
        after == before,
        "the guest was booted anew: its boot id was {before}, and is {after}"
    );
    Ok(())
}
