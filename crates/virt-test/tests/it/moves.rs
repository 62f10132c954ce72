//! What becomes of devices and machines that move, as the results tell it.

use crate::lab::Lab;

fn migrations(lab: &Lab) -> Vec<serde_json::Value> {
    let results = std::fs::read(lab.latest().join("results.json")).unwrap();
    let results: serde_json::Value = serde_json::from_slice(&results).unwrap();
    results["tests"][0]["migrations"]
        .as_array()
        .unwrap()
        .clone()
}

/// The line a failed sequence says it can be repeated with.
fn script(out: &str) -> &str {
    let line = out.split_once("--extra 'hotplug_script = ");
    let line = line.and_then(|(_, line)| line.split_once('\''));
    line.unwrap_or_else(|| panic!("{out}")).0
}

#[test]
fn a_sequence_that_finds_something_is_shrunk_and_told_as_a_script_that_finds_it_again() {
    let lab = Lab::new();
    let long = "hotplug_script = plug Rng d1; plug Nic d2; plug IoThread d3; unplug d1; lose d2; plug VirtioPort d4";
    let said = lab.run(&["--tests", "hotplug_model", "--extra", long]);
    assert_eq!(said.status, 1, "{said:?}");
    let shrunk = script(&said.out);
    assert_eq!(shrunk, "plug Nic d2; lose d2", "{}", said.out);
    let finding = "after 'lose d2' QEMU no longer has Nic model-2";
    assert!(said.out.contains(finding), "{}", said.out);
    let again = format!("hotplug_script = {shrunk}");
    let said = lab.run(&["--tests", "hotplug_model", "--extra", &again]);
    assert_eq!(said.status, 1, "{said:?}");
    assert!(said.out.contains(finding), "{}", said.out);
    assert_eq!(script(&said.out), shrunk);
    lab.assert_no_qemu_is_left();
}

#[test]
fn every_migration_of_a_test_is_in_its_results_also_one_called_off_or_failed() {
    let lab = Lab::new();
    let said = lab.run(&["--tests", "migrate_cancel"]);
    assert_eq!(said.status, 0, "{said:?}");
    let told = migrations(&lab);
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0]["figures"]["status"], "cancelled");
    assert_eq!(told[1]["figures"]["status"], "completed");
    assert!(told.iter().all(|told| told["error"].is_null()), "{told:?}");
    assert!(told[1]["standstill_ms"].is_u64(), "{told:?}");

    let said = lab.run(&["--tests", "migrate_to_dead_port.unix"]);
    assert_eq!(said.status, 0, "{said:?}");
    let told = migrations(&lab);
    let [failed] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(failed["transport"], "unix");
    let error = failed["error"].as_str().unwrap();
    assert!(error.contains("in phase start"), "{error}");
    assert!(lab.events().contains("\"migrated\""), "{}", lab.events());
}
