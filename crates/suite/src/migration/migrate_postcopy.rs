//! The guest goes on at the destination before its memory is there, which follows as it is wanted, and nothing is lost.

use machine::ByteSize;
use virt_test::{Test, TestResult, check};

use crate::migration::load;

#[virt_test::test(type_specific, "migrates = yes")]
async fn migrate_postcopy(test: &mut Test) -> TestResult {
    let name = test.main_vm_name()?;
    load::booted(test, &*test.main_vm()?).await?;
    let mut migration = test.migration(&name).await?;
    migration.postcopy = true;
    // So that not everything is there before the guest is.
    migration.options.parameters.max_bandwidth = Some(ByteSize::mib(32));
    migration.options.parameters.max_postcopy_bandwidth = Some(ByteSize::mib(64));
    let moved = test.migrate(&name, &migration).await?;
    check!(
        moved.figures.ram.postcopy_requests > 0,
        "the guest never waited for a page, so nothing followed it: {:?}",
        moved.figures
    );
    load::well(test, &moved).await.map(drop)
}
