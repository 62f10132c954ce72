//! What a runner does, whatever tests are in it.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::args::{Cli, Command};
use crate::exit::Status;
use crate::profile::Wanted;
use crate::{
    bench, config, doctor, guest, install, machines, matrix, profile, provider, run, say, serve,
    template,
};

/// Does what the command line says with the tests that are linked into this program: runs them, lists them, explains their
/// configuration. A program with no other `main` is a runner of its own.
///
/// Its status is 0 where all tests passed, 1 where one did not, 2 where set-up failed, 4 after wrong usage or configuration, 8 when
/// interrupted.
pub fn main() -> ExitCode {
    start(None)
}

/// The same; where none are named, the tests of these names are run, rather than all.
pub fn main_with_default_tests(names: &'static str) -> ExitCode {
    start(Some(names))
}

fn start(default_tests: Option<&str>) -> ExitCode {
    let typed: Vec<OsString> = std::env::args_os().collect();
    if is_vt(&typed) {
        return vt::main(typed);
    }
    let words = run_is_meant(&typed);
    let mut cli = match Cli::try_parse_from(&words) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let profiled = match &cli.command {
        Command::Run(args) => Some((&**args, Wanted::Tests)),
        Command::Serve(args) => Some((&args.run, Wanted::Machines)),
        Command::Shell(args) => Some((&args.run, Wanted::Machines)),
        _ => None,
    };
    if let Some((args, wanted)) = profiled {
        let words = match profile::applied(&words, args, wanted) {
            Ok(words) => words,
            Err(error) => {
                say::error(error, &[]);
                return Status::Usage.into();
            }
        };
        cli = match Cli::try_parse_from(&words) {
            Ok(cli) => cli,
            Err(error) => return usage(&error),
        };
    }
    let status = match cli.command {
        Command::Run(args) => run::run(&args, default_tests, &typed),
        Command::MigrateMatrix(args) => matrix::migrate_matrix(&args, &typed),
        Command::Serve(args) => serve::serve(&args, &typed),
        Command::Shell(args) => serve::shell(&args, &typed),
        Command::Vm(command) => return machines::vm(&command, &typed),
        Command::Doctor(args) => doctor::doctor(&args),
        Command::Guest(command) => guest::guest(&command),
        Command::Config(command) => return config::config(&command),
        Command::Template(command) => template::template(&command),
        Command::Bench(args) => bench::bench(&args),
        Command::Profile(command) => profile::profile(&command),
        Command::Provider(command) => provider::provider(&command),
        Command::Install(args) => install::install(&args),
        Command::KvmProbe => host::accel::kvm_probe_child(),
    };
    status.into()
}

/// A test in another language finds this program under the name of `vt`.
fn is_vt(typed: &[OsString]) -> bool {
    let name = typed
        .first()
        .and_then(|program| Path::new(program).file_name());
    name.is_some_and(|name| name == vt::NAME)
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
