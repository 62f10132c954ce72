//! Asking the guest something that it has to know.

use virt_test::{Stop, TestResult};
use vm::Session;

/// What a command of the guest prints; FAIL where it fails.
pub(crate) async fn ask(session: &mut Session, command: &str) -> TestResult<String> {
    let output = session.run(command).await?;
    if !output.status.success() {
        return Err(Stop::fail(format!(
            "the guest's '{command}' ended with {}: {}{}",
            output.status,
            output.stdout_text(),
            String::from_utf8_lossy(&output.stderr)
        )));
    }
    Ok(output.stdout_text())
}

/// As [`ask`], where the answer is a number.
pub(crate) async fn ask_number(session: &mut Session, command: &str) -> TestResult<f64> {
    let text = ask(session, command).await?;
    text.trim()
        .parse()
        .map_err(|_| Stop::fail(format!("the guest answers '{command}' with '{text}'")))
}
