//! The tiny guest's `/init`, which is also its `tiny-load`.

use std::io::Write;
use std::process::ExitCode;

use tiny_init::{init, load};

fn main() -> ExitCode {
    let mut words = std::env::args();
    let name = words.next().unwrap_or_default();
    let outcome = if name.rsplit('/').next() == Some(load::NAME) {
        load::run(words)
    } else {
        match init::run() {
            Ok(never) => match never {},
            Err(error) => Err(error.to_string()),
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            // If even this fails there is nobody left to tell.
            let _ = writeln!(std::io::stderr(), "{name}: {why}");
            ExitCode::FAILURE
        }
    }
}
