//! The monitor answers what it is asked, and says so when it does not know what that is.

use serde_json::json;
use virt_test::{Stop, Test, TestResult, check};
use vm::qmp::QmpError;

#[virt_test::test(type_specific)]
async fn qmp_command(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let status = vm.qmp().execute("query-status", json!({})).await?;
    check!(
        status["status"] == "running",
        "query-status answers {status}"
    );
    match vm.qmp().execute("no-such-command", json!({})).await {
        Err(QmpError::Refused { class, .. }) if class == "CommandNotFound" => Ok(()),
        other => Err(Stop::fail(format!(
            "an unknown command is answered with {other:?}"
        ))),
    }
}
