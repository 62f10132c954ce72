//! How long tests took in earlier runs, so that the longest begin first.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use events::Verdict;
use harness::Durations;
use report::Results;
use serde::{Deserialize, Serialize};

/// Raised when what is kept changes its meaning.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Kept {
    format: u32,
    /// Milliseconds, by name.
    tests: Durations,
}

fn file(cache: &Path) -> PathBuf {
    cache.join("durations.json")
}

/// How long tests took; empty where nothing is known.
pub fn recall(cache: &Path) -> Durations {
    let kept = fs::read(file(cache)).ok();
    let kept = kept.and_then(|text| serde_json::from_slice::<Kept>(&text).ok());
    kept.filter(|kept| kept.format == FORMAT)
        .map_or_else(Durations::new, |kept| kept.tests)
}

/// Keeps how long the tests of a run took that passed at once. Half of it is what was known before: one odd run changes little.
///
/// # Errors
/// Those of writing; what was kept is then as it was.
pub fn keep(cache: &Path, results: &Results) -> io::Result<()> {
    let mut tests = recall(cache);
    for test in &results.tests {
        let passed = matches!(test.verdict, Some(Verdict::Pass | Verdict::Warn));
        if let (true, false, Some(new)) = (passed, test.flaky, test.elapsed_ms) {
            let known = tests.entry(test.name.clone()).or_insert(new);
            *known = known.midpoint(new);
        }
    }
    let kept = Kept {
        format: FORMAT,
        tests,
    };
    fs::create_dir_all(cache)?;
    // Moved into place: runs at the same time never see half of it.
    let temporary = tempfile::NamedTempFile::new_in(cache)?;
    serde_json::to_writer(&temporary, &kept)?;
    temporary.persist(file(cache))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::TestResult;

    fn results(of: &[(&str, Verdict, u64)]) -> Results {
        let test = |&(name, verdict, elapsed_ms): &(&str, Verdict, u64)| TestResult {
            index: 1,
            name: name.to_owned(),
            round: None,
            dir: PathBuf::new(),
            verdict: Some(verdict),
            elapsed_ms: Some(elapsed_ms),
            reason: None,
            details: Vec::new(),
            retried: Vec::new(),
            flaky: false,
            phases: Vec::new(),
            migrations: Vec::new(),
            sub_results: Vec::new(),
        };
        Results {
            tests: of.iter().map(test).collect(),
            ..Results::default()
        }
    }

    #[test]
    fn what_passed_is_remembered_and_follows_the_newest_run() {
        let cache = tempfile::tempdir().unwrap();
        assert_eq!(recall(cache.path()), Durations::new());
        let first = [("a", Verdict::Pass, 100), ("b", Verdict::Fail, 5)];
        keep(cache.path(), &results(&first)).unwrap();
        keep(cache.path(), &results(&[("a", Verdict::Pass, 200)])).unwrap();
        assert_eq!(recall(cache.path()), [("a".to_owned(), 150)].into());
    }

    #[test]
    fn what_cannot_be_read_is_as_if_it_were_not_there() {
        let cache = tempfile::tempdir().unwrap();
        fs::write(file(cache.path()), "{").unwrap();
        assert_eq!(recall(cache.path()), Durations::new());
        keep(cache.path(), &results(&[("a", Verdict::Pass, 1)])).unwrap();
        assert_eq!(recall(cache.path()).len(), 1);
    }
}
