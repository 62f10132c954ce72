//! A machine moves there and back `mig_times` times under load, to a new QEMU each time, and loses nothing.

use std::time::Duration;

use virt_test::{Test, TestResult};

use crate::migration::load;

#[virt_test::test(type_specific)]
async fn migrate_pingpong(test: &mut Test) -> TestResult {
    let name = test.main_vm_name()?;
    let times: u32 = test.param("mig_times")?;
    let mut session = load::booted(test, &*test.main_vm()?).await?;
    let mut longest = Duration::ZERO;
    for _ in 0..2 * times {
        let migration = test.migration(&name).await?;
        let moved = test.migrate(&name, &migration).await?;
        longest = longest.max(moved.standstill.unwrap_or_default());
        session = test.log_in(&moved.vm).await?;
        load::run(&mut session, "true").await?;
    }
    load::check(test, &*test.main_vm()?, &mut session, longest).await
}
