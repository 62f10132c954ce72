//! `virt-test run`: from what was typed to an exit status.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use events::{Event, EventLog, Record, Sender, Subscriber, TestPlan};
use harness::{DebugLog, Env, Plan, Settings, TestLogs};
use host::dirs::Dirs;
use report::{Console, Palette, Results};
use tokio::sync::watch;
use tracing_subscriber::layer::SubscriberExt;

use crate::args::RunArgs;
use crate::config::{self, Configuration};
use crate::exit::Status;
use crate::options::{self, Line};
use crate::signals::Signals;
use crate::{install, say};

/// Runs tests, or lists what could be run.
pub fn run(args: &RunArgs, typed: &[OsString]) -> Status {
    let started = Instant::now();
    let lines = options::lines(args);
    if args.show_config {
        lines.iter().for_each(|line| say::line(&line.text));
        return Status::Passed;
    }
    match select_and_run(args, &lines, typed, started) {
        Ok(status) | Err(status) => status,
    }
}

fn select_and_run(
    args: &RunArgs,
    lines: &[Line],
    typed: &[OsString],
    started: Instant,
) -> Result<Status, Status> {
    let configuration = Configuration::load(lines)?;
    if args.list_tests {
        return configuration.list_tests();
    }
    if args.list_guests {
        return list_guests(args);
    }
    let plan = configuration.plan()?;
    let dirs = dirs(args.data_dir.as_deref())?;
    let logs = args.logs_dir.clone().unwrap_or_else(|| dirs.logs());
    let run_dir = harness::create_run_dir(&logs).map_err(|error| {
        say::error(
            format!(
                "failed to make a directory for this run below {}: {error}",
                logs.display()
            ),
            &["name a directory that can be written to with --logs-dir".into()],
        );
        Status::Setup
    })?;
    let recording = Recording::start(args, lines, typed, &dirs, &run_dir)?;
    let settings = Settings {
        dirs,
        run_dir: run_dir.clone(),
        kvm_probe: kvm_probe(),
    };
    let status = Session {
        args,
        plan: &plan,
        started,
        recording: &recording,
    }
    .run(settings);
    if status != Status::Setup {
        recording.events.send(Event::RunFinished {
            elapsed_ms: started.elapsed().as_millis() as u64,
            counts: read_results(&run_dir)
                .map(|results| results.counts)
                .unwrap_or_default(),
            exit_status: status.code(),
        });
    }
    if let Err(error) = write_results(&run_dir) {
        say::error(
            format!(
                "failed to write {}: {error}",
                run_dir.join("results.json").display()
            ),
            &[],
        );
    }
    Ok(status)
}

/// The directories everything lives in.
pub fn dirs(data_dir: Option<&Path>) -> Result<Dirs, Status> {
    Dirs::resolve(data_dir).map_err(|error| {
        say::error(
            format!(
                "failed to find a place for data: {}",
                harness::chain(&error)
            ),
            &["name a directory that can be written to with --data-dir".into()],
        );
        Status::Setup
    })
}

/// How the accelerator probe runs its inner process: this very program.
pub fn kvm_probe() -> (PathBuf, Vec<String>) {
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe"));
    (program, vec![crate::args::KVM_PROBE.to_owned()])
}

/// Everything that listens to the run.
struct Recording {
    events: Sender,
    logs: TestLogs,
}

impl Recording {
    fn start(
        args: &RunArgs,
        lines: &[Line],
        typed: &[OsString],
        dirs: &Dirs,
        run_dir: &Path,
    ) -> Result<Self, Status> {
        let failed = |error: io::Error| {
            say::error(
                format!("failed to write to {}: {error}", run_dir.display()),
                &[],
            );
            Status::Setup
        };
        let log = EventLog::create(&run_dir.join("events.jsonl")).map_err(failed)?;
        let (debug_log, logs) = DebugLog::create(&run_dir.join("debug.log")).map_err(failed)?;
        // The only place that sets it, once a program.
        let _ =
            tracing::subscriber::set_global_default(tracing_subscriber::registry().with(debug_log));
        let terminal = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let palette = if terminal {
            Palette::COLOUR
        } else {
            Palette::PLAIN
        };
        let mut console = Console::new(io::stdout(), palette).verbose(args.verbose);
        if io::stdout().is_terminal() && io::stderr().is_terminal() {
            console = console.with_live_line();
        }
        let events = events::channel(vec![Box::new(Log::new(log)), Box::new(console)]);
        events.send(Event::RunStarted {
            format: events::FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            argv: typed
                .iter()
                .map(|word| word.to_string_lossy().into_owned())
                .collect(),
            pid: std::process::id(),
            data_dir: dirs.data().to_owned(),
            run_dir: run_dir.to_owned(),
            config: lines.iter().map(|line| line.text.clone()).collect(),
        });
        Ok(Self { events, logs })
    }
}

