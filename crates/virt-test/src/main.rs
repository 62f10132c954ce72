//! The command line: flags become lines of Cartesian text, verdicts become exit codes.

mod args;
mod bench;
mod config;
mod doctor;
mod exit;
mod guest;
mod install;
mod options;
mod run;
mod say;
mod signals;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use args::{Cli, Command};
use exit::Status;

fn main() -> ExitCode {
    suite::link();
    let typed: Vec<OsString> = std::env::args_os().collect();
    let cli = match Cli::try_parse_from(run_is_meant(&typed)) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let status = match cli.command {
        Command::Run(args) => run::run(&args, &typed),
        Command::Doctor(args) => doctor::doctor(&args),
        Command::Guest(command) => guest::guest(&command),
        Command::Config(command) => return config::config(&command),
        Command::Bench(args) => bench::bench(&args),
        Command::Install(args) => install::install(&args),
        Command::KvmProbe => host::accel::kvm_probe_child(),
    };
    status.into()
}

/// `virt-test -t kvm` is `virt-test run -t kvm`: where no command is named, `run` is meant.
fn run_is_meant(typed: &[OsString]) -> Vec<OsString> {
    let mut words = typed.to_vec();
    let first = typed.get(1).and_then(|word| word.to_str());
    let named = first.is_some_and(|word| {
        matches!(word, "help" | "-h" | "--help" | "-V" | "--version")
            || Cli::command()
                .get_subcommands()
                .any(|command| command.get_name() == word)
    });
    if !named {
        words.insert(words.len().min(1), "run".into());
    }
    words
}

/// What clap has to say; wrong usage has the exit status of wrong configuration.
fn usage(error: &clap::Error) -> ExitCode {
    // Nobody is left to tell if standard error is closed.
    let _ = error.print();
    match error.exit_code() {
        0 => Status::Passed.into(),
        _ => Status::Usage.into(),
    }
}
