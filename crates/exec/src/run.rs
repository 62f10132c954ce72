//! The body of a test that is an executable.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use control::Control;
use events::Verdict;
use harness::{Stop, Test, TestResult};
use host::ledger::{Ledger, Token};
use host::process::Spec;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::child::{Child, Finished};
use crate::environment as env;
use crate::header;
use crate::tap::Tap;

/// Where all a program says is kept, in the directory of its test.
const OUTPUT: &str = "output";

/// What the configuration says of the program.
struct Program {
    path: PathBuf,
    /// What it is called where it is spoken of.
    name: String,
    arguments: Vec<String>,
    speaks_tap: bool,
    skip_status: Option<i32>,
    grace: Duration,
}

impl Program {
    fn of(test: &Test) -> TestResult<Self> {
        let path: PathBuf = match test.params().value("exec_path") {
            Some(path) if !path.is_empty() => path.into(),
            _ => {
                return Err(
                    Stop::error("exec_path does not say which program is the test").detail(
                        "hint: set exec_path = my-test.sh, relative to the file the line stands in",
                    ),
                );
            }
        };
        let arguments = test.params().value("exec_args").unwrap_or_default();
        let arguments = shell_words::split(arguments)
            .map_err(|error| Stop::error(format!("exec_args = {arguments}: {error}")))?;
        let name = path.file_name().unwrap_or(path.as_os_str());
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            arguments,
            speaks_tap: test.params().value("exec_output") == Some("tap"),
            skip_status: test.params().read("exec_skip_status")?,
            grace: test.param("exec_grace")?,
            path: std::path::absolute(&path).map_err(|error| {
                Stop::error(format!("failed to run {}: {error}", path.display()))
            })?,
        })
    }
}

/// Runs the program to its end and says what that means.
///
/// # Errors
/// FAIL, SKIP as the program ends, ERROR where it cannot be run.
pub(crate) async fn run(test: &mut Test) -> TestResult {
    let program = Program::of(test)?;
    header::check(&program.path)?;
    let scratch = Scratch::make(test.ledger(), &test.dir().join("scratch"))?;
    let control = Control::open(test)?;
    let spec = spec(test, &program, &scratch.path)?;
    let spec = control
        .environment()
        .into_iter()
        .fold(spec, |spec, (name, value)| spec.env(name, value));
    test.phase(format!("running {}", program.name));
    let (child, lines) = Child::start(
        spec,
        program.name.clone(),
        (env::SCRATCH, scratch.path.display().to_string()),
        (test.ledger(), test.deadlines()),
        &test.dir().join(OUTPUT),
        program.speaks_tap,
    )?;
    let child = Arc::new(child);
    test.add_program(&child.process);
    let (ending, grace) = (Arc::clone(&child), program.grace);
    test.at_the_end(async move {
        let ending = ending.end(grace).await;
        drop(scratch);
        ending
    });
    let mut tap = lines.is_some().then(Tap::default);
    let hearing = async { tokio::join!(child.finish(), hear(test, lines, tap.as_mut())) };
    let (finished, ()) = control.serve_while(hearing).await;
    let finished = finished?;
    if let Some(warning) = finished.left_behind(&program.name) {
        test.warn(warning);
    }
    let judged = match control.said() {
        Some(stop) => Err(with_output(stop, &child)),
        None => judge(&program, &child, finished, tap.as_ref()),
    };
    if judged.is_ok() {
        let warnings = tap.iter().flat_map(Tap::warnings);
        warnings.for_each(|warning| test.warn(warning));
    }
    judged
}

/// What is started, and what it learns.
fn spec(test: &Test, program: &Program, scratch: &Path) -> TestResult<Spec> {
    let failed = |error: std::io::Error| {
        Stop::error(format!("failed to write to {}: {error}", scratch.display()))
    };
    let (path, params) = env::furnish(test.params(), scratch).map_err(failed)?;
    let dir = std::path::absolute(test.dir()).map_err(|error| {
        Stop::error(format!("failed to find {}: {error}", test.dir().display()))
    })?;
    let spec = Spec::new(&program.path).args(&program.arguments);
    let spec = env::of_others().into_iter().fold(spec, Spec::env_remove);
    let spec =
        env::variables(test.params()).fold(spec, |spec, (name, value)| spec.env(name, value));
    Ok(spec
        .env(env::NAME, test.name())
        .env(env::PARAMS_FILE, params)
        .env(env::DIR, dir)
        .env(env::SCRATCH, scratch)
        .env("TMPDIR", scratch)
        .env("PATH", path)
        .current_dir(scratch))
}

/// Tells each sub-result as it comes.
async fn hear(test: &Test, lines: Option<UnboundedReceiver<String>>, tap: Option<&mut Tap>) {
    let (Some(mut lines), Some(tap)) = (lines, tap) else {
        return;
    };
    while let Some(line) = lines.recv().await {
        if let Some(point) = tap.line(&line) {
            test.sub_result(point.result());
        }
    }
}

fn judge(program: &Program, child: &Child, finished: &Finished, tap: Option<&Tap>) -> TestResult {
    let (name, exit) = (&program.name, finished.exit);
    if exit.code.is_some() && exit.code == program.skip_status {
        let reason = child.last_line();
        return Err(Stop::skip(
            reason.unwrap_or_else(|| format!("{name} {exit}")),
        ));
    }
    match tap.map_or(Ok(()), Tap::verdict) {
        Err(stop) if stop.verdict == Verdict::Skip && exit.success() => Err(stop),
        Err(mut stop) if stop.verdict != Verdict::Skip => {
            if !exit.success() {
                stop.reason.push_str(&format!(" ({name} {exit})"));
            }
            Err(with_output(stop, child))
        }
        _ if exit.success() => Ok(()),
        _ => Err(with_output(Stop::fail(format!("{name} {exit}")), child)),
    }
}

/// What the program said last belongs to a bad end.
fn with_output(stop: Stop, child: &Child) -> Stop {
    match stop.verdict {
        Verdict::Skip => stop,
        _ => child.last_output().into_iter().fold(stop, Stop::detail),
    }
}

/// A directory that goes with the test, or by the next run.
struct Scratch {
    path: PathBuf,
    _token: Token,
}

impl Scratch {
    fn make(ledger: &Ledger, path: &Path) -> TestResult<Self> {
        let failed = |error: &dyn std::error::Error| {
            let error = harness::chain(error);
            Stop::error(format!("failed to make {}: {error}", path.display()))
        };
        let path = std::path::absolute(path).map_err(|e| failed(&e))?;
        let token = ledger.directory(&path).map_err(|e| failed(&e))?;
        let mut private = DirBuilder::new();
        private.mode(0o700).create(&path).map_err(|e| failed(&e))?;
        Ok(Self {
            path,
            _token: token,
        })
    }
}
