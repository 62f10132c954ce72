//! `virt-test bench`: what virt-test costs, as ratios within one run, against the same done by hand.
//!
//! Both sides of a comparison take turns, so that a host whose speed drifts slows both.

mod by_hand;
mod clones;
mod processes;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use report::Results;

use crate::args::{BenchArgs, Measure};
use crate::execute::dirs;
use crate::exit::Status;
use crate::say;

/// No side of a comparison takes longer than this, or something is wrong.
const LIMIT: Duration = Duration::from_secs(120);

/// How often the usual tests are run each way, at most.
const SUITE_RUNS: usize = 3;

/// Tests added to a run to see what each costs.
const NOOPS: usize = 1000;

/// Programs that are run as tests for the same, and what they are.
const EXECUTABLES: usize = 100;
const NOTHING: &str = "/bin/true";

pub fn bench(args: &BenchArgs) -> Status {
    match Bench::new(args).and_then(|bench| bench.all()) {
        Ok(()) => Status::Passed,
        Err(Problem::Said(status)) => status,
        Err(Problem::New(text)) => {
            say::error(text, &[]);
            Status::Failed
        }
    }
}

enum Problem {
    Said(Status),
    New(String),
}

impl From<String> for Problem {
    fn from(text: String) -> Self {
        Problem::New(text)
    }
}

struct Bench<'a> {
    args: &'a BenchArgs,
    program: PathBuf,
    data: PathBuf,
    logs: tempfile::TempDir,
}

impl<'a> Bench<'a> {
    fn new(args: &'a BenchArgs) -> Result<Self, Problem> {
        let dirs = dirs(args.data.data_dir.as_deref()).map_err(Problem::Said)?;
        let program =
            std::env::current_exe().map_err(|e| format!("failed to find virt-test itself: {e}"))?;
        let logs = tempfile::tempdir()
            .map_err(|e| format!("failed to make a directory for results: {e}"))?;
        Ok(Self {
            args,
            program,
            data: dirs.data().to_owned(),
            logs,
        })
    }

    fn all(&self) -> Result<(), Problem> {
        let wanted = &self.args.measures;
        for measure in Measure::value_variants() {
            if wanted.is_empty() || wanted.contains(measure) {
                self.measure(*measure)?;
            }
        }
        Ok(())
    }

    fn measure(&self, measure: Measure) -> Result<(), Problem> {
        match measure {
            Measure::Boot => self.boot(),
            Measure::Clone => self.clones(),
            Measure::Rate => self.rate(),
            Measure::Memory => self.memory(),
            Measure::Forks => self.forks(),
            Measure::List => self.list_tests(),
            Measure::Noop => self.noop(),
            Measure::Executable => self.executable(),
            Measure::Suite => self.two_at_a_time(),
        }
    }

    /// A boot test, from its start to its verdict, against the same QEMU command line started by hand up to the same answer.
    fn boot(&self) -> Result<(), Problem> {
        self.run(&["--tests", "boot"])?; // Warms caches, and leaves the command line to repeat.
        let mut pairs = Vec::new();
        for _ in 0..self.args.runs {
            let results = self.run(&["--tests", "boot"])?;
            let test = results.tests.first().and_then(|test| test.elapsed_ms);
            let ours = test.ok_or_else(|| "the boot test has no time".to_owned())? as f64;
            let script = self.logs.path().join("latest");
            let script = only_test(&script)?.join("vm1").join("repro.sh");
            pairs.push((ours, by_hand::boot(&script)?.as_secs_f64() * 1000.0));
        }
        let ratios = pairs.iter().map(|(ours, hand)| ours / hand).collect();
        say::line(format!(
            "boot, start to verdict    {:8.1} ms",
            median(pairs.iter().map(|pair| pair.0).collect())
        ));
        say::line(format!(
            "  the same by hand        {:8.1} ms",
            median(pairs.iter().map(|pair| pair.1).collect())
        ));
        say::line(format!(
            "  ratio                   {:8.2}    (promised: at most 1.10)",
            median(ratios)
        ));
        Ok(())
    }

    fn list_tests(&self) -> Result<(), Problem> {
        let mut times = Vec::new();
        for _ in 0..self.args.runs {
            let start = Instant::now();
            let status = Command::new(&self.program)
                .arg("--list-tests")
                .stdout(Stdio::null())
                .status();
            if !status
                .map_err(|e| format!("failed to run virt-test: {e}"))?
                .success()
            {
                return Err("virt-test --list-tests failed".to_owned().into());
            }
            times.push(start.elapsed().as_secs_f64() * 1000.0);
        }
        say::line(format!(
            "--list-tests              {:8.1} ms (promised: at most 30)",
            median(times)
        ));
        Ok(())
    }

