//! One function a command.

use std::io::BufReader;

use crate::cli::{CommandError, ConfigCommand, Context, OK};

mod check;
mod diff;
mod explain;
mod legacy;
mod list;

pub(crate) fn run(command: &ConfigCommand, context: &mut Context<'_>) -> Result<u8, CommandError> {
    match command {
        ConfigCommand::List(args) => list::list(args, context),
        ConfigCommand::Show(args) => list::show(args, context),
        ConfigCommand::Dump(args) => list::dump(args, context),
        ConfigCommand::Count(args) => list::count(args, context),
        ConfigCommand::Explain(args) => explain::explain(args, context),
        ConfigCommand::Why(args) => explain::why(args, context),
        ConfigCommand::Lint(args) => check::lint(args, context),
        ConfigCommand::Diff(args) => diff::diff(args, context),
        ConfigCommand::Fmt(args) => check::fmt(args, context),
        ConfigCommand::Lsp(_) => {
            let mut input = BufReader::new(&mut *context.stdin);
            crate::lsp::serve(&mut input, context.out, context.files)?;
            Ok(OK)
        }
        ConfigCommand::Legacy(args) => legacy::legacy(args, context),
    }
}
