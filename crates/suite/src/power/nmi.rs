//! `inject-nmi` reaches the guest: its boot CPU, which firmware wires the line to, counts one interrupt more, no other CPU more than one,
//! and the guest goes on.

use virt_test::{Stop, Test, TestResult, check};
use vm::Session;

use crate::ask::ask;

#[virt_test::test(type_specific, "smp = 2", "requires_qmp = inject-nmi")]
async fn nmi(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let mut session = vm.session(test.span("login_timeout")?).await?;
    for round in 1..=3 {
        let before = counts(&mut session).await?;
        vm.nmi().await?;
        let wanted = before[0] + 1;
        // An interrupt takes its moment to arrive.
        let arrived = format!(
            "n=0; until [ $(awk '/NMI:/ {{ print $2 }}' /proc/interrupts) -ge {wanted} ] || [ $((n += 1)) -gt 100 ]; do usleep 20000; done"
        );
        ask(&mut session, &arrived).await?;
        let after = counts(&mut session).await?;
        check!(
            after[0] == wanted && after[1] <= before[1] + 1,
            "NMI {round} takes the CPUs' counts from {before:?} to {after:?}"
        );
    }
    Ok(())
}

/// NMIs each CPU has had.
async fn counts(session: &mut Session) -> TestResult<Vec<u64>> {
    let line = ask(session, "grep NMI: /proc/interrupts").await?;
    let words = line.split_whitespace().skip(1);
    let counts: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
    if counts.len() == 2 {
        Ok(counts)
    } else {
        Err(Stop::fail(format!(
            "the guest has two CPUs, and counts NMIs as '{line}'"
        )))
    }
}
