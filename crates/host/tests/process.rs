//! Real processes: what is started is waited for, ended, and never left behind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests, and what they share"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use host::ledger::Ledger;
use host::process::{Output, Process, ProcessId, Signal, SpawnError, Spec};

/// Longest any of these waits lasts; the loaded machine, not the code, decides how much of it is used.
const LIMIT: Duration = Duration::from_secs(60);

fn ledger() -> (tempfile::TempDir, Ledger) {
    let temp = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(temp.path()).unwrap();
    (temp, ledger)
}

fn shell(script: &str) -> Spec {
    Spec::new("sh").args(["-c", script])
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < LIMIT, "waited {LIMIT:?} for {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[tokio::test]
async fn an_exit_status_and_both_outputs_are_kept() {
    let (temp, ledger) = ledger();
    let (out, err) = (temp.path().join("out"), temp.path().join("err"));
    let spec = shell("echo out; echo err >&2; exit 3")
        .stdout(Output::File(out))
        .stderr(Output::File(err));
    let process = Process::spawn(spec, &ledger).unwrap();
    let exit = process.wait().await.unwrap();
    assert_eq!(exit.to_string(), "exited with status 3");
    assert!(!exit.success());
    assert_eq!(process.stdout_tail(100), "out\n");
    assert_eq!(process.stderr_tail(3), "rr\n");
    assert!(ledger.held().is_empty());
}

#[tokio::test]
async fn two_outputs_may_share_a_file() {
    let (temp, ledger) = ledger();
    let log = Output::File(temp.path().join("log"));
    let spec = shell("echo one; echo two >&2; echo three")
        .stdout(log.clone())
        .stderr(log);
    let process = Process::spawn(spec, &ledger).unwrap();
    process.wait().await.unwrap();
    assert_eq!(process.stderr_tail(1000), "one\ntwo\nthree\n");
}

#[tokio::test]
async fn any_number_of_tasks_may_wait_and_give_up() {
    let (_temp, ledger) = ledger();
    let process = Process::spawn(Spec::new("sleep").arg("1000"), &ledger).unwrap();
    assert!(
        tokio::time::timeout(Duration::from_millis(20), process.wait())
            .await
            .is_err()
    );
    assert_eq!(process.try_wait().unwrap(), None);
    let end = async { process.signal(Signal::TERM) };
    let (one, two, signalled) = tokio::join!(process.wait(), process.wait(), end);
    signalled.unwrap();
    assert_eq!(one.unwrap().to_string(), "was killed by SIGTERM");
    assert_eq!(two.unwrap(), process.wait().await.unwrap());
}

#[tokio::test]
async fn one_that_ignores_sigterm_is_killed_after_its_grace() {
    let (temp, ledger) = ledger();
    let ready = temp.path().join("ready");
    let script = format!(
        "trap '' TERM; : > {}; while :; do sleep 1000; done",
        ready.display()
    );
    let process = Process::spawn(shell(&script), &ledger).unwrap();
    wait_until("the trap", || ready.exists());
    let exit = process.terminate(Duration::from_millis(50)).await.unwrap();
    assert_eq!(exit.signal, Some(9));
}

#[tokio::test]
async fn dropping_kills_the_whole_group() {
    let (temp, ledger) = ledger();
    let log = temp.path().join("log");
    let spec = shell("sleep 1000 & echo $!; wait").stdout(Output::File(log.clone()));
    let process = Process::spawn(spec, &ledger).unwrap();
    let mut grandchild = None;
    wait_until("the child's pid", || {
        grandchild = fs::read_to_string(&log)
            .ok()
            .and_then(|text| text.strip_suffix('\n')?.parse().ok());
        grandchild.is_some()
    });
    let grandchild = ProcessId::of(grandchild.unwrap()).unwrap();
    let id = process.id();
    assert!(id.is_alive() && grandchild.is_alive());
    drop(process);
    assert!(!id.is_alive());
    wait_until("the grandchild's end", || !grandchild.is_alive());
    assert!(ledger.held().is_empty());
}

#[tokio::test]
async fn an_interrupted_run_ends_its_processes_whoever_holds_them() {
    let (_temp, ledger) = ledger();
    let process = Process::spawn(Spec::new("sleep").arg("1000"), &ledger).unwrap();
    assert!(ledger.give_back_all().is_empty());
    let exit = process.wait().await.unwrap();
    assert_eq!(exit.to_string(), "was killed by SIGKILL");
    assert!(ledger.held().is_empty());
}

#[tokio::test]
async fn what_the_leader_leaves_in_its_group_ends_with_it() {
    let (temp, ledger) = ledger();
    let log = temp.path().join("log");
    let process = Process::spawn(
        shell("sleep 1000 & echo $!").stdout(Output::File(log.clone())),
        &ledger,
    )
    .unwrap();
    assert!(process.wait().await.unwrap().success());
    let left: u32 = fs::read_to_string(&log).unwrap().trim().parse().unwrap();
    wait_until("the end of what was left", || {
        ProcessId::of(left).is_none_or(|id| !id.is_alive())
    });
}

#[tokio::test]
async fn what_a_session_leader_leaves_is_found_wherever_it_went() {
    // Not that of another run of this test.
    let value = std::process::id().to_string();
    let mark = ("VIRT_TEST_SURVIVORS", value.as_str());
    let (_temp, ledger) = ledger();
    // One stays in the group, one leaves the session, one is not of this process at all.
    let mut other = Command::new("sleep").arg("1000").spawn().unwrap();
    let script = shell("sleep 1000 & setsid sleep 1000 & exit 3").session();
    let process = Process::spawn(script.env(mark.0, mark.1), &ledger).unwrap();
    process.ended().await.unwrap();
    let left = process.survivors(mark);
    let pids: Vec<u32> = left.iter().map(|left| left.id.pid).collect();
    let found = left.len() == 2 && !pids.contains(&other.id());
    for left in &left {
        assert!(left.id.is_alive());
        left.kill().unwrap();
        left.ended().await.unwrap();
    }
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(found, "{left:?}");
    assert_eq!(process.survivors(mark), []);
    assert_eq!(process.wait().await.unwrap().code, Some(3));
}

#[tokio::test]
async fn a_signal_reaches_the_whole_group() {
    let (_temp, ledger) = ledger();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let script =
        "(trap 'echo inner >&7; exit' TERM; echo ready >&7; while :; do sleep 0.01; done) & wait";
    let spec = shell(script).session().fd(theirs.into(), 7);
    let process = Process::spawn(spec, &ledger).unwrap();
    let mut lines = BufReader::new(ours).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    process.signal_group(Signal::TERM).unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "inner");
    assert_eq!(process.wait().await.unwrap().signal, Some(15));
}

