//! How tests are run: again, until, only some of them, in how much time. All without a machine.

use crate::lab::{Lab, Said};

/// `count` tests that pass, but for those of `kinds`: names and the lines they have.
fn config(lab: &Lab, count: usize, kinds: &[(&str, &str)]) -> String {
    let mut text = "vms =\ntype = noop\nvariants:\n".to_owned();
    for n in 0..count {
        text.push_str(&format!("    - n{n}:\n"));
    }
    for (name, lines) in kinds {
        text.push_str(&format!("    - {name}:\n        {lines}\n"));
    }
    let path = lab.logs().join("runner.cfg");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn results(lab: &Lab) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(lab.latest().join("results.json")).unwrap()).unwrap()
}

/// Names of the tests that were run.
fn names(lab: &Lab) -> Vec<String> {
    let results = results(lab);
    let tests = results["tests"].as_array().unwrap().iter();
    tests
        .map(|test| test["name"].as_str().unwrap().to_owned())
        .collect()
}

const FAILS: (&str, &str) = ("bad", "pre_command = exit 3");

/// Passes when it is tried for the third time.
const FLAKY: (&str, &str) = (
    "flaky",
    "pre_command = echo >> ../tries; echo >> ../../tries; test $(cat ../tries ../../tries | wc -l) -ge 4",
);

fn run_flaky(lab: &Lab, options: &[&str]) -> Said {
    let config = config(lab, 1, &[FLAKY]);
    lab.run(&[&["-c", &config, "-j", "1"], options].concat())
}

#[test]
fn a_test_that_passes_only_when_tried_again_is_flaky() {
    let lab = Lab::new();
    let said = run_flaky(&lab, &["--retries", "2"]);
    assert_eq!(said.status, 0, "{said:?}");
    assert!(
        said.out.contains("flaky: ERROR at attempt 1") && said.out.contains("flaky: PASS (flaky)"),
        "{}",
        said.out
    );
    let results = results(&lab);
    assert_eq!(results["counts"]["flaky"], 1);
    assert_eq!(results["tests"][1]["retried"][0][0], "error");
    let dir = std::path::Path::new(results["tests"][1]["dir"].as_str().unwrap());
    assert!(dir.join("debug.log").exists() && dir.join("attempt-2/debug.log").exists());
}

#[test]
fn a_flaky_test_fails_where_that_is_wanted_and_where_it_has_no_more_tries() {
    let said = run_flaky(&Lab::new(), &["--retries", "2", "--flaky", "fail"]);
    assert_eq!(said.status, 1, "{said:?}");
    assert!(said.out.contains("flaky: FAIL (flaky)"), "{}", said.out);
    let said = run_flaky(&Lab::new(), &[]);
    assert_eq!(said.status, 1, "{said:?}");
    assert!(!said.out.contains("attempt"), "{}", said.out);
}

#[test]
fn no_more_tests_begin_after_enough_have_failed() {
    let lab = Lab::new();
    let kinds = [FAILS, ("worse", FAILS.1), ("never", "type = noop")];
    let config = config(&lab, 1, &kinds);
    let said = lab.run(&["-c", &config, "-j", "1", "--fail-fast"]);
    assert_eq!(said.status, 1, "{said:?}");
    assert_eq!(names(&lab), ["n0", "bad"]);
    assert!(
        said.out.contains("STOPPING: 1 test has failed") && said.out.contains("TESTS NOT RUN: 2"),
        "{}",
        said.out
    );
    lab.run(&["-c", &config, "-j", "1", "--max-fail", "2"]);
    assert_eq!(names(&lab), ["n0", "bad", "worse"]);
    assert_eq!(results(&lab)["counts"]["not_run"], 1);
}

#[test]
fn tests_run_until_one_fails() {
    let lab = Lab::new();
    let third = "pre_command = echo >> ../rounds; test $(wc -l < ../rounds) -lt 3";
    let config = config(&lab, 0, &[("sometimes", third)]);
    let said = lab.run(&["-c", &config, "-j", "1", "--until-fail"]);
    assert_eq!(said.status, 1, "{said:?}");
    assert_eq!(results(&lab)["counts"]["pass"], 2);
    assert_eq!(results(&lab)["tests"][2]["round"], 3);
}

#[test]
fn all_copies_of_a_test_under_stress_run_at_once() {
    let lab = Lab::new();
    // Each waits for the others: they come to an end only together.
    let meet = "pre_command = touch ../here-$$; until [ $(ls .. | grep -c here-) -ge 4 ]; do sleep 0.01; done";
    let config = config(&lab, 0, &[("meet", meet)]);
    let said = lab.run(&["-c", &config, "--stress", "4"]);
    assert_eq!(said.status, 0, "{said:?}");
    assert_eq!(results(&lab)["counts"]["pass"], 4);
}

