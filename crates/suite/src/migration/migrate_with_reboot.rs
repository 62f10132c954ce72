//! A machine moves while its guest reboots, and the guest comes up where it is then.

use virt_test::{Test, TestResult, check};

use crate::migration::load::run;

const BOOT_ID: &str = "cat /proc/sys/kernel/random/boot_id";

#[virt_test::test(type_specific, "migrates = yes")]
async fn migrate_with_reboot(test: &mut Test) -> TestResult {
    let name = test.main_vm_name()?;
    let vm = test.main_vm()?;
    let mut session = test.log_in(&vm).await?;
    let before = run(&mut session, BOOT_ID).await?;
    vm.reset().await?;
    let migration = test.migration(&name).await?;
    let moved = test.migrate(&name, &migration).await?;
    test.phase("booting on");
    let mut session = test.log_in(&moved.vm).await?;
    let after = run(&mut session, BOOT_ID).await?;
    check!(
        after != before,
        "the guest was not booted anew: its boot id is still {before}"
    );
    Ok(())
}
