//! A machine's state is saved as it is at one moment while its guest goes on; the guest runs on well, and the state, restored, is that
//! of the moment.

use virt_test::{Stop, Test, TestResult, check};
use vm::Vm;
use vm::migrate::{Capability, Options};

use crate::migration::load::{self, run};

// Booted, because QEMU watches writes to memory of its own only, and a clone's lies in a file.
#[virt_test::test(type_specific, "images =", "vm_start = boot", "migrates = yes")]
async fn background_snapshot(test: &mut Test) -> TestResult {
    let name = test.main_vm_name()?;
    let vm = test.main_vm()?;
    let mut session = load::booted(test, &vm).await?;
    run(&mut session, "echo before > /tmp/when").await?;
    let destination = test.migration(&name).await?.destination;
    let options = Options {
        capabilities: vec![Capability::BackgroundSnapshot],
        ..Options::default()
    };
    let file = std::path::absolute(test.dir().join("state"));
    let file = file.map_err(|error| Stop::error(format!("no place for the state: {error}")))?;
    test.phase("saving");
    let figures = vm.save(&file, &options).await?;
    test.phase(format!("saved: {figures}"));
    run(&mut session, "echo after > /tmp/when").await?;
    load::still_well(test, &vm).await?;
    vm.destroy().await?;
    test.phase("restoring");
    let restored = Vm::restore(
        vm.travelling_spec().await,
        &destination,
        &file,
        &Options::default(),
    )
    .await;
    let removed = std::fs::remove_file(&file);
    removed.map_err(|error| Stop::error(format!("the state cannot be removed: {error}")))?;
    let vm = test.adopt_vm(restored?);
    vm.resume().await?;
    let mut session = test.log_in(&vm).await?;
    let when = run(&mut session, "cat /tmp/when").await?;
    check!(when == "before", "the state saved is that from {when}");
    let output = session.run("tiny-load stop").await?;
    check!(
        output.status.success(),
        "the guest found wrong what it had written: {}",
        output.stdout_text()
    );
    Ok(())
}
