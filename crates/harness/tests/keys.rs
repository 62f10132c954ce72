//! The table of keys is true: what is declared is read, and what is read is declared.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The program text of a crate, without its tests.
fn sources(name: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut directories = vec![crates().join(name).join("src")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && path.file_stem().is_some_and(|stem| stem != "tests")
            {
                let text = fs::read_to_string(&path).unwrap();
                let program = text.split("#[cfg(test)]").next().unwrap_or_default();
                found.push((path, program.to_owned()));
            }
        }
    }
    assert!(!found.is_empty(), "{name} has no sources");
    found
}

#[test]
fn every_declared_key_is_read_somewhere() {
    let word = Regex::new(r#""([a-z0-9_]+)""#).unwrap();
    let mut words = BTreeSet::new();
    for entry in fs::read_dir(crates()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name == "params" || name == "config-tools" {
            continue;
        }
        for (_, text) in sources(&name) {
            words.extend(word.captures_iter(&text).map(|found| found[1].to_owned()));
        }
    }
    let unread: Vec<&str> = params::table::keys()
        .filter(|key| !key.informational && !words.contains(key.name))
        .map(|key| key.name)
        .collect();
    assert!(
        unread.is_empty(),
        "keys that are declared in crates/params and read nowhere: {unread:?}\n\
         hint: read them, remove them, or declare them `.informational()`"
    );
}

#[test]
fn every_key_that_is_read_is_declared() {
    // A method that reads a key, or a function that is given parameters and a key.
    let read = Regex::new(
        r#"(?:\.(?:get|value|values|read|need|flag|objects|param|span)(?:::<[^()]*>)?\(\s*|\bparams,\s*)"([^"]+)""#,
    )
    .unwrap();
    let mut undeclared = Vec::new();
    let mut seen = 0;
    for name in ["harness", "suite", "exec"] {
        for (path, text) in sources(name) {
            for found in read.captures_iter(&text) {
                seen += 1;
                if params::table::lookup(&found[1]).is_none() {
                    undeclared.push(format!("{} in {}", &found[1], path.display()));
                }
            }
        }
    }
    assert!(seen > 50, "only {seen} reads of keys were recognised");
    assert!(
        undeclared.is_empty(),
        "keys read but not declared: {undeclared:#?}"
    );
}
