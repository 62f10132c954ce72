//! A machine migrates to another QEMU, and its guest has not forgotten anything.

use std::process::ExitCode;

use virt_test_client::{Test, TestResult};

fn main() -> ExitCode {
    virt_test_client::main(migrate)
}

fn migrate(test: &Test) -> TestResult {
    let vm = test.main_vm()?;
    vm.run("echo word >/tmp/word")?;
    let before = vm.info()?.pid;
    let mut migration = vm.migrate().transport("unix").start()?;
    let progress = migration.next().transpose()?;
    assert!(progress.is_some(), "there was no progress before the end");
    let figures = migration.finish()?.figures;
    assert_eq!(
        figures.map(|figures| figures.status).as_deref(),
        Some("completed")
    );
    assert_ne!(vm.info()?.pid, before, "QEMU is the same");
    assert_eq!(vm.run("cat /tmp/word")?, "word");
    Ok(())
}
