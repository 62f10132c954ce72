//! Tests that run at the same time: the same verdicts, logs of their own, and an end for all of them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::lab::{Lab, finish, signal};

fn results(lab: &Lab) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(lab.latest().join("results.json")).unwrap()).unwrap()
}

/// Index, name, verdict and reason of each test.
fn verdicts(lab: &Lab) -> Vec<(u64, String, String, String)> {
    let results = results(lab);
    let tests = results["tests"].as_array().unwrap().iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    tests
        .map(|test| {
            (
                test["index"].as_u64().unwrap(),
                text(&test["name"]),
                text(&test["verdict"]),
                text(&test["reason"]),
            )
        })
        .collect()
}

/// Every verdict there is without a machine, many times, each test saying its name on the way.
fn every_verdict(lab: &Lab) -> String {
    let kinds = [
        ("pass", "pre_command = echo mark-${shortname}-"),
        ("error", "pre_command = echo mark-${shortname}-; exit 3"),
        (
            "warn",
            "pre_command = echo mark-${shortname}-; exit 1\n            pre_command_noncritical = yes",
        ),
        ("skip", "requires_commands = no-such-program"),
        (
            "late",
            "pre_command = echo mark-${shortname}-; sleep 100\n            pre_command_timeout = 0.01",
        ),
    ];
    let mut text = "vms =\ntype = noop\nvariants:\n".to_owned();
    for n in 0..8 {
        text.push_str(&format!("    - n{n}:\n"));
    }
    text.push_str("variants:\n");
    for (name, lines) in kinds {
        text.push_str(&format!("    - {name}:\n            {lines}\n"));
    }
    // These wait for others, and stand before them.
    text.push_str("    - after_pass: pass\n    - after_error: error\n    - after_both: after_pass after_error\n");
    let path = lab.logs().join("verdicts.cfg");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn verdicts_are_the_same_one_at_a_time_and_eight_at_a_time() {
    let lab = Lab::new();
    let config = every_verdict(&lab);
    let run = |options: &[&str]| {
        let said = lab.run(&[&["-c", &config], options].concat());
        assert_eq!(said.status, 1, "{said:?}");
        verdicts(&lab)
    };
    let one = run(&["-j", "1"]);
    let mut counts = BTreeMap::new();
    for (_, _, verdict, _) in &one {
        *counts.entry(verdict.clone()).or_insert(0) += 1;
    }
    let expected = [("error", 16), ("pass", 16), ("skip", 24), ("warn", 8)];
    assert_eq!(
        counts,
        expected
            .map(|(name, count)| (name.to_owned(), count))
            .into()
    );
    assert_eq!(run(&["-j", "8"]), one);
    assert_eq!(run(&["-j", "8", "--shuffle", "4"]), one);
}

#[test]
fn each_test_has_its_own_log_whatever_runs_beside_it() {
    let lab = Lab::new();
    let config = every_verdict(&lab);
    lab.run(&["-c", &config, "-j", "8", "--repeat", "2"]);
    let mut marked = 0;
    for test in results(&lab)["tests"].as_array().unwrap() {
        let log = std::path::Path::new(test["dir"].as_str().unwrap()).join("debug.log");
        // What was never begun has none.
        let log = std::fs::read_to_string(log).unwrap_or_default();
        let name = test["name"].as_str().unwrap();
        let marks: Vec<&str> = log
            .lines()
            .filter_map(|line| line.split_once("pre_command| mark-"))
            .map(|(_, mark)| mark.trim_end_matches('-'))
            .collect();
        assert!(marks.iter().all(|&mark| mark == name), "{name}: {log}");
        marked += marks.len();
    }
    assert!(marked >= 48, "{marked}");
}

#[test]
fn repeated_tests_tell_their_round() {
    let lab = Lab::new();
    let said = lab.run(&["--tests", "noop", "--repeat", "3", "-j", "2"]);
    assert_eq!(said.status, 0, "{said:?}");
    let results = results(&lab);
    let rounds: Vec<_> = results["tests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|test| (test["index"].as_u64(), test["round"].as_u64()))
        .collect();
    assert_eq!(rounds, [1, 2, 3].map(|n| (Some(n), Some(n))));
    assert!(said.out.contains("noop (round 3): PASS"), "{}", said.out);
}

#[test]
fn guests_that_run_at_once_come_to_the_verdicts_they_come_to_alone() {
    let lab = Lab::new();
    let config = lab.logs().join("guests.cfg");
    let text = "include virt-test:/tests.cfg\n\
        only kvm..tiny..q35..qcow2..virtio_blk..virtio_net..up\n\
        only boot, shutdown.by_shell, qmp_command\n\
        variants:\n    - well:\n    - panics:\n        kernel_params = rdinit=/no/such/init root=/dev/none\n";
    std::fs::write(&config, text).unwrap();
    let config = config.display().to_string();
    let run = |jobs: &str| {
        let said = lab.run(&["-c", &config, "-j", jobs]);
        assert_eq!(said.status, 1, "{said:?}");
        let verdicts = verdicts(&lab).into_iter();
        let plain = verdicts.map(|(index, name, verdict, _)| (index, name, verdict));
        plain.collect::<Vec<_>>()
    };
    let alone = run("1");
    let failed = alone.iter().filter(|(_, _, verdict)| verdict == "fail");
    assert!(alone.len() == 6 && failed.count() >= 2, "{alone:?}");
    // One boots, the others are clones of one machine or find out that they cannot be.
    assert_eq!(run("8"), alone);
    lab.assert_no_qemu_is_left();
    assert_eq!(lab.left_in_runtime(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn ctrl_c_ends_all_tests_that_run_and_begins_no_more() {
    let lab = Lab::new();
    let child = lab.run_until(
        &["--tests", "boot", "--repeat", "5", "-j", "2"],
        r#""index":2,"at_ms"#,
    );
    signal(child.id(), "INT");
    let said = finish(child, Duration::from_secs(15));
    assert_eq!(said.status, 8, "{said:?}");
    assert_eq!(said.out.matches("INTERRUPTED (").count(), 2, "{}", said.out);
    assert!(!said.out.contains("(3/5)"), "{}", said.out);
    lab.assert_no_qemu_is_left();
    assert_eq!(lab.left_in_runtime(), Vec::<std::path::PathBuf>::new());
}

/// Waits until `reached` holds.
fn wait_until(what: &str, reached: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !reached() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_run_says_what_it_does_and_stands_still_with_its_guests() {
    let lab = Lab::new();
    // A shell that never comes keeps the test waiting.
    let silent = "kernel_params = console=null";
    let child = lab.run_until(&["--tests", "boot", "--extra", silent], "booting vm1");
    signal(child.id(), "USR1");
    wait_until("the status", || {
        lab.events().contains(r#""type":"status""#) && lab.events().contains(r#""state":"running""#)
    });
    signal(child.id(), "TSTP");
    let stat = format!("/proc/{}/stat", child.id());
    wait_until("the run to stand still", || {
        std::fs::read_to_string(&stat).unwrap().contains(") T ")
    });
    let paused = |paused: bool| format!(r#""paused":{paused},"guests":1"#);
    assert!(lab.events().contains(&paused(true)), "{}", lab.events());
    signal(child.id(), "CONT");
    wait_until("the run to go on", || lab.events().contains(&paused(false)));
    signal(child.id(), "INT");
    let said = finish(child, Duration::from_secs(15));
    assert_eq!(said.status, 8, "{said:?}");
    assert!(
        said.out.contains("STATUS: 1 running") && said.out.contains("vm1 (pid "),
        "{}",
        said.out
    );
    lab.assert_no_qemu_is_left();
}

#[test]
fn a_second_ctrl_c_ends_the_run_whatever_it_still_has_to_do() {
    let lab = Lab::new();
    let config = lab.logs().join("slow.cfg");
    let text = "vms =\ntype = noop\npre_command = sleep 1000\npost_command = sleep 1000\nvariants:\n    - a:\n    - b:\n";
    std::fs::write(&config, text).unwrap();
    let config = config.display().to_string();
    let child = lab.run_until(&["-c", &config, "-j", "2"], "running pre_command");
    signal(child.id(), "INT");
    wait_until("the clean-up", || {
        lab.events().matches("running post_command").count() == 2
    });
    // Sooner would count as the same signal, told to the process and to its group.
    std::thread::sleep(Duration::from_millis(200));
    signal(child.id(), "INT");
    let said = finish(child, Duration::from_secs(15));
    assert_eq!(said.status, 8, "{said:?}");
    assert_eq!(lab.left_in_runtime(), Vec::<std::path::PathBuf>::new());
}
