//! The probe of `/dev/kvm`, for real: any answer will do, but it must come in time and be remembered.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests, and what they share"
)]

use std::time::{Duration, Instant};

use host::accel::{self, Accel};

/// Not a test: what the probe runs in a process of its own.
#[test]
#[ignore = "run by the test below, in a process of its own"]
fn child() {
    accel::kvm_probe_child();
}

#[test]
fn the_probe_is_bounded_in_time_and_remembers() {
    let program = std::env::current_exe().unwrap();
    let arguments = ["--ignored", "--exact", "--nocapture", "child"];
    let cache = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let decision = accel::probe(&program, &arguments, cache.path());
    let took = start.elapsed();
    eprintln!("note: {decision} after {took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(decision.to_string().starts_with(decision.accel.as_str()));
    if decision.accel == Accel::Kvm {
        assert!(
            decision.reason.ends_with("MIPS") || cfg!(not(target_arch = "x86_64")),
            "{decision}"
        );
    }

    if cache.path().join("accel.json").exists() {
        let gone = std::path::Path::new("/no/such/program");
        assert_eq!(
            accel::probe(gone, &[], cache.path()),
            decision,
            "recalled without asking again"
        );
    }
}
