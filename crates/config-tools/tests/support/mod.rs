//! What the tests of the command line share.
#![allow(dead_code, reason = "not every test uses all of it")]
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::path::PathBuf;

use cartesian::{Loader, MemoryLoader};
use clap::Parser;
use config_tools::cli::{ConfigCommand, Environment, run};

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

#[derive(Parser)]
#[command(name = "config")]
struct Line {
    #[command(subcommand)]
    command: ConfigCommand,
}

/// What a command line answered.
pub struct Answer {
    pub status: u8,
    pub out: String,
    pub err: String,
}

/// Runs a command line with these files and this standard input.
pub fn config(files: &dyn Loader, words: &[&str], stdin: &str) -> Answer {
    let line = Line::try_parse_from([&["config"], words].concat()).unwrap();
    let shipped =
        MemoryLoader::new().with("shipped.cfg", "variants:\n    - ours:\n        mem = 1\n");
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = run(
        &line.command,
        Environment {
            files,
            shipped: Some((&shipped, "shipped.cfg")),
            keys: &[],
            stdin: &mut stdin.as_bytes(),
            stdout: &mut out,
            stderr: &mut err,
            color: false,
        },
    );
    Answer {
        status,
        out: String::from_utf8(out).unwrap(),
        err: String::from_utf8(err).unwrap(),
    }
}
