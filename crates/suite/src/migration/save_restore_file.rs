//! A machine is saved to a file under load, ended, and started again from it: its guest goes on and misses nothing.

use std::time::Instant;

use virt_test::{Stop, Test, TestResult, check};
use vm::Vm;
use vm::migrate::{Capability, Options};
use vm::qmp::RunState;

use crate::migration::load;

#[virt_test::test(type_specific)]
async fn save_restore_file(test: &mut Test) -> TestResult {
    let name = test.main_vm_name()?;
    let vm = test.main_vm()?;
    load::booted(test, &vm).await?;
    let capabilities: Vec<String> = test.params().read("mig_capabilities")?.unwrap_or_default();
    let options = Options {
        capabilities: capabilities.into_iter().map(Capability::from).collect(),
        ..Options::default()
    };
    let destination = test.migration(&name).await?.destination;
    let file = std::path::absolute(test.dir().join("state"));
    let file = file.map_err(|error| Stop::error(format!("no place for the state: {error}")))?;
    test.phase("saving");
    let stopped = Instant::now();
    let figures = vm.save(&file, &options).await?;
    check!(
        vm.status().await? != RunState::Running,
        "the machine runs on after it was saved"
    );
    vm.destroy().await?;
    test.phase(format!("restoring: {figures}"));
    let restored = Vm::restore(vm.travelling_spec().await, &destination, &file, &options).await;
    // It is as large as the machine's memory.
    let removed = std::fs::remove_file(&file);
    removed.map_err(|error| Stop::error(format!("the state cannot be removed: {error}")))?;
    let vm = test.adopt_vm(restored?);
    vm.resume().await?;
    let standstill = stopped.elapsed();
    let mut session = test.log_in(&vm).await?;
    load::check(test, &vm, &mut session, standstill).await
}
