//! `virt-test run`: from what was typed to an exit status.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Instant;

use report::{Console, JsonLines, Palette};

use crate::args::{MessageFormat, RunArgs};
use crate::config::{self, Configuration, Files};
use crate::execute::{self, Order};
use crate::exit::Status;
use crate::options;
use crate::rerun::Earlier;
use crate::sources::Sources;
use crate::{say, selection};

/// Runs tests, or lists what could be run. Of the shipped configuration, `default_tests` are meant where none are named, or all.
pub fn run(args: &RunArgs, default_tests: Option<&str>, typed: &[OsString]) -> Status {
    match select_and_run(args, default_tests, typed) {
        Ok(status) | Err(status) => status,
    }
}

fn select_and_run(
    args: &RunArgs,
    default_tests: Option<&str>,
    typed: &[OsString],
) -> Result<Status, Status> {
    let started = Instant::now();
    let earlier = match &args.rerun {
        Some(run) => Some(earlier(args, run)?),
        None => None,
    };
    let lines = match &earlier {
        Some(earlier) => [&earlier.lines[..], &options::typed(args)].concat(),
        None => options::lines(args, &Sources::of(args)?, default_tests),
    };
    let lines = &lines;
    if args.show_config {
        lines.iter().for_each(|line| say::line(&line.text));
        return Ok(Status::Passed);
    }
    let configuration = Configuration::load(Files::all(), lines)?;
    let json = args.message_format == MessageFormat::Json;
    if args.list_tests && !json && selection::is_all(args) {
        return if args.verbose {
            configuration.describe_tests()
        } else {
            configuration.list_tests()
        };
    }
    if args.list_guests {
        return list_guests(args);
    }
    let mut plan = configuration.plan()?;
    selection::select(args, earlier.as_ref(), &mut plan)?;
    if args.list_tests {
        let print = if json {
            selection::list_json
        } else {
            selection::list
        };
        print(&plan);
        return Ok(Status::Passed);
    }
    let order = Order {
        args,
        lines,
        typed,
        started,
        console: match args.message_format {
            MessageFormat::Human => Box::new(console(args.verbose)),
            MessageFormat::Json => Box::new(JsonLines::new(io::stdout())),
        },
        kvm_probe: kvm_probe(),
        alone: true,
    };
    Ok(order.execute(&plan)?.status)
}

fn earlier(args: &RunArgs, run: &Path) -> Result<Earlier, Status> {
    let logs = execute::logs(args, &execute::dirs(args.data_dir.as_deref())?);
    Earlier::read(run, &logs).map_err(|error| {
        say::error(
            error,
            &["--rerun takes latest, the name of a run or its directory".to_owned()],
        );
        Status::Usage
    })
}

/// How the accelerator probe runs its inner process: this very program.
pub fn kvm_probe() -> (PathBuf, Vec<String>) {
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe"));
    (program, vec![crate::args::KVM_PROBE.to_owned()])
}

/// Colours where standard output is a terminal and nobody objects.
pub fn palette() -> Palette {
    if io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        Palette::COLOUR
    } else {
        Palette::PLAIN
    }
}

/// What prints a run for people.
pub fn console(verbose: bool) -> Console<io::Stdout> {
    let terminal = io::stdout().is_terminal();
    let console = Console::new(io::stdout(), palette()).verbose(verbose);
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
