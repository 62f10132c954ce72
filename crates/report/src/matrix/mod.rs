//! What came of migrations from each QEMU to each: a grid of verdicts and downtimes.

mod html;
mod text;

use std::path::PathBuf;

use events::{Migration, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::results::Results;

/// Version of `matrix.json`; the rule is that of the event stream.
pub const FORMAT: u32 = 1;

/// `matrix.json`: one cell for each way to migrate, and each pair of QEMUs to do so between.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Matrix {
    /// [`FORMAT`].
    pub format: u32,
    /// Version of virt-test.
    pub version: String,
    /// When the run began, UTC.
    pub started: Timestamp,
    /// Accelerator and why.
    pub accelerator: Option<String>,
    /// Directory of the run.
    pub run_dir: PathBuf,
    /// The signal that ended it, if one did.
    pub interrupted: Option<String>,
    /// The cells, in the order of the configuration.
    pub cells: Vec<Cell>,
}

/// One cell of a [`Matrix`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// What it is about.
    pub about: About,
    /// Its verdict; `None` where it was not run, or not to its end.
    pub verdict: Option<Verdict>,
    /// Why it did not simply pass.
    pub reason: Option<String>,
    /// How the machine moved; `None` where it came to no migration.
    pub migration: Option<Migration>,
    /// Where its evidence is.
    pub dir: Option<PathBuf>,
}

/// What a [`Cell`] is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The test that is its like in the run, from 1.
    pub index: usize,
    /// The QEMU a machine goes from, by a name of its own: its version, and a number where several have that.
    pub from: String,
    /// The QEMU it goes to.
    pub to: String,
    /// The machine type asked for.
    pub machine: String,
    /// How the state travels.
    pub transport: String,
    /// In which way it is migrated, such as `multifd`.
    pub option: String,
}

impl Matrix {
    /// The matrix of a run whose tests were `about` these cells.
    #[must_use]
    pub fn new(results: &Results, about: Vec<About>) -> Self {
        let cell = |about: About| {
            let test = results.tests.iter().find(|test| test.index == about.index);
            Cell {
                verdict: test.and_then(|test| test.verdict),
                reason: test.and_then(|test| test.reason.clone()),
                migration: test.and_then(|test| test.migrations.last().cloned()),
                dir: test.map(|test| test.dir.clone()),
                about,
            }
        };
        Self {
            format: FORMAT,
            version: results.version.clone(),
            started: results.started,
            accelerator: results.accelerator.clone(),
            run_dir: results.run_dir.clone(),
            interrupted: results.interrupted.clone(),
            cells: about.into_iter().map(cell).collect(),
        }
    }

    /// Pairs of QEMUs, in order of appearance: the columns.
    fn pairs(&self) -> Vec<(&str, &str)> {
        distinct(self.cells.iter().map(|cell| cell.about.pair()))
    }

    /// Ways to migrate, in order of appearance: the rows.
    fn ways(&self) -> Vec<[&str; 3]> {
        distinct(self.cells.iter().map(|cell| cell.about.way()))
    }

    fn cell(&self, way: [&str; 3], pair: (&str, &str)) -> Option<&Cell> {
        let mut cells = self.cells.iter();
        cells.find(|cell| cell.about.way() == way && cell.about.pair() == pair)
    }

    /// The different reasons of cells that did not simply pass: the footnotes, which count from 1.
    fn reasons(&self) -> Vec<&str> {
        distinct(self.cells.iter().filter_map(Cell::said))
    }

    fn note(&self, cell: &Cell) -> Option<usize> {
        let said = cell.said()?;
        let place = self.reasons().iter().position(|reason| *reason == said)?;
        Some(place + 1)
    }
}

impl About {
    fn pair(&self) -> (&str, &str) {
        (&self.from, &self.to)
    }

    fn way(&self) -> [&str; 3] {
        [&self.machine, &self.transport, &self.option]
    }
}

impl Cell {
    /// How long the guest stood still, milliseconds: as was seen from outside, else by the source's account.
    #[must_use]
    pub fn downtime_ms(&self) -> Option<u64> {
        let migration = self.migration.as_ref()?;
        if migration.error.is_some() {
            return None;
        }
        migration.standstill_ms.or(migration.figures.downtime_ms)
    }

    fn word(&self) -> &'static str {
        self.verdict.map_or("not run", Verdict::word)
    }

    /// The first line of the reason.
    fn said(&self) -> Option<&str> {
        self.reason.as_deref()?.lines().next()
    }
}

fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for one in all {
        if !distinct.contains(&one) {
            distinct.push(one);
        }
    }
    distinct
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::results::TestResult;
    use events::MigrationFigures;

    fn about(index: usize, from: &str, to: &str, option: &str) -> About {
        About {
            index,
            from: from.to_owned(),
            to: to.to_owned(),
            machine: "q35".to_owned(),
            transport: "unix".to_owned(),
            option: option.to_owned(),
        }
    }

    fn test(index: usize, verdict: Verdict, reason: Option<&str>) -> TestResult {
        let migration = Migration {
            machine: "vm1".to_owned(),
            machine_type: "pc-q35-7.2".to_owned(),
            standstill_ms: Some(82),
            figures: MigrationFigures {
                total_ms: Some(902),
                mbps: 811.4,
                rounds: 3,
                ..MigrationFigures::default()
            },
            ..Migration::default()
        };
        TestResult {
            index,
            name: "migrate_matrix".to_owned(),
            round: None,
            dir: format!("/r/{index}-migrate_matrix").into(),
            verdict: Some(verdict),
            elapsed_ms: Some(1),
            reason: reason.map(str::to_owned),
            details: Vec::new(),
            retried: Vec::new(),
            flaky: false,
            phases: Vec::new(),
            sub_results: Vec::new(),
            migrations: match verdict {
                Verdict::Skip => Vec::new(),
                _ => vec![migration],
            },
        }
    }

    pub(crate) fn sample() -> Matrix {
        let results = Results {
            run_dir: "/r".into(),
            tests: vec![
                test(1, Verdict::Pass, None),
                test(2, Verdict::Fail, Some("the <guest> found wrong\nmore")),
                test(3, Verdict::Skip, Some("this QEMU has no mapped-ram")),
                test(4, Verdict::Skip, Some("this QEMU has no mapped-ram")),
            ],
            ..Results::default()
        };
        let about = vec![
            about(1, "7.2.22", "10.0.2", "plain"),
            about(2, "10.0.2", "7.2.22", "plain"),
            about(3, "7.2.22", "10.0.2", "mapped-ram"),
            about(4, "10.0.2", "7.2.22", "mapped-ram"),
            about(5, "10.0.2", "7.2.22", "postcopy"),
        ];
        Matrix::new(&results, about)
    }

    #[test]
    fn a_cell_has_what_came_of_its_test() {
        let matrix = sample();
        assert_eq!(matrix.cells[0].downtime_ms(), Some(82));
        assert_eq!(matrix.cells[2].downtime_ms(), None);
        assert_eq!(matrix.cells[4].verdict, None);
        let text = serde_json::to_string(&matrix).unwrap();
        assert_eq!(serde_json::from_str::<Matrix>(&text).unwrap(), matrix);
    }
}
