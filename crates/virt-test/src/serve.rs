//! `virt-test serve`: machines for whoever wants them, and no test.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::Instant;

use control::Control;
use harness::{Stop, Test, TestResult};
use jiff::Timestamp;
use report::{Console, Palette};
use tokio::process::Command;

use crate::args::{RunArgs, ServeArgs, ShellArgs};
use crate::config::{Configuration, Files};
use crate::execute::Order;
use crate::exit::Status;
use crate::machines::{Kept, Place, SOCKET};
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

/// What a session is for.
enum Purpose {
    /// Whoever finds its socket.
    Anybody,
    /// Whoever knows its name.
    Kept(Place),
    /// A command.
    Command(Vec<OsString>),
    /// Whoever sits at this terminal.
    Terminal,
}

/// What the session is for, and how that ended. There is one session in a process.
static PURPOSE: OnceLock<Purpose> = OnceLock::new();
static ENDED: OnceLock<ExitStatus> = OnceLock::new();

/// Brings up the machines of a variant and keeps them until told otherwise, or until a command has come to its end.
pub fn serve(args: &ServeArgs, typed: &[OsString]) -> Status {
    let purpose = match (&args.name, &*args.command) {
        (None, []) => Ok(Purpose::Anybody),
        (None, command) => Ok(Purpose::Command(command.to_vec())),
        (Some(name), _) => keep(args.run.data_dir.as_deref(), name).map(Purpose::Kept),
    };
    let served = purpose.and_then(|purpose| serve_machines(&args.run, purpose, typed));
    if let Some(Purpose::Kept(place)) = PURPOSE.get() {
        place.leave();
    }
    served.unwrap_or_else(|status| status)
}

/// Brings up the machines of a variant with the console of the first on this terminal.
pub fn shell(args: &ShellArgs, typed: &[OsString]) -> Status {
    let served = serve_machines(&args.run, Purpose::Terminal, typed);
    served.unwrap_or_else(|status| status)
}

/// Nothing that happens to the terminal this was started on is to concern what is kept.
fn keep(data: Option<&Path>, name: &str) -> Result<Place, Status> {
    let place = Place::take_for_us(data, name)?;
    match rustix::process::setsid() {
        Ok(_) | Err(rustix::io::Errno::PERM) => Ok(place),
        Err(error) => {
            say::error(format!("failed to leave the terminal: {error}"), &[]);
            Err(Status::Setup)
        }
    }
}

fn serve_machines(run: &RunArgs, purpose: Purpose, typed: &[OsString]) -> Result<Status, Status> {
    let started = Instant::now();
    if !run.paths.is_empty() {
        say::error(
            "no tests are run here",
            &["--tests NAME says whose machines are meant; virt-test serve -- COMMAND runs a command with machines at hand".to_owned()],
        );
        return Err(Status::Usage);
    }
    let mut lines = options::lines_of_one(run, &Sources::of(run)?, DEFAULT);
    // Nobody waits for a boot who did not ask for one. It stands behind the configuration, and before what was typed.
    lines.insert(
        lines.len().min(1),
        Line {
            origin: "virt-test serve".to_owned(),
            text: "vm_start = fork".to_owned(),
        },
    );
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
    let _ = PURPOSE.set(purpose);
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
    match PURPOSE.get() {
        None | Some(Purpose::Anybody) => last(&control).await,
        Some(Purpose::Kept(place)) => {
            let told = place.tell(&Kept {
                socket: control.socket().to_owned(),
                pid: std::process::id(),
                variant: test.name().to_owned(),
                machines: machines(test)?,
                dir: test.dir().to_owned(),
                since: Timestamp::now(),
            });
            told.map_err(|error| Stop::error(format!("failed to say where it is: {error}")))?;
            last(&control).await
        }
        Some(Purpose::Command(words)) => {
            let mut command = Command::new(&words[0]);
            command.args(&words[1..]);
            run(test, &control, command).await
        }
        Some(Purpose::Terminal) => {
            let us = std::env::current_exe();
            let us =
                us.map_err(|error| Stop::error(format!("failed to find ourselves: {error}")))?;
            let machine = machines(test)?.into_iter().next();
            let machine =
                machine.ok_or_else(|| Stop::error("this variant has no machine: vms is empty"))?;
            let mut command = Command::new(us);
            command.arg0(vt::NAME).args([&*machine, "attach"]);
            run(test, &control, command).await
        }
    }
}

/// Names of the machines, the main one first.
fn machines(test: &Test) -> TestResult<Vec<String>> {
    let mut names: Vec<String> = test.param("vms")?;
    let main = test.params().get("main_vm");
    names.sort_by_key(|name| Some(&**name) != main);
    Ok(names)
}

/// Serves until a client ends it.
async fn last(control: &Control<'_>) -> TestResult {
    say::line(format!("{SOCKET}{}", control.socket().display()));
    control.serve_while(control.ended()).await;
    Ok(())
}

/// Serves until a command has ended.
async fn run(test: &Test, control: &Control<'_>, mut command: Command) -> TestResult {
    let program = command.as_std().get_program().to_owned();
    let failed =
        |error: io::Error| Stop::error(format!("failed to run {}: {error}", program.display()));
    let tools = test.scratch("vt")?;
    let path = exec::path_with_command(tools.path()).map_err(failed)?;
    command
        .envs(control.environment())
        .env("VIRT_TEST_DIR", test.dir())
        .env("PATH", path)
        .stdin(Stdio::inherit())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(failed)?;
    let ended = control.serve_while(child.wait()).await.map_err(failed)?;
    let _ = ENDED.set(ended);
    control.said().map_or(Ok(()), Err)
}
