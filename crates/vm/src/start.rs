//! From a description to a running QEMU with every channel connected.

use std::collections::BTreeMap;
use std::future::Future;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use guest::{AgentClient, Console, ConsoleOptions};
use host::process::{Output, Process, Spec};
use machine::{
    Argv, Boot, Capabilities, Endpoints, Firmware, MachineError, MachineSpec, MonitorProtocol,
    Netdev, render,
};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tracing::Instrument;

use crate::context::Context;
use crate::crash::Crashable;
use crate::error::{LastWords, VmError};
use crate::evidence::{LogDir, io_error};
use crate::exit::{ExitReport, STDERR_TAIL, supervise};
use crate::guest_channels::scan_console;
use crate::health::{Health, LineScanner, Source, watch_events};
use crate::hmp::HumanMonitor;
use crate::lines::{Tail, follow_file, record_stream};
use crate::plug::Inventory;
use crate::qmp::{Qmp, QmpError};
use crate::sockets::Sockets;
use crate::traffic::Traffic;
use crate::vm::Vm;
use crate::watch::Watch;

/// Base time for QEMU to greet, and for a monitor command to be answered.
pub(crate) const MONITOR_LIMIT: Duration = Duration::from_secs(20);

/// How long a QEMU that closed its monitor before greeting may take to be gone.
const DYING_LIMIT: Duration = Duration::from_secs(10);

impl Vm {
    /// Starts the machine and lets it run.
    ///
    /// # Errors
    /// [`VmError`]. Whatever fails, nothing is left running and nothing borrowed.
    pub async fn start(spec: MachineSpec, context: &Context) -> Result<Self, VmError> {
        let preconfig = spec.preconfig;
        let vm = Self::start_paused(spec, context).await?;
        if preconfig {
            vm.exit_preconfig().await?;
        }
        vm.resume().await?;
        Ok(vm)
    }

    /// Starts the machine, but not its CPUs: [`Vm::resume`] does that. One with preconfig is not even made: before it is,
    /// [`Vm::exit_preconfig`] has to be called.
    ///
    /// # Errors
    /// As [`Vm::start`].
    pub async fn start_paused(spec: MachineSpec, context: &Context) -> Result<Self, VmError> {
        Self::start_as(Beginning::Reset, spec, context).await
    }

    pub(crate) async fn start_as(
        beginning: Beginning,
        mut spec: MachineSpec,
        context: &Context,
    ) -> Result<Self, VmError> {
        let log_dir = LogDir::create(&context.log_dir)?;
        make_absolute(&mut spec);
        let scratch = context.ledger.scratch(&spec.name)?;
        let sockets = Sockets::open(&spec, scratch.path(), &context.networks).await?;
        let argv = beginning.argv(&spec, &context.capabilities, &sockets.endpoints);
        let argv = argv.map_err(|source| VmError::Machine {
            vm: spec.name.clone(),
            source: Box::new(source),
        })?;
        log_dir.write_commands(&spec, context, &argv)?;

        let start = Instant::now();
        let traffic = Traffic::create(&log_dir.qmp());
        let traffic = traffic.map_err(io_error("create", &log_dir.qmp()))?;
        let process = Arc::new(launch(context, &argv, sockets.inherited, &log_dir)?);
        let mut streams = sockets.streams;
        let qmp = greet(&spec, context, &process, &mut streams, traffic).await?;

        let (ended_sender, ended) = watch::channel(None);
        let console = spec.serials.first().or(spec.virtio_consoles.first());
        let watch = Watch {
            name: spec.name.clone(),
            process,
            qmp,
            health: Health::new(start),
            ended,
            deadlines: context.deadlines,
            firmware: Tail::default(),
            main_console: console.cloned(),
            consoles: OnceLock::new(),
            told_to_speak: beginning == Beginning::Reset && is_told_to_speak(&spec),
            logged_in: AtomicBool::new(false),
        };
        let mut vm = Vm {
            watch: Arc::new(watch),
            inventory: tokio::sync::Mutex::new(Inventory::of(&spec)),
            spec,
            capabilities: Arc::clone(&context.capabilities),
            start,
            log_dir,
            agent: None,
            streams: Mutex::new(BTreeMap::new()),
            tasks: Vec::new(),
            may_outlive_us: context.may_outlive_us,
            networks: context.networks.clone(),
            scratch_path: scratch.path().to_owned(),
            scratch: Some(scratch),
        };
        let crashable = Crashable {
            program: program(context),
            process: vm.process_id(),
            logs: vm.log_dir.path().to_owned(),
            ledger: context.ledger.clone(),
            deadlines: context.deadlines,
        };
        vm.keep_watch(crashable, ended_sender);
        vm.take_channels(streams)?;
        Ok(vm)
    }

