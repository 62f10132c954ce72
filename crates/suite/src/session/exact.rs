//! What every console has to be able to do.

use std::time::Duration;

use guest::Command;
use sha2::{Digest, Sha256};
use virt_test::{Client, Session, Test, TestResult, Vm, check};

/// Base time for a command that moves 64 KiB over a console.
const LIMIT: Duration = Duration::from_secs(20);

const PASTE: usize = 64 << 10;

/// Checks a console in peace and in floods.
pub(crate) async fn check_console(test: &Test, vm: &Vm, client: Client) -> TestResult {
    let session = &mut test.session_over(vm, client, None).await?;
    test.phase("typing and reading any bytes");
    check_bytes(session, PASTE).await?;
    check_long_line(session).await?;
    for flood in &FLOODS {
        test.phase(format!(
            "flooding the console with kernel messages, {}",
            flood.kind
        ));
        check_flooded(test, vm, session, client, flood).await?;
    }
    Ok(())
}

/// How the kernel is made to talk.
struct Flood {
    kind: &'static str,
    /// Between two messages.
    pause: &'static str,
    /// How many bytes are typed and read meanwhile. What the kernel leaves of a console may be little.
    bytes: usize,
}

const FLOODS: [Flood; 2] = [
    Flood {
        kind: "steady",
        pause: "sleep 0.01",
        bytes: PASTE,
    },
    Flood {
        kind: "unpaced",
        pause: ":",
        bytes: 1 << 10,
    },
];

/// While the kernel talks: output and input to the byte, and a login from the beginning.
async fn check_flooded(
    test: &Test,
    vm: &Vm,
    session: &mut Session,
    client: Client,
    flood: &Flood,
) -> TestResult {
    let message = format!("{} flood of kernel messages", flood.kind);
    start_flood(session, &message, flood.pause).await?;
    let mut messages = 0;
    // How many come meanwhile is up to the guest's scheduler.
    for _ in 0..10 {
        check_bytes(session, flood.bytes).await?;
        messages = vm.console()?.history().matches(&message).count();
        if messages > 20 {
            break;
        }
    }
    check!(messages > 20, "there were only {messages} kernel messages");
    let before = shell(session).await?;
    let left = session.run("exit").await;
    check!(left.is_err(), "a shell that was left says {left:?}");
    *session = test.session_over(vm, client, None).await?;
    let after = shell(session).await?;
    check!(before != after, "after exit it is still shell {before}");
    stop_flood(session).await
}

/// The number of the login shell's process.
async fn shell(session: &mut Session) -> TestResult<String> {
    let output = session
        .run_within(LIMIT, Command::new("echo $$").exact())
        .await?;
    Ok(output.stdout_text())
}

/// Output and input of all bytes there are, and status.
async fn check_bytes(session: &mut Session, count: usize) -> TestResult {
    let paste: Vec<u8> = (0..count).map(|n| (n ^ (n >> 8)) as u8).collect();
    let echo = Command::new("cat; echo done >&2; exit 3").input(paste.clone());
    let output = session.run_within(LIMIT, echo.exact()).await?;
    check!(
        output.stdout == paste,
        "{count} pasted bytes came back as {} others",
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

/// Where in the guest the number of the process is kept that makes the kernel talk. It cannot be printed: the flood may run right through it.
const FLOOD: &str = "/tmp/flood.pid";

/// Makes the kernel say something all the time.
async fn start_flood(session: &mut Session, message: &str, pause: &str) -> TestResult {
    // Errors are printed even by a quiet kernel, and as many as come. The shell it is begun in will be left.
    let line = format!(
        "echo on >/proc/sys/kernel/printk_devkmsg && \
         {{ setsid sh -c \"echo \\$\\$ >{FLOOD}; while :; do echo '<3>{message}' >/dev/kmsg; {pause}; done\" & }}"
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
