//! A machine's disk goes along with it over NBD while the guest writes to it, its memory before the guest or after it. Called off, nothing is left of that; done, all that was on
//! the disk is at the destination, which no longer needs the image of the source.

use virt_test::{Stop, Test, TestResult, check};
use vm::qmp::MigrationStatus;

use crate::migration::load::{self, run};
use crate::migration::rounds;

/// Where on the disk there is what the load does not write to, in MiB.
const PLACE: u32 = 64;

#[virt_test::test(type_specific)]
async fn migrate_storage_nbd(test: &mut Test) -> TestResult {
    let name = test.main_vm_name()?;
    let vm = test.main_vm()?;
    let mut session = load::booted(test, &vm).await?;
    let disk = load::first_disk(&mut session).await?;
    let fill = format!("dd if=/dev/urandom of={disk} bs=1M seek={PLACE} count=16 conv=fsync");
    run(&mut session, &fill).await?;
    let sum = format!(
        "echo 3 > /proc/sys/vm/drop_caches; dd if={disk} bs=1M skip={PLACE} count=16 2>/dev/null | sha256sum"
    );
    let before = run(&mut session, &sum).await?;

    let backends = vm.backends().await?;
    let mut slow = test.migration(&name).await?;
    rounds::endless(&mut slow);
    let ongoing = vm.begin_migration(&slow).await?;
    let ongoing = ongoing.reach(MigrationStatus::Active).await?;
    test.phase("calling it off");
    ongoing.cancel().await?;
    check!(
        vm.backends().await? == backends,
        "after the migration was called off there are {:?}, and there were {backends:?}",
        vm.backends().await?
    );

    let migration = test.migration(&name).await?;
    let moved = test.migrate(&name, &migration).await?;
    for disk in &vm.spec().disks {
        let emptied = std::fs::File::create(&disk.path);
        emptied.map_err(|error| Stop::error(format!("{}: {error}", disk.path.display())))?;
    }
    let mut session = load::well(test, &moved).await?;
    let after = run(&mut session, &sum).await?;
    check!(
        after == before,
        "what was on the disk had the sum {before}, and has {after}"
    );
    Ok(())
}
