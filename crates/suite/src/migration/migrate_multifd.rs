//! A machine moves over several connections at once, which carry its memory, and loses nothing.

use virt_test::{Test, TestResult, check};
use vm::migrate::Capability;

use crate::migration::load;

#[virt_test::test(type_specific)]
async fn migrate_multifd(test: &mut Test) -> TestResult {
    let name = test.main_vm_name()?;
    load::booted(test, &*test.main_vm()?).await?;
    let mut migration = test.migration(&name).await?;
    migration.options.capabilities.push(Capability::Multifd);
    migration.options.parameters.multifd_channels = Some(4);
    let moved = test.migrate(&name, &migration).await?;
    check!(
        moved.figures.ram.multifd_bytes > 0,
        "nothing was sent over the further connections: {:?}",
        moved.figures
    );
    load::well(test, &moved).await.map(drop)
}
