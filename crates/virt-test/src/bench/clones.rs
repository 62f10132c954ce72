//! Machines that are cloned: how soon they answer, how many there can be, and what they leave behind.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use report::Results;
use sha2::{Digest, Sha256};

use super::by_hand::{self, Clone};
use super::processes::{self, Process};
use super::{Bench, LIMIT, Problem, median, only_test};
use crate::say;

/// Boots, if it were not told to do otherwise: logs in, and has the guest's shell do a sum.
const TEST: [&str; 4] = ["--tests", "boot", "--extra", "vm_start = fork"];

/// Does nothing with a machine but to have it answer.
const ANSWER: [&str; 6] = [
    "--tests",
    "noop",
    "--extra",
    "vms = vm1",
    "--extra",
    "start_vm = yes",
];

/// Clones made one after the other for one figure.
const IN_A_ROW: usize = 5;

/// Clones that live at the same time for their memory to be seen.
const TOGETHER: usize = 16;

/// How often a run is looked at.
const LOOK: Duration = Duration::from_millis(50);

impl Bench<'_> {
    /// From the wish for a machine to the guest's answer: cloned, cloned from a prepared machine, cloned by hand, and booted by hand.
    pub(super) fn clones(&self) -> Result<(), Problem> {
        self.run(&[&TEST[..], &["-j", "1"]].concat())?; // Makes the template.
        let (mut cloned, mut prepared, mut hand, mut boot) = (vec![], vec![], vec![], vec![]);
        let times = IN_A_ROW.to_string();
        for _ in 0..self.args.runs {
            let results = self.run(&[&TEST[..], &["-j", "1", "--repeat", &times]].concat())?;
            cloned.extend(answers(&results, 0)?);
            let latest = self.logs.path().join("latest");
            let machine = only_test(&latest)?.join("vm1");
            let bare = Clone::read(&machine.join("qemu-command.txt"))?;
            for _ in 0..IN_A_ROW {
                hand.push(milliseconds(bare.answers()?));
            }
            boot.push(milliseconds(by_hand::boot(&machine.join("repro.sh"))?));
            let more = (IN_A_ROW + 1).to_string();
            let options = ["-j", "1", "--prepared", "1", "--repeat", &more];
            // Nothing was prepared for the first.
            prepared.extend(answers(&self.run(&[&TEST[..], &options].concat())?, 1)?);
        }
        let (cloned, prepared) = (median(cloned), median(prepared));
        let (hand, boot) = (median(hand), median(boot));
        say::line(format!(
            "clone answers             {cloned:8.1} ms (promised: at most 100)"
        ));
        say::line(format!(
            "  prepared                {prepared:8.1} ms (promised: at most 60)"
        ));
        say::line(format!("  by hand                 {hand:8.1} ms"));
        say::line(format!(
            "  ratio                   {:8.2}    (promised: at most 1.25)",
            cloned / hand
        ));
        say::line(format!("  booted by hand          {boot:8.1} ms"));
        say::line(format!(
            "  booting to cloning      {:8.1}    (promised: at least 15)",
            boot / cloned
        ));
        Ok(())
    }

    /// Machines that are cloned, answer and are ended in a second, four at a time.
    pub(super) fn rate(&self) -> Result<(), Problem> {
        let tests = 10 * self.args.runs;
        let times = tests.to_string();
        let options = ["-m", "256", "-j", "4", "--repeat", &times];
        self.run(&[&ANSWER[..], &["-m", "256"]].concat())?;
        let results = self.run(&[&ANSWER[..], &options].concat())?;
        let took = results.elapsed_ms.zip(results.setup_ms);
        let took = took.map(|(total, setup)| total.saturating_sub(setup));
        let took = took.ok_or_else(|| "the run of clones has no time".to_owned())?;
        let rate = tests as f64 * 1000.0 / took as f64;
        say::line(format!(
            "fresh machines a second   {rate:8.1}    (promised: at least 10 on two idle processors)"
        ));
        Ok(())
    }

    /// Memory of clones that live at the same time, pages they share counted once.
    pub(super) fn memory(&self) -> Result<(), Problem> {
        let times = TOGETHER.to_string();
        let alive = [
            "--tests",
            "stop_continue",
            "-m",
            "256",
            "--extra",
            "pause_time = 20",
        ];
        self.run(&["--tests", "stop_continue", "-m", "256", "-j", "1"])?;
        let options = ["--stress", &times, "--mem-budget", "16G"];
        let mut run = self.command(&[&alive[..], &options].concat());
        let run = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut run = run.map_err(|e| format!("failed to run virt-test: {e}"))?;
        let mut most = 0;
        let start = Instant::now();
        while run.try_wait().ok().flatten().is_none() && start.elapsed() < LIMIT {
            let machines = processes::children(run.id());
            if machines.len() == TOGETHER {
                most = most.max(machines.iter().map(Process::shared_memory).sum());
            }
            thread::sleep(LOOK);
        }
        let _ = run.kill();
        let _ = run.wait();
        if most == 0 {
            return Err(format!("there were never {TOGETHER} clones at the same time").into());
        }
        let mib = most >> 20;
        say::line(format!(
            "{TOGETHER} live clones of 256 MiB  {mib:8} MiB (promised: at most 1024)"
        ));
        Ok(())
    }

    /// Clones one after the other, two at a time: what of the run has grown between a tenth of them and the last, and is the
    /// template as it was?
    pub(super) fn forks(&self) -> Result<(), Problem> {
        self.run(&[&ANSWER[..], &["-j", "1"]].concat())?;
        let machine = only_test(&self.logs.path().join("latest"))?.join("vm1");
        let template = Clone::read(&machine.join("qemu-command.txt"))?.template;
        let before = digests(&template)?;
        let times = self.args.forks.to_string();
        let mut run = self.command(&[&ANSWER[..], &["-j", "2", "--repeat", &times]].concat());
        let run = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut run = run.map_err(|e| format!("failed to run virt-test: {e}"))?;
        let (mut early, mut late): (Vec<Process>, Vec<Process>) = (vec![], vec![]);
        let status = loop {
            if let Some(status) = run.try_wait().map_err(|e| e.to_string())? {
                break status;
            }
            let done = finished(&self.logs.path().join("latest"));
            if let Some(process) = Process::of(run.id()) {
                match done * 10 / self.args.forks {
                    1 => early.push(process),
                    9 => late.push(process),
                    _ => {}
                }
            }
            thread::sleep(LOOK * 4);
        };
        if !status.success() {
            return Err(format!("a test of {times} clones did not pass: {status}").into());
        }
        let most = |of: &[Process], what: fn(&Process) -> u64| {
            of.iter().map(what).max().unwrap_or_default()
        };
        let grown = |what| most(&late, what) as i64 - most(&early, what) as i64;
        let same = digests(&template)? == before;
        say::line(format!(
            "{times} clones in a row: {} open files, {} processes, {} KiB more at the end than after a tenth; the template is {}",
            grown(|p| p.files),
            grown(|p| p.children),
            grown(|p| p.resident >> 10),
            if same { "as it was" } else { "CHANGED" }
        ));
        Ok(())
    }
}

