//! The command line of `virt-test config`.
//!
//! The commands choose, filter and show; what the language means is `cartesian`'s business.

use std::io::{self, BufWriter, Read, Write};
use std::path::PathBuf;

use cartesian::{ConfigErrors, EvalError, Loader};
use clap::{Args, Subcommand, ValueEnum};
use params::Key;
use thiserror::Error;

use crate::commands;
use crate::lint::Rule;
use crate::lsp::LspError;

/// Everything went as asked.
pub const OK: u8 = 0;
/// The answer is no: configurations differ, something was found, text is not formatted.
pub const NO: u8 = 1;
/// Wrong usage or configuration.
pub const WRONG: u8 = 4;

/// What a command is given beside its arguments.
pub struct Environment<'e> {
    /// Reads the files that are named and those they include.
    pub files: &'e dyn Loader,
    /// The configuration that is meant where no file is named: its loader and its root file.
    pub shipped: Option<(&'e dyn Loader, &'e str)>,
    /// Keys declared beside the framework's, those of the tests.
    pub keys: &'static [Key],
    /// What a file called `-` is read from.
    pub stdin: &'e mut dyn Read,
    /// Where answers go.
    pub stdout: &'e mut dyn Write,
    /// Where errors go.
    pub stderr: &'e mut dyn Write,
    /// Whether errors and findings are coloured.
    pub color: bool,
}

/// Understand a configuration: what it describes, where values come from, what is wrong with it.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// Print the name of every variant.
    List(ListArgs),
    /// Print the keys and values of one variant, or of all.
    Show(ShowArgs),
    /// Print every variant with all its keys and values, one JSON object a line.
    Dump(DumpArgs),
    /// Print how many variants there are.
    Count(CountArgs),
    /// Say where the value of a key comes from, line by line.
    Explain(ExplainArgs),
    /// Say why a variant is there or which line removed it.
    Why(WhyArgs),
    /// Point out what is probably not meant.
    Lint(LintArgs),
    /// Say how the variants of two configurations differ.
    Diff(DiffArgs),
    /// Put files into canonical form.
    Fmt(FmtArgs),
    /// Serve an editor: a language server on standard input and output.
    Lsp(LspArgs),
    /// Understand the options of the reference parser and print what it prints.
    Legacy(LegacyArgs),
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Which variants of which configuration.
#[derive(Debug, Clone, Default, Args)]
pub struct Selection {
    /// Of variants with a default (`@`, `[default=…]`), take only that one.
    #[arg(long)]
    pub defaults: bool,
    /// With --defaults: take all variants of these `variants NAME`.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub expand: Vec<String>,
    /// A line of configuration added at the end; may be given several times.
    #[arg(long, value_name = "LINE", allow_hyphen_values = true)]
    pub extra: Vec<String>,
}

/// Arguments of `list`.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// The configuration; `-` is standard input, none is the one that comes with virt-test.
    pub file: Option<String>,
    #[command(flatten)]
    /// Which variants of it.
    pub selection: Selection,
    /// Print short names, which leave out default variants.
    #[arg(long)]
    pub short: bool,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Arguments of `show`.
#[derive(Debug, Clone, Args)]
pub struct ShowArgs {
    /// A variant, by name, short name or number (from 1); all of them without it.
    #[arg(value_name = "NAME|INDEX")]
    pub variant: Option<String>,
    /// The configuration; `-` is standard input, none is the one that comes with virt-test.
    pub file: Option<String>,
    #[command(flatten)]
    /// Which variants of it.
    pub selection: Selection,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// How `dump` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum DumpFormat {
    /// One JSON object a line.
    #[default]
    Jsonl,
    /// One JSON array of objects.
    Json,
    /// Names, and keys with values below them.
    Text,
}

/// Arguments of `dump`.
#[derive(Debug, Clone, Args)]
pub struct DumpArgs {
    /// The configuration; `-` is standard input, none is the one that comes with virt-test.
    pub file: Option<String>,
    #[command(flatten)]
    /// Which variants of it.
    pub selection: Selection,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t)]
    pub format: DumpFormat,
}

