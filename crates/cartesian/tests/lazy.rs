//! Nothing is paid for variants that nobody looks at.

#![expect(clippy::unwrap_used, reason = "a test")]

use cartesian::{Config, MemoryLoader, Options, Parser, Why};
use std::fmt::Write;

/// 2⁶⁰ variants.
fn huge() -> Config {
    let mut text = String::new();
    for i in 0..60 {
        writeln!(text, "variants:\n  - a{i}:\n    k{i} = 1\n  - b{i}:").unwrap();
    }
    let mut parser = Parser::new(MemoryLoader::new());
    parser.text("huge", &text);
    parser.finish().unwrap()
}

#[test]
fn more_variants_than_could_ever_be_visited_are_counted() {
    assert_eq!(huge().count(&Options::default()).unwrap(), 1 << 60);
}

#[test]
fn the_first_of_very_many_variants_comes_at_once() {
    let config = huge();
    let names = config.names(&Options::default()).take(3).count();
    let variant = config
        .variants(&Options::default())
        .nth(1)
        .unwrap()
        .unwrap();
    assert_eq!(names, 3);
    assert_eq!(variant.len(), 59);
    assert!(variant.name().ends_with("a1.b0"));
}

#[test]
fn a_late_filter_that_nothing_meets_is_seen_without_a_visit() {
    let mut parser = Parser::new(MemoryLoader::new());
    let mut text = String::from("variants:\n  - x:\n    no y\n  - y:\n    no x\n");
    text += "variants:\n  - x:\n    no y\n  - y:\n    no x\n";
    for i in 0..40 {
        writeln!(text, "variants:\n  - a{i}:\n  - b{i}:").unwrap();
    }
    parser.text("t", &(text + "only x..y\n"));
    let config = parser.finish().unwrap();
    assert_eq!(config.names(&Options::default()).count(), 0);
}

#[test]
fn variants_can_be_kept_and_sent_when_their_iterator_is_gone() {
    let config = huge();
    let variant = config
        .variants(&Options::default())
        .next()
        .unwrap()
        .unwrap();
    drop(config);
    let length = std::thread::spawn(move || variant.iter().count()).join();
    assert_eq!(length.unwrap(), 60);
}

#[test]
fn why_empty_speaks_up_when_a_join_finds_nothing() {
    let mut parser = Parser::new(MemoryLoader::new());
    parser.text("t", "variants:\n  - fedora:\n  - b:\njoin fedroa b\n");
    let config = parser.finish().unwrap();
    assert_eq!(config.count(&Options::default()).unwrap(), 0);
    let why = config.why_empty(&Options::default());
    let Some(Why::Unknown { labels }) = why else {
        panic!("{why:?}")
    };
    assert_eq!(labels, [("fedroa".to_owned(), Some("fedora".to_owned()))]);
}
