//! The monitor answers, its events come in order, and what it refuses is an error of its own kind.

use std::process::ExitCode;

use virt_test_client::{Error, ErrorKind, Test, TestResult, Value};

fn main() -> ExitCode {
    virt_test_client::main(events)
}

fn events(test: &Test) -> TestResult {
    let vm = test.main_vm()?;
    let status: Value = vm.qmp("query-status").call()?;
    assert_eq!(status["status"], "running");

    let since = vm.cursor()?;
    vm.pause()?;
    let stop = vm.wait_event("STOP").since(since).call()?;
    vm.resume()?;
    let resume = vm.wait_event("RESUME").since(since).call()?;
    assert!(stop.seq < resume.seq, "they came in the wrong order");

    let refused = vm.qmp("no-such-command").call::<Value>();
    match refused.as_ref().err().and_then(Error::kind) {
        Some(ErrorKind::MonitorFailed {
            class: Some(class), ..
        }) => assert_eq!(class, "CommandNotFound"),
        _ => panic!("no-such-command: {refused:?}"),
    }
    Ok(())
}
