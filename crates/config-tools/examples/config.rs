//! `virt-test config` alone, for measurements and for the tests of this crate.

use std::io;
use std::process::ExitCode;

use cartesian::FsLoader;
use clap::Parser;
use config_tools::cli::{ConfigCommand, Environment, run};

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: ConfigCommand,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let environment = Environment {
        files: &FsLoader,
        shipped: None,
        keys: &[],
        stdin: &mut io::stdin(),
        stdout: &mut io::stdout(),
        stderr: &mut io::stderr(),
        color: false,
    };
    run(&cli.command, environment).into()
}
