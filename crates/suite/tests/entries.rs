//! What stands beside a test is the test's.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|found| found == ending) {
            found.push(path);
        }
    }
}

#[test]
fn every_configuration_belongs_to_a_test_of_its_name() {
    suite::link();
    let mut found = Vec::new();
    files(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        "cfg",
        &mut found,
    );
    assert!(!found.is_empty());
    for path in found {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let test = virt_test::find(name).map(|test| test.config);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(test, Some(&*text), "{} is no test's", path.display());
    }
}

#[test]
fn every_test_has_a_name_of_its_own_and_says_what_it_asserts() {
    suite::link();
    let mut names = BTreeSet::new();
    for test in virt_test::tests() {
        assert!(
            names.insert(test.name),
            "two tests are called {}",
            test.name
        );
        assert!(
            test.about.ends_with('.'),
            "{} says '{}', which is no sentence; it is the first of its file's documentation",
            test.name,
            test.about
        );
    }
    assert!(names.contains("boot"));
}

/// A machine that moves is there twice, and only its configuration tells those who share out the host's memory.
#[test]
fn tests_whose_machines_move_say_so() {
    suite::link();
    let mut found = Vec::new();
    files(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        "rs",
        &mut found,
    );
    let mut moving = 0;
    for path in found {
        let source = fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let moves = [".migration(", "rounds::", "load::moves("].iter();
        if let Some(test) = virt_test::find(name)
            && moves.into_iter().any(|call| source.contains(call))
        {
            moving += 1;
            assert!(test.config.contains("migrates"), "{name} does not say");
        }
    }
    assert!(moving > 10, "{moving}");
}
