//! The doctor looks at this very host.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests, and what they share"
)]

use host::accel::{Accel, Decision};
use host::dirs::Dirs;
use host::doctor;

#[test]
fn the_report_fits_on_a_screen_and_names_what_mends() {
    let temp = tempfile::tempdir().unwrap();
    let dirs = Dirs::at(temp.path().join("data"), temp.path().to_owned());
    std::fs::create_dir(dirs.data()).unwrap();
    let accel = Decision {
        accel: Accel::Tcg,
        reason: "a test".into(),
    };
    let report = doctor::collect(&dirs, &accel, Some(temp.path()));
    let text = report.to_string();
    eprintln!("{text}");
    assert!(text.starts_with("ACCEL:       tcg (a test)\n"));
    assert!(text.lines().count() <= 50, "{}", text.lines().count());
    assert_eq!(report.qemus[0].version, None, "a directory is no QEMU");
    assert!(
        report.qemus[0]
            .problem
            .as_deref()
            .unwrap()
            .contains("is not executable")
    );
    assert!(report.cpus > 0 && report.memory_total > 0 && report.disks.len() >= 2);
    for part in report.required.iter().chain(&report.optional) {
        assert!(part.path.is_none() || part.mend.is_none(), "{}", part.name);
    }
    assert_eq!(
        serde_json::to_value(&report).unwrap()["accel"],
        "tcg (a test)"
    );
}
