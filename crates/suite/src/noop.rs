//! Does nothing: what the harness itself costs.

use harness::{Test, TestResult};

async fn noop(_test: &mut Test) -> TestResult {
    Ok(())
}
harness::register!(noop);