/// Writes events to disk; says once if that is no longer possible.
struct Log {
    log: EventLog,
    failed: bool,
}

impl Log {
    fn new(log: EventLog) -> Self {
        Self { log, failed: false }
    }
}

impl Subscriber for Log {
    fn on_record(&mut self, record: &Record) {
        if let Err(error) = self.log.append(record)
            && !std::mem::replace(&mut self.failed, true)
        {
            say::error(
                format!("failed to write events.jsonl, results will be incomplete: {error}"),
                &[],
            );
        }
    }
}

struct Session<'a> {
    args: &'a RunArgs,
    plan: &'a Plan,
    started: Instant,
    recording: &'a Recording,
}

impl Session<'_> {
    fn run(&self, settings: Settings) -> Status {
        let log = settings.run_dir.join("install.log");
        if let Err(error) = install::before_run(
            self.args.no_install,
            self.plan,
            &log,
            &self.recording.events,
        ) {
            self.set_up_finished(Some(harness::chain(&error)), Vec::new());
            return Status::Setup;
        }
        let runtime = match tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
        {
            Ok(runtime) => runtime,
            Err(error) => {
                self.set_up_finished(
                    Some(format!("failed to start the asynchronous runtime: {error}")),
                    Vec::new(),
                );
                return Status::Setup;
            }
        };
        runtime.block_on(self.run_tests(settings))
    }

    async fn run_tests(&self, settings: Settings) -> Status {
        let events = &self.recording.events;
        let (stop, stopped) = watch::channel(false);
        let mut signals = Signals::listen();
        let env = tokio::select! {
            env = Env::prepare(settings, self.plan, events.clone(), self.recording.logs.clone()) => env,
            signal = signals.next() => {
                events.send(Event::Interrupted { signal: signal.to_owned() });
                return Status::Interrupted;
            }
        };
        let env = match env {
            Ok(env) => Arc::new(env),
            Err(error) => {
                self.set_up_finished(Some(error.reason), error.hints);
                return Status::Setup;
            }
        };
        self.set_up_finished(None, Vec::new());
        events.send(Event::Accelerator {
            accel: env.accel().accel.to_string(),
            description: env.accel().to_string(),
        });
        let tests = self.plan.tests().iter();
        events.send(Event::Planned {
            tests: tests
                .map(|test| TestPlan {
                    index: test.index,
                    name: test.name.clone(),
                })
                .collect(),
        });
        let mut tests = std::pin::pin!(harness::run(Arc::clone(&env), self.plan, stopped));
        let mut interrupted = false;
        let counts = loop {
            tokio::select! {
                counts = &mut tests => break counts,
                signal = signals.next() => {
                    if interrupted {
                        env.give_back_all();
                        return Status::Interrupted;
                    }
                    interrupted = true;
                    events.send(Event::Interrupted { signal: signal.to_owned() });
                    // The runner may have come to its end just now.
                    let _ = stop.send(true);
                }
            }
        };
        match (interrupted, counts.failed()) {
            (true, _) => Status::Interrupted,
            (false, 0) => Status::Passed,
            (false, _) => Status::Failed,
        }
    }

    fn set_up_finished(&self, error: Option<String>, hints: Vec<String>) {
        let elapsed_ms = self.started.elapsed().as_millis() as u64;
        self.recording.events.send(Event::SetupFinished {
            elapsed_ms,
            error,
            hints,
        });
    }
}

fn list_guests(args: &RunArgs) -> Result<Status, Status> {
    let dirs = dirs(args.data_dir.as_deref())?;
    let store = image::GuestStore::new(dirs.data());
    for (number, name) in (1..).zip(config::guests()?) {
        let built = store.find(&name.guest).ok().flatten().is_some();
        let state = if built {
            ""
        } else {
            " (built when first used)"
        };
        say::line(format!("{number} {}{state}", name.label));
    }
    Ok(Status::Passed)
}

fn read_results(run_dir: &Path) -> io::Result<Results> {
    let records = events::read(&run_dir.join("events.jsonl")).map_err(io::Error::other)?;
    Ok(report::results(&records))
}

/// Written beside and moved into place, so that a reader never sees half of it.
fn write_results(run_dir: &Path) -> io::Result<()> {
    let text = serde_json::to_vec_pretty(&read_results(run_dir)?)?;
    let temporary = run_dir.join(".results.json");
    std::fs::write(&temporary, text)?;
    std::fs::rename(temporary, run_dir.join("results.json"))
}
