//! Every command, as people and programs see it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use cartesian::MemoryLoader;

mod support;

const TESTS: &str = "\
include base.cfg
variants:
    - boot:
        type = boot
    - migrate: boot
        type = migrate
        mem += 0
        only linux
variants guest:
    - @linux:
        os_type = linux
    - windows:
        os_type = windows
        mem = 2048
        boot: _note = 900
no windows..migrate
";

const BASE: &str = "\
# what every test starts from
mem = 512
kernel_params = \"console=ttyS0 quiet\"
vms = vm1
mem_vm1_max = 1024
";

const BROKEN: &str = "\
variants:
    - a:
        x = 1
    - b
only a b:
(v=a): mem = 1
include nowhere.cfg
";

fn files() -> MemoryLoader {
    MemoryLoader::new()
        .with("cfg/tests.cfg", TESTS)
        .with("cfg/base.cfg", BASE)
        .with(
            "other.cfg",
            TESTS
                .replace("include base.cfg", "mem = 256\nnew = yes")
                .replace("- boot:", "- start:"),
        )
        .with("cfg/empty.cfg", format!("{TESTS}only windows..linux\n"))
        .with("nothing.cfg", "")
        .with("broken.cfg", BROKEN)
        .with(
            "late.cfg",
            "x = 1\nvariants:\n    - ok:\n    - bad:\n        mem = lots\n        mem_max = 5\n",
        )
        .with("messy.cfg", "variants:\n  - a: # why\n      x=1\n")
        .with(
            "twins.cfg",
            "variants:\n    - a:\n        x = 1\n    - a:\n        x = 2\n    - 7:\n",
        )
        .with("lint.cfg", "smp = two\nmemm = 5\nonly nobody\n")
}

/// What a command line answers, in one text.
fn answer(line: &str) -> String {
    with_stdin(line, "")
}

fn with_stdin(line: &str, stdin: &str) -> String {
    let words: Vec<&str> = line
        .split(' ')
        .map(|word| word.trim_matches('\''))
        .collect();
    let words: Vec<String> = words
        .iter()
        .map(|word| word.replace('_', " ").replace('~', "_"))
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let answer = support::config(&files(), &words, stdin);
    let mut text = format!("$ config {}\n{}", words.join(" "), answer.out);
    if !answer.err.is_empty() {
        text.push_str("--- stderr ---\n");
        text.push_str(&answer.err);
    }
    text.push_str(&format!("=> {}\n", answer.status));
    text
}

/// Compares the answers to some command lines with a file. In a line `_` stands for a space and `~` for `_` within
/// a word.
macro_rules! answers {
    ($test:ident, $($line:expr),+ $(,)?) => {
        #[test]
        fn $test() {
            let all = [$(answer($line)),+].join("\n");
            insta::assert_snapshot!(stringify!($test), all);
        }
    };
}

answers!(
    list_prints_names,
    "list cfg/tests.cfg",
    "list cfg/tests.cfg --short",
    "list cfg/tests.cfg --format json",
    "list cfg/tests.cfg --defaults",
    "list cfg/tests.cfg --defaults --expand guest",
    "list cfg/tests.cfg --extra only_windows --extra x_=_1",
    "list cfg/empty.cfg",
    "list cfg/empty.cfg --format json",
    "list nothing.cfg",
);

answers!(
    count_prints_a_number,
    "count cfg/tests.cfg",
    "count cfg/empty.cfg",
    "count cfg/tests.cfg --format json",
    "count cfg/tests.cfg --defaults",
);

answers!(
    dump_prints_dictionaries,
    "dump cfg/tests.cfg",
    "dump cfg/tests.cfg --format json --extra only_windows",
    "dump cfg/tests.cfg --format text",
    "dump cfg/empty.cfg",
    "dump cfg/empty.cfg --format json",
);

answers!(
    show_prints_one_variant,
    "show 2 cfg/tests.cfg",
    "show (guest=linux).migrate cfg/tests.cfg --format json",
    "show boot cfg/tests.cfg",
    "show cfg/tests.cfg windows.boot",
    "show cfg/tests.cfg --extra only_migrate",
    "show 2 twins.cfg",
    "show 7 twins.cfg",
    "show 9 cfg/tests.cfg",
    "show (guest=linux).migrat cfg/tests.cfg",
    "show",
);

answers!(
    explain_says_where_a_value_comes_from,
    "explain mem cfg/tests.cfg --variant migrate",
    "explain mem cfg/tests.cfg --variant migrate --format json",
    "explain ~note cfg/tests.cfg --variant windows",
    "explain mem~vm1 cfg/tests.cfg",
    "explain smp~vm1 cfg/tests.cfg --extra smp_=_4",
    "explain meem cfg/tests.cfg",
    "explain cfg/tests.cfg os~type --extra no_linux",
    "explain mem cfg/tests.cfg --variant windows..migrate",
    "explain mem cfg/empty.cfg",
);