/// Arguments of `count`.
#[derive(Debug, Clone, Args)]
pub struct CountArgs {
    /// The configuration; `-` is standard input, none is the one that comes with virt-test.
    pub file: Option<String>,
    #[command(flatten)]
    /// Which variants of it.
    pub selection: Selection,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Arguments of `explain`.
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// The key.
    pub key: String,
    /// The configuration; `-` is standard input, none is the one that comes with virt-test.
    pub file: Option<String>,
    /// A filter that selects the variant; the first one without it.
    #[arg(long, value_name = "FILTER")]
    pub variant: Option<String>,
    #[command(flatten)]
    /// Which variants of it.
    pub selection: Selection,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Arguments of `why`.
#[derive(Debug, Clone, Args)]
pub struct WhyArgs {
    /// The variant, by its name or some of its labels, as a filter has them; without it, which
    /// line emptied the set.
    pub name: Option<String>,
    /// The configuration; `-` is standard input, none is the one that comes with virt-test.
    pub file: Option<String>,
    #[command(flatten)]
    /// Which variants of it.
    pub selection: Selection,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Arguments of `lint`.
#[derive(Debug, Clone, Args)]
pub struct LintArgs {
    /// The configuration; `-` is standard input, none is the one that comes with virt-test.
    pub file: Option<String>,
    /// Look for these only.
    #[arg(long, value_enum, value_name = "RULES", value_delimiter = ',')]
    pub only: Vec<Rule>,
    /// Do not look for these.
    #[arg(long, value_enum, value_name = "RULES", value_delimiter = ',')]
    pub allow: Vec<Rule>,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Arguments of `diff`.
#[derive(Debug, Clone, Args)]
pub struct DiffArgs {
    /// The one configuration.
    pub a: String,
    /// The other.
    pub b: String,
    #[command(flatten)]
    /// Which variants of it.
    pub selection: Selection,
    /// Compare names only.
    #[arg(long)]
    pub names: bool,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Arguments of `fmt`.
#[derive(Debug, Clone, Args)]
pub struct FmtArgs {
    /// The files, which are written anew where that changes them; `-` goes from standard input
    /// to standard output.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Write nothing; name the files that are not in canonical form.
    #[arg(long)]
    pub check: bool,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Arguments of `lsp`.
#[derive(Debug, Clone, Args)]
pub struct LspArgs {
    /// Accepted because editors give it; standard input and output are used anyway.
    #[arg(long)]
    pub stdio: bool,
}

/// Arguments of `legacy`, those of the reference parser.
#[derive(Debug, Clone, Args)]
pub struct LegacyArgs {
    /// Say more on standard error.
    #[arg(short, long)]
    pub verbose: bool,
    /// Print full names instead of short ones.
    #[arg(short, long)]
    pub fullname: bool,
    /// Print keys and values.
    #[arg(short, long)]
    pub contents: bool,
    /// Print Python dictionaries.
    #[arg(short, long)]
    pub repr: bool,
    /// Of variants with a default, take only that one.
    #[arg(short, long)]
    pub defaults: bool,
    /// With -d: take all variants of these, `name, name`.
    #[arg(short, long, value_name = "NAMES")]
    pub expand: Option<String>,
    /// Keep keys whose suffixed forms all have the same value.
    #[arg(short, long)]
    pub skip_dups: bool,
    /// The configuration.
    pub file: String,
    /// Lines added at the end.
    #[arg(allow_hyphen_values = true)]
    pub code: Vec<String>,
}

/// Why a command could not answer.
#[derive(Debug, Error)]
pub(crate) enum CommandError {
    #[error("{0}")]
    Config(#[from] ConfigErrors),
    #[error("{0}")]
    Eval(Box<EvalError>),
    #[error("{message}")]
    Usage {
        message: String,
        hint: Option<String>,
    },
    #[error("failed to {what}: {source}")]
    Io { what: String, source: io::Error },
    /// Standard output broke.
    #[error("failed to write the answer: {0}")]
    Output(#[from] io::Error),
    #[error(transparent)]
    Lsp(#[from] LspError),
}

impl From<EvalError> for CommandError {
    fn from(error: EvalError) -> Self {
        Self::Eval(Box::new(error))
    }
}

impl From<serde_json::Error> for CommandError {
    fn from(error: serde_json::Error) -> Self {
        Self::Output(error.into())
    }
}

impl CommandError {
    pub(crate) fn usage(message: impl Into<String>, hint: Option<String>) -> Self {
        Self::Usage {
            message: message.into(),
            hint,
        }
    }
}

/// The size of the buffer before standard output: what streams by is large.
const BUFFER: usize = 1 << 18;

/// Carries out `command` and returns the exit status: [`OK`], [`NO`] or [`WRONG`].
///
/// A reader that goes away (`… | head`) is no error.
pub fn run(command: &ConfigCommand, environment: Environment<'_>) -> u8 {
    let Environment {
        files,
        shipped,
        keys,
        stdin,
        stdout,
        stderr,
        color,
    } = environment;
    let mut out = BufWriter::with_capacity(BUFFER, stdout);
    let mut context = Context {
        files,
        shipped,
        keys,
        stdin,
        out: &mut out,
        err: stderr,
        color,
    };
    let answered = commands::run(command, &mut context).and_then(|status| {
        context.out.flush()?;
        Ok(status)
    });
    match answered {
        Ok(status) => status,
        Err(error) => context.fail(&error),
    }
}

/// What the commands work with.
pub(crate) struct Context<'c> {
    pub(crate) files: &'c dyn Loader,
    pub(crate) shipped: Option<(&'c dyn Loader, &'c str)>,
    pub(crate) keys: &'static [Key],
    pub(crate) stdin: &'c mut dyn Read,
    pub(crate) out: &'c mut dyn Write,
    pub(crate) err: &'c mut dyn Write,
    pub(crate) color: bool,
}

impl Context<'_> {
    /// Whether a word on the command line names a configuration.
    pub(crate) fn is_file(&self, word: &str) -> bool {
        word == "-" || self.files.load(word).is_ok()
    }

    /// Tells what went wrong; what was answered before it stands.
    fn fail(&mut self, error: &CommandError) -> u8 {
        if let CommandError::Output(error) = error
            && error.kind() == io::ErrorKind::BrokenPipe
        {
            return OK;
        }
        let said = match error {
            CommandError::Config(errors) => errors.render(self.color),
            CommandError::Usage {
                message,
                hint: Some(hint),
            } => format!("error: {message}\nhint: {hint}"),
            error => format!("error: {error}"),
        };
        // Nobody is left to tell when these cannot be written.
        let _ = self.out.flush();
        let _ = writeln!(self.err, "{said}");
        WRONG
    }
}
