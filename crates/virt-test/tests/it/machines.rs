//! What only a real machine can tell.

use std::time::{Duration, Instant};

use crate::lab::{Lab, finish, signal};

/// Longer than anything here takes on a slow host.
const LIMIT: Duration = Duration::from_secs(180);

fn results(lab: &Lab) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(lab.latest().join("results.json")).unwrap()).unwrap()
}

/// The evidence of machine vm1 of the only test.
fn evidence(lab: &Lab) -> std::path::PathBuf {
    std::path::PathBuf::from(results(lab)["tests"][0]["dir"].as_str().unwrap()).join("vm1")
}

#[test]
fn the_newcomers_command_prints_one_line_a_test_and_nothing_more() {
    let lab = Lab::new();
    let said = lab.run(&["-t", "kvm"]);
    // Each line of a test comes when the test has ended.
    let mut lines: Vec<&str> = said.out.lines().collect();
    let tests = lines.iter().position(|line| line.starts_with("(")).unwrap();
    let end = lines.iter().rposition(|line| line.starts_with("("));
    lines[tests..=end.unwrap()].sort_unstable();
    assert_eq!(said.status, 0, "{said:?}");
    let logs = lab.logs().display().to_string();
    insta::with_settings!({filters => vec![
        (r"\(?\d+\.\d+ s\)?( \(\d\d:\d\d\))?", "[TIME]"),
        (logs.as_str(), "[LOGS]"),
        (r"run-[0-9T.-]+/", "[RUN]/"),
        (r"DATA DIR: .*", "DATA DIR: [DATA]"),
        (r"ACCEL: .*", "ACCEL: [ACCEL]"),
        (r" \(\d+ at a time\)", ""),
    ]}, {
        insta::assert_snapshot!(lines.join("\n"));
    });
    assert_eq!(said.err, "");
    assert_eq!(results(&lab)["exit_status"], 0);
    for file in ["qemu-command.txt", "repro.sh", "qmp.log", "serial0.log"] {
        assert!(evidence(&lab).join(file).exists(), "{file}");
    }
    lab.assert_no_qemu_is_left();
    assert_eq!(lab.left_in_runtime(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn other_hardware_boots_too() {
    let lab = Lab::new();
    for args in [
        &[
            "--machine-type",
            "i440fx",
            "--disk-bus",
            "ide",
            "--nic-model",
            "e1000",
            "--smp",
            "1",
        ][..],
        &[
            "--disk-bus",
            "ahci",
            "--nic-model",
            "e1000e",
            "--image-type",
            "raw",
            "-m",
            "768",
        ],
        &[
            "--disk-bus",
            "nvme",
            "--nic-model",
            "rtl8139",
            "--nettype",
            "none",
            "-t",
            "qemu",
        ],
        &["--disk-bus", "virtio_scsi", "--smp", "4", "--accel", "tcg"],
        &["--disk-bus", "usb", "--machine-type", "i440fx"],
    ] {
        let said = lab.run(&[&["--tests", "boot qmp_command"], args].concat());
        assert_eq!(said.status, 0, "{args:?}: {said:?}");
        assert!(
            said.out.contains("TESTS PASSED: 2\n"),
            "{args:?}: {}",
            said.out
        );
    }
}

#[test]
fn a_qemu_that_will_not_start_is_an_error_with_its_own_words() {
    let lab = Lab::new();
    let said = lab.run(&[
        "--tests",
        "boot",
        "--extra",
        "extra_params = -no-such-option",
    ]);
    assert_eq!(said.status, 1, "{said:?}");
    assert!(
        said.out.contains("boot: ERROR") && said.out.contains("-no-such-option: invalid option"),
        "{}",
        said.out
    );
}

#[test]
fn a_qemu_that_is_not_there_fails_set_up() {
    let said = Lab::new().run(&["--tests", "boot", "--qemu", "/no/such/qemu"]);
    assert_eq!(said.status, 2, "{said:?}");
    assert!(
        said.out.contains("SETUP: FAIL") && said.out.contains("/no/such/qemu"),
        "{}",
        said.out
    );
}

#[test]
fn a_guest_that_panics_fails_the_test_at_once() {
    let lab = Lab::new();
    let said = lab.run(&[
        "--tests",
        "boot",
        "--extra",
        "kernel_params = rdinit=/no/such/init root=/dev/none",
    ]);
    assert_eq!(said.status, 1, "{said:?}");
    assert!(
        said.out.contains("boot: FAIL") && said.out.to_lowercase().contains("panic"),
        "{}",
        said.out
    );
}

#[test]
fn a_machine_with_nothing_to_boot_fails_the_test_at_once() {
    let lab = Lab::new();
    let said = lab.run(&["--tests", "boot", "--extra", "del guest_name"]);
    assert_eq!(said.status, 1, "{said:?}");
    assert!(
        said.out.contains("boot: FAIL") && said.out.to_lowercase().contains("bootable"),
        "{}",
        said.out
    );
}

#[test]
fn a_qemu_killed_in_mid_test_fails_the_test_at_once() {
    let lab = Lab::new();
    // A shell that never comes keeps the test waiting.
    let child = lab.run_until(
        &["--tests", "boot", "--extra", "kernel_params = console=null"],
        "booting vm1",
    );
    let qemus = lab.qemus();
    assert_eq!(qemus.len(), 1, "{qemus:?}");
    signal(qemus[0] as u32, "KILL");
    let said = finish(child, Duration::from_secs(10));
    assert_eq!(said.status, 1, "{said:?}");
    assert!(
        said.out.contains("boot: FAIL") && said.out.contains("SIGKILL"),
        "{}",
        said.out
    );
}

#[test]
fn ctrl_c_stops_the_run_cleanly() {
    let lab = Lab::new();
    let child = lab.run_until(&["--tests", "boot shutdown", "-j", "1"], "booting vm1");
    signal(child.id(), "INT");
    let said = finish(child, Duration::from_secs(15));
    assert_eq!(said.status, 8, "{said:?}");
    assert!(
        said.out.contains("boot: INTERRUPTED") && !said.out.contains("shutdown: "),
        "{}",
        said.out
    );
    lab.assert_no_qemu_is_left();
    assert_eq!(lab.left_in_runtime(), Vec::<std::path::PathBuf>::new());
    assert_eq!(results(&lab)["interrupted"], "SIGINT");
}

#[test]
fn what_a_killed_run_leaves_behind_is_removed_by_the_next() {
    let lab = Lab::new();
    let mut child = lab.run_until(&["--tests", "boot"], "booting vm1");
    assert_eq!(lab.qemus().len(), 1);
    child.kill().unwrap();
    child.wait().unwrap();
    lab.assert_no_qemu_is_left();
    assert!(!lab.left_in_runtime().is_empty());
    let disks = lab.disks();
    assert_eq!(disks.len(), 1, "{disks:?}");
    let said = lab.run(&["--tests", "noop"]);
    assert_eq!(said.status, 0, "{said:?}");
    assert!(
        said.out.contains("CLEANED UP AFTER AN EARLIER RUN: "),
        "{}",
        said.out
    );
    assert_eq!(lab.left_in_runtime(), Vec::<std::path::PathBuf>::new());
    assert!(!disks[0].exists());
    assert!(!lab.run(&["--tests", "noop"]).out.contains("CLEANED UP"));
}

#[test]
fn a_guest_that_is_kept_runs_on_and_can_be_reached() {
    let lab = Lab::new();
    let said = lab.run(&["--tests", "boot", "--keep-guest-running"]);
    let qemus = lab.qemus();
    assert_eq!(qemus.len(), 1, "{said:?}");
    let directory = said
        .out
        .lines()
        .find_map(|line| line.split_once("sockets in "))
        .expect(&said.out)
        .1;
    let socket = std::path::Path::new(directory.trim()).join("qmp.sock");
    let mut stream = std::os::unix::net::UnixStream::connect(&socket).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let mut greeting = [0; 7];
    std::io::Read::read_exact(&mut stream, &mut greeting).unwrap();
    assert_eq!(&greeting, b"{\"QMP\":");
    // A later run leaves it alone.
    assert_eq!(lab.run(&["--tests", "noop"]).status, 0);
    assert_eq!(lab.qemus(), qemus);
    signal(qemus[0] as u32, "TERM");
    lab.assert_no_qemu_is_left();
}

#[test]
fn images_are_kept_when_asked_for() {
    let lab = Lab::new();
    assert_eq!(lab.run(&["--tests", "boot", "--keep-image"]).status, 0);
    let kept = evidence(&lab).with_file_name("vm1-image1.qcow2");
    assert!(kept.exists(), "{kept:?}");
    assert_eq!(lab.run(&["--tests", "boot"]).status, 0);
    assert!(!evidence(&lab).with_file_name("vm1-image1.qcow2").exists());
}

#[test]
fn repro_sh_starts_that_very_machine_by_hand() {
    use std::io::Read;
    let lab = Lab::new();
    assert_eq!(lab.run(&["--tests", "boot"]).status, 0);
    let mut child = std::process::Command::new(evidence(&lab).join("repro.sh"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let (mut said, mut buffer) = (String::new(), [0; 512]);
        while let Ok(count @ 1..) = out.read(&mut buffer) {
            said.push_str(&String::from_utf8_lossy(&buffer[..count]));
            if said.contains("virt-test: ready") {
                break;
            }
        }
        said
    });
    let end = Instant::now() + LIMIT;
    while !reader.is_finished() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(reader.join().unwrap().contains("virt-test: ready"));
}
