//! The configuration: what is shipped or the user's own, and the lines the options became.

use std::io;

use std::process::ExitCode;

use cartesian::{Config, FsLoader, Loader, Options, Parser};
use harness::Plan;
use include_dir::{Dir, include_dir};
use params::Params;

use crate::exit::Status;
use crate::options::Line;
use crate::say;

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../providers");

/// What `include` lines say to mean the configuration that comes along: `include virt-test:/tests.cfg`.
pub const SHIPPED_PREFIX: &str = "virt-test:/";

/// Reads the shipped configuration from the program, and everything else from the file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct ShippedOrFile;

impl Loader for ShippedOrFile {
    fn load(&self, path: &str) -> io::Result<Vec<u8>> {
        // What a user's own file includes comes with the directory of that file in front.
        match path.split_once(SHIPPED_PREFIX) {
            Some((_, shipped)) => match SHIPPED.get_file(shipped) {
                Some(file) => Ok(file.contents().to_owned()),
                None => Err(io::Error::new(io::ErrorKind::NotFound, "virt-test ships no such file")),
            },
            None => FsLoader.load(path),
        }
    }

    fn home(&self) -> Option<String> {
        FsLoader.home()
    }
}

/// The variants to run.
pub struct Configuration {
    config: Config,
}

impl Configuration {
    /// Reads the configuration; says what is wrong with it.
    pub fn load(lines: &[Line]) -> Result<Self, Status> {
        let mut parser = Parser::new(ShippedOrFile);
        for line in lines {
            parser.text(&line.origin, &line.text);
        }
        let config = parser.finish().map_err(|errors| {
            say::note(errors.render(say::colour()));
            Status::Usage
        })?;
        Ok(Self { config })
    }

    /// Prints the names of the tests.
    pub fn list_tests(&self) -> Result<Status, Status> {
        let mut names = self.config.names(&Options::default());
        let mut any = false;
        while names.advance().map_err(|error| eval(&error))? {
            any = true;
            say::line(names.shortname());
        }
        if any { Ok(Status::Passed) } else { Err(self.nothing_selected()) }
    }

    /// The tests, each checked.
    pub fn plan(&self) -> Result<Plan, Status> {
        let mut plan = Plan::default();
        let mut problems = Vec::new();
        for variant in self.config.variants(&Options::default()) {
            let variant = variant.map_err(|error| eval(&error))?;
            let params: Params = variant.iter().collect();
            for problem in params::validate(&params) {
                problems.push((variant.name().to_owned(), problem));
            }
            plan.push(variant.shortname().to_owned(), params);
        }
        if !problems.is_empty() {
            for (variant, problem) in problems {
                let hints: Vec<String> = problem.hint().into_iter().collect();
                say::error(format!("{problem} (in {variant})"), &hints);
            }
            return Err(Status::Usage);
        }
        if plan.is_empty() { Err(self.nothing_selected()) } else { Ok(plan) }
    }

    fn nothing_selected(&self) -> Status {
        say::error("no test is selected", &[]);
        Status::Usage
    }
}

fn eval(error: &cartesian::EvalError) -> Status {
    say::error(error, &[]);
    Status::Usage
}

/// A guest that tests can use.
pub struct GuestLabel {
    /// What `--guest-os` calls it.
    pub label: String,
    /// What `virt-test guest` calls it.
    pub guest: String,
}

/// The guests of the shipped configuration.
pub fn guests() -> Result<Vec<GuestLabel>, Status> {
    let mut parser = Parser::new(ShippedOrFile);
    parser.text("guests", &format!("include {SHIPPED_PREFIX}guests.cfg"));
    let config = parser.finish().map_err(|errors| {
        say::note(errors.render(say::colour()));
        Status::Usage
    })?;
    let variants = config.variants(&Options::default());
    let guests = variants.map(|variant| {
        variant.map(|variant| GuestLabel {
            label: variant.shortname().to_owned(),
            guest: variant.get("guest_name").unwrap_or_default().to_owned(),
        })
    });
    guests.collect::<Result<_, _>>().map_err(|error| eval(&error))
}

/// `virt-test config`.
pub fn config(command: &config_tools::cli::ConfigCommand) -> ExitCode {
    let environment = config_tools::cli::Environment {
        files: &ShippedOrFile,
        shipped: Some((&ShippedOrFile, "virt-test:/tests.cfg")),
        keys: &[],
        stdin: &mut io::stdin().lock(),
        stdout: &mut io::BufWriter::with_capacity(1 << 16, io::stdout().lock()),
        stderr: &mut io::stderr().lock(),
        color: say::colour(),
    };
    ExitCode::from(config_tools::cli::run(command, environment))
}