#[tokio::test]
async fn an_output_may_be_a_descriptor_of_ours() {
    let (_temp, ledger) = ledger();
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let spec = shell("echo $SHOULD_GO out; echo err >&2")
        .env("SHOULD_GO", "x")
        .env_remove("SHOULD_GO")
        .fd(theirs.try_clone().unwrap().into(), 1)
        .fd(theirs.into(), 2);
    let process = Process::spawn(spec, &ledger).unwrap();
    let mut text = String::new();
    ours.read_to_string(&mut text).unwrap();
    assert_eq!(text, "out\nerr\n");
    assert!(process.wait().await.unwrap().success());
}

#[tokio::test]
async fn descriptors_arrive_under_their_numbers_and_no_others_do() {
    let (temp, ledger) = ledger();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let log = temp.path().join("log");
    let leaked = UnixStream::pair().unwrap();
    rustix::io::fcntl_setfd(&leaked.0, rustix::io::FdFlags::empty()).unwrap();
    let spec =
        shell("echo hello >&7; read line <&7; echo \"$line\"; ls /proc/self/fd | tr '\\n' ' '")
            .fd(theirs.into(), 7)
            .stdout(Output::File(log.clone()));
    let process = Process::spawn(spec, &ledger).unwrap();
    let mut reader = BufReader::new(ours.try_clone().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert_eq!(line, "hello\n");
    (&ours).write_all(b"answer\n").unwrap();
    process.wait().await.unwrap();
    let text = fs::read_to_string(&log).unwrap();
    let (answer, descriptors) = text.split_once('\n').unwrap();
    assert_eq!(answer, "answer");
    assert_eq!(
        descriptors, "0 1 2 3 7 ",
        "3 is the directory that ls reads"
    );
    assert_eq!(
        reader.read(&mut [0; 1]).unwrap(),
        0,
        "our copy of its end must be closed"
    );
}

#[test]
fn what_cannot_be_started_says_why() {
    let (temp, ledger) = ledger();
    let spawn = |program: &Path| {
        Process::spawn(Spec::new(program), &ledger)
            .unwrap_err()
            .to_string()
    };
    let missing = temp.path().join("no-such-program");
    assert_eq!(
        spawn(&missing),
        format!(
            "cannot start {}: No such file or directory (os error 2)",
            missing.display()
        )
    );
    let plain = temp.path().join("plain");
    fs::write(&plain, "text").unwrap();
    assert!(spawn(&plain).contains("Permission denied"));

    let output = Output::File(temp.path().join("no/such/directory"));
    let error = Process::spawn(shell("true").stderr(output), &ledger).unwrap_err();
    assert!(matches!(error, SpawnError::Output { .. }));
    assert!(ledger.held().is_empty());
}

#[test]
fn children_started_by_short_lived_threads_live_on() {
    let (_temp, ledger) = ledger();
    let thread = std::thread::spawn(move || {
        Process::spawn(Spec::new("sleep").arg("1000"), &ledger).unwrap()
    });
    let process = thread.join().unwrap();
    // The signal, if one were sent, comes as the thread exits, which join has waited for.
    assert!(process.id().is_alive());
    assert_eq!(process.try_wait().unwrap(), None);
}

/// Not a test: what [`Driver`] runs in a program of its own, which is then killed.
#[test]
#[ignore = "run by other tests, in a process of its own"]
fn child_that_is_killed() {
    let runtime = std::env::var_os("HOST_TEST_RUNTIME").unwrap();
    let detached = std::env::var_os("HOST_TEST_DETACHED").is_some();
    let ledger = Ledger::open(Path::new(&runtime)).unwrap();
    let scratch = ledger.scratch("vm").unwrap();
    let mut spec = Spec::new("sleep").arg("1000");
    if detached {
        spec = spec.detached();
    }
    let supervised = Process::spawn(spec, &ledger).unwrap();
    // Leaves its group and its session and has no parent-death signal: only the mark tells whose it is.
    let log = scratch.path().join("log");
    // It says so itself, once it has left: until then it would go with its group.
    let script = format!(
        "setsid sh -c 'echo $$ > {}; exec sleep 1000' & wait",
        log.display()
    );
    let _daemon = Process::spawn(shell(&script), &ledger).unwrap();
    wait_until("the daemon's pid", || {
        fs::read_to_string(&log).is_ok_and(|text| text.ends_with('\n'))
    });
    let daemon = fs::read_to_string(&log).unwrap();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "PIDS {} {} {}",
        supervised.id().pid,
        daemon.trim(),
        scratch.path().display()
    )
    .unwrap();
    out.flush().unwrap();
    drop(out);
    std::thread::sleep(LIMIT * 10);
}

