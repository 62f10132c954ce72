//! The guest boots, and knows what it is.

use std::process::ExitCode;

use virt_test_client::{Test, TestResult};

fn main() -> ExitCode {
    virt_test_client::main(boot)
}

fn boot(test: &Test) -> TestResult {
    let vm = test.main_vm()?;
    assert_eq!(vm.run("uname -s")?, "Linux");
    let uptime = vm.run("cat /proc/uptime")?;
    let seconds: f64 = uptime.split(' ').next().unwrap_or_default().parse()?;
    assert!(seconds > 0.0, "/proc/uptime says {uptime}");
    Ok(())
}
