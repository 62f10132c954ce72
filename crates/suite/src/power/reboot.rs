//! A guest reboots, by each of `reboot_methods`: by its own command (`shell`), by its agent (`agent`), and by QEMU's
//! `system_reset`. QEMU says RESET, and the guest that answers afterwards is one that has just booted: another boot id, and an uptime that went back.

use std::time::Instant;

use guest::agent::ShutdownMode;
use virt_test::{Stop, Test, TestResult, check};
use vm::Session;

#[virt_test::test]
async fn reboot(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let mut session = test.log_in(&vm).await?;
    for method in test.param::<Vec<String>>("reboot_methods")? {
        let before = Life::of(test, &mut session).await?;
        let cursor = vm.cursor();
        test.phase(format!("rebooting {} by {method}", vm.name()));
        match method.as_str() {
            "shell" => {
                let command: String = test.param("reboot_command")?;
                // The command never ends: the guest is gone before.
                let reset = vm.wait_for_event_since(cursor, "RESET", test.span("reboot_timeout")?);
                tokio::select! {
                    biased;
                    reset = reset => { reset?; }
                    output = session.run_within(test.span("reboot_timeout")?, &command) => {
                        let output = output?;
                        check!(crate::power::farewell::is_well(&output), "{command} ended with {}: {}", output.status, output.stdout_text());
                    }
                }
            }
            "agent" => {
                let limit = test.span("reboot_timeout")?;
                let reset = vm.wait_for_event_since(cursor, "RESET", limit);
                let agent = vm.wait_for_agent(limit).await?;
                let asked = agent
                    .shutdown(ShutdownMode::Reboot, reset, vm.limit(limit))
                    .await;
                asked.map_err(|error| Stop::fail(error.to_string()))??;
            }
            "system_reset" => vm.reset().await?,
            other => return Err(Stop::error(format!("reboot_methods names '{other}'"))),
        }
        vm.wait_for_event_since(cursor, "RESET", test.span("reboot_timeout")?)
            .await?;
        test.phase(format!("booting {} again", vm.name()));
        session = test.log_in(&vm).await?;
        let after = Life::of(test, &mut session).await?;
        check!(
            after.boot_id != before.boot_id,
            "after a reboot by {method} the boot id is still {}",
            after.boot_id
        );
        // Had it not rebooted, it would have been up for as long as passed in between on top of what it was.
        let without = before.uptime + (after.seen - before.seen).as_secs_f64();
        check!(
            after.uptime < without - before.uptime / 2.0,
            "after a reboot by {method} the uptime is {} s, and {without:.2} s without one",
            after.uptime
        );
    }
    Ok(())
}

/// Which of its lives a guest is in.
struct Life {
    boot_id: String,
    uptime: f64,
    seen: Instant,
}

impl Life {
    async fn of(test: &Test, session: &mut Session) -> TestResult<Self> {
        let command = "cat /proc/sys/kernel/random/boot_id /proc/uptime";
        let output = session
            .run_within(test.span("session_timeout")?, command)
            .await?
            .stdout_text();
        let mut words = output.split_whitespace();
        match (
            words.next(),
            words.next().and_then(|uptime| uptime.parse().ok()),
        ) {
            (Some(boot_id), Some(uptime)) => Ok(Self {
                boot_id: boot_id.to_owned(),
                uptime,
                seen: Instant::now(),
            }),
            _ => Err(Stop::fail(format!(
                "the guest answers '{command}' with '{output}'"
            ))),
        }
    }
}
