//! Two machines cloned from one are two: hardware addresses, machine-id, random numbers and the keys of their SSH servers differ, both clocks are
//! right, what one writes to its disk or its file system the other does not have, and on a network they have in common they find
//! each other. So it is after one of them has rebooted.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use virt_test::{Session, Test, TestResult, check};

/// What no two machines have in common, not one line of it.
const DIFFERS: [&str; 4] = [
    "cat /sys/class/net/e*/address",
    "cat /etc/machine-id",
    "head -c 16 /dev/urandom | md5sum",
    "cd /etc/dropbear && md5sum *_host_key",
];

#[virt_test::test]
async fn two_clones(test: &mut Test) -> TestResult {
    let (vm1, vm2) = (test.vm("vm1")?, test.vm("vm2")?);
    let (mut one, mut two) = (test.session(&vm1).await?, test.session(&vm2).await?);
    for command in DIFFERS {
        let (of_one, of_two) = (
            said(&mut one, command).await?,
            said(&mut two, command).await?,
        );
        let common = of_one
            .lines()
            .find(|line| of_two.lines().any(|l| l == *line));
        check!(
            !of_one.is_empty() && common.is_none(),
            "of both, '{command}' says '{}'",
            common.unwrap_or_default()
        );
    }
    for (name, session) in [("vm1", &mut one), ("vm2", &mut two)] {
        let ours = SystemTime::now();
        let clock = said(session, "date +%s").await?.parse().unwrap_or_default();
        let clock = UNIX_EPOCH + Duration::from_secs(clock);
        let apart = match clock.duration_since(ours) {
            Ok(ahead) => ahead,
            Err(behind) => behind.duration(),
        };
        check!(
            apart < test.span("session_timeout")?,
            "the clock of {name} is {apart:?} from ours"
        );
    }
    said(
        &mut one,
        "echo mine > /tmp/mine; echo mine | dd of=/dev/vda conv=fsync 2>/dev/null",
    )
    .await?;
    let seen = said(
        &mut two,
        "ls /tmp/mine 2>/dev/null; head -c 4 /dev/vda | tr -d '\\0'",
    )
    .await?;
    check!(
        seen.is_empty(),
        "what one has written the other has as '{seen}'"
    );
    ping(test, &mut two).await?;

    let hardware = said(&mut one, DIFFERS[0]).await?;
    test.phase("rebooting vm1");
    vm1.reset().await?;
    let mut one = test.session(&vm1).await?;
    let now = said(&mut one, DIFFERS[0]).await?;
    check!(
        now == hardware,
        "after a reboot vm1 has the addresses '{now}', not '{hardware}'"
    );
    ping(test, &mut two).await
}

/// vm1 answers on the network that both are on.
async fn ping(test: &Test, from: &mut Session) -> TestResult {
    let to = test.address_of("vm1", "lan")?;
    let pinged = said(from, &format!("ping -c 2 -i 0.1 {to}")).await?;
    check!(
        pinged.contains(" 0% packet loss"),
        "ping of {to} says {pinged}"
    );
    Ok(())
}

async fn said(session: &mut Session, command: &str) -> TestResult<String> {
    let output = session.run(command).await?;
    check!(
        output.status.success() || command.starts_with("ls"),
        "'{command}' ended with {}: {}",
        output.status,
        output.stdout_text()
    );
    Ok(output.stdout_text())
}
