//! The tools on real configuration, where it is at hand: `$VIRT_TEST_CORPUS`, or `shared/corpus`
//! beside the checkout.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a failing test may panic, and a skipped one says so"
)]

use std::io;
use std::path::{Path, PathBuf};

use cartesian::{FsLoader, Loader, Options, Parser, Variants};

mod support;

/// The corpus, or `None` with a note.
fn corpus() -> Option<PathBuf> {
    let root = match std::env::var_os("VIRT_TEST_CORPUS") {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
    };
    let root = root.join("cartesian");
    if root.is_dir() {
        return Some(root);
    }
    eprintln!("skipped: no corpus at {}", root.display());
    None
}

/// The files with a given ending below some folders of the corpus.
fn files(root: &Path, folders: &[&str]) -> Vec<String> {
    let mut files = Vec::new();
    for folder in folders {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "cfg") {
                files.push(path.to_str().unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}

/// Every file as the formatter writes it.
struct Formatted;

impl Loader for Formatted {
    fn load(&self, path: &str) -> io::Result<Vec<u8>> {
        let bytes = FsLoader.load(path)?;
        Ok(match std::str::from_utf8(&bytes) {
            Ok(text) => config_tools::format(text).into_bytes(),
            Err(_) => bytes,
        })
    }
}

/// More variants than this are not compared one by one.
const MOST_VARIANTS: usize = 2_000;

fn variants(path: &str, loader: impl Loader) -> Option<Variants> {
    let mut parser = Parser::new(loader);
    parser.file(path);
    Some(parser.finish().ok()?.variants(&Options::default()))
}

fn next(variants: &mut Variants) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    match variants.advance() {
        Ok(true) => variants.current().write_json(&mut line),
        Ok(false) => return None,
        Err(error) => line = without_lines(&error.to_string()).into_bytes(),
    }
    Some(line)
}

/// Blank lines may go, so numbers of lines may change.
fn without_lines(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit()).collect()
}

#[test]
fn formatting_never_changes_what_a_configuration_means() {
    let Some(root) = corpus() else { return };
    let mut compared = 0;
    for path in files(&root, &["tops", "synthetic", "unit"]) {
        let Some(mut before) = variants(&path, FsLoader) else {
            continue;
        };
        let mut after =
            variants(&path, Formatted).unwrap_or_else(|| panic!("{path} does not parse any more"));
        for number in 0..MOST_VARIANTS {
            let (old, new) = (next(&mut before), next(&mut after));
            assert_eq!(old, new, "{path}, variant {number}");
            if old.is_none() {
                break;
            }
            compared += 1;
        }
    }
    assert!(compared > 1000, "only {compared} variants were compared");
}

#[test]
fn what_does_not_parse_does_not_parse_when_formatted() {
    let Some(root) = corpus() else { return };
    for path in files(&root, &["synthetic", "unit"]) {
        if variants(&path, FsLoader).is_none() {
            assert!(variants(&path, Formatted).is_none(), "{path}");
        }
    }
}

#[test]
fn formatting_formatted_files_changes_nothing() {
    let Some(root) = corpus() else { return };
    for path in files(&root, &["qemu", "tops", "synthetic", "unit", "perf"]) {
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let once = config_tools::format(&text);
        assert!(config_tools::format(&once) == once, "{path}");
    }
}

fn config_line(words: &[&str]) -> (u8, String, String) {
    let answer = support::config(&FsLoader, words, "");
    (answer.status, answer.out, answer.err)
}

#[test]
fn real_configuration_is_linted_without_a_panic_and_its_findings_have_places() {
    let Some(root) = corpus() else { return };
    let path = root.join("tops/o06_guest_list.cfg");
    let (status, out, err) = config_line(&["lint", path.to_str().unwrap(), "--format", "json"]);
    assert_eq!((status, err.as_str()), (1, ""));
    let findings: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
    assert!(!findings.is_empty());
    for finding in findings {
        let file = std::fs::read_to_string(finding["file"].as_str().unwrap()).unwrap();
        let number = usize::try_from(finding["line"].as_u64().unwrap()).unwrap();
        let line = file.lines().nth(number - 1).unwrap();
        let column = usize::try_from(finding["column"].as_u64().unwrap()).unwrap();
        assert!((1..=line.chars().count()).contains(&column), "{finding}");
    }
}

#[test]
fn count_list_and_dump_agree() {
    let Some(root) = corpus() else { return };
    for case in ["q01_boot", "q14_join_two"] {
        let path = root.join(format!("tops/{case}.cfg"));
        let path = path.to_str().unwrap();
        let (_, count, _) = config_line(&["count", path]);
        let (_, list, _) = config_line(&["list", path]);
        let (_, dump, _) = config_line(&["dump", path]);
        let count: usize = count.trim().parse().unwrap();
        assert!(count > 0, "{case}");
        assert_eq!(list.lines().count(), count, "{case}");
        assert_eq!(dump.lines().count(), count, "{case}");
        for (name, line) in list.lines().zip(dump.lines()) {
            let variant: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(variant["name"], name);
        }
    }
}
