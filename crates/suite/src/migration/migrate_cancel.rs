//! A migration that is called off leaves the machine running where it was, and can be tried again.

use virt_test::{Test, TestResult, check};
use vm::qmp::MigrationStatus;

use crate::migration::{load, rounds};

#[virt_test::test(type_specific, "migrates = yes")]
async fn migrate_cancel(test: &mut Test) -> TestResult {
    let name = test.main_vm_name()?;
    let vm = test.main_vm()?;
    load::booted(test, &vm).await?;
    let mut slow = test.migration(&name).await?;
    rounds::endless(&mut slow);
    let ongoing = vm.begin_migration(&slow).await?;
    let ongoing = ongoing.reach(MigrationStatus::Active).await?;
    test.phase("calling it off");
    let figures = ongoing.cancel().await?;
    check!(
        figures.status == MigrationStatus::Cancelled,
        "after migrate_cancel it is {}",
        figures.status
    );
    check!(vm.ended().is_none(), "the source has ended");
    test.log_in(&vm).await?;
    let migration = test.migration(&name).await?;
    let moved = test.migrate(&name, &migration).await?;
    load::well(test, &moved).await.map(drop)
}
