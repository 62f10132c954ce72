//! The source is killed in the middle of a migration: that is told at once, and the destination does not take half a machine for a
//! whole one.

use virt_test::{Stop, Test, TestResult, check};
use vm::migrate::{Cause, Phase};
use vm::qmp::MigrationStatus;
use vm::{FindingKind, Rung, VmError};

use crate::migration::{load, rounds};

#[virt_test::test(type_specific, "migrates = yes")]
async fn migrate_source_killed(test: &mut Test) -> TestResult {
    let name = test.main_vm_name()?;
    let vm = test.main_vm()?;
    load::booted(test, &vm).await?;
    let mut slow = test.migration(&name).await?;
    rounds::endless(&mut slow);
    let ongoing = vm.begin_migration(&slow).await?;
    let ongoing = ongoing.reach(MigrationStatus::Active).await?;
    test.phase("killing the source");
    vm.health().expect(FindingKind::QemuExit);
    vm.end_by(Rung::Kill).await?;
    let error = match ongoing.finish().await {
        Ok(_) => return Err(Stop::fail("a machine whose QEMU was killed has migrated")),
        Err(error) => error,
    };
    test.phase(error.to_string());
    let told = matches!(
        *error.cause,
        Cause::Vm(VmError::Ended { .. } | VmError::Unwell { .. })
    );
    check!(
        told && error.phase == Phase::Active,
        "the end of the source is not told: {error}"
    );
    check!(!error.source_runs(), "the source is said to run: {error}");
    test.forget_vm(&name);
    Ok(())
}
