//! Does nothing: what the harness itself costs.

use virt_test::{Test, TestResult};

#[virt_test::test]
async fn noop(_test: &mut Test) -> TestResult {
    Ok(())
}
