//! What an earlier run left to do.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use events::{Event, Record, Verdict};

use crate::options::Line;

/// An earlier run, as far as it matters now.
pub struct Earlier {
    /// The lines of configuration it was made of.
    pub lines: Vec<Line>,
    /// Names of the tests that did not pass, or were not run.
    pub left: BTreeSet<String>,
}

impl Earlier {
    /// Reads the run in `dir`, or the one of that name in `logs`.
    ///
    /// # Errors
    /// What cannot be read, in words.
    pub fn read(dir: &Path, logs: &Path) -> Result<Self, String> {
        let path = find(dir, logs).join("events.jsonl");
        let records = events::read(&path).map_err(|error| {
            format!(
                "failed to read the run to repeat, {}: {error}",
                path.display()
            )
        })?;
        Ok(Self::of(&records))
    }

    fn of(records: &[Record]) -> Self {
        let mut earlier = Self {
            lines: Vec::new(),
            left: BTreeSet::new(),
        };
        let mut bad = BTreeSet::new();
        let mut good = BTreeSet::new();
        for record in records {
            match &record.event {
                Event::RunStarted { config, .. } => {
                    earlier.lines = config
                        .iter()
                        .map(|text| Line {
                            origin: "--rerun".to_owned(),
                            text: text.clone(),
                        })
                        .collect();
                }
                Event::Planned { tests, .. } => {
                    earlier
                        .left
                        .extend(tests.iter().map(|test| test.name.clone()));
                }
                Event::TestFinished { name, verdict, .. } => {
                    match verdict {
                        Verdict::Pass | Verdict::Warn | Verdict::Skip => good.insert(name.clone()),
                        Verdict::Fail | Verdict::Error | Verdict::Interrupted => {
                            bad.insert(name.clone())
                        }
                    };
                }
                _ => {}
            }
        }
        // Of several rounds, one that went wrong counts.
        earlier
            .left
            .retain(|name| bad.contains(name) || !good.contains(name));
        earlier
    }
}

/// `latest`, the name of a run, or its directory.
fn find(dir: &Path, logs: &Path) -> PathBuf {
    let named = logs.join(dir);
    if dir.components().count() == 1 && named.exists() {
        named
    } else {
        dir.to_owned()
    }
}
