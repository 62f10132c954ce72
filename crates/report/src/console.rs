//! The lines a person reads.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use events::{Counts, Event, Record, Subscriber, TestStatus, Verdict};

use crate::live::Live;
use crate::words::{clock, migrating, seconds};

/// Colours of words; output makes sense without them.
#[derive(Debug, Clone, Copy)]
pub struct Palette {
    header: Style,
    good: Style,
    odd: Style,
    bad: Style,
}

impl Palette {
    /// No colours, for a pipe.
    pub const PLAIN: Palette = Palette {
        header: Style::new(),
        good: Style::new(),
        odd: Style::new(),
        bad: Style::new(),
    };

    /// Colours, for a terminal.
    pub const COLOUR: Palette = Palette {
        header: AnsiColor::BrightBlue.on_default(),
        good: AnsiColor::BrightGreen.on_default(),
        odd: AnsiColor::BrightYellow.on_default(),
        bad: AnsiColor::BrightRed.on_default(),
    };

    pub(crate) fn of(&self, verdict: Verdict) -> Style {
        match verdict {
            Verdict::Pass => self.good,
            Verdict::Warn | Verdict::Skip | Verdict::Interrupted => self.odd,
            Verdict::Fail | Verdict::Error => self.bad,
        }
    }
}

/// Prints events as they happen.
///
/// A write that fails is not reported here: a reader that went away (`| head`) must not change what the tests do, and
/// everything said is in `events.jsonl` as well.
pub struct Console<W> {
    out: W,
    palette: Palette,
    verbose: bool,
    live: Option<Live>,
    dirs: Option<(PathBuf, PathBuf)>,
    /// The tests that run now, by index.
    running: BTreeMap<usize, Running>,
    total: usize,
    /// Do tests run several at a time? Then what is said of one names it.
    parallel: bool,
}

/// What is said of a test, or of an attempt at one.
struct Said<'a> {
    verdict: Verdict,
    flaky: bool,
    elapsed_ms: u64,
    reason: Option<&'a str>,
    details: &'a [String],
}

struct Running {
    name: String,
    evidence: PathBuf,
    round: Option<usize>,
}

impl<W: Write + Send> Console<W> {
    /// Prints lines to `out`, the same on a terminal and in a pipe but for the colours.
    pub fn new(out: W, palette: Palette) -> Self {
        Self {
            out,
            palette,
            verbose: false,
            live: None,
            dirs: None,
            running: BTreeMap::new(),
            total: 0,
            parallel: false,
        }
    }

    /// Also says each step of set-up and each phase of a test.
    pub fn verbose(mut self, verbose: bool) -> Self {
        self.verbose = verbose;
        self
    }

    /// Shows lines on standard error which say what is going on and for how long. Only for a terminal.
    pub fn with_live_line(mut self) -> Self {
        self.live = Some(Live::new());
        self
    }

    fn line(&mut self, text: &str) {
        let out = &mut self.out;
        let mut print = || {
            let _ = writeln!(out, "{text}");
            let _ = out.flush();
        };
        match &self.live {
            Some(live) => live.suspend(print),
            None => print(),
        }
    }

    fn header(&mut self, name: &str, value: &str) {
        let style = self.palette.header;
        self.line(&format!("{style}{name}:{style:#} {value}"));
    }

