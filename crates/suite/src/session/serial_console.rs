//! On a serial console, commands keep their status, output and input to the byte: any bytes, a paste of 64 KiB, and all of it
//! while the kernel floods the console with messages.

use virt_test::{Test, TestResult};

#[virt_test::test]
async fn serial_console(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let mut session = test.log_in(&vm).await?;
    crate::session::exact::check_console(test, &vm, &mut session).await
}
