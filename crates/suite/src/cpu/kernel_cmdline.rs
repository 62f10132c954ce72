//! The words of `kernel_params` reach the guest's kernel as they were written, after those it is booted with anyway, and it acts
//! upon them.

use virt_test::{Test, TestResult, check};

use crate::ask::ask;

#[virt_test::test]
async fn kernel_cmdline(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let mut session = vm.session(test.span("login_timeout")?).await?;
    let wanted: String = test.param("kernel_params")?;
    let line = ask(&mut session, "cat /proc/cmdline").await?;
    check!(
        line.ends_with(&format!(" {wanted}")),
        "kernel_params = {wanted}, and the guest was booted with '{line}'"
    );
    for (question, answer) in [
        ("cat /proc/sys/kernel/panic", "37"),
        ("nproc", "1"),
        ("cat /sys/devices/system/cpu/present", "0-1"),
    ] {
        let said = ask(&mut session, question).await?;
        check!(
            said == answer,
            "booted with '{wanted}', the guest answers '{question}' with '{said}'"
        );
    }
    Ok(())
}
