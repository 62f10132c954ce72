//! What the tests of the command line share.
#![expect(clippy::unwrap_used, reason = "a failing test may panic")]

use std::path::PathBuf;

/// The program of `examples/config.rs`, which cargo builds beside the tests.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(|deps| deps.parent()).unwrap();
    let program = profile.join("examples/config");
    assert!(
        program.exists(),
        "{} is missing; run: cargo build -p config-tools --examples",
        program.display()
    );
    program
}
