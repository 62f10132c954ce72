//! A snapshot takes the machine back to when it was made.

use std::process::ExitCode;

use virt_test_client::{Result, Test, TestResult};

fn main() -> ExitCode {
    virt_test_client::main(snapshot)
}

fn snapshot(test: &Test) -> TestResult {
    let vm = test.main_vm()?;
    let names = || -> Result<Vec<String>> {
        let snapshots = vm.list_snapshots()?;
        Ok(snapshots
            .into_iter()
            .map(|snapshot| snapshot.name)
            .collect())
    };
    vm.run("echo before >/tmp/when")?;
    vm.save_snapshot("one").call()?;
    assert_eq!(names()?, ["one"]);
    vm.run("echo after >/tmp/when")?;
    vm.load_snapshot("one").call()?;
    assert_eq!(vm.run("cat /tmp/when")?, "before");
    vm.delete_snapshot("one").call()?;
    assert!(names()?.is_empty());
    Ok(())
}
