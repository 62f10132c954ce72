//! The connection is lost while memory follows the guest: both sides wait, go on over a new one, and nothing is lost.

use std::time::Instant;

use machine::ByteSize;
use virt_test::{Test, TestResult};
use vm::migrate::Relay;
use vm::qmp::MigrationStatus;

use crate::migration::load;

#[virt_test::test(
    type_specific,
    "migrates = yes",
    "mig_protocol = unix",
    "test_timeout = 300"
)]
async fn migrate_postcopy_recover(test: &mut Test) -> TestResult {
    let name = test.main_vm_name()?;
    let vm = test.main_vm()?;
    load::booted(test, &vm).await?;
    let relay = Relay::new();
    let mut migration = test.migration(&name).await?;
    migration.postcopy = true;
    migration.relay = Some(relay.clone());
    // So that there is something left to follow when it is cut.
    migration.options.parameters.max_postcopy_bandwidth = Some(ByteSize::mib(4));
    let began = Instant::now();
    let ongoing = vm.begin_migration(&migration).await?;
    let ongoing = ongoing.reach(MigrationStatus::PostcopyActive).await?;
    // Before that it cannot be mended.
    let destination = ongoing.destination();
    destination
        .wait_for_event("RESUME", migration.limit)
        .await?;
    test.phase("cutting the connection");
    relay.cut();
    let ongoing = ongoing.reach(MigrationStatus::PostcopyPaused).await?;
    test.phase("connecting anew");
    let ongoing = ongoing.recover_postcopy().await?;
    let ongoing = ongoing.reach(MigrationStatus::PostcopyRecover).await?;
    let moved = test.finish_migration(ongoing).await?;
    let mut session = test.log_in(&moved.vm).await?;
    // It may have waited for its memory all the time.
    load::check(test, &moved.vm, &mut session, began.elapsed()).await
}
