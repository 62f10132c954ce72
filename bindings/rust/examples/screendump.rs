//! What the graphics card shows comes as a picture.

use std::fs;
use std::process::ExitCode;

use virt_test_client::{Test, TestResult};

fn main() -> ExitCode {
    virt_test_client::main(screendump)
}

fn screendump(test: &Test) -> TestResult {
    let vm = test.main_vm()?;
    let dump = vm.screendump().call()?;
    let picture = fs::read(&dump.file)?;
    let is_picture = picture.starts_with(b"P6") || picture.starts_with(b"\x89PNG");
    assert!(is_picture, "{} is no picture", dump.file);
    assert!(dump.width > 0 && dump.height > 0, "it is {dump:?}");
    Ok(())
}
