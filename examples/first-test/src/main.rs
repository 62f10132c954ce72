//! A guest can use the memory its machine was given.

use std::process::ExitCode;

use virt_test::{Test, TestResult, check};

#[virt_test::test]
async fn guest_memory(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let mut session = test.log_in(&vm).await?;
    let command = "awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo";
    let seen = session.run(command).await?.stdout_text();
    let given: f64 = test.param("mem")?;
    let least = given * test.param::<f64>("least_share")? / 100.0;
    check!(
        seen.parse()
            .is_ok_and(|seen: f64| (least..=given).contains(&seen)),
        "of {given} MiB the guest sees '{seen}', and should see at least {least}"
    );
    Ok(())
}

fn main() -> ExitCode {
    virt_test::main()
}
