//! A message of more parts than QEMU reads is refused with an error, once, as soon as that is known, and the next one is understood;
//! meanwhile another monitor is answered.

use serde_json::json;
use virt_test::{Test, TestResult, check};

use crate::monitor::wire::Wire;

const MONITOR: &str = "qmp1";

/// Tokens that QEMU's reader of JSON accepts in one message. One token may have 64 MiB, which is out of reach: QEMU reads a
/// monitor byte by byte, less than a mebibyte in a second.
const MAX_TOKENS: usize = 2 << 20;

/// Bytes written at once.
const PART: usize = 64 << 10;

#[virt_test::test(type_specific)]
async fn qmp_oversized(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let mut wire = Wire::negotiated(&vm, MONITOR, "[]").await?;
    let message: Vec<u8> = std::iter::once(b'[')
        .chain(std::iter::repeat_n(b',', MAX_TOKENS))
        .collect();
    let mut others = 0;
    for part in message.chunks(PART) {
        wire.put(part).await?;
        vm.qmp().execute("query-status", json!({})).await?;
        others += 1;
    }
    test.phase(format!(
        "another monitor was answered {others} times meanwhile"
    ));
    let answers = wire.ask("").await?;
    let desc = answers
        .first()
        .map(|answer| answer["error"]["desc"].to_string());
    check!(
        answers.len() == 1 && desc.is_some_and(|desc| desc.contains("token count limit")),
        "{} tokens are answered with {answers:?}",
        MAX_TOKENS + 1
    );
    Ok(())
}