#[test]
fn a_run_that_takes_its_time_is_stopped() {
    let lab = Lab::new();
    let config = config(&lab, 0, &[("long", "pre_command = sleep 100"), FAILS]);
    let said = lab.run(&["-c", &config, "-j", "1", "--run-timeout", "0.5"]);
    assert_eq!(said.status, 8, "{said:?}");
    assert!(
        said.out.contains("long: INTERRUPTED") && said.out.contains("TESTS NOT RUN: 1"),
        "{}",
        said.out
    );
}

#[test]
fn a_test_that_takes_its_time_fails_and_one_that_is_slow_is_told_of() {
    let lab = Lab::new();
    let config = config(&lab, 0, &[("long", "pre_command = sleep 100")]);
    let said = lab.run(&[
        "-c",
        &config,
        "--test-timeout",
        "0.6",
        "--slow-after",
        "0.2",
    ]);
    assert_eq!(said.status, 1, "{said:?}");
    assert!(
        said.out.contains("long: SLOW") && said.out.contains("long: FAIL"),
        "{}",
        said.out
    );
}

#[test]
fn every_test_is_in_one_part() {
    let lab = Lab::new();
    let config = config(&lab, 20, &[]);
    let mut all = Vec::new();
    for part in ["hash:1/3", "hash:2/3", "hash:3/3"] {
        let said = lab.run(&["-c", &config, "--partition", part]);
        assert_eq!(said.status, 0, "{said:?}");
        all.extend(names(&lab));
    }
    all.sort_unstable();
    let mut expected: Vec<String> = (0..20).map(|n| format!("n{n}")).collect();
    expected.sort_unstable();
    assert_eq!(all, expected);
}

#[test]
fn what_did_not_pass_is_run_again_with_the_options_of_then() {
    let lab = Lab::new();
    let config = config(&lab, 3, &[FAILS, ("left", "type = noop")]);
    lab.run(&[
        "-c",
        &config,
        "-j",
        "1",
        "--fail-fast",
        "--extra",
        "smp = 3",
    ]);
    let said = lab.run(&["--rerun", "latest", "--extra", "pre_command = true"]);
    assert_eq!(said.status, 0, "{said:?}");
    assert_eq!(names(&lab), ["bad", "left"]);
    assert_eq!(
        results(&lab)["config"].as_array().unwrap().last().unwrap(),
        "pre_command = true"
    );
    let config = &results(&lab)["config"];
    assert!(config.as_array().unwrap().contains(&"smp = 3".into()));
    let said = lab.run(&["--rerun"]);
    assert_eq!(
        (said.status, said.out.trim()),
        (0, "every test of that run has passed")
    );
    assert_eq!(lab.run(&["--rerun", "no-such-run"]).status, 4);
}

#[test]
fn the_longest_tests_of_earlier_runs_begin_first() {
    let lab = Lab::new();
    let kinds = [
        ("sleepy", "pre_command = sleep 0.3"),
        ("quick", "type = noop"),
    ];
    let config = config(&lab, 1, &kinds);
    let data = tempfile::tempdir().unwrap();
    let data = data.path().display().to_string();
    let order = || {
        let said = lab.run(&["-c", &config, "-j", "2", "--data-dir", &data]);
        assert_eq!(said.status, 0, "{said:?}");
        let events = lab.events();
        let began = events.lines().filter(|line| line.contains("test_started"));
        began
            .map(|line| {
                let event: serde_json::Value = serde_json::from_str(line).unwrap();
                event["event"]["name"].as_str().unwrap().to_owned()
            })
            .collect::<Vec<_>>()
    };
    order();
    assert_eq!(order()[0], "sleepy");
}

