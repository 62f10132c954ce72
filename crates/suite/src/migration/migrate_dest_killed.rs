//! The destination is killed in the middle of a migration: the machine runs on where it was, the error says in which phase that was and how
//! the destination ended, and the machine moves on a second try. By every transport.

use virt_test::{Stop, Test, TestResult, check};
use vm::Rung;
use vm::migrate::Phase;
use vm::qmp::MigrationStatus;

use crate::migration::{load, rounds};

#[virt_test::test(type_specific)]
async fn migrate_dest_killed(test: &mut Test) -> TestResult {
    let name = test.main_vm_name()?;
    let vm = test.main_vm()?;
    load::booted(test, &vm).await?;
    let mut slow = test.migration(&name).await?;
    rounds::endless(&mut slow);
    let ongoing = vm.begin_migration(&slow).await?;
    let ongoing = ongoing.reach(MigrationStatus::Active).await?;
    test.phase("killing the destination");
    ongoing.destination().end_by(Rung::Kill).await?;
    let error = match ongoing.finish().await {
        Ok(_) => {
            return Err(Stop::fail(
                "the machine has migrated to a QEMU that was killed",
            ));
        }
        Err(error) => error,
    };
    test.phase(error.to_string());
    check!(error.source_runs(), "the source does not run on: {error}");
    // Whichever side was heard of first.
    let told = error.to_string().contains("SIGKILL");
    check!(
        told && error.phase == Phase::Active,
        "in which phase the destination ended, and how, is not told: {error}"
    );
    test.log_in(&vm).await?;
    let migration = test.migration(&name).await?;
    let moved = test.migrate(&name, &migration).await?;
    load::well(test, &moved).await.map(drop)
}
