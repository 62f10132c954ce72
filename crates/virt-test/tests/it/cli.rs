//! What needs no machine.

use std::collections::BTreeSet;

use crate::lab::Lab;

#[test]
fn the_options_that_are_meant_by_nothing_are_shown_as_lines() {
    insta::assert_snapshot!(Lab::new().say(&["--show-config"]).out);
}

#[test]
fn each_option_is_shown_as_one_line() {
    let said = Lab::new().say(&[
        "run",
        "-t",
        "qemu",
        "--tests",
        "boot shutdown",
        "--no",
        "reboot",
        "-g",
        "JeOS.tiny.x86_64",
        "--qemu",
        "/q/qemu",
        "--qemu-img",
        "/q/img",
        "--dst-qemu",
        "/q/dst",
        "--smp",
        "4",
        "-m",
        "1024",
        "--machine-type",
        "i440fx",
        "--image-type",
        "raw",
        "--disk-bus",
        "ahci",
        "--nic-model",
        "e1000",
        "--nettype",
        "none",
        "--accel",
        "tcg",
        "--keep-image",
        "--keep-guest-running",
        "-v",
        "--data-dir",
        "/d",
        "--logs-dir",
        "/l",
        "--extra",
        "a = b",
        "--show-config",
    ]);
    assert_eq!(said.status, 0);
    insta::assert_snapshot!(said.out);
}

#[test]
fn a_version_of_a_machine_type_brings_its_family_along() {
    let said = Lab::new().say(&["--machine-type", "pc-i440fx-7.2", "--show-config"]);
    assert!(
        said.out
            .contains("only i440fx\nmachine_type = pc-i440fx-7.2\n"),
        "{}",
        said.out
    );
}

#[test]
fn the_users_own_configuration_gets_no_lines_that_were_not_typed() {
    let said = Lab::new().say(&["-c", "/my.cfg", "--smp", "1", "--show-config"]);
    assert_eq!(said.out, "include /my.cfg\nonly up\n");
}

#[test]
fn all_tests_are_listed_by_name() {
    let said = Lab::new().say(&["--list-tests"]);
    assert_eq!(said.status, 0);
    let usual = "kvm.virtio_blk.smp2.virtio_net.JeOS.tiny.x86_64.";
    let place = |name: &str| {
        let name = format!("{usual}{name}");
        said.out.lines().position(|line| line == name)
    };
    let some = [
        "boot",
        "noop",
        "reboot.by_shell",
        "type_specific.qmp_command",
    ]
    .map(place);
    assert!(some[0].is_some() && some.is_sorted(), "{}", said.out);
    assert!(
        said.out.lines().all(|name| name.starts_with(usual)),
        "{}",
        said.out
    );
}

#[test]
fn tests_say_what_they_assert() {
    let said = Lab::new().say(&["--list-tests", "-v", "--tests", "noop"]);
    assert_eq!(
        said.out,
        "kvm.virtio_blk.smp2.virtio_net.JeOS.tiny.x86_64.noop\n    Does nothing: what the harness itself costs.\n"
    );
}

#[test]
fn only_type_specific_tests_are_listed() {
    let said = Lab::new().say(&["-t", "qemu", "--type-specific", "--list-tests"]);
    assert!(
        !said.out.is_empty()
            && said
                .out
                .lines()
                .all(|name| name.contains(".type_specific.")),
        "{}",
        said.out
    );
    assert!(
        said.out.lines().all(|name| name.starts_with("qemu.")),
        "{}",
        said.out
    );
}

#[test]
fn tests_are_chosen_by_name_and_left_out_by_name() {
    let lab = Lab::new();
    let boot = lab.say(&[
        "--tests",
        "boot shutdown",
        "--no",
        "shutdown",
        "--list-tests",
    ]);
    assert_eq!(
        boot.out,
        "kvm.virtio_blk.smp2.virtio_net.JeOS.tiny.x86_64.boot\n"
    );
    let raw = lab.say(&[
        "--tests",
        "boot",
        "--image-type",
        "raw",
        "--machine-type",
        "i440fx",
        "--smp",
        "1",
        "--list-tests",
    ]);
    assert_eq!(
        raw.out,
        "kvm.i440fx.raw.virtio_blk.up.virtio_net.JeOS.tiny.x86_64.boot\n"
    );
}

#[test]
fn guests_are_listed_by_the_name_that_guest_os_takes() {
    let said = Lab::new().say(&["--list-guests"]);
    assert!(said.out.starts_with("1 JeOS.tiny.x86_64"), "{}", said.out);
}

#[test]
fn a_selection_that_is_empty_says_which_line_emptied_it() {
    let said = Lab::new().say(&["--tests", "boot", "--no", "boot", "--list-tests"]);
    assert_eq!(said.status, 4, "{said:?}");
    assert!(
        said.err.contains("--no") && said.err.contains("no boot"),
        "{}",
        said.err
    );
}

#[test]
fn wrong_usage_ends_with_status_4() {
    let lab = Lab::new();
    for args in [
        &["--no-such-option"][..],
        &["--smp", "many"],
        &["-c", "/no/such.cfg"],
        &["config"],
    ] {
        let said = lab.say(args);
        assert_eq!(said.status, 4, "{args:?}: {said:?}");
        assert!(!said.err.is_empty(), "{args:?}");
    }
}

#[test]
fn a_wrong_value_is_refused_before_anything_starts_and_says_where_it_stands() {
    let lab = Lab::new();
    let said = lab.run(&["--extra", "mem = lots"]);
    assert_eq!(said.status, 4, "{said:?}");
    assert!(
        said.err.contains("mem") && said.err.contains("lots") && said.err.contains("--extra"),
        "{}",
        said.err
    );
    let said = lab.run(&["--extra", "mme = 512"]);
    assert!(
        said.err.contains("mme") && said.err.contains("mem"),
        "{}",
        said.err
    );
    assert!(!lab.latest().exists());
}

#[test]
fn help_and_version_are_no_errors() {
    let lab = Lab::new();
    assert_eq!(lab.say(&["--help"]).status, 0);
    assert!(lab.say(&["--version"]).out.starts_with("virt-test "));
}

#[test]
fn the_reference_of_options_is_as_it_was() {
    insta::assert_snapshot!(Lab::new().say(&["run", "--help"]).out);
}

#[test]
fn a_test_that_is_named_is_that_test_and_no_part_of_another() {
    let said = Lab::new().say(&["--list-tests", "--message-format", "json"]);
    assert_eq!(said.status, 0, "{said:?}");
    let lines = said.out.lines();
    let tests: Vec<serde_json::Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let types: BTreeSet<&str> = tests
        .iter()
        .map(|test| test["type"].as_str().unwrap())
        .collect();
    for test in &tests {
        let labels = test["full_name"].as_str().unwrap().split('.');
        let others = labels.filter(|label| types.contains(label) && test["type"] != *label);
        assert_eq!(others.collect::<Vec<_>>(), [""; 0], "{}", test["name"]);
        // Nor is a part of a test called as hardware is: it would be there whatever hardware is chosen.
        let name = test["full_name"].as_str().unwrap();
        let labels: Vec<&str> = name.split('.').collect();
        let hardware = labels.iter().position(|&label| label == "JeOS").unwrap();
        let (hardware, rest) = labels.split_at(hardware);
        assert!(!rest.iter().any(|label| hardware.contains(label)), "{name}");
        assert!(hardware.contains(&"virtio_blk"), "{name}");
    }
}
