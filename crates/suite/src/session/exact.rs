//! What every console has to be able to do.

use std::time::Duration;

use guest::Command;
use sha2::{Digest, Sha256};
use virt_test::{Session, Stop, Test, TestResult, Vm, check};

/// Base time for a command that moves 64 KiB over a console.
const LIMIT: Duration = Duration::from_secs(20);

const PASTE: usize = 64 << 10;

/// Checks a console in peace and in a flood.
pub(crate) async fn check_console(test: &Test, vm: &Vm, session: &mut Session) -> TestResult {
    test.phase("typing and reading any bytes");
    check_bytes(session).await?;
    check_long_line(session).await?;
    test.phase("flooding the console with kernel messages");
    start_flood(session).await?;
    let mut messages = 0;
    // How many come meanwhile is up to the guest's scheduler.
    for _ in 0..10 {
        check_bytes(session).await?;
        messages = vm.console()?.history().matches(MESSAGE).count();
        if messages > 20 {
            return stop_flood(session).await;
        }
    }
    Err(Stop::fail(format!(
        "there were only {messages} kernel messages"
    )))
}

/// Output and input of all bytes there are, and status.
async fn check_bytes(session: &mut Session) -> TestResult {
    let paste: Vec<u8> = (0..PASTE).map(|n| (n ^ (n >> 8)) as u8).collect();
    let echo = Command::new("cat; echo done >&2; exit 3").input(paste.clone());
    let output = session.run_within(LIMIT, echo.exact()).await?;
    check!(
        output.stdout == paste,
        "{PASTE} pasted bytes came back as {} others",
        output.stdout.len()
    );
    check!(
        output.stderr == b"done\n",
        "standard error is {:?}",
        output.stderr_text()
    );
    let status = output.status;
    check!(
        status == guest::ExitStatus::Code(3),
        "the status is {status}"
    );
    Ok(())
}

/// A command as long as the paste, typed as it is.
async fn check_long_line(session: &mut Session) -> TestResult {
    let text: String = ('a'..='z').cycle().take(PASTE).collect();
    let line = format!("printf %s '{text}' | sha256sum");
    let output = session.run_within(LIMIT, line).await?;
    let digest = Sha256::digest(&text);
    let ours = digest
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    check!(
        output.stdout_text().contains(&ours),
        "a command of {PASTE} bytes reached the shell as another: {}",
        output.stdout_text()
    );
    Ok(())
}

/// What the kernel says all the time.
const MESSAGE: &str = "flood of kernel messages";

/// Where in the guest the number of the process is kept that makes the kernel talk. It cannot be printed: the flood may run right through it.
const FLOOD: &str = "/tmp/flood.pid";

async fn start_flood(session: &mut Session) -> TestResult {
    // Errors are printed even by a quiet kernel, and as many as come. The breath in between leaves the guest, which prints them
    // itself, some time for anything else.
    let line = format!(
        "echo on >/proc/sys/kernel/printk_devkmsg && {{ (while :; do echo '<3>{MESSAGE}' >/dev/kmsg; sleep 0.01; done) & echo $! >{FLOOD}; }}"
    );
    let output = session.run(line).await?;
    check!(output.status.success(), "the flood did not begin");
    Ok(())
}

async fn stop_flood(session: &mut Session) -> TestResult {
    let output = session.run(format!("kill $(cat {FLOOD})")).await?;
    check!(output.status.success(), "the flood cannot be ended");
    Ok(())
}
