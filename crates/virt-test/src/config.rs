//! The configuration: what is shipped or the user's own, and the lines the options became.

use std::io;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cartesian::{Config, FilterLine, FsLoader, Loader, Options, Parser, Variant, Why};
use exec::provider::Provider;
use harness::{Plan, Selected, TestDef};
use include_dir::{Dir, include_dir};
use params::Params;

use crate::exit::Status;
use crate::options::Line;
use crate::say;
use crate::sources::{Named, Sources};

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../providers");

/// What `include` lines say to mean the configuration that comes along: `include virt-test:/tests.cfg`.
pub const SHIPPED_PREFIX: &str = "virt-test:/";

/// The key that names the program of a test.
const EXEC_PATH: &str = "exec_path";

/// The key of what is run to build it.
const BUILD_COMMAND: &str = "build_command";

/// Reads the configuration that comes along from the program, and everything else from the file system.
#[derive(Clone)]
pub struct Files {
    tests: Vec<&'static TestDef>,
}

impl Files {
    /// With the entries of all tests that are linked into the program.
    pub fn all() -> Self {
        Self {
            tests: harness::tests(),
        }
    }

    /// With the entry of this test alone.
    pub fn of_test(name: &str) -> Self {
        let mut tests = harness::tests();
        tests.retain(|test| test.name == name);
        Self { tests }
    }

    /// A file that comes along: the entries of the tests are made of what registered itself.
    fn come_along(&self, path: &str) -> io::Result<Vec<u8>> {
        let named = Named::read(path);
        if named.file == "subtests.cfg" {
            return self.subtests(&named).map(String::into_bytes);
        }
        let of_a_test = named
            .file
            .strip_prefix("tests/")
            .and_then(|name| name.strip_suffix(".cfg"))
            .and_then(harness::find);
        if let Some(test) = of_a_test {
            return Ok(test.config.into());
        }
        let none = || io::Error::new(io::ErrorKind::NotFound, "virt-test ships no such file");
        let file = SHIPPED.get_file(named.file).ok_or_else(none)?;
        Ok(file.contents().to_owned())
    }

    /// The entries of the tests, and of those that come from elsewhere.
    fn subtests(&self, named: &Named<'_>) -> io::Result<String> {
        let own = if named.only { &[] } else { &self.tests[..] };
        let mut text = harness::configuration(own, SHIPPED_PREFIX);
        for path in &named.providers {
            let provider = Provider::find(path.as_ref()).map_err(io::Error::other)?;
            text.push_str(&provider.configuration(4));
        }
        Ok(text)
    }
}

impl Loader for Files {
    fn load(&self, path: &str) -> io::Result<Vec<u8>> {
        match path.strip_prefix(SHIPPED_PREFIX) {
            Some(shipped) => self.come_along(shipped),
            None => FsLoader.load(path),
        }
    }

