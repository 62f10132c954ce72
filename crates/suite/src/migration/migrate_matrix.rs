//! A machine moves under load to `qemu_dst_binary`, by each transport and in each way there is: a cell of what `virt-test migrate-matrix` draws.

use virt_test::{Stop, Test, TestResult};

use crate::migration::load;

#[virt_test::test(type_specific)]
async fn migrate_matrix(test: &mut Test) -> TestResult {
    if test.params().value("qemu_dst_binary").is_none() {
        return Err(Stop::skip(
            "no second QEMU is named (qemu_dst_binary, --dst-qemu)",
        ));
    }
    load::moves(test).await
}
