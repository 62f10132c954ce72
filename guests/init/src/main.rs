//! The tiny guest's `/init`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match tiny_init::init::run() {
        Ok(never) => match never {},
        Err(error) => {
            use std::io::Write;
            // If even this fails there is nobody left to tell.
            let _ = writeln!(std::io::stderr(), "init: {error}");
            ExitCode::FAILURE
        }
    }
}
