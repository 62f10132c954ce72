//! A guest powers off, by each of `shutdown_methods`: by its own command (`shell`), by its agent (`agent`), and when the power button is pressed
//! (`system_powerdown`). QEMU says SHUTDOWN, by the guest's will, and ends without an error.

use guest::agent::ShutdownMode;
use virt_test::{Stop, Test, TestResult, check};

#[virt_test::test]
async fn shutdown(test: &mut Test) -> TestResult {
    for method in test.param::<Vec<String>>("shutdown_methods")? {
        let name = test.main_vm_name()?;
        let vm = test.running_vm(&name).await?;
        let mut session = test.log_in(&vm).await?;
        let before = vm.cursor();
        test.phase(format!("shutting {name} down by {method}"));
        match method.as_str() {
            "shell" => {
                let command: String = test.param("shutdown_command")?;
                // Whether the command's exit status comes through before the end is nothing to wait for.
                let end = vm.wait_exit(test.span("shutdown_timeout")?);
                tokio::select! {
                    biased;
                    report = end => { report?; }
                    output = session.run_within(test.span("shutdown_timeout")?, &command) => {
                        if let Ok(output) = output {
                            check!(crate::power::farewell::is_well(&output), "{command} ended with {}: {}", output.status, output.stdout_text());
                        }
                    }
                }
            }
            "agent" => {
                let limit = test.span("shutdown_timeout")?;
                let end = vm.wait_exit(limit);
                let agent = vm.wait_for_agent(limit).await?;
                let asked = agent
                    .shutdown(ShutdownMode::PowerDown, end, vm.limit(limit))
                    .await;
                asked.map_err(|error| Stop::fail(error.to_string()))??;
            }
            "system_powerdown" => vm.powerdown().await?,
            other => return Err(Stop::error(format!("shutdown_methods names '{other}'"))),
        }
        let report = vm.wait_exit(test.span("shutdown_timeout")?).await?;
        let events: Vec<String> = vm
            .qmp()
            .events()
            .since(before)
            .into_iter()
            .map(|event| event.name)
            .collect();
        let pressed = events.iter().any(|event| event == "POWERDOWN");
        check!(
            pressed == (method == "system_powerdown"),
            "by {method}, the power button was {}pressed",
            if pressed { "" } else { "not " }
        );
        let Some(reason) = &report.shutdown else {
            return Err(Stop::fail(format!(
                "by {method}, QEMU ended without a SHUTDOWN event: {report}"
            )));
        };
        check!(
            reason.guest,
            "by {method}, it was not the guest that shut down but '{}'",
            reason.reason
        );
        check!(report.exit.success(), "by {method}, QEMU {}", report.exit);
        test.forget_vm(&name);
    }
    Ok(())
}