    /// Starts the tasks that find out how the machine is.
    fn keep_watch(&mut self, crashable: Crashable, ended: watch::Sender<Option<Arc<ExitReport>>>) {
        let watch = Arc::clone(&self.watch);
        let process = Arc::clone(&watch.process);
        let (qmp, health) = (watch.qmp.clone(), watch.health.clone());
        let supervise = supervise(process, qmp, health, crashable, self.start, ended);
        self.spawn(supervise);
        self.spawn(watch_events(watch.qmp.clone(), watch.health.clone()));
        let restarts = Arc::clone(&watch);
        self.spawn(async move { restarts.note_restarts().await });
        let stuck = Arc::clone(&watch);
        self.spawn(async move { stuck.tell_where_it_is_stuck().await });
        let scanner = LineScanner::new(Source::Stderr, watch.health.clone());
        let (path, ended) = (self.log_dir.stderr(), watch.ended.clone());
        self.spawn(async move {
            if let Err(error) = follow_file(path, scanner, ended).await {
                tracing::warn!(%error, "QEMU's stderr is no longer watched");
            }
        });
    }

    fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        // What a machine says belongs to the log of its test.
        self.tasks.push(tokio::spawn(task.in_current_span()));
    }

    /// Gives every channel to whom it is for.
    fn take_channels(&mut self, mut streams: BTreeMap<String, UnixStream>) -> Result<(), VmError> {
        if let Some(stream) = streams.remove(MachineSpec::FIRMWARE) {
            let log = self.log_dir.channel(MachineSpec::FIRMWARE)?;
            let scanner = LineScanner::new(Source::Firmware, self.health().clone());
            let tail = self.watch.firmware.clone();
            self.spawn(record_stream(stream, log, tail, scanner));
        }
        let ids = self.spec.serials.iter().chain(&self.spec.virtio_consoles);
        let mut consoles = BTreeMap::new();
        for (id, stream) in ids.filter_map(|id| streams.remove_entry(id)) {
            let options = ConsoleOptions {
                log: Some(self.log_dir.path().join(format!("{id}.log"))),
                ..ConsoleOptions::default()
            };
            let console = Console::start(stream, options).map_err(|source| VmError::Guest {
                vm: self.spec.name.clone(),
                source: Box::new(source),
                last_words: Box::default(),
            })?;
            consoles.insert(id, console);
        }
        for console in consoles.values() {
            let scanner = LineScanner::new(Source::Console, self.health().clone());
            self.spawn(scan_console(console.lines(), scanner));
        }
        let main = self.watch.main_console.as_ref();
        let last_line = main
            .and_then(|id| consoles.get(id))
            .map(Console::last_line_handle);
        let agent = streams.remove(MachineSpec::AGENT);
        self.agent = agent.map(|stream| AgentClient::new(stream, last_line));
        // Nobody else sets them.
        let _ = self.watch.consoles.set(consoles);
        self.streams = Mutex::new(streams);
        Ok(())
    }

    /// Speaks to an additional QMP monitor of the machine. Its traffic is kept in `<id>.log`.
    ///
    /// # Errors
    /// [`VmError::NoChannel`] when there is none of that name, or it is taken already; [`VmError::Monitor`].
    pub async fn monitor(&self, id: &str) -> Result<Qmp, VmError> {
        let (stream, traffic) = self.further_monitor(id, MonitorProtocol::Qmp)?;
        let qmp = Qmp::connect_logged(stream, self.limit(MONITOR_LIMIT), traffic).await;
        self.watch.told("speak to a monitor of", qmp).await
    }

    /// Speaks to a human monitor of the machine. Its traffic is kept in `<id>.log`.
    ///
    /// # Errors
    /// As [`Vm::monitor`].
    pub async fn human_monitor(&self, id: &str) -> Result<HumanMonitor, VmError> {
        let (stream, traffic) = self.further_monitor(id, MonitorProtocol::Hmp)?;
        let limit = self.limit(MONITOR_LIMIT);
        let monitor = HumanMonitor::connect_logged(stream, limit, traffic).await;
        self.watch.told("speak to a monitor of", monitor).await
    }

    fn further_monitor(
        &self,
        id: &str,
        protocol: MonitorProtocol,
    ) -> Result<(UnixStream, Traffic), VmError> {
        let mut monitors = self.spec().monitors.iter();
        if !monitors.any(|monitor| monitor.id == id && monitor.protocol == protocol) {
            return Err(self.no_channel(id));
        }
        let stream = self.channel(id)?;
        let log = self.log_dir.path().join(format!("{id}.log"));
        let traffic = Traffic::create(&log).map_err(io_error("create", &log))?;
        Ok((stream, traffic))
    }
}

/// What a machine begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// Its reset, and stopped before its first instruction.
    Reset,
    /// The state of a machine elsewhere, which may still be running on the same host.
    Incoming,
}