    /// The usual tests two at a time, against one after the other.
    fn two_at_a_time(&self) -> Result<(), Problem> {
        self.run(&["-j", "2"])?; // Makes the templates, and is remembered.
        let mut pairs = Vec::new();
        for _ in 0..self.args.runs.min(SUITE_RUNS) {
            let took = |jobs: &str| {
                let results = self.run(&["-j", jobs])?;
                let took = results.elapsed_ms.zip(results.setup_ms);
                let took = took.map(|(total, setup)| total.saturating_sub(setup) as f64);
                took.ok_or_else(|| Problem::from("a run of the usual tests has no time".to_owned()))
            };
            pairs.push((took("1")?, took("2")?));
        }
        let ratios = pairs.iter().map(|(one, two)| two / one).collect();
        say::line(format!(
            "usual tests, -j 1         {:8.1} ms",
            median(pairs.iter().map(|pair| pair.0).collect())
        ));
        say::line(format!(
            "usual tests, -j 2         {:8.1} ms",
            median(pairs.iter().map(|pair| pair.1).collect())
        ));
        say::line(format!(
            "  ratio                   {:8.2}    (promised: at most 0.60 on two idle processors)",
            median(ratios)
        ));
        Ok(())
    }

    /// What each further test costs that does nothing.
    fn noop(&self) -> Result<(), Problem> {
        let variants: String = (0..NOOPS).map(|n| format!("    - n{n}:\n")).collect();
        let config = self.logs.path().join("noops.cfg");
        std::fs::write(
            &config,
            format!("vms =\ntype = noop\nvariants:\n{variants}"),
        )
        .map_err(|e| format!("failed to write {}: {e}", config.display()))?;
        let mut times = Vec::new();
        for _ in 0..self.args.runs {
            let results = self.run(&["-c", &config.to_string_lossy()])?;
            let (Some(total), Some(setup)) = (results.elapsed_ms, results.setup_ms) else {
                return Err("the run of tests that do nothing has no time"
                    .to_owned()
                    .into());
            };
            times.push(total.saturating_sub(setup) as f64 / NOOPS as f64);
        }
        say::line(format!(
            "a test that does nothing  {:8.2} ms (promised: at most 3; a thousand of them are run)",
            median(times)
        ));
        Ok(())
    }

    fn command(&self, options: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("run")
            .args(options)
            .arg("--data-dir")
            .arg(&self.data)
            .arg("--logs-dir")
            .arg(self.logs.path());
        if let (Some(qemu), false) = (&self.args.qemu, options.contains(&"-c")) {
            command.arg("--qemu").arg(qemu);
        }
        command
    }

    /// What a test costs that is a program which does nothing, beyond what the program does by itself.
    fn executable(&self) -> Result<(), Problem> {
        let config = self.logs.path().join("executables.cfg");
        let variants: String = (0..EXECUTABLES).map(|n| format!("    - n{n}:\n")).collect();
        let text = format!("vms =\ntype = exec\nexec_path = {NOTHING}\nvariants:\n{variants}");
        std::fs::write(&config, text)
            .map_err(|e| format!("failed to write {}: {e}", config.display()))?;
        let mut pairs = Vec::new();
        for _ in 0..self.args.runs {
            let results = self.run(&["-c", &config.to_string_lossy(), "-j", "1"])?;
            let (Some(total), Some(setup)) = (results.elapsed_ms, results.setup_ms) else {
                return Err("the run of executables has no time".to_owned().into());
            };
            let start = Instant::now();
            for _ in 0..EXECUTABLES {
                let status = Command::new(NOTHING).status();
                status.map_err(|e| format!("failed to run {NOTHING}: {e}"))?;
            }
            let hand = start.elapsed().as_secs_f64() * 1000.0;
            let each = |time: f64| time / EXECUTABLES as f64;
            pairs.push((each(total.saturating_sub(setup) as f64), each(hand)));
        }
        let beyond = pairs.iter().map(|(ours, hand)| ours - hand).collect();
        say::line(format!(
            "{NOTHING} as a test       {:8.2} ms beyond its own (promised: at most 10)",
            median(beyond)
        ));
        Ok(())
    }

    fn run(&self, options: &[&str]) -> Result<Results, Problem> {
        let output = self.command(options).output();
        let output = output.map_err(|e| format!("failed to run virt-test: {e}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stdout);
            let error = String::from_utf8_lossy(&output.stderr);
            let options = options.join(" ");
            return Err(format!("virt-test run {options} failed:\n{said}{error}").into());
        }
        self.results()
    }

    /// What came of the last run.
    fn results(&self) -> Result<Results, Problem> {
        let path = self.logs.path().join("latest").join("results.json");
        let text = std::fs::read(&path);
        let text = text.map_err(|e| format!("failed to read {}: {e}", path.display()))?;
        let results = serde_json::from_slice(&text);
        Ok(results.map_err(|e| format!("{} is no results file: {e}", path.display()))?)
    }
}

/// The directory of the only test of a run.
fn only_test(run: &Path) -> Result<PathBuf, Problem> {
    let entries =
        std::fs::read_dir(run).map_err(|e| format!("failed to read {}: {e}", run.display()))?;
    let mut tests = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir());
    tests
        .next()
        .ok_or_else(|| format!("{} has no test", run.display()).into())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}
