//! A machine moves to another QEMU by each transport, idle or under load, and its guest goes on: the one that was booted, with all it
//! had in memory and on disk, its clocks and its network.

use std::time::Duration;

use virt_test::{Test, TestResult, check};

use crate::migration::load::{self, run};

const BOOT_ID: &str = "cat /proc/sys/kernel/random/boot_id";

#[virt_test::test(type_specific)]
async fn migrate(test: &mut Test) -> TestResult {
    let name = test.main_vm_name()?;
    let vm = test.main_vm()?;
    let mut session = test.log_in(&vm).await?;
    let loaded: bool = test.param("mig_load")?;
    if loaded {
        load::start(test, &vm, &mut session).await?;
    }
    let before = run(&mut session, BOOT_ID).await?;
    let migration = test.migration(&name)?;
    let moved = test.migrate(&name, &migration).await?;
    check!(vm.ended().is_some(), "the source is still there");
    let vm = moved.vm;
    let mut session = test.log_in(&vm).await?;
    let after = run(&mut session, BOOT_ID).await?;
    check!(
        after == before,
        "the guest was booted anew: its boot id was {before}, and is {after}"
    );
    if loaded {
        load::check(
            test,
            &vm,
            &mut session,
            moved.standstill.unwrap_or(Duration::ZERO),
        )
        .await?;
    }
    Ok(())
}
