//! The reference's conformance corpus, where it is at hand: every case must give the same dictionaries, in the same
//! order, and an error where the reference has one, after the same number of dictionaries.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use cartesian::{FsLoader, Options, Parser};
use serde_json::Value;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Cases that differ on purpose; see `docs/cartesian/differences.md`.
const DIFFERENT: [&str; 1] = ["syn_cond_or_names"];

fn corpus() -> Option<PathBuf> {
    let root = std::env::var_os("VIRT_TEST_CORPUS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
        PathBuf::from,
    );
    let root = root.join("cartesian");
    if root.join("cases.json").exists() {
        return Some(root);
    }
    println!("skipped: no corpus at {}", root.display());
    None
}

fn expected(root: &Path, id: &str) -> (Vec<String>, bool) {
    let file = std::fs::File::open(root.join(format!("expected/{id}.jsonl.gz"))).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let error = lines
        .last()
        .is_some_and(|l| l.starts_with("{\"__error__\""));
    if error {
        lines.pop();
    }
    (lines, error)
}

fn actual(root: &Path, case: &Value) -> (Vec<String>, Option<String>) {
    let path = root.join(case["file"].as_str().unwrap());
    let mut parser = Parser::new(FsLoader);
    if case["mode"] == "string" {
        parser.text("string", &std::fs::read_to_string(path).unwrap());
    } else {
        parser.file(path.to_str().unwrap());
    }
    for line in case["extra"].as_array().into_iter().flatten() {
        parser.line("extra", line.as_str().unwrap());
    }
    let config = match parser.finish() {
        Ok(config) => config,
        Err(errors) => return (Vec::new(), Some(errors.to_string())),
    };
    let expand = case["expand"].as_array().into_iter().flatten();
    let options = Options {
        defaults: case["defaults"].as_bool().unwrap_or(false),
        expand: expand.map(|v| v.as_str().unwrap().to_owned()).collect(),
    };
    let mut variants = config.variants(&options);
    let mut lines = Vec::new();
    loop {
        match variants.advance() {
            Ok(true) => {
                let mut line = Vec::new();
                variants.current().write_json(&mut line);
                lines.push(String::from_utf8(line).unwrap());
            }
            Ok(false) => {
                assert_eq!(config.count(&options).unwrap(), lines.len() as u64);
                assert_eq!(config.names(&options).count(), lines.len());
                return (lines, None);
            }
            Err(error) => return (lines, Some(error.to_string())),
        }
    }
}

#[test]
fn every_case_of_the_corpus_gives_what_the_reference_gives() {
    let Some(root) = corpus() else { return };
    let cases = std::fs::read_to_string(root.join("cases.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&cases).unwrap();
    let mut wrong = Vec::new();
    let mut compared = 0;
    for case in &cases {
        let id = case["id"].as_str().unwrap();
        let (want, want_error) = expected(&root, id);
        let (got, got_error) = actual(&root, case);
        compared += want.len();
        if DIFFERENT.contains(&id) {
            assert!(
                got_error.is_some(),
                "{id} is documented to be an error here"
            );
            continue;
        }
        if let Some(i) = (0..want.len().max(got.len())).find(|&i| want.get(i) != got.get(i)) {
            wrong.push(format!(
                "{id}: dictionary {i} of {} (got {})\n  want {:?}\n  got  {:?}\n  error {got_error:?}",
                want.len(),
                got.len(),
                want.get(i),
                got.get(i),
            ));
        } else if want_error != got_error.is_some() {
            wrong.push(format!(
                "{id}: error wanted {want_error}, got {got_error:?}"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    println!("{} cases, {compared} dictionaries equal", cases.len());
}
