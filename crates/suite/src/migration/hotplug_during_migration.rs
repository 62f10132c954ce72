//! While a machine migrates QEMU plugs nothing in or out: it says so, nothing is left of the attempt, and the migration is not harmed. What
//! was plugged in before is at the destination, what was unplugged before is not, and there devices can be plugged again.

use machine::{Device, DiskBus, Nic};
use virt_test::{Stop, Test, TestResult, check};
use vm::qmp::MigrationStatus;
use vm::{PlugError, VmError};

use crate::hotplug::both_sides::{BothSides, blank_disk};
use crate::migration::{load, rounds};

#[virt_test::test(type_specific, "migrates = yes", "pcie_free_ports = 4")]
async fn hotplug_during_migration(test: &mut Test) -> TestResult {
    let name = test.main_vm_name()?;
    let vm = test.main_vm()?;
    load::booted(test, &vm).await?;
    let mut sides = BothSides::of(test, &vm).await?;
    let (gone, _) = sides.plug(Device::Rng("gone".to_owned())).await?;
    let stays = blank_disk(test, "stays", DiskBus::VirtioBlk)?;
    let (stays, _) = sides.plug(stays).await?;
    sides.unplug(&gone).await?;
    let backends = vm.backends().await?;

    let mut migration = test.migration(&name).await?;
    rounds::endless(&mut migration);
    let ongoing = vm.begin_migration(&migration).await?;
    let ongoing = ongoing.reach(MigrationStatus::Active).await?;
    test.phase("plugging and unplugging meanwhile");
    let late = vm.plug(Nic::new(vm.name(), "late")).await;
    refused("plugging a card in", late.map(drop))?;
    let late = vm.unplug(&stays).await;
    refused("unplugging a disk", late.map(drop))?;
    check!(
        vm.backends().await? == backends,
        "the attempts have left behind {:?}, and before there were {backends:?}",
        vm.backends().await?
    );
    let after = rounds::end(test, &name, ongoing).await?;

    check!(
        after.plugged().await == [stays.placed.clone()],
        "after the migration there is plugged in {:?}",
        after.plugged().await
    );
    check!(
        after.has_device("stays").await? && !after.has_device("gone").await?,
        "QEMU does not have the devices that were there before the migration"
    );
    let mut sides = BothSides::of(test, &after).await?;
    let (late, _) = sides.plug(Nic::new(after.name(), "late")).await?;
    sides.unplug(&late).await?;
    sides.unplug(&stays).await?;
    Ok(())
}

/// Was it refused, and because the machine migrates?
fn refused(what: &str, came_to: Result<(), VmError>) -> TestResult {
    match came_to {
        Err(VmError::Plug { source, .. }) if matches!(*source, PlugError::Migrating { .. }) => {
            Ok(())
        }
        other => Err(Stop::fail(format!(
            "{what} during a migration came to {other:?}"
        ))),
    }
}
