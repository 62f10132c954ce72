//! The vocabulary: what can be said about a run.

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One line of `events.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Position in the stream, from 0, without gaps.
    pub seq: u64,
    /// Wall-clock time of the event, UTC.
    pub time: Timestamp,
    /// What happened.
    pub event: Event,
}

/// What happened. Times are milliseconds since the start of the thing they belong to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// First event of every stream.
    RunStarted {
        /// [`crate::FORMAT`] of the stream.
        format: u32,
        /// Version of virt-test.
        version: String,
        /// The command line, as typed.
        argv: Vec<String>,
        /// Process id of virt-test.
        pid: u32,
        /// Where guests, packages and caches live.
        data_dir: PathBuf,
        /// Directory of this run, which holds the stream itself.
        run_dir: PathBuf,
        /// The lines of Cartesian text the options were compiled to.
        config: Vec<String>,
    },
    /// Something that takes a while during set-up has begun.
    SetupStep {
        /// What is being done, such as `building guest JeOS.tiny.x86_64`.
        what: String,
    },
    /// Something a run that ended badly had left behind was removed.
    Reaped {
        /// What it was, such as `process 1234 (qemu-system-x86_64)`.
        what: String,
    },
    /// Something is not as it could be, and the run goes on without it. Said once a run, however many tests it is about.
    Notice {
        /// What, and why.
        what: String,
    },
    /// How guests will be run, and why.
    Accelerator {
        /// `kvm` or `tcg`.
        accel: String,
        /// The whole sentence, such as `tcg (no /dev/kvm)`.
        description: String,
    },
    /// A QEMU binary that tests will use.
    Qemu {
        /// The binary.
        path: PathBuf,
        /// Its version, such as `7.2.22`.
        version: String,
    },
    /// Set-up came to its end.
    SetupFinished {
        /// How long it took.
        elapsed_ms: u64,
        /// Why it failed, if it did.
        error: Option<String>,
        /// What may mend it.
        hints: Vec<String>,
    },
    /// What will be run. A further one adds tests to those before.
    Planned {
        /// How many at a time, at most.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        jobs: Option<usize>,
        /// The seed by which they are shuffled, if they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shuffle: Option<String>,
        /// In the order of the configuration; they begin in any.
        tests: Vec<TestPlan>,
    },
    /// A test begins.
    TestStarted {
        /// From 1.
        index: usize,
        /// Its name.
        name: String,
        /// Where its evidence goes.
        dir: PathBuf,
        /// Which time it is run, from 1, where it is run more than once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        round: Option<usize>,
    },
    /// A test that has not passed is tried again: what came of the attempt that has ended.
    TestRetried {
        /// From 1.
        index: usize,
        /// Its name.
        name: String,
        /// The attempt that has ended, from 1.
        attempt: usize,
        /// What its verdict would have been.
        verdict: Verdict,
        /// How long it took.
        elapsed_ms: u64,
        /// Why it did not pass.
        reason: Option<String>,
        /// What may help.
        details: Vec<String>,
        /// Where the evidence of the next attempt goes.
        dir: PathBuf,
    },
    /// A test takes longer than is usual.
    TestSlow {
        /// From 1.
        index: usize,
        /// Milliseconds since the test began.
        elapsed_ms: u64,
        /// The last line each of its guests has said, after the name of the machine.
        last_lines: Vec<String>,
    },
    /// A test entered a phase, for the live line and the timeline.
    TestPhase {
        /// From 1.
        index: usize,
        /// Milliseconds since the test began.
        at_ms: u64,
        /// Such as `booting vm1`.
        phase: String,
    },
    /// A machine of a test is migrating: told when its status changes, and about twice a second.
    MigrationProgress {
        /// From 1.
        index: usize,
        /// Milliseconds since the test began.
        at_ms: u64,
        /// The machine.
        machine: String,
        /// How far it has come, and how it fares.
        figures: MigrationFigures,
    },
    /// A migration of a machine of a test has ended, in whatever way.
    Migrated {
        /// From 1.
        index: usize,
        /// Milliseconds since the test began.
        at_ms: u64,
        /// How it was.
        migration: Migration,
    },
    /// A part of a test has come to its end.
    SubResult {
        /// From 1.
        index: usize,
        /// What part.
        name: String,
        /// Its verdict.
        verdict: Verdict,
        /// Why it did not simply pass.
        reason: Option<String>,
    },
    /// A test has its verdict and has been cleaned up.
    TestFinished {
        /// From 1.
        index: usize,
        /// Its name.
        name: String,
        /// The verdict.
        verdict: Verdict,
        /// From its start to its verdict, cleaned up.
        elapsed_ms: u64,
        /// Why it did not simply pass.
        reason: Option<String>,
        /// What may help: hints, and the last words of guest and monitor.
        details: Vec<String>,
        /// Attempts it took, where it was more than one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempts: Option<usize>,
        /// Did it pass only after an attempt that did not?
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        flaky: bool,
    },
    /// No more tests begin, though there are some left.
    Stopping {
        /// Why, such as `1 test has failed`.
        reason: String,
    },
    /// Somebody asked what is going on.
    Status {
        /// The tests that run, by index.
        tests: Vec<TestStatus>,
    },
    /// The run and its guests stand still (`true`) or go on (`false`), as somebody asked.
    Paused {
        /// Do they stand still?
        paused: bool,
        /// How many guests that is about.
        guests: usize,
    },
    /// The user or the system asked the run to stop.
    Interrupted {
        /// Such as `SIGINT`.
        signal: String,
    },
    /// Last event of every stream that came to an end.
    RunFinished {
        /// From the start of the program.
        elapsed_ms: u64,
        /// How many tests ended how.
        counts: Counts,
        /// Exit status of the program.
        exit_status: u8,
    },
    /// An event type this version does not know.
    #[serde(other)]
    Unknown,
}

/// A test that will be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestPlan {
    /// From 1.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Which time it is run, from 1, where it is run more than once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<usize>,
}

/// A migration that has ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Migration {
    /// The machine.
    pub machine: String,
    /// How its state travelled, such as `unix`.
    pub transport: String,
    /// Version of the QEMU it came from.
    pub from: String,
    /// Version of the QEMU it went to.
    pub to: String,
    /// The type of the machine, such as `pc-q35-7.2`.
    pub machine_type: String,
    /// What the source said at the end.
    pub figures: MigrationFigures,
    /// From the stop of the guest's CPUs to their going on, milliseconds, by the times of QEMU's events; absent if they did not run.
    pub standstill_ms: Option<u64>,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

/// How a migration fares. What QEMU does not tell, or not yet, is absent or 0.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MigrationFigures {
    /// As QEMU names it, such as `active`.
    pub status: String,
    /// Bytes of memory sent.
    pub transferred: u64,
    /// Bytes of memory still to be sent.
    pub remaining: u64,
    /// Bytes of memory there are.
    pub total: u64,
    /// Throughput in megabits a second.
    pub mbps: f64,
    /// How often the pages written to were collected: rounds of copying.
    pub rounds: u64,
    /// From its beginning until now, or to its end, milliseconds.
    pub total_ms: Option<u64>,
    /// How long the guest stood still by the source's account, milliseconds.
    pub downtime_ms: Option<u64>,
}

/// What a test is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestStatus {
    /// From 1.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Milliseconds since it began.
    pub elapsed_ms: u64,
    /// The phase it is in, such as `booting vm1`.
    pub phase: String,
    /// Its machines that run.
    pub machines: Vec<MachineStatus>,
}

/// What a machine is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineStatus {
    /// Its name.
    pub name: String,
    /// Process id of its QEMU.
    pub pid: u32,
    /// Its state as QEMU names it, such as `running`; `None` where QEMU does not answer at once.
    pub state: Option<String>,
    /// The last line its guest has said.
    pub last_line: Option<String>,
}

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// What the test asserts holds.
    Pass,
    /// It holds, but something deserves a look.
    Warn,
    /// Not run: the host, the QEMU binary or the configuration lacks something, which the reason names.
    Skip,
    /// The guest or QEMU did not do what the test asserts.
    Fail,
    /// Our side could not do its part: configuration, host or virt-test itself.
    Error,
    /// The run was stopped before the test came to a verdict.
    Interrupted,
}

impl Verdict {
    /// The word printed for it.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Pass => "PASS",
            Verdict::Warn => "WARN",
            Verdict::Skip => "SKIP",
            Verdict::Fail => "FAIL",
            Verdict::Error => "ERROR",
            Verdict::Interrupted => "INTERRUPTED",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How many tests ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Tests that passed.
    pub pass: usize,
    /// Tests that passed with a warning.
    pub warn: usize,
    /// Tests that were skipped.
    pub skip: usize,
    /// Tests that failed.
    pub fail: usize,
    /// Tests that could not be carried out.
    pub error: usize,
    /// Tests that were interrupted.
    pub interrupted: usize,
    /// Of all these, tests that passed only after an attempt that did not.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub flaky: usize,
    /// Tests that were to be run and never began.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_run: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Counts {
    /// Counts one more.
    pub fn add(&mut self, verdict: Verdict) {
        *match verdict {
            Verdict::Pass => &mut self.pass,
            Verdict::Warn => &mut self.warn,
            Verdict::Skip => &mut self.skip,
            Verdict::Fail => &mut self.fail,
            Verdict::Error => &mut self.error,
            Verdict::Interrupted => &mut self.interrupted,
        } += 1;
    }

    /// Tests that came to hold what they assert.
    pub fn passed(&self) -> usize {
        self.pass + self.warn
    }

    /// Tests that make the run fail.
    pub fn failed(&self) -> usize {
        self.fail + self.error + self.interrupted
    }

    /// Percentage of tests that passed among those that were run; `None` where none was run.
    pub fn success_rate(&self) -> Option<f64> {
        let run = self.passed() + self.failed();
        (run > 0).then(|| 100.0 * self.passed() as f64 / run as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_tests_do_not_count_in_the_success_rate() {
        let mut counts = Counts::default();
        assert_eq!(counts.success_rate(), None);
        for verdict in [
            Verdict::Pass,
            Verdict::Warn,
            Verdict::Skip,
            Verdict::Error,
            Verdict::Fail,
        ] {
            counts.add(verdict);
        }
        assert_eq!(counts.success_rate(), Some(50.0));
    }

    #[test]
    fn format_1_on_disk_stays_readable() {
        let lines = [
            r#"{"seq":0,"time":"2026-11-22T10:24:58Z","event":{"type":"run_started","format":1,"version":"0.1.0","argv":["virt-test"],"pid":1,"data_dir":"/d","run_dir":"/d/r","config":["only kvm"]}}"#,
            r#"{"seq":0,"time":"2026-11-22T10:24:58Z","event":{"type":"run_finished","elapsed_ms":1,"counts":{"pass":1,"warn":0,"skip":0,"fail":0,"error":0,"interrupted":0},"exit_status":0}}"#,
            r#"{"seq":0,"time":"2026-11-22T10:24:58Z","event":{"type":"planned","tests":[{"index":1,"name":"boot"}]}}"#,
            r#"{"seq":1,"time":"2026-11-22T10:24:58Z","event":{"type":"test_started","index":1,"name":"boot","dir":"/d"}}"#,
            r#"{"seq":1,"time":"2026-11-22T10:24:58Z","event":{"type":"test_finished","index":1,"name":"boot","verdict":"pass","elapsed_ms":12,"reason":null,"details":[]}}"#,
        ];
        let records: Vec<Record> = lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert!(matches!(
            records[0].event,
            Event::RunStarted { format: 1, .. }
        ));
        for (record, line) in records.iter().zip(lines) {
            assert_eq!(serde_json::to_string(record).unwrap(), line);
        }
    }
}