struct Driver {
    program: std::process::Child,
    sleep: ProcessId,
    daemon: ProcessId,
    scratch: String,
}

impl Driver {
    fn start(runtime: &Path, detached: bool) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([
            "--ignored",
            "--exact",
            "--nocapture",
            "child_that_is_killed",
        ]);
        command
            .env("HOST_TEST_RUNTIME", runtime)
            .env_remove(Ledger::MARK)
            .stdout(Stdio::piped());
        if detached {
            command.env("HOST_TEST_DETACHED", "1");
        }
        let mut program = command.spawn().unwrap();
        let lines = BufReader::new(program.stdout.take().unwrap()).lines();
        let line = lines
            .map(Result::unwrap)
            .find_map(|line| line.split_once("PIDS ").map(|(_, rest)| rest.to_owned()));
        let line = line.expect("the program says what it started");
        let words: Vec<&str> = line.split(' ').collect();
        let id = |word: &str| ProcessId::of(word.parse().unwrap()).unwrap();
        Driver {
            program,
            sleep: id(words[0]),
            daemon: id(words[1]),
            scratch: words[2].to_owned(),
        }
    }

    fn kill(&mut self) {
        self.program.kill().unwrap();
        self.program.wait().unwrap();
    }
}

#[test]
fn after_kill_9_the_kernel_ends_our_children_and_the_next_run_reaps_the_rest() {
    let temp = tempfile::tempdir().unwrap();
    let mut driver = Driver::start(temp.path(), false);
    let untouched = Ledger::reap_stale(temp.path()).unwrap();
    assert!(untouched.is_empty(), "it still lives: {untouched}");
    assert!(driver.sleep.is_alive() && driver.daemon.is_alive());

    driver.kill();
    wait_until("the parent-death signal", || !driver.sleep.is_alive());
    assert!(
        driver.daemon.is_alive(),
        "it left the group, so that there is something to reap"
    );

    let reaped = Ledger::reap_stale(temp.path()).unwrap();
    assert!(!driver.daemon.is_alive());
    assert!(!Path::new(&driver.scratch).exists());
    assert!(reaped.failures.is_empty(), "{reaped}");
    let named = format!("removed process {} (", driver.daemon.pid);
    assert!(reaped.to_string().contains(&named), "{reaped}");
    assert_eq!(
        fs::read_dir(temp.path().join("ledgers")).unwrap().count(),
        0
    );
    assert!(Ledger::reap_stale(temp.path()).unwrap().is_empty());
}

#[test]
fn a_detached_process_outlives_us_and_is_not_reaped() {
    let temp = tempfile::tempdir().unwrap();
    let mut driver = Driver::start(temp.path(), true);
    driver.kill();
    let reaped = Ledger::reap_stale(temp.path()).unwrap();
    let alive = driver.sleep.is_alive();
    let pid = rustix::process::Pid::from_raw(driver.sleep.pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
    assert!(alive);
    assert!(reaped.failures.is_empty(), "{reaped}");
}

#[test]
fn a_core_dump_is_said_so_only_if_there_is_one() {
    let (_temp, ledger) = ledger();
    let process = Process::spawn(shell("ulimit -c 0; kill -SEGV $$"), &ledger).unwrap();
    let mut exit = None;
    wait_until("its end", || {
        exit = process.try_wait().unwrap();
        exit.is_some()
    });
    assert_eq!(exit.unwrap().to_string(), "was killed by SIGSEGV");
}