#[test]
fn tests_are_chosen_by_expressions_on_names_parameters_and_tags() {
    let lab = Lab::new();
    let kinds = [
        ("quick", "tags = fast"),
        ("big", "tags = slow\n        mem = 2048"),
    ];
    let config = config(&lab, 2, &kinds);
    let chosen = |options: &[&str]| {
        let said = lab.run(&[&["-c", &config, "--list-tests"], options].concat());
        assert_eq!(said.status, 0, "{said:?}");
        said.out.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(chosen(&["-E", "not tag(slow) - n0"]), ["n1", "quick"]);
    assert_eq!(chosen(&["-E", "param(mem >= 1G) | n0"]), ["n0", "big"]);
    assert_eq!(chosen(&["-E", "!n0", "-E", "!n1"]), ["quick", "big"]);
    let said = lab.run(&["-c", &config, "-E", "tag(no"]);
    assert_eq!(said.status, 4, "{said:?}");
    assert!(said.err.contains("column 7"), "{}", said.err);
    let said = lab.run(&["-c", &config, "-E", "tag(no)"]);
    assert_eq!(said.status, 4, "{said:?}");
    assert!(said.err.contains("means none of 4"), "{}", said.err);
}

#[test]
fn programs_get_lists_and_events_as_json() {
    let lab = Lab::new();
    let config = config(&lab, 1, &[("quick", "tags = fast")]);
    let json = |options: &[&str]| {
        let options = [&["-c", &config, "--message-format", "json"], options].concat();
        let said = lab.run(&options);
        assert_eq!(said.status, 0, "{said:?}");
        let lines = said
            .out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        (lines.collect::<Vec<serde_json::Value>>(), said.out)
    };
    let (tests, _) = json(&["--list-tests"]);
    assert_eq!(tests[1]["name"], "quick");
    assert_eq!(tests[1]["tags"][0], "fast");
    let (_, events) = json(&[]);
    assert_eq!(events, lab.events());
}

#[test]
fn a_profile_is_options_under_a_name_and_what_is_typed_wins() {
    let lab = Lab::new();
    let config = config(&lab, 3, &[]);
    let project = tempfile::tempdir().unwrap();
    let below = project.path().join("below");
    std::fs::create_dir(&below).unwrap();
    let text = format!(
        "[profile.default]\nconfig = '{config}'\nlist-tests-is-not-here = 1\n[profile.some]\nconfig = '{config}'\nfilter = ['n0 | n1']\nextra = ['smp = 3']\n"
    );
    let beside = format!("{text}[profile.beside]\nconfig = 'beside.cfg'\n");
    std::fs::copy(&config, project.path().join("beside.cfg")).unwrap();
    let write = |text: &str| std::fs::write(project.path().join("virt-test.toml"), text).unwrap();
    let run = |options: &[&str]| {
        let mut command = lab.run_command(options);
        Said::from(command.current_dir(&below).output().unwrap())
    };
    write(&text);
    let said = run(&[]);
    assert_eq!(said.status, 4, "{said:?}");
    assert!(
        said.err
            .contains("profile default: 'list-tests-is-not-here'"),
        "{}",
        said.err
    );
    let said = run(&["-P", "some", "--extra", "smp = 4", "--show-config"]);
    assert!(said.out.ends_with("smp = 3\nsmp = 4\n"), "{}", said.out);
    let said = run(&["-P", "some", "--list-tests"]);
    assert_eq!(said.out, "n0\nn1\n");
    let said = run(&["-P", "some", "-c", "/no/such.cfg", "--list-tests"]);
    assert_eq!(said.status, 4, "{said:?}");
    write(&text.replace("list-tests-is-not-here", "jobs"));
    assert_eq!(run(&["--list-tests"]).out, "n0\nn1\nn2\n");
    assert_eq!(run(&["-P", "none"]).status, 4);
    write(&beside);
    assert_eq!(run(&["-P", "beside", "--list-tests"]).out, "n0\nn1\nn2\n");
}

/// A limit to the size of files stands for a full disk.
#[test]
fn a_run_that_can_no_longer_write_down_what_it_does_stops_and_loses_nothing_that_happened() {
    let lab = Lab::new();
    let config = config(&lab, 1, &[]);
    let run = lab.run_command(&["-c", &config, "-j", "1", "--repeat", "400"]);
    let said: Said = std::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 128; exec \"$0\" \"$@\""])
        .arg(run.get_program())
        .args(run.get_args())
        .envs(
            run.get_envs()
                .filter_map(|(key, value)| Some((key, value?))),
        )
        .output()
        .unwrap()
        .into();
    assert_eq!(said.status, 1, "{said:?}");
    assert!(
        said.err
            .contains("failed to write events.jsonl, so no more tests are run: File too large"),
        "{}",
        said.err
    );
    let results = results(&lab);
    let (passed, not_run) = (&results["counts"]["pass"], &results["counts"]["not_run"]);
    let told = said.out.matches(": PASS (").count() as u64 - 1;
    assert_eq!(passed.as_u64(), Some(told), "{}", said.out);
    assert!(
        told > 20 && not_run.as_u64().unwrap() >= 399 - told,
        "{results}"
    );
}
