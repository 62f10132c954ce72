//! A guest boots, lets us log in, and does as it is told.

use virt_test::{Test, TestResult, check};

#[virt_test::test]
async fn boot(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let mut session = test.session(&vm).await?;
    test.phase("logged in");
    let output = session
        .run_within(test.span("session_timeout")?, "echo $((6 * 7))")
        .await?;
    check!(
        output.status.success(),
        "the command ended with {}",
        output.status
    );
    check!(
        output.stdout_text() == "42",
        "the guest's shell says that 6 * 7 is '{}'",
        output.stdout_text()
    );
    Ok(())
}
