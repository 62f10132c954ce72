//! A machine moves to another QEMU by each transport, idle or under load, and its guest goes on: the one that was booted, with all it
//! had in memory and on disk, its clocks and its network.

use virt_test::{Test, TestResult};

use crate::migration::load;

#[virt_test::test(type_specific)]
async fn migrate(test: &mut Test) -> TestResult {
    load::moves(test).await
}
