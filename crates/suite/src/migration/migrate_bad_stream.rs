//! A bit of the state is flipped on its way, on a connection or in a file: the destination refuses it and says why, and the machine runs on
//! where it was.

use virt_test::{Stop, Test, TestResult, check};
use vm::migrate::{Flip, Relay};

use crate::migration::load;

#[virt_test::test(type_specific)]
async fn migrate_bad_stream(test: &mut Test) -> TestResult {
    let name = test.main_vm_name()?;
    let vm = test.main_vm()?;
    load::booted(test, &vm).await?;
    let device = Flip::In(b"\x0acpu_common\0\0".to_vec());
    for (what, flip, reason) in [
        ("magic number", Flip::At(2), "Not a migration stream"),
        (
            "version",
            Flip::At(6),
            "nsupported migration stream version",
        ),
        ("name of a device", device, "Unknown savevm section"),
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
        check!(
            error.to_string().contains(reason),
            "what the destination says is not told: {error}"
        );
    }
    test.log_in(&vm).await?;
    let migration = test.migration(&name).await?;
    let moved = test.migrate(&name, &migration).await?;
    load::well(test, &moved).await.map(drop)
}