answers!(
    why_names_the_line_that_removed_a_variant,
    "why windows..migrate cfg/tests.cfg",
    "why windows..migrate cfg/tests.cfg --format json",
    "why boot cfg/tests.cfg",
    "why cfg/tests.cfg",
    "why cfg/empty.cfg",
    "why windos cfg/tests.cfg",
    "why windows cfg/tests.cfg --defaults",
    "why --extra only_nobody",
    "why --extra no_ours --extra only_ours",
    "why (windows cfg/tests.cfg",
);

answers!(
    lint_points_at_what_is_not_meant,
    "lint lint.cfg",
    "lint lint.cfg --format json",
    "lint lint.cfg --only wrong-value",
    "lint lint.cfg --allow wrong-value,unknown-key,dead-filter",
    "lint cfg/tests.cfg",
);

answers!(
    diff_tells_what_differs,
    "diff cfg/tests.cfg other.cfg",
    "diff cfg/tests.cfg other.cfg --names",
    "diff cfg/tests.cfg other.cfg --format json",
    "diff cfg/tests.cfg cfg/tests.cfg",
);

answers!(
    legacy_prints_what_the_reference_prints,
    "legacy cfg/tests.cfg",
    "legacy -f cfg/tests.cfg no_boot",
    "legacy -c cfg/tests.cfg only_migrate",
    "legacy -r cfg/tests.cfg only_windows",
    "legacy -d -e guest cfg/tests.cfg",
    "legacy -d cfg/tests.cfg",
    "legacy cfg/empty.cfg",
    "legacy broken.cfg",
);

answers!(
    mistakes_are_underlined,
    "list broken.cfg",
    "dump late.cfg",
    "list nowhere.cfg",
    "list cfg/tests.cfg --extra only_..",
);

#[test]
fn without_a_file_the_shipped_configuration_is_meant() {
    assert_eq!(answer("list"), "$ config list\nours\n=> 0\n");
    assert!(answer("show ours").contains("    mem = 1\n"));
    assert!(answer("why ours").starts_with("$ config why ours\n`ours` is there"));
}

#[test]
fn a_dash_is_standard_input() {
    insta::assert_snapshot!(with_stdin("dump -", "variants:\n    - a:\n        x = 1\n"), @r#"
    $ config dump -
    {"_name_map_file": {"<string>": "a"}, "_short_name_map_file": {"<string>": "a"}, "dep": [], "name": "a", "shortname": "a", "x": "1"}
    => 0
    "#);
    insta::assert_snapshot!(with_stdin("list -", "only\n"));
}

#[test]
fn formatting_standard_input_goes_to_standard_output() {
    insta::assert_snapshot!(with_stdin("fmt -", "variants:\n  - a:\n      x=1\n"), @"
    $ config fmt -
    variants:
        - a:
            x = 1
    => 0
    ");
    assert_eq!(
        with_stdin("fmt --check -", "x=1"),
        "$ config fmt --check -\nnot formatted: <stdin>\n=> 1\n"
    );
    assert_eq!(
        with_stdin("fmt --check -", "x = 1\n"),
        "$ config fmt --check -\n=> 0\n"
    );
    insta::assert_snapshot!(with_stdin("fmt -", "variants\n"));
}

#[test]
fn formatting_a_file_writes_it_only_where_that_changes_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.cfg");
    let path = path.to_str().unwrap();
    std::fs::write(path, "x=1\n").unwrap();
    let config = |words: &[&str]| support::config(&cartesian::FsLoader, words, "");
    let checked = config(&["fmt", "--check", path]);
    assert_eq!(
        (checked.status, checked.out),
        (1, format!("not formatted: {path}\n"))
    );
    assert_eq!(std::fs::read_to_string(path).unwrap(), "x=1\n");
    let done = config(&["fmt", "--format", "json", path]);
    let expected = serde_json::json!([{"file": path, "changed": true}]);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&done.out).unwrap(),
        expected
    );
    assert_eq!(std::fs::read_to_string(path).unwrap(), "x = 1\n");
    assert_eq!(config(&["fmt", "--check", path]).status, 0);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("many.cfg");
    let digits: String = (0..10).map(|digit| format!("    - d{digit}:\n")).collect();
    std::fs::write(&path, format!("variants:\n{digits}").repeat(6)).unwrap();
    let mut child = Command::new(support::program())
        .arg("list")
        .arg(&path)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut first).unwrap();
    assert_eq!(first, "d0.d0.d0.d0.d0.d0\n");
    drop(out);
    let mut err = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut err)
        .unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
}
