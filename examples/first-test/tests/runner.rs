//! The program is a runner: it lists its test, knows the keys of that, and says how it ends.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Output;

use assert_cmd::Command;

fn runner(arguments: &[&str]) -> (i32, String, String) {
    let logs = tempfile::tempdir().unwrap();
    let Output {
        status,
        stdout,
        stderr,
    } = Command::cargo_bin("first-test")
        .unwrap()
        .env("NO_COLOR", "1")
        .args(arguments)
        .args(["--logs-dir".as_ref(), logs.path().as_os_str()])
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[test]
fn its_own_test_is_all_there_is() {
    let (status, out, _) = runner(&["--list-tests"]);
    let only = "kvm.virtio_blk.smp2.virtio_net.JeOS.tiny.x86_64.guest_memory\n";
    assert_eq!((status, &*out), (0, only));
}

#[test]
fn a_test_that_fails_says_why() {
    let (status, out, _) = runner(&["--extra", "least_share = 101"]);
    assert_eq!(status, 1, "{out}");
    assert!(
        out.contains("guest_memory: FAIL")
            && out.contains("of 256 MiB the guest sees '")
            && out.contains("and should see at least 258.56"),
        "{out}"
    );
}

#[test]
fn a_key_the_test_reads_is_known_and_a_slip_of_the_fingers_is_not() {
    let (status, _, err) = runner(&["--extra", "least_shrae = 90"]);
    assert_eq!(status, 4, "{err}");
    assert!(err.contains("did you mean `least_share`?"), "{err}");
}

#[test]
fn the_page_about_it_shows_these_very_files() {
    let page = include_str!("../../../docs/first-test.md");
    for file in [
        include_str!("../src/main.rs"),
        include_str!("../src/guest_memory.cfg"),
    ] {
        assert!(page.contains(&format!("\n{file}```")), "not shown:\n{file}");
    }
}