impl Beginning {
    fn argv(
        self,
        spec: &MachineSpec,
        capabilities: &Capabilities,
        endpoints: &Endpoints,
    ) -> Result<Argv, MachineError> {
        match self {
            Self::Reset => render(spec, capabilities, endpoints),
            Self::Incoming => {
                let mut spec = spec.clone();
                // The other machine has these ports as long as it is there.
                for nic in spec.all_nics_mut() {
                    if let Netdev::User { forwards, .. } = &mut nic.netdev {
                        forwards.clear();
                    }
                }
                Ok(render(&spec, capabilities, endpoints)?.incoming())
            }
        }
    }
}

/// A kernel that is handed over comes with its command line; what a disk holds nobody knows.
fn is_told_to_speak(spec: &MachineSpec) -> bool {
    match &spec.boot {
        Boot::Kernel { cmdline, .. } => cmdline
            .split_ascii_whitespace()
            .any(|word| word.starts_with("console=")),
        Boot::Disk => false,
    }
}

/// The program, found whatever the working directory; a name without a slash is looked for in `PATH`.
fn program(context: &Context) -> PathBuf {
    let mut program = context.program.path.clone();
    if program.components().count() > 1 {
        absolute(&mut program);
    }
    program
}

/// QEMU works in the directory of its logs, so that what it writes unasked (core dumps, profiles) is there and nowhere else.
fn make_absolute(spec: &mut MachineSpec) {
    spec.disks
        .iter_mut()
        .for_each(|disk| absolute(&mut disk.path));
    if let Boot::Kernel { kernel, initrd, .. } = &mut spec.boot {
        absolute(kernel);
        initrd.iter_mut().for_each(absolute);
    }
    match &mut spec.firmware {
        Firmware::SeaBios => {}
        Firmware::Bios(path) => absolute(path),
        Firmware::Uefi { code, vars } => [code, vars].into_iter().for_each(absolute),
    }
    if let Some(file) = &mut spec.memory_file {
        absolute(&mut file.path);
    }
}

fn absolute(path: &mut PathBuf) {
    // Fails for an empty path, which is wrong anyway.
    if let Ok(whole) = std::path::absolute(&path) {
        *path = whole;
    }
}

/// Starts QEMU with its ends of the channels.
fn launch(
    context: &Context,
    argv: &Argv,
    inherited: Vec<(OwnedFd, i32)>,
    log_dir: &LogDir,
) -> Result<Process, VmError> {
    let mut command = Spec::new(program(context))
        .current_dir(log_dir.path())
        .args(&context.program.args)
        .args(argv.args())
        .core_dumps()
        .stdout(Output::File(log_dir.stderr()))
        .stderr(Output::File(log_dir.stderr()));
    for (name, value) in &context.program.env {
        command = command.env(name, value);
    }
    for (descriptor, number) in inherited {
        command = command.fd(descriptor, number);
    }
    if context.may_outlive_us {
        command = command.detached();
    }
    Ok(Process::spawn(command, &context.ledger)?)
}

/// Takes the control monitor's greeting, or finds out why there is none.
async fn greet(
    spec: &MachineSpec,
    context: &Context,
    process: &Process,
    streams: &mut BTreeMap<String, UnixStream>,
    traffic: Traffic,
) -> Result<Qmp, VmError> {
    let stream = streams
        .remove(MachineSpec::QMP)
        .ok_or_else(|| VmError::NoChannel {
            vm: spec.name.clone(),
            channel: MachineSpec::QMP.to_owned(),
            known: spec.channels().join(", "),
        })?;
    let limit = context.deadlines.scaled(MONITOR_LIMIT);
    let source = tokio::select! {
        biased;
        qmp = Qmp::connect_logged(stream, limit, traffic.clone()) => match qmp {
            Ok(qmp) => return Ok(qmp),
            Err(source) => source,
        },
        exit = process.wait() => return Err(died(spec, process, exit?)),
    };
    if matches!(source, QmpError::Closed { .. } | QmpError::Socket(_))
        && let Ok(exit) = tokio::time::timeout(DYING_LIMIT, process.wait()).await
    {
        return Err(died(spec, process, exit?));
    }
    let last_words = LastWords {
        monitor: traffic.tail(),
        stderr: process.stderr_tail(STDERR_TAIL),
        ..LastWords::default()
    };
    Err(VmError::Monitor {
        vm: spec.name.clone(),
        verb: "speak to".to_owned(),
        source: Box::new(source),
        last_words: Box::new(last_words),
    })
}

fn died(spec: &MachineSpec, process: &Process, exit: host::process::Exit) -> VmError {
    VmError::Start {
        vm: spec.name.clone(),
        exit,
        stderr: process.stderr_tail(STDERR_TAIL),
    }
}
