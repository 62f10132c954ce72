//! `virt-test serve`: machines for whoever wants them, and no test.

use std::ffi::OsString;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::Instant;

use control::Control;
use harness::{Stop, Test, TestResult};
use report::{Console, Palette};

use crate::args::ServeArgs;
use crate::config::{Configuration, Files};
use crate::execute::Order;
use crate::exit::Status;
use crate::options::{self, Line};
use crate::run::kvm_probe;
use crate::sources::Sources;
use crate::{say, selection};

/// What `type` says of a session.
const TYPE: &str = "serve";

/// Whose machines are meant where none are named.
const DEFAULT: &str = "boot";

#[harness::__private::linkme::distributed_slice(harness::__private::KINDS)]
#[linkme(crate = harness::__private::linkme)]
static SERVE: harness::TestDef = harness::TestDef {
    name: TYPE,
    about: "",
    type_specific: false,
    config: "",
    keys: &[],
    source: file!(),
    run: |test| Box::pin(session(test)),
};

/// What the session is for, and how that ended. There is one session in a process.
static COMMAND: OnceLock<Vec<OsString>> = OnceLock::new();
static ENDED: OnceLock<ExitStatus> = OnceLock::new();

/// Brings up the machines of a variant and keeps them until told otherwise, or until a command has come to its end.
pub fn serve(args: &ServeArgs, typed: &[OsString]) -> Status {
    match serve_machines(args, typed) {
        Ok(status) | Err(status) => status,
    }
}

fn serve_machines(args: &ServeArgs, typed: &[OsString]) -> Result<Status, Status> {
    let started = Instant::now();
    let run = &args.run;
    if !run.paths.is_empty() {
        say::error(
            "virt-test serve runs no tests",
            &["virt-test serve -- COMMAND runs a command with machines at hand".to_owned()],
        );
        return Err(Status::Usage);
    }
    let mut lines = options::lines(run, &Sources::of(run)?, Some(DEFAULT));
    for text in [
        &format!("type = {TYPE}"),
        "test_timeout = 0",
        "slow_after = 0",
    ] {
        lines.push(Line {
            origin: "virt-test serve".to_owned(),
            text: text.to_owned(),
        });
    }
    let mut plan = Configuration::load(Files::all(), &lines)?.plan()?;
    selection::select(run, None, &mut plan)?;
    if plan.tests().len() > 1 {
        let count = plan.tests().len();
        let first = plan.tests()[0].name().to_owned();
        say::error(
            format!("the options mean {count} variants, and machines of one are wanted"),
            &[format!(
                "the first is {first}; --tests and --filter say which"
            )],
        );
        return Err(Status::Usage);
    }
    // Nothing else sets it.
    let _ = COMMAND.set(args.command.clone());
    let order = Order {
        args: run,
        lines: &lines,
        typed,
        started,
        console: Box::new(Console::new(io::stderr(), Palette::PLAIN).verbose(run.verbose)),
        kvm_probe: kvm_probe(),
        alone: true,
    };
    let status = order.execute(&plan)?.status;
    Ok(match (ENDED.get(), status) {
        (Some(ended), Status::Passed) if !ended.success() => Status::Failed,
        // It has lasted as long as it was wanted.
        (None, Status::Interrupted) => Status::Passed,
        (_, status) => status,
    })
}

/// The body of the session.
async fn session(test: &mut Test) -> TestResult {
    let control = Control::open_session(test)?;
    match COMMAND.get().map_or(&[][..], Vec::as_slice) {
        [] => {
            say::line(format!("VIRT_TEST_SOCKET={}", control.socket().display()));
            control.serve_while(control.ended()).await;
            Ok(())
        }
        [program, arguments @ ..] => {
            let mut command = tokio::process::Command::new(program);
            command
                .args(arguments)
                .envs(control.environment())
                .env("VIRT_TEST_DIR", test.dir())
                .stdin(Stdio::inherit())
                .kill_on_drop(true);
            let failed = |error: io::Error| {
                Stop::error(format!("failed to run {}: {error}", program.display()))
            };
            let mut child = command.spawn().map_err(failed)?;
            let ended = control.serve_while(child.wait()).await.map_err(failed)?;
            let _ = ENDED.set(ended);
            control.said().map_or(Ok(()), Err)
        }
    }
}
