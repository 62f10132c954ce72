//! `virt-test run`: from what was typed to an exit status.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::Instant;

use report::{Console, Palette};

use crate::args::RunArgs;
use crate::config::{self, Configuration, Files};
use crate::execute::{self, Order};
use crate::exit::Status;
use crate::options::{self, Line};
use crate::say;

/// Runs tests, or lists what could be run. Of the shipped configuration, `default_tests` are meant where none are named, or all.
pub fn run(args: &RunArgs, default_tests: Option<&str>, typed: &[OsString]) -> Status {
    let started = Instant::now();
    let lines = options::lines(args, default_tests);
    if args.show_config {
        lines.iter().for_each(|line| say::line(&line.text));
        return Status::Passed;
    }
    match select_and_run(args, &lines, typed, started) {
        Ok(status) | Err(status) => status,
    }
}

fn select_and_run(
    args: &RunArgs,
    lines: &[Line],
    typed: &[OsString],
    started: Instant,
) -> Result<Status, Status> {
    let configuration = Configuration::load(Files::all(), lines)?;
    if args.list_tests {
        return configuration.list_tests();
    }
    if args.list_guests {
        return list_guests(args);
    }
    let plan = configuration.plan()?;
    let order = Order {
        args,
        lines,
        typed,
        started,
        console: Box::new(console(args.verbose)),
        kvm_probe: kvm_probe(),
        alone: true,
    };
    Ok(order.execute(&plan)?.status)
}

/// How the accelerator probe runs its inner process: this very program.
pub fn kvm_probe() -> (PathBuf, Vec<String>) {
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe"));
    (program, vec![crate::args::KVM_PROBE.to_owned()])
}

fn console(verbose: bool) -> Console<io::Stdout> {
    let terminal = io::stdout().is_terminal();
    let palette = if terminal && std::env::var_os("NO_COLOR").is_none() {
        Palette::COLOUR
    } else {
        Palette::PLAIN
    };
    let console = Console::new(io::stdout(), palette).verbose(verbose);
    if terminal && io::stderr().is_terminal() {
        console.with_live_line()
    } else {
        console
    }
}

fn list_guests(args: &RunArgs) -> Result<Status, Status> {
    let dirs = execute::dirs(args.data_dir.as_deref())?;
    let store = image::GuestStore::new(dirs.data());
    for (number, name) in (1..).zip(config::guests()?) {
        let built = store.find(&name.guest).ok().flatten().is_some();
        let state = if built {
            ""
        } else {
            " (built when first used)"
        };
        say::line(format!("{number} {}{state}", name.label));
    }
    Ok(Status::Passed)
}
