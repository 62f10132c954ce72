//! From a plan to verdicts: what a run is made of, whoever asked for it.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use events::{Event, EventLog, Record, Sender, Subscriber};
use harness::{DebugLog, Env, Halt, Plan, Schedule, Settings, TestLogs};
use host::dirs::Dirs;
use report::Results;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tracing::Dispatch;
use tracing_subscriber::layer::SubscriberExt;

use crate::args::RunArgs;
use crate::exit::Status;
use crate::history;
use crate::options::Line;
use crate::schedule::schedule;
use crate::signals::{Asked, Signals};
use crate::{install, say};

/// A run that is asked for.
pub struct Order<'a> {
    /// The options.
    pub args: &'a RunArgs,
    /// What they became.
    pub lines: &'a [Line],
    /// The command line as typed.
    pub typed: &'a [OsString],
    /// When it was asked for.
    pub started: Instant,
    /// What is told each event, beside the log.
    pub console: Box<dyn Subscriber>,
    /// How the accelerator probe's inner process is run.
    pub kvm_probe: (PathBuf, Vec<String>),
    /// Is this process there for the run alone? Else signals and what others log are none of its business.
    pub alone: bool,
}

/// How a run ended.
pub struct Outcome {
    /// What the program's exit status would be.
    pub status: Status,
    /// What came of each test.
    pub results: Results,
}

impl Order<'_> {
    /// Runs the tests of `plan`, as often and as many at a time as the options say, and writes down what comes of it.
    ///
    /// # Errors
    /// The status after a failure of set-up, which has been told.
    pub fn execute(self, plan: &Plan) -> Result<Outcome, Status> {
        let dirs = dirs(self.args.data_dir.as_deref())?;
        let logs = logs(self.args, &dirs);
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
        let settings = Settings {
            prepared: self.args.schedule.prepared,
            dirs,
            run_dir: run_dir.clone(),
            kvm_probe: self.kvm_probe.clone(),
        };
        let (args, started, alone) = (self.args, self.started, self.alone);
        let cache = settings.dirs.cache();
        let schedule = schedule(&args.schedule, &cache);
        let recording = self.record(&settings)?;
        let session = Session {
            args,
            plan,
            schedule: &schedule,
            started,
            alone,
            recording: &recording,
        };
        let mut status = session.run(settings);
        let read = || read_results(&run_dir, &recording.unwritten.borrow()).unwrap_or_default();
        if status != Status::Setup {
            recording.events.send(Event::RunFinished {
                elapsed_ms: started.elapsed().as_millis() as u64,
                counts: read().counts,
                exit_status: status.code(),
            });
        }
        let results = read();
        if !recording.unwritten.borrow().is_empty() && status != Status::Setup {
            status = Status::Failed;
        }
        if let Err(error) = write_results(&run_dir, &results) {
            say::error(
                format!(
                    "failed to write {}: {error}",
                    run_dir.join("results.json").display()
                ),
                &[],
            );
        }
        if let Err(error) = history::keep(&cache, &results) {
            // Costs some time at the next run, nothing else.
            tracing::warn!("failed to keep how long tests took: {error}");
        }
        Ok(Outcome { status, results })
    }

    fn record(self, settings: &Settings) -> Result<Recording, Status> {
        let run_dir = &settings.run_dir;
        let failed = |error: io::Error| {
            say::error(
                format!("failed to write to {}: {error}", run_dir.display()),
                &[],
            );
            Status::Setup
        };
        let log = EventLog::create(&run_dir.join("events.jsonl")).map_err(failed)?;
        let (debug_log, logs) = DebugLog::create(&run_dir.join("debug.log")).map_err(failed)?;
        let dispatch = Dispatch::new(tracing_subscriber::registry().with(debug_log));
        if self.alone {
            // The only place that sets it, once a program.
            let _ = tracing::dispatcher::set_global_default(dispatch.clone());
        }
        let (log, unwritten) = Log::new(log);
        let events = events::channel(vec![Box::new(log), self.console]);
        events.send(Event::RunStarted {
            format: events::FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            argv: self
                .typed
                .iter()
                .map(|word| word.to_string_lossy().into_owned())
                .collect(),
            pid: std::process::id(),
            data_dir: settings.dirs.data().to_owned(),
            run_dir: run_dir.to_owned(),
            config: self.lines.iter().map(|line| line.text.clone()).collect(),
        });
        Ok(Recording {
            events,
            unwritten,
            logs,
            dispatch,
        })
    }
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

/// Where the results of runs go.
pub fn logs(args: &RunArgs, dirs: &Dirs) -> PathBuf {
    args.logs_dir.clone().unwrap_or_else(|| dirs.logs())
}

