//! Host packages: asked for, installed, or named.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use events::{Event, Sender};
use harness::Plan;
use host::packages::{Apt, Install, Outcome, PackagesError, REQUIRED, Tool, ensure};
use params::Params;

use crate::args::InstallArgs;
use crate::exit::Status;
use crate::say;

/// `virt-test install`.
pub fn install(args: &InstallArgs) -> Status {
    let log = std::env::temp_dir().join(format!("virt-test-install-{}.log", std::process::id()));
    match install_missing(REQUIRED, args.no_install, &log, &mut |command| {
        say::note(format!("running {command}"))
    }) {
        Ok(Outcome::Nothing) => {
            say::line("all host packages are there");
            Status::Passed
        }
        Ok(Outcome::Installed { note, .. }) => {
            note.iter().for_each(say::line);
            say::line("the host packages that were missing are installed");
            Status::Passed
        }
        Err(error) => {
            say::error(harness::chain(&error), &[]);
            Status::Setup
        }
    }
}

/// Sees to it that the host has what the tests of `plan` need. What the user names with `--qemu` needs no package.
///
/// # Errors
/// When something is missing and cannot be, or may not be, installed.
pub fn before_run(
    no_install: bool,
    plan: &Plan,
    log: &Path,
    events: &Sender,
) -> Result<(), PackagesError> {
    let needed: Vec<Tool> = REQUIRED
        .iter()
        .filter(|tool| {
            plan.tests()
                .iter()
                .any(|test| test.has_machines() && needs(test.params(), tool))
        })
        .copied()
        .collect();
    let mut progress = |command: &str| {
        events.send(Event::SetupStep {
            what: format!("running {command}"),
        })
    };
    install_missing(&needed, no_install, log, &mut progress).map(drop)
}

fn needs(params: &Params, tool: &Tool) -> bool {
    let key = match tool.name {
        "qemu-img" => "qemu_img_binary",
        _ => "qemu_binary",
    };
    params.value(key).is_none()
}

fn install_missing(
    tools: &[Tool],
    no_install: bool,
    log: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<Outcome, PackagesError> {
    let mut ask = ask;
    let install = if no_install {
        Install::Never
    } else {
        Install::Ask(&mut ask)
    };
    ensure(tools, &Apt::new(), install, log, progress)
}

/// Asks on the terminal; where there is none, nobody says yes.
fn ask(question: &str) -> bool {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return false;
    }
    let mut err = io::stderr();
    let _ = write!(err, "{question} [y/N] ");
    let _ = err.flush();
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}
