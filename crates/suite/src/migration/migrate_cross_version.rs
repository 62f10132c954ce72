//! A machine moves under load to another version of QEMU (`qemu_dst_binary`), and back.

use std::time::Duration;

use virt_test::{Stop, Test, TestResult, check};

use crate::migration::load;

#[virt_test::test(type_specific, "migrates = yes")]
async fn migrate_cross_version(test: &mut Test) -> TestResult {
    if test.params().value("qemu_dst_binary").is_none() {
        return Err(Stop::skip(
            "no second QEMU is named (qemu_dst_binary, --dst-qemu)",
        ));
    }
    let name = test.main_vm_name()?;
    let mut vm = test.main_vm()?;
    let mut session = load::booted(test, &vm).await?;
    let here = vm.capabilities().version;
    let mut longest = Duration::ZERO;
    for hop in ["there", "back"] {
        let migration = test.migration(&name).await?;
        let moved = test.migrate(&name, &migration).await?;
        longest = longest.max(moved.standstill.unwrap_or_default());
        let version = vm.capabilities().version;
        let next = moved.vm.capabilities().version;
        test.phase(format!(
            "{hop}: {version} to {next}, machine {}",
            moved.vm.spec().machine
        ));
        vm = moved.vm;
        session = test.log_in(&vm).await?;
    }
    check!(
        vm.capabilities().version == here,
        "it came back to {}",
        vm.capabilities().version
    );
    load::check(test, &vm, &mut session, longest).await
}
