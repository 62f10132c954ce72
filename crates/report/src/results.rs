//! The summary a machine reads.

use std::path::PathBuf;

use events::{Counts, Event, Migration, Record, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Version of `results.json`; the rule is that of the event stream.
pub const FORMAT: u32 = 1;

/// `results.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// [`FORMAT`].
    pub format: u32,
    /// Version of virt-test that ran it.
    pub version: String,
    /// When it began, UTC.
    pub started: Timestamp,
    /// The command line, as typed.
    pub argv: Vec<String>,
    /// Directory of the run.
    pub run_dir: PathBuf,
    /// The lines of Cartesian text the options were compiled to.
    pub config: Vec<String>,
    /// Accelerator and why.
    pub accelerator: Option<String>,
    /// QEMU binaries and their versions.
    pub qemu: Vec<(PathBuf, String)>,
    /// How long set-up took, milliseconds.
    pub setup_ms: Option<u64>,
    /// Why set-up failed, if it did.
    pub setup_error: Option<String>,
    /// The signal that ended it, if one did.
    pub interrupted: Option<String>,
    /// The seed by which the tests were shuffled, if they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shuffle: Option<String>,
    /// The tests that were begun, by index.
    pub tests: Vec<TestResult>,
    /// How many tests ended how.
    pub counts: Counts,
    /// How many tests were to be run.
    #[serde(default)]
    pub planned: usize,
    /// Why no more tests began, if some were left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// From start to end, milliseconds; `None` where the run did not come to its end.
    pub elapsed_ms: Option<u64>,
    /// Exit status; `None` where the run did not come to its end.
    pub exit_status: Option<u8>,
}

/// One test of [`Results`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestResult {
    /// From 1.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Which time it was run, from 1, where it was run more than once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<usize>,
    /// Where its evidence is.
    pub dir: PathBuf,
    /// Its verdict; `None` where the run broke off before it.
    pub verdict: Option<Verdict>,
    /// How long it took, milliseconds.
    pub elapsed_ms: Option<u64>,
    /// Why it did not simply pass.
    pub reason: Option<String>,
    /// Hints, and the last words of guest and monitor.
    pub details: Vec<String>,
    /// Verdicts and reasons of the attempts before the last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retried: Vec<(Verdict, Option<String>)>,
    /// Did it pass only after an attempt that did not?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flaky: bool,
    /// When it entered which phase, milliseconds since it began.
    pub phases: Vec<(u64, String)>,
    /// The migrations of its machines, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub migrations: Vec<Migration>,
    /// What came of its parts, where it told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sub_results: Vec<SubResult>,
}

/// A part of a [`TestResult`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubResult {
    /// What part.
    pub name: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// Why it did not simply pass.
    pub reason: Option<String>,
}

/// The summary of a stream, complete or not.
pub fn results(records: &[Record]) -> Results {
    let mut results = Results {
        format: FORMAT,
        ..Results::default()
    };
    for record in records {
        results.take(record);
    }
    results
}

impl Results {
    fn take(&mut self, record: &Record) {
        match record.event.clone() {
            Event::RunStarted {
                version,
                argv,
                run_dir,
                config,
                ..
            } => {
                self.started = record.time;
                self.version = version;
                self.argv = argv;
                self.run_dir = run_dir;
                self.config = config;
            }
            Event::Accelerator { description, .. } => self.accelerator = Some(description),
            Event::Qemu { path, version } => self.qemu.push((path, version)),
            Event::SetupFinished {
                elapsed_ms, error, ..
            } => {
                self.setup_ms = Some(elapsed_ms);
                self.setup_error = error;
            }
            Event::Planned { shuffle, tests, .. } => {
                self.shuffle = shuffle;
                self.planned += tests.len();
            }
            Event::Stopping { reason } => self.stopped = Some(reason),
            Event::TestRetried {
                index,
                verdict,
                reason,
                ..
            } => {
                if let Some(test) = self.test(index) {
                    test.retried.push((verdict, reason));
                }
            }
            Event::TestStarted {
                index,
                name,
                dir,
                round,
            } => {
                let place = self.tests.partition_point(|test| test.index < index);
                let test = TestResult {
                    index,
                    name,
                    round,
                    dir,
                    verdict: None,
                    elapsed_ms: None,
                    reason: None,
                    details: Vec::new(),
                    retried: Vec::new(),
                    flaky: false,
                    phases: Vec::new(),
                    migrations: Vec::new(),
                    sub_results: Vec::new(),
                };
                self.tests.insert(place, test);
            }
            Event::TestPhase {
                index,
                at_ms,
                phase,
            } => {
                if let Some(test) = self.test(index) {
                    test.phases.push((at_ms, phase));
                }
            }
            Event::Migrated {
                index, migration, ..
            } => {
                if let Some(test) = self.test(index) {
                    test.migrations.push(migration);
                }
            }
            Event::SubResult {
                index,
                name,
                verdict,
                reason,
            } => {
                if let Some(test) = self.test(index) {
                    test.sub_results.push(SubResult {
                        name,
                        verdict,
                        reason,
                    });
                }
            }
            Event::TestFinished {
                index,
                verdict,
                elapsed_ms,
                reason,
                details,
                flaky,
                ..
            } => {
                self.counts.add(verdict);
                self.counts.flaky += usize::from(flaky);
                if let Some(test) = self.test(index) {
                    test.verdict = Some(verdict);
                    test.elapsed_ms = Some(elapsed_ms);
                    test.reason = reason;
                    test.details = details;
                    test.flaky = flaky;
                }
            }
            Event::Interrupted { signal } => self.interrupted = Some(signal),
            Event::RunFinished {
                elapsed_ms,
                exit_status,
                ..
            } => {
                self.elapsed_ms = Some(elapsed_ms);
                self.exit_status = Some(exit_status);
            }
            _ => {}
        }
        self.counts.not_run = self.planned.saturating_sub(self.tests.len());
    }

    fn test(&mut self, index: usize) -> Option<&mut TestResult> {
        let place = self.tests.binary_search_by_key(&index, |test| test.index);
        self.tests.get_mut(place.ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_broke_off_shows_the_test_it_was_in() {
        let events = [
            Event::TestStarted {
                index: 1,
                name: "boot".into(),
                dir: "/r/1-boot".into(),
                round: None,
            },
            Event::TestPhase {
                index: 1,
                at_ms: 4,
                phase: "booting vm1".into(),
            },
            Event::Migrated {
                index: 1,
                at_ms: 9,
                migration: Migration {
                    machine: "vm1".into(),
                    ..Migration::default()
                },
            },
        ];
        let records: Vec<Record> = (0..)
            .zip(events)
            .map(|(seq, event)| Record {
                seq,
                time: Timestamp::UNIX_EPOCH,
                event,
            })
            .collect();
        let results = results(&records);
        assert_eq!(results.exit_status, None);
        assert_eq!(results.tests[0].verdict, None);
        assert_eq!(results.tests[0].phases, [(4, "booting vm1".to_owned())]);
        assert_eq!(results.tests[0].migrations[0].machine, "vm1");
        let text = serde_json::to_string(&results).unwrap();
        assert_eq!(serde_json::from_str::<Results>(&text).unwrap(), results);
    }
}