    fn detail(&mut self, text: &str) {
        for line in text.lines() {
            self.line(&format!("    {line}"));
        }
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::RunStarted {
                data_dir, run_dir, ..
            } => {
                self.dirs = Some((data_dir.clone(), run_dir.join("debug.log")));
            }
            Event::SetupStep { what } => {
                if let Some(live) = &self.live {
                    live.setup(what);
                }
                if self.verbose {
                    self.detail(what);
                }
            }
            Event::Reaped { what } => self.header("CLEANED UP AFTER AN EARLIER RUN", what),
            Event::Notice { what } => self.header("NOTE", what),
            Event::SetupFinished {
                elapsed_ms,
                error,
                hints,
            } => self.setup(*elapsed_ms, error.as_deref(), hints),
            Event::Accelerator { description, .. } => self.header("ACCEL", description),
            Event::Qemu { path, version } if self.verbose => {
                self.detail(&format!("QEMU {version} ({})", path.display()));
            }
            Event::Planned {
                tests,
                jobs,
                shuffle,
            } => self.planned(tests.len(), jobs.unwrap_or(1), shuffle.as_deref()),
            Event::TestStarted {
                index,
                name,
                dir,
                round,
            } => {
                let running = Running {
                    name: name.clone(),
                    evidence: dir.clone(),
                    round: *round,
                };
                self.running.insert(*index, running);
                if let Some(live) = &self.live {
                    live.test(*index, self.title(*index, name));
                }
            }
            Event::TestPhase { index, phase, .. } => {
                if let Some(live) = &self.live {
                    live.phase(*index, phase);
                }
                if self.verbose && self.parallel {
                    self.detail(&format!("({index}/{}) {phase}", self.total));
                } else if self.verbose {
                    self.detail(phase);
                }
            }
            Event::MigrationProgress {
                index,
                machine,
                figures,
                ..
            } => {
                if let Some(live) = &self.live {
                    live.phase(*index, &migrating(machine, figures));
                }
            }
            Event::TestFinished {
                index,
                name,
                verdict,
                elapsed_ms,
                reason,
                details,
                flaky,
                ..
            } => {
                let verdict = Said {
                    verdict: *verdict,
                    flaky: *flaky,
                    elapsed_ms: *elapsed_ms,
                    reason: reason.as_deref(),
                    details,
                };
                self.verdict(*index, name, &verdict);
            }
            Event::TestRetried {
                index,
                name,
                attempt,
                verdict,
                elapsed_ms,
                reason,
                details,
                dir,
            } => {
                let said = Said {
                    verdict: *verdict,
                    flaky: false,
                    elapsed_ms: *elapsed_ms,
                    reason: reason.as_deref(),
                    details,
                };
                self.attempt(*index, name, *attempt, &said);
                if let Some(running) = self.running.get_mut(index) {
                    running.evidence.clone_from(dir);
                }
            }
            Event::TestSlow {
                index,
                elapsed_ms,
                last_lines,
            } => self.slow(*index, *elapsed_ms, last_lines),
            Event::Status { tests } => self.status(tests),
            Event::Paused { paused, guests } => {
                let name = if *paused { "PAUSED" } else { "RESUMED" };
                let plural = if *guests == 1 { "" } else { "s" };
                self.header(name, &format!("{guests} guest{plural}"));
            }
            Event::Stopping { reason } => self.header("STOPPING", reason),
            Event::Interrupted { signal } => self.header("INTERRUPTED", signal),
            Event::RunFinished {
                elapsed_ms, counts, ..
            } => self.summary(*elapsed_ms, counts),
            _ => {}
        }
    }

    fn planned(&mut self, tests: usize, jobs: usize, shuffle: Option<&str>) {
        // Rounds that are added later are announced by themselves.
        let first = self.total == 0;
        self.total += tests;
        if !first {
            return;
        }
        self.parallel = jobs > 1 && tests > 1;
        if let Some(seed) = shuffle {
            self.header("SHUFFLE SEED", seed);
        }
        let at_a_time = match self.parallel {
            true => format!(" ({jobs} at a time)"),
            false => String::new(),
        };
        self.header("TESTS", &format!("{tests}{at_a_time}"));
    }

    /// How a test is called: its place, its name and its round.
    fn title(&self, index: usize, name: &str) -> String {
        let round = self.running.get(&index).and_then(|running| running.round);
        let round = round.map_or_else(String::new, |round| format!(" (round {round})"));
        format!("({index}/{}) {name}{round}", self.total)
    }

    fn setup(&mut self, elapsed_ms: u64, error: Option<&str>, hints: &[String]) {
        let verdict = if error.is_some() {
            Verdict::Fail
        } else {
            Verdict::Pass
        };
        let style = self.palette.of(verdict);
        if let Some(live) = &self.live {
            live.set_up();
        }
        self.header(
            "SETUP",
            &format!("{style}{verdict}{style:#} ({})", seconds(elapsed_ms)),
        );
        if let Some(error) = error {
            self.detail(error);
        }
        for hint in hints {
            self.detail(&format!("hint: {hint}"));
        }
        if let Some((data_dir, debug_log)) = self.dirs.take() {
            self.header("DATA DIR", &data_dir.display().to_string());
            self.header("DEBUG LOG", &debug_log.display().to_string());
        }
    }

    fn verdict(&mut self, index: usize, name: &str, said: &Said<'_>) {
        if let Some(live) = &self.live {
            live.ended(index);
        }
        let title = self.title(index, name);
        let running = self.running.remove(&index);
        let style = self.palette.of(said.verdict);
        let verdict = said.verdict;
        let flaky = if said.flaky { " (flaky)" } else { "" };
        let time = match (verdict, said.reason) {
            (Verdict::Skip, Some(reason)) => format!("({reason})"),
            _ => format!("({})", seconds(said.elapsed_ms)),
        };
        self.line(&format!("{title}: {style}{verdict}{style:#}{flaky} {time}"));
        if !matches!(verdict, Verdict::Pass | Verdict::Skip) {
            self.why(said, running.as_ref());
        } else if verdict == Verdict::Skip {
            said.details.iter().for_each(|text| self.detail(text));
        }
    }

    /// What came of an attempt that is not the last.
    fn attempt(&mut self, index: usize, name: &str, attempt: usize, said: &Said<'_>) {
        let (title, time) = (self.title(index, name), seconds(said.elapsed_ms));
        let (style, verdict) = (self.palette.odd, said.verdict);
        self.line(&format!(
            "{title}: {style}{verdict}{style:#} at attempt {attempt} ({time}), trying again"
        ));
        let running = self.running.remove(&index);
        self.why(said, running.as_ref());
        self.running.extend(running.map(|running| (index, running)));
    }

    fn why(&mut self, said: &Said<'_>, running: Option<&Running>) {
        if let Some(reason) = said.reason {
            self.detail(reason);
        }
        for text in said.details {
            self.detail(text);
        }
        if let Some(running) = running {
            self.detail(&format!("evidence: {}", running.evidence.display()));
        }
    }

    fn slow(&mut self, index: usize, elapsed_ms: u64, last_lines: &[String]) {
        let running = self.running.get(&index);
        let name = running.map_or_else(String::new, |running| running.name.clone());
        let (title, style) = (self.title(index, &name), self.palette.odd);
        self.line(&format!(
            "{title}: {style}SLOW{style:#} ({})",
            seconds(elapsed_ms)
        ));
        for line in last_lines {
            self.detail(line);
        }
    }

    fn status(&mut self, tests: &[TestStatus]) {
        self.header("STATUS", &format!("{} running", tests.len()));
        for test in tests {
            let (title, time) = (self.title(test.index, &test.name), seconds(test.elapsed_ms));
            self.detail(&format!("{title}: {} ({time})", test.phase));
            for machine in &test.machines {
                let state = machine.state.as_deref().unwrap_or("QEMU does not answer");
                let line = machine.last_line.as_deref().unwrap_or_default();
                let machine = format!("{} (pid {}): {state}", machine.name, machine.pid);
                self.detail(format!("    {machine}: {line}").trim_end_matches(": "));
            }
        }
    }

    fn summary(&mut self, elapsed_ms: u64, counts: &Counts) {
        self.header("TOTAL TIME", &clock(elapsed_ms));
        self.header("TESTS PASSED", &counts.passed().to_string());
        self.header("TESTS FAILED", &counts.failed().to_string());
        if counts.skip > 0 {
            self.header("TESTS SKIPPED", &counts.skip.to_string());
        }
        if counts.flaky > 0 {
            self.header("TESTS FLAKY", &counts.flaky.to_string());
        }
        if counts.not_run > 0 {
            self.header("TESTS NOT RUN", &counts.not_run.to_string());
        }
        if let Some(rate) = counts.success_rate() {
            self.header("SUCCESS RATE", &format!("{rate:.2} %"));
        }
    }
}

