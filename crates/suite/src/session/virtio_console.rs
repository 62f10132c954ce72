//! On a virtio console, commands keep their status, output and input to the byte: any bytes, a paste of 64 KiB, and all of it, and
//! a login, while the kernel floods its console with messages, be it that one or another.

use virt_test::{Client, Test, TestResult};

#[virt_test::test]
async fn virtio_console(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    crate::session::exact::check_console(test, &vm, Client::VirtioConsole).await
}
