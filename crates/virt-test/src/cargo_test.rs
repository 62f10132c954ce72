//! A test as one of `cargo test`: the same set-up, run and clean-up, and a panic for whoever expects one.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use events::Verdict;
use report::{Console, Palette, Results};

use crate::args::{Cli, Command, RunArgs};
use crate::config::{Configuration, Files};
use crate::execute::Order;
use crate::exit::Status;
use crate::options;
use crate::profile::{self, Wanted};
use crate::sources::Sources;

/// Options of `virt-test run`, as a shell would read them.
const OPTIONS: &str = "VIRT_TEST_OPTIONS";

/// Set where this very test is started to be the accelerator probe's inner process: a test program has no command line of ours.
const PROBE: &str = "VIRT_TEST_KVM_PROBE";

/// Runs the test `name` of `module`.
///
/// # Panics
/// With the verdict and its reason, unless that is PASS, WARN or SKIP.
#[track_caller]
pub fn cargo_test(name: &'static str, module: &str) {
    if std::env::var_os(PROBE).is_some() {
        // What the test harness has printed need not have ended its line.
        println();
        host::accel::kvm_probe_child();
    }
    match run(name, module) {
        Ok(results) => judge(name, &results),
        Err(reason) => panic!("{name}: {reason}"),
    }
}

fn run(name: &'static str, module: &str) -> Result<Results, String> {
    let started = Instant::now();
    let mut args = given_options(std::env::var(OPTIONS).unwrap_or_default())?;
    // Nobody is there to be asked.
    args.no_install = true;
    let lines = options::lines(&args, &Sources::default(), None);
    let said = |_: Status| "no test was run; why is told on standard error".to_owned();
    let plan = Configuration::load(Files::of_test(name), &lines)
        .and_then(|configuration| configuration.plan())
        .map_err(said)?;
    let typed: Vec<OsString> = std::env::args_os().collect();
    let order = Order {
        args: &args,
        lines: &lines,
        typed: &typed,
        started,
        console: Box::new(Console::new(Captured, Palette::PLAIN).verbose(args.verbose)),
        kvm_probe: probe(name, module)?,
        alone: false,
    };
    Ok(order.execute(&plan).map_err(said)?.results)
}

/// The options that are given, behind those of the profile that is meant.
fn given_options(typed: String) -> Result<RunArgs, String> {
    let wrong = |why: &dyn std::fmt::Display| format!("{OPTIONS}={typed}: {why}");
    let given = shell_words::split(&typed).map_err(|error| wrong(&error))?;
    let words = ["virt-test", "run"].map(str::to_owned).into_iter();
    let words: Vec<OsString> = words.chain(given).map(OsString::from).collect();
    let parse = |words: &[OsString]| match Cli::try_parse_from(words) {
        Ok(Cli {
            command: Command::Run(args),
        }) => Ok(*args),
        Ok(_) => Err(wrong(&"expected options of `virt-test run`")),
        Err(error) => Err(wrong(&error)),
    };
    let args = parse(&words)?;
    parse(&profile::applied(&words, &args, Wanted::Tests)?)
}

/// This program again, with nothing but this test, which sees [`PROBE`].
fn probe(name: &str, module: &str) -> Result<(PathBuf, Vec<String>), String> {
    let program = std::env::current_exe()
        .map_err(|error| format!("failed to find the test program itself: {error}"))?;
    // The harness leaves the crate out of a test's path.
    let path = match module.split_once("::") {
        Some((_, module)) => format!("{module}::{name}"),
        None => name.to_owned(),
    };
    let arguments = [
        format!("{PROBE}=1"),
        program.to_string_lossy().into_owned(),
        path,
        "--exact".to_owned(),
        "--include-ignored".to_owned(),
        "--nocapture".to_owned(),
    ];
    Ok(("env".into(), arguments.into()))
}

/// Panics unless all is well; tells what is not quite.
#[track_caller]
fn judge(name: &str, results: &Results) {
    if let Some(error) = &results.setup_error {
        panic!("{name}: set-up failed: {error}");
    }
    let mut bad = String::new();
    for test in &results.tests {
        let reason = test.reason.as_deref().unwrap_or_default();
        match test.verdict {
            Some(Verdict::Pass) => {}
            Some(verdict @ (Verdict::Skip | Verdict::Warn)) => {
                // Past the harness, which would show it only for a test that fails. Nobody is left to tell if that cannot be.
                let _ = writeln!(io::stderr(), "{}: {verdict}: {reason}", test.name);
            }
            verdict => {
                let verdict = verdict.unwrap_or(Verdict::Error);
                // What is known beside the reason has been printed. Writing to a string cannot fail.
                let _ = writeln!(bad, "{}: {verdict}: {reason}", test.name);
            }
        }
    }
    assert!(!results.tests.is_empty(), "{name}: no test was run");
    assert!(bad.is_empty(), "{}", bad.trim_end());
}

/// What is written here, the test harness shows for a test that fails.
struct Captured;

impl Write for Captured {
    #[expect(
        clippy::print_stdout,
        reason = "only what the macro prints is captured by the test harness"
    )]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        print!("{}", String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn println() {
    // Nobody is left to tell if standard output is closed.
    let _ = writeln!(io::stdout());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ended(verdict: Verdict) -> Results {
        let events = [
            json!({"type": "test_started", "index": 1, "name": "kvm.boot", "dir": "/logs/1-kvm.boot"}),
            json!({"type": "test_finished", "index": 1, "name": "kvm.boot", "verdict": verdict, "elapsed_ms": 1,
                "reason": "the guest said no", "details": []}),
        ];
        let records =
            events.map(|event| json!({"seq": 0, "time": "2026-11-22T10:00:00Z", "event": event}));
        let records = records.map(|record| serde_json::from_value(record).unwrap());
        report::results(&records)
    }

    #[test]
    #[should_panic(expected = "kvm.boot: FAIL: the guest said no")]
    fn fail_is_a_panic() {
        judge("boot", &ended(Verdict::Fail));
    }

    #[test]
    #[should_panic(expected = "boot: no test was run")]
    fn nothing_run_is_a_panic() {
        judge("boot", &Results::default());
    }

    #[test]
    fn skip_and_warn_are_none() {
        judge("boot", &ended(Verdict::Skip));
        judge("boot", &ended(Verdict::Warn));
    }

    #[test]
    fn options_are_those_of_run() {
        let args = given_options("--qemu '/my qemu' --smp 4".to_owned()).unwrap();
        assert_eq!((args.qemu, args.smp), (Some("/my qemu".into()), Some(4)));
        let wrong = given_options("--no-such".to_owned()).unwrap_err();
        assert!(wrong.contains("VIRT_TEST_OPTIONS=--no-such"), "{wrong}");
    }

    #[test]
    fn the_probe_names_the_test_as_the_harness_does() {
        let (_, arguments) = probe("boot", "mine::inner").unwrap();
        assert!(arguments.contains(&"inner::boot".to_owned()));
        let (_, arguments) = probe("boot", "mine").unwrap();
        assert!(arguments.contains(&"boot".to_owned()));
    }
}