/// Everything that listens to the run.
struct Recording {
    events: Sender,
    /// What happened since events could no longer be written to disk.
    unwritten: watch::Receiver<Vec<Record>>,
    logs: TestLogs,
    dispatch: Dispatch,
}

/// Writes events to disk; once that is no longer possible, says so and keeps those that follow.
struct Log {
    log: EventLog,
    unwritten: watch::Sender<Vec<Record>>,
}

impl Log {
    fn new(log: EventLog) -> (Self, watch::Receiver<Vec<Record>>) {
        let (unwritten, receiver) = watch::channel(Vec::new());
        (Self { log, unwritten }, receiver)
    }
}

impl Subscriber for Log {
    fn on_record(&mut self, record: &Record) {
        if self.unwritten.borrow().is_empty() {
            let Err(error) = self.log.append(record) else {
                return;
            };
            say::error(
                format!("failed to write events.jsonl, so no more tests are run: {error}"),
                &[],
            );
        }
        self.unwritten
            .send_modify(|unwritten| unwritten.push(record.clone()));
    }
}

struct Session<'a> {
    args: &'a RunArgs,
    plan: &'a Plan,
    schedule: &'a Schedule,
    started: Instant,
    alone: bool,
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
        match self.runtime() {
            Ok(runtime) => {
                let _logging = tracing::dispatcher::set_default(&self.recording.dispatch);
                runtime.block_on(self.run_tests(settings))
            }
            Err(error) => {
                self.set_up_finished(
                    Some(format!("failed to start the asynchronous runtime: {error}")),
                    Vec::new(),
                );
                Status::Setup
            }
        }
    }

    /// A runtime whose threads log to this run, whatever other runs there are in the process.
    fn runtime(&self) -> io::Result<Runtime> {
        let dispatch = self.recording.dispatch.clone();
        Builder::new_multi_thread()
            // A test is one deep future; without optimization polling it takes more than the 2 MiB a thread has.
            .thread_stack_size(8 << 20)
            .worker_threads(2)
            .enable_all()
            .on_thread_start(move || {
                // For as long as there is the thread.
                std::mem::forget(tracing::dispatcher::set_default(&dispatch));
            })
            .build()
    }

    async fn run_tests(&self, settings: Settings) -> Status {
        let events = &self.recording.events;
        let mut signals = if self.alone {
            Signals::listen()
        } else {
            Signals::none()
        };
        let prepare = Env::prepare(
            settings,
            self.plan,
            events.clone(),
            self.recording.logs.clone(),
        );
        let mut prepare = std::pin::pin!(prepare);
        let env = loop {
            tokio::select! {
                env = &mut prepare => break env,
                asked = signals.next() => match asked {
                    Asked::Stop(signal) => {
                        events.send(Event::Interrupted { signal: signal.to_owned() });
                        return Status::Interrupted;
                    }
                    Asked::StandStill => signals.stand_still(),
                    // What set-up does is told as it does it.
                    Asked::Status => {}
                },
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
        let halt = Halt::default();
        let run = harness::run(Arc::clone(&env), self.plan, self.schedule, &halt);
        let mut tests = std::pin::pin!(run);
        let mut interrupted = false;
        let mut unwritten = self.recording.unwritten.clone();
        let mut recorded = true;
        let summary = loop {
            tokio::select! {
                summary = &mut tests => break summary,
                Ok(_) = unwritten.wait_for(|lost| !lost.is_empty()), if recorded => {
                    recorded = false;
                    halt.now("what came of it could not have been written down");
                }
                asked = signals.next() => match asked {
                    Asked::Stop(_) if interrupted => {
                        env.give_back_all();
                        return Status::Interrupted;
                    }
                    Asked::Stop(signal) => {
                        interrupted = true;
                        events.send(Event::Interrupted { signal: signal.to_owned() });
                        halt.now("the run was interrupted");
                    }
                    Asked::Status => env.tell_status().await,
                    Asked::StandStill => {
                        env.pause_guests().await;
                        signals.stand_still();
                        env.resume_guests().await;
                    }
                },
            }
        };
        match (summary.halted, summary.counts.failed()) {
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

fn read_results(run_dir: &Path, unwritten: &[Record]) -> io::Result<Results> {
    let mut records = events::read(&run_dir.join("events.jsonl")).map_err(io::Error::other)?;
    records.extend_from_slice(unwritten);
    Ok(report::results(&records))
}

/// Written beside and moved into place, so that a reader never sees half of it.
fn write_results(run_dir: &Path, results: &Results) -> io::Result<()> {
    let text = serde_json::to_vec_pretty(results)?;
    let temporary = run_dir.join(".results.json");
    std::fs::write(&temporary, text)?;
    std::fs::rename(temporary, run_dir.join("results.json"))
}
