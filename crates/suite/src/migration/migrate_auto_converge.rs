//! A guest that writes faster than its memory can be sent is slowed down until it can.

use machine::ByteSize;
use virt_test::{Stop, Test, TestResult};
use vm::migrate::Capability;

use crate::migration::{load, rounds};

#[virt_test::test(type_specific, "migrates = yes", "test_timeout = 300")]
async fn migrate_auto_converge(test: &mut Test) -> TestResult {
    let name = test.main_vm_name()?;
    let vm = test.main_vm()?;
    if !vm.tracks_written_memory() {
        return Err(Stop::skip(
            "QEMU before 9.0 does not see all that a guest under TCG writes to, and so how fast that is",
        ));
    }
    load::booted(test, &vm).await?;
    let mut migration = test.migration(&name).await?;
    migration
        .options
        .capabilities
        .push(Capability::AutoConverge);
    let parameters = &mut migration.options.parameters;
    parameters.cpu_throttle_initial = Some(50);
    parameters.cpu_throttle_increment = Some(20);
    parameters.max_bandwidth = Some(ByteSize::mib(16));
    rounds::migrate(test, &name, migration, |figures| {
        figures.cpu_throttle_percentage >= Some(50)
    })
    .await
}