impl<W: Write + Send> Subscriber for Console<W> {
    fn on_record(&mut self, record: &Record) {
        self.event(&record.event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::{MachineStatus, TestPlan};
    use jiff::Timestamp;

    fn said(palette: Palette, events: Vec<Event>) -> String {
        let mut out = Vec::new();
        let mut console = Console::new(&mut out, palette);
        for (seq, event) in (0..).zip(events) {
            console.on_record(&Record {
                seq,
                time: Timestamp::UNIX_EPOCH,
                event,
            });
        }
        String::from_utf8(out).unwrap()
    }

    fn finished(index: usize, verdict: Verdict, reason: Option<&str>, details: &[&str]) -> Event {
        Event::TestFinished {
            index,
            name: format!("kvm.JeOS.tiny.x86_64.t{index}"),
            verdict,
            elapsed_ms: 2310,
            reason: reason.map(Into::into),
            details: details.iter().map(|&text| text.into()).collect(),
            attempts: None,
            flaky: false,
        }
    }

    fn run() -> Vec<Event> {
        let dir = PathBuf::from("/data/logs/run-2026-11-22T10.24.58");
        vec![
            Event::RunStarted {
                format: 1,
                version: "0.1.0".into(),
                argv: vec![],
                pid: 1,
                data_dir: "/data".into(),
                run_dir: dir.clone(),
                config: vec![],
            },
            Event::SetupStep {
                what: "building guest".into(),
            },
            Event::SetupFinished {
                elapsed_ms: 1840,
                error: None,
                hints: vec![],
            },
            Event::Accelerator {
                accel: "tcg".into(),
                description: "tcg (no /dev/kvm)".into(),
            },
            Event::Planned {
                tests: (1..=4)
                    .map(|index| TestPlan {
                        index,
                        name: format!("t{index}"),
                        round: None,
                    })
                    .collect(),
                jobs: Some(1),
                shuffle: None,
            },
            Event::TestStarted {
                index: 1,
                name: "t1".into(),
                dir: dir.join("1-t1"),
                round: None,
            },
            Event::TestPhase {
                index: 1,
                at_ms: 3,
                phase: "booting vm1".into(),
            },
            finished(1, Verdict::Pass, None, &[]),
            started(2, None),
            started(3, None),
            started(4, None),
            finished(2, Verdict::Skip, Some("QEMU has no device nvme"), &[]),
            finished(3, Verdict::Warn, Some("clock is 3 s off"), &[]),
            finished(
                4,
                Verdict::Fail,
                Some("guest panicked"),
                &["last console line: Kernel panic\nsecond"],
            ),
            Event::RunFinished {
                elapsed_ms: 61_000,
                counts: Counts {
                    pass: 1,
                    warn: 1,
                    skip: 1,
                    fail: 1,
                    ..Counts::default()
                },
                exit_status: 1,
            },
        ]
    }

    #[test]
    fn a_pipe_gets_one_line_a_test_and_reasons_only_where_there_is_one() {
        insta::assert_snapshot!(said(Palette::PLAIN, run()));
    }

    fn started(index: usize, round: Option<usize>) -> Event {
        Event::TestStarted {
            index,
            name: format!("t{index}"),
            dir: format!("/run/{index}").into(),
            round,
        }
    }

    #[test]
    fn tests_that_run_at_once_are_told_apart() {
        let mut events = vec![
            Event::Planned {
                tests: (1..=2)
                    .map(|index| TestPlan {
                        index,
                        name: "t".into(),
                        round: Some(index),
                    })
                    .collect(),
                jobs: Some(2),
                shuffle: Some("7".into()),
            },
            started(1, Some(1)),
            started(2, Some(2)),
        ];
        events.extend([1, 2, 1].map(|index| Event::TestPhase {
            index,
            at_ms: 1,
            phase: format!("booting vm{index}"),
        }));
        events.push(finished(2, Verdict::Fail, Some("guest panicked"), &[]));
        events.push(finished(1, Verdict::Error, Some("no disk"), &[]));
        let mut out = Vec::new();
        let mut console = Console::new(&mut out, Palette::PLAIN).verbose(true);
        events.iter().for_each(|event| console.event(event));
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }

    #[test]
    fn a_flaky_test_says_what_came_of_each_attempt() {
        let planned = Event::Planned {
            tests: vec![TestPlan {
                index: 1,
                name: "t1".into(),
                round: None,
            }],
            jobs: Some(1),
            shuffle: None,
        };
        let retried = Event::TestRetried {
            index: 1,
            name: "t1".into(),
            attempt: 1,
            verdict: Verdict::Fail,
            elapsed_ms: 900,
            reason: Some("guest panicked".into()),
            details: vec![],
            dir: "/run/1/attempt-2".into(),
        };
        let slow = Event::TestSlow {
            index: 1,
            elapsed_ms: 12_000,
            last_lines: vec!["vm1: Booting Linux".into()],
        };
        let passed = Event::TestFinished {
            index: 1,
            name: "t1".into(),
            verdict: Verdict::Pass,
            elapsed_ms: 13_000,
            reason: None,
            details: vec![],
            attempts: Some(2),
            flaky: true,
        };
        let stopping = Event::Stopping {
            reason: "1 test has failed".into(),
        };
        let finished = Event::RunFinished {
            elapsed_ms: 13_100,
            counts: Counts {
                pass: 1,
                flaky: 1,
                not_run: 3,
                ..Counts::default()
            },
            exit_status: 0,
        };
        let machine = |name: &str, state: Option<&str>, line: Option<&str>| MachineStatus {
            name: name.into(),
            pid: 7,
            state: state.map(Into::into),
            last_line: line.map(Into::into),
        };
        let status = Event::Status {
            tests: vec![TestStatus {
                index: 1,
                name: "t1".into(),
                elapsed_ms: 500,
                phase: "booting vm1".into(),
                machines: vec![
                    machine("vm1", Some("running"), Some("Booting Linux")),
                    machine("vm2", None, None),
                ],
            }],
        };
        let events = vec![
            planned,
            started(1, None),
            status,
            retried,
            slow,
            passed,
            stopping,
            finished,
        ];
        insta::assert_snapshot!(said(Palette::PLAIN, events));
    }

    #[test]
    fn a_terminal_gets_the_same_lines_in_colour() {
        let coloured = said(Palette::COLOUR, run());
        assert_ne!(coloured, said(Palette::PLAIN, run()));
        let mut plain = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, escape)) = rest.split_once('\u{1b}') {
            plain.push_str(before);
            rest = escape.split_once('m').unwrap().1;
        }
        plain.push_str(rest);
        assert_eq!(plain, said(Palette::PLAIN, run()));
    }

    #[test]
    fn a_failed_set_up_says_why_what_may_mend_it_and_where_the_log_is() {
        let mut events = run();
        events.truncate(1);
        events.push(Event::SetupFinished {
            elapsed_ms: 5,
            error: Some("no QEMU found".into()),
            hints: vec!["apt-get install qemu-system-x86".into()],
        });
        insta::assert_snapshot!(said(Palette::PLAIN, events));
    }
}
