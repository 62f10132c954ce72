//! Commands of the user's, run on the host before and after a test.

use std::path::Path;
use std::time::Duration;

use host::ledger::Ledger;
use host::process::{Output, Process, Spec};
use tracing::{info, warn};

use crate::verdict::chain;
use crate::{Stop, Test, TestResult};

/// Most of a command's output that goes to the log, in bytes.
const LOGGED: u64 = 1 << 20;

/// Lines of a command's output that are told with its failure.
const TOLD: usize = 10;

/// The keys of a command.
struct Hook {
    command: &'static str,
    timeout: &'static str,
    noncritical: &'static str,
}

const BEFORE: Hook = Hook {
    command: "pre_command",
    timeout: "pre_command_timeout",
    noncritical: "pre_command_noncritical",
};

const AFTER: Hook = Hook {
    command: "post_command",
    timeout: "post_command_timeout",
    noncritical: "post_command_noncritical",
};

/// Runs `pre_command`.
///
/// # Errors
/// ERROR where it fails, unless it is noncritical.
pub(crate) async fn before(test: &mut Test) -> TestResult {
    test.begun = true;
    run(test, &BEFORE).await
}

/// Runs `post_command`, whatever the end of a test that has begun; its failure spoils only a PASS.
pub(crate) async fn after(test: &mut Test, outcome: TestResult) -> TestResult {
    if !test.begun {
        return outcome;
    }
    let after = run(test, &AFTER).await;
    match (outcome, after) {
        (Ok(()), after) => after,
        (Err(stop), Err(after)) => Err(stop.detail(after.reason)),
        (Err(stop), Ok(())) => Err(stop),
    }
}

async fn run(test: &mut Test, hook: &Hook) -> TestResult {
    let Some(command) = test.params().value(hook.command) else {
        return Ok(());
    };
    if command.trim().is_empty() {
        return Ok(());
    }
    let command = command.to_owned();
    let limit = test.env.deadlines.scaled(test.span(hook.timeout)?);
    test.phase(format!("running {}", hook.command));
    let file = test.dir().join(format!("{}.out", hook.command));
    let place = Place {
        ledger: &test.env.ledger,
        dir: test.dir(),
        file: &file,
    };
    let ended = execute(place, hook.command, &command, limit).await;
    match ended {
        Err(stop) if test.params().flag(hook.noncritical)? => {
            test.warn(stop.reason);
            Ok(())
        }
        ended => ended,
    }
}

/// Where a command is run.
pub(crate) struct Place<'a> {
    pub ledger: &'a Ledger,
    /// Its working directory.
    pub dir: &'a Path,
    /// Where its output is, as long as it runs.
    pub file: &'a Path,
}

/// Runs a command by the shell in a process group of its own, which is killed when `limit` has passed.
pub(crate) async fn execute(
    Place { ledger, dir, file }: Place<'_>,
    name: &str,
    command: &str,
    limit: Duration,
) -> TestResult {
    let shell = Spec::new("/bin/sh")
        .arg("-c")
        .arg(command)
        .current_dir(dir)
        .stdout(Output::File(file.to_owned()))
        .stderr(Output::File(file.to_owned()));
    info!("{name}: {command}");
    let error = |error: &dyn std::error::Error| Stop::error(format!("{name}: {}", chain(error)));
    let process = Process::spawn(shell, ledger).map_err(|e| error(&e))?;
    let exit = match tokio::time::timeout(limit, process.wait()).await {
        Ok(exit) => Some(exit.map_err(|e| error(&e))?),
        Err(_) => {
            process.kill().map_err(|e| error(&e))?;
            process.wait().await.map_err(|e| error(&e))?;
            None
        }
    };
    let output = process.stdout_tail(LOGGED);
    for line in output.lines() {
        info!("{name}| {line}");
    }
    if let Err(error) = std::fs::remove_file(file) {
        warn!("failed to remove {}: {error}", file.display());
    }
    let reason = match exit {
        Some(exit) if exit.success() => return Ok(()),
        Some(exit) => format!("{name} `{command}` {exit}"),
        None => format!(
            "{name} `{command}` took longer than {:.1} s and was killed ({name}_timeout, stretched by the host's speed)",
            limit.as_secs_f64(),
        ),
    };
    let lines: Vec<&str> = output.lines().collect();
    let told = &lines[lines.len().saturating_sub(TOLD)..];
    Err(Stop::error(reason).detail(told.join("\n")))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Instant;

    use events::Verdict;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::process::{Pid, PidfdFlags, pidfd_open};

    use super::*;

    async fn executed(command: &str, limit: Duration) -> (TestResult, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let runtime = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(runtime.path()).unwrap();
        let place = Place {
            ledger: &ledger,
            dir: dir.path(),
            file: &dir.path().join("pre_command.out"),
        };
        let result = execute(place, "pre_command", command, limit).await;
        (result, dir)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_command_runs_by_the_shell_in_the_directory_of_the_test() {
        let (result, dir) = executed("echo $((6 * 7)) > answer", LONG).await;
        assert_eq!(result, Ok(()));
        assert_eq!(
            fs::read_to_string(dir.path().join("answer")).unwrap(),
            "42\n"
        );
        assert!(!dir.path().join("pre_command.out").exists());
    }

    #[tokio::test]
    async fn a_failing_command_is_an_error_with_its_status_and_last_words() {
        let (result, _dir) = executed("echo no such bridge >&2; exit 3", LONG).await;
        let stop = result.unwrap_err();
        assert_eq!(stop.verdict, Verdict::Error);
        assert!(stop.reason.ends_with("exited with status 3"), "{stop}");
        assert_eq!(stop.details, ["no such bridge"]);
    }

    #[tokio::test]
    async fn a_command_that_takes_too_long_is_killed_with_all_it_started() {
        let started = Instant::now();
        let command = "sleep 1000 & echo $!; wait";
        let (result, _dir) = executed(command, Duration::from_secs(1)).await;
        let stop = result.unwrap_err();
        assert!(stop.reason.contains("took longer than 1.0 s"), "{stop}");
        assert!(started.elapsed() < LONG);
        // Killed with its parent, though it may be dying still: what is gone has no descriptor.
        let pid = stop.details[0]
            .parse()
            .ok()
            .and_then(Pid::from_raw)
            .unwrap();
        if let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) {
            let mut ends = [PollFd::new(&process, PollFlags::IN)];
            let limit = Timespec::try_from(LONG).unwrap();
            assert_eq!(poll(&mut ends, Some(&limit)), Ok(1), "{pid:?} lives on");
        }
    }
}
