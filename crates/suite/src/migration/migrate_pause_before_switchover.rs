//! The source waits for us with the guest stopped and its devices not yet sent; called off there the guest goes on, let on it moves.

use virt_test::{Test, TestResult, check};
use vm::migrate::Capability;
use vm::qmp::{MigrationStatus, RunState};

use crate::migration::load;

#[virt_test::test(type_specific, "migrates = yes")]
async fn migrate_pause_before_switchover(test: &mut Test) -> TestResult {
    let name = test.main_vm_name()?;
    let vm = test.main_vm()?;
    load::booted(test, &vm).await?;
    for call_off in [true, false] {
        let mut migration = test.migration(&name).await?;
        migration
            .options
            .capabilities
            .push(Capability::PauseBeforeSwitchover);
        let ongoing = vm.begin_migration(&migration).await?;
        let ongoing = ongoing.reach(MigrationStatus::PreSwitchover).await?;
        let state = vm.status().await?;
        check!(
            state != RunState::Running,
            "the guest runs before the switch"
        );
        let there = ongoing.destination().status().await?;
        check!(
            there == RunState::Inmigrate,
            "the destination is {there} before the switch"
        );
        if call_off {
            test.phase("calling it off");
            ongoing.cancel().await?;
            test.log_in(&vm).await?;
        } else {
            let moved = test.finish_migration(ongoing).await?;
            // It stood still while we asked, too.
            load::well(test, &moved).await?;
        }
    }
    Ok(())
}