/// For each test but the first `skipped`, the time from the wish for a clone to its answer.
fn answers(results: &Results, skipped: usize) -> Result<Vec<f64>, Problem> {
    let tests = results.tests.iter().skip(skipped);
    tests
        .map(|test| {
            let at = |wanted: &str| {
                let phase = test.phases.iter().find(|(_, phase)| phase == wanted);
                phase.map(|&(at, _)| at as f64)
            };
            let answer = at("cloning vm1").zip(at("cloned vm1"));
            let answer = answer.map(|(wish, answer)| answer - wish);
            answer.ok_or_else(|| format!("{} was not cloned", test.name).into())
        })
        .collect()
}

fn milliseconds(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}

/// Tests of a run that have come to their end.
fn finished(run: &Path) -> usize {
    let events = std::fs::read_to_string(run.join("events.jsonl")).unwrap_or_default();
    events.matches("\"test_finished\"").count()
}

fn digests(directory: &Path) -> Result<BTreeMap<String, String>, Problem> {
    let failed = |e: std::io::Error| format!("failed to read {}: {e}", directory.display());
    let mut digests = BTreeMap::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let content = std::fs::read(&path).map_err(failed)?;
        digests.insert(
            path.display().to_string(),
            format!("{:x?}", Sha256::digest(content)),
        );
    }
    Ok(digests)
}