    fn is_absolute(&self, path: &str) -> bool {
        path.starts_with(SHIPPED_PREFIX) || FsLoader.is_absolute(path)
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
    pub fn load(files: Files, lines: &[Line]) -> Result<Self, Status> {
        let twice: Vec<_> = files
            .tests
            .windows(2)
            .filter(|pair| pair[0].name == pair[1].name)
            .collect();
        for pair in &twice {
            let TestDef { name, source, .. } = pair[0];
            let other = pair[1].source;
            say::error(
                format!("two tests are called {name}: in {source} and in {other}"),
                &[],
            );
        }
        if !twice.is_empty() {
            return Err(Status::Usage);
        }
        let mut parser = Parser::new(files);
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
        self.passed_if(any)
    }

    /// Prints the names of the tests, and what they assert below the first of those that assert the same.
    pub fn describe_tests(&self) -> Result<Status, Status> {
        let mut any = false;
        let mut told = None;
        for variant in self.config.variants(&Options::default()) {
            let variant = variant.map_err(|error| eval(&error))?;
            any = true;
            say::line(variant.shortname());
            let test = variant.get("type").and_then(harness::find);
            let about = test.map(|test| test.about).filter(|text| !text.is_empty());
            if about != std::mem::replace(&mut told, about)
                && let Some(about) = about
            {
                say::line(format_args!("    {about}"));
            }
        }
        self.passed_if(any)
    }

    fn passed_if(&self, any: bool) -> Result<Status, Status> {
        if any {
            Ok(Status::Passed)
        } else {
            Err(self.nothing_selected())
        }
    }

    /// The tests, each checked: what is wrong is told with its place before anything starts.
    pub fn plan(&self) -> Result<Plan, Status> {
        let mut plan = Plan::default();
        let mut told = BTreeSet::new();
        for variant in self.config.variants(&Options::default()) {
            let variant = variant.map_err(|error| eval(&error))?;
            let mut params: Params = variant.iter().collect();
            self.settle_paths(&variant, &mut params);
            let params = params.with_declarations(harness::own_keys());
            for problem in params::validate(&params) {
                let unknown = matches!(problem.reason, params::Reason::UnknownKey { .. });
                if unknown && self.is_from_a_file(&variant, &problem.key) {
                    continue;
                }
                let hints = problem.hint().into_iter().collect();
                self.tell(
                    &mut told,
                    &variant,
                    &problem.key,
                    &problem.to_string(),
                    hints,
                );
            }
            if let Some(kind) = params
                .get("type")
                .filter(|kind| harness::find(kind).is_none())
            {
                let known: Vec<_> = harness::tests().iter().map(|test| test.name).collect();
                let hint = format!("types there are: {}", known.join(", "));
                self.tell(
                    &mut told,
                    &variant,
                    "type",
                    &format!("there is no test of type '{kind}'"),
                    vec![hint],
                );
            }
            plan.push(Selected {
                name: variant.shortname().to_owned(),
                full_name: variant.name().to_owned(),
                dep: variant.dep().to_vec(),
                params,
            });
        }
        match (told.is_empty(), plan.is_empty()) {
            (false, _) => Err(Status::Usage),
            (true, true) => Err(self.nothing_selected()),
            (true, false) => Ok(plan),
        }
    }

    /// The program of a test lies where the file says that names it; what it needs is built there, too.
    fn settle_paths(&self, variant: &Variant, params: &mut Params) {
        let relative = |path: &&str| !path.is_empty() && Path::new(path).is_relative();
        if let Some(path) = params.get(EXEC_PATH).filter(relative) {
            let settled = self.folder_of(variant, EXEC_PATH).join(path);
            params.set(EXEC_PATH, settled.display().to_string());
        }
        if params.get(BUILD_COMMAND).is_some() {
            let folder = self.folder_of(variant, BUILD_COMMAND);
            params.set("_build_folder", folder.display().to_string());
        }
    }

    /// The folder of the file which set a key last; the current one where that was on the command line.
    fn folder_of(&self, variant: &Variant, key: &str) -> PathBuf {
        let changes = self.config.explain(variant, key).unwrap_or_default();
        let file = changes.last().map(|change| Path::new(&change.place.source));
        let folder = file.filter(|file| file.is_file()).and_then(Path::parent);
        let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
    }

    /// Was the key set in a file of the user's? Such a file may hold keys of other tools; `config lint` points them out.
    fn is_from_a_file(&self, variant: &Variant, key: &str) -> bool {
        let changes = self.config.explain(variant, key).unwrap_or_default();
        changes.last().is_some_and(|change| {
            let source = &change.place.source;
            !source.starts_with("--") && !source.contains(SHIPPED_PREFIX)
        })
    }

    /// Tells what is wrong with a key and where it was set; once, however many variants have it.
    fn tell(
        &self,
        told: &mut BTreeSet<String>,
        variant: &Variant,
        key: &str,
        problem: &str,
        mut hints: Vec<String>,
    ) {
        let changes = self.config.explain(variant, key).unwrap_or_default();
        let text = match changes.iter().rev().find(|change| change.in_force) {
            Some(change) => {
                if change.statement
                    != format!("{key} = {}", change.after.as_deref().unwrap_or_default())
                {
                    hints.push(format!("the line is `{}`", change.statement));
                }
                format!("{}: {problem}", change.place)
            }
            None => format!("{}: {problem}", variant.name()),
        };
        if told.insert(text.clone()) {
            say::error(text, &hints);
        }
    }

    /// Says which line emptied the set.
    fn nothing_selected(&self) -> Status {
        let options = Options::default();
        match self.config.why_empty(&options) {
            Some(Why::Removed(removal)) => {
                let FilterLine { place, text } = &removal.by;
                let left = removal
                    .left_before
                    .map_or_else(|| "very many".to_owned(), |left| left.to_string());
                let tests = if left == "1" {
                    "the one test"
                } else {
                    "the last tests"
                };
                let mut hints = self.unknown_labels(text);
                if let Some(nearest) = removal.nearest.filter(|nearest| nearest.filters.len() > 1) {
                    let lines: Vec<_> = nearest
                        .filters
                        .iter()
                        .map(|line| format!("`{}` ({})", line.text, line.place))
                        .collect();
                    hints.push(format!(
                        "{} is removed by {}",
                        nearest.name,
                        lines.join(" and ")
                    ));
                }
                hints.push("virt-test config why NAME says what removed a test".to_owned());
                say::error(
                    format!(
                        "no test is selected: {place}: `{text}` removed {tests} (of {left} left)"
                    ),
                    &hints,
                );
            }
            Some(Why::Unknown { labels, .. }) => {
                say::error(
                    "no test is selected",
                    &labels.iter().map(unknown_label).collect::<Vec<_>>(),
                );
            }
            _ => say::error("no test is selected: the configuration describes none", &[]),
        }
        Status::Usage
    }

    /// Which labels of a filter no variant has.
    fn unknown_labels(&self, filter: &str) -> Vec<String> {
        let alternatives = filter
            .strip_prefix("only ")
            .or_else(|| filter.strip_prefix("no "));
        match alternatives.map(|filter| self.config.why(&Options::default(), filter)) {
            Some(Ok(Why::Unknown { labels, .. })) => labels.iter().map(unknown_label).collect(),
            _ => Vec::new(),
        }
    }
}

fn unknown_label((label, nearest): &(String, Option<String>)) -> String {
    match nearest {
        Some(nearest) => format!("nothing is called '{label}'; did you mean '{nearest}'?"),
        None => format!("nothing is called '{label}'"),
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
    let mut parser = Parser::new(Files::all());
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
    guests
        .collect::<Result<_, _>>()
        .map_err(|error| eval(&error))
}

/// `virt-test config`.
pub fn config(command: &config_tools::cli::ConfigCommand) -> ExitCode {
    let files = Files::all();
    let root = match Sources::listed() {
        Ok(sources) => sources.root(),
        Err(status) => return status.into(),
    };
    let environment = config_tools::cli::Environment {
        files: &files,
        shipped: Some((&files, &root)),
        keys: harness::own_keys(),
        stdin: &mut io::stdin().lock(),
        stdout: &mut io::BufWriter::with_capacity(1 << 16, io::stdout().lock()),
        stderr: &mut io::stderr().lock(),
        color: say::colour(),
    };
    ExitCode::from(config_tools::cli::run(command, environment))
}
