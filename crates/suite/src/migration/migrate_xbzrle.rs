//! Pages sent before are sent again as what has changed in them.

use machine::ByteSize;
use virt_test::{Test, TestResult};
use vm::migrate::Capability;

use crate::migration::{load, rounds};

#[virt_test::test(type_specific, "migrates = yes")]
async fn migrate_xbzrle(test: &mut Test) -> TestResult {
    let name = test.main_vm_name()?;
    let vm = test.main_vm()?;
    load::booted(test, &vm).await?;
    // A page of which little changes.
    let mut session = test.log_in(&vm).await?;
    let count = "(n=0; while :; do n=$((n+1)); echo $n > /tmp/next; mv /tmp/next /tmp/count; done) >/dev/null 2>&1 &";
    load::run(&mut session, count).await?;
    let mut migration = test.migration(&name).await?;
    migration.options.capabilities.push(Capability::Xbzrle);
    migration.options.parameters.xbzrle_cache_size = Some(ByteSize::mib(64));
    rounds::migrate(test, &name, migration, |figures| {
        figures
            .xbzrle_cache
            .as_ref()
            .is_some_and(|cache| cache.pages > 0)
    })
    .await
}
