//! A bit of the state is flipped on its way: the destination refuses it, and the machine runs on where it was.

use virt_test::{Stop, Test, TestResult, check};
use vm::migrate::{Flip, Relay};

use crate::migration::load;

#[virt_test::test(type_specific, "migrates = yes", "mig_protocol = unix")]
async fn migrate_bad_stream(test: &mut Test) -> TestResult {
    let name = test.main_vm_name()?;
    let vm = test.main_vm()?;
    load::booted(test, &vm).await?;
    for (what, flip) in [
        ("magic number", Flip::At(2)),
        ("version", Flip::At(6)),
        ("name of a device", Flip::In(b"\x0acpu_common\0\0".to_vec())),
    ] {
        test.phase(format!("flipping a bit of the {what}"));
        let relay = Relay::new();
        relay.flip(flip);
        let mut migration = test.migration(&name).await?;
        migration.relay = Some(relay.clone());
        let error = match vm.migrate(&migration).await {
            Ok(_) => {
                return Err(Stop::fail(format!(
                    "the machine has migrated with a bit of the {what} flipped"
                )));
            }
            Err(error) => error,
        };
        test.phase(error.to_string());
        check!(relay.has_flipped(), "nothing was flipped: {error}");
        check!(
            error.source_runs(),
            "with a bit of the {what} flipped the source does not run on: {error}"
        );
    }
    test.log_in(&vm).await?;
    let migration = test.migration(&name).await?;
    let moved = test.migrate(&name, &migration).await?;
    load::well(test, &moved).await.map(drop)
}
