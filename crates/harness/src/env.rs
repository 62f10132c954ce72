//! What all tests of a run share, prepared once before the first.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use events::{Event, Sender};
use host::accel::{Accel, Decision};
use host::deadlines::Deadlines;
use host::dirs::Dirs;
use host::ledger::Ledger;
use host::qemu::Qemu;
use image::{Disks, GuestStore, QemuImg, Rebuild, TinyGuest};
use machine::{Capabilities, Program};
use tracing::{info, warn};

use crate::builds::Builds;
use crate::fork::Templates;
use crate::logging::TestLogs;
use crate::outside::StandStill;
use crate::plan::Plan;
use crate::running::AllRunning;
use crate::sessions::{self, SshKit};
use crate::verdict::chain;
use crate::{Stop, TestResult};

/// What a run needs to be told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where things live.
    pub dirs: Dirs,
    /// Directory of this run.
    pub run_dir: PathBuf,
    /// How many machines are started before a test wants to clone one.
    pub prepared: usize,
    /// Program and arguments that run the accelerator probe's inner process, see [`host::accel::probe`].
    pub kvm_probe: (PathBuf, Vec<String>),
}

/// Everything tests share: capabilities, guests, the ledger, the event stream.
pub struct Env {
    pub(crate) settings: Settings,
    pub(crate) events: Sender,
    pub(crate) logs: TestLogs,
    pub(crate) running: AllRunning,
    pub(crate) stand_still: StandStill,
    pub(crate) ledger: Ledger,
    pub(crate) deadlines: Deadlines,
    pub(crate) accel: Decision,
    pub(crate) tsc_khz: Option<u32>,
    pub(crate) disks: Option<Disks>,
    pub(crate) builds: Builds,
    pub(crate) templates: Templates,
    /// What was told of once, and is not again.
    noticed: Mutex<BTreeSet<String>>,
    qemus: BTreeMap<String, Arc<Binary>>,
    guests: BTreeMap<String, Arc<TinyGuest>>,
    /// Nothing where no test logs in by SSH; why not, where the host cannot.
    ssh: Option<Result<SshKit, Stop>>,
}

/// A QEMU binary, and what is known of it.
#[derive(Debug)]
pub(crate) struct Binary {
    pub program: Program,
    pub capabilities: Arc<Capabilities>,
}

impl Binary {
    fn new(qemu: Qemu) -> Self {
        let args = qemu
            .base_args()
            .into_iter()
            .map(|arg| arg.to_string_lossy().into_owned())
            .collect();
        Self {
            program: Program {
                path: qemu.path,
                args,
                env: qemu.env,
            },
            capabilities: Arc::new(qemu.capabilities),
        }
    }
}

/// Set-up could not be completed: exit status 2.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct SetupError {
    /// What failed, with its causes.
    pub reason: String,
    /// What may mend it.
    pub hints: Vec<String>,
}

impl SetupError {
    fn new(what: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        Self {
            reason: format!("failed to {what}: {}", chain(error)),
            hints: Vec::new(),
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

/// Name under which the QEMU found by itself is kept.
const DEFAULT_QEMU: &str = "";

impl Env {
    /// Prepares what the tests of `plan` need, and says each step. Removes what an earlier run left behind first.
    ///
    /// # Errors
    /// [`SetupError`] with what may mend it.
    pub async fn prepare(
        settings: Settings,
        plan: &Plan,
        events: Sender,
        logs: TestLogs,
    ) -> Result<Self, SetupError> {
        let runtime = settings.dirs.runtime().to_owned();
        reap(&runtime, &events)?;
        let ledger = Ledger::open(&runtime).map_err(|e| SetupError::new("open the ledger", &e))?;
        let mut env = Self {
            events,
            logs,
            running: AllRunning::default(),
            stand_still: StandStill::default(),
            ledger,
            deadlines: Deadlines::fixed(1.0),
            accel: Decision {
                accel: Accel::Tcg,
                reason: "no machine is started".into(),
            },
            tsc_khz: None,
            disks: None,
            builds: Builds::default(),
            templates: Templates::new(settings.dirs.data(), settings.prepared),
            noticed: Mutex::default(),
            qemus: BTreeMap::new(),
            guests: BTreeMap::new(),
            ssh: None,
            settings,
        };
        if plan.tests().iter().any(|test| test.has_machines()) {
            env.prepare_machines(plan).await?;
        }
        env.prepare_builds(plan).await;
        Ok(env)
    }

    async fn prepare_machines(&mut self, plan: &Plan) -> Result<(), SetupError> {
        self.step("deciding the accelerator");
        let (program, arguments) = self.settings.kvm_probe.clone();
        let cache = self.settings.dirs.cache();
        self.accel = blocking(move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            host::accel::probe(&program, &arguments, &cache)
        })
        .await?;
        let cache = self.settings.dirs.cache();
        self.tsc_khz = blocking(move || host::tsc::frequency_khz(&cache)).await?;
        self.deadlines = Deadlines::measure(&self.settings.dirs.cache(), self.accel.accel);
        info!(scale = self.deadlines.scale(), "deadlines are stretched");
        self.prepare_qemus(plan).await?;
        self.prepare_qemu_img(plan);
        for name in plan.values("guest_name") {
            self.prepare_guest(name).await?;
        }
        self.prepare_ssh(plan).await
    }

    /// Makes a key and gives the guests a server, where a test wants to log in by SSH.
    async fn prepare_ssh(&mut self, plan: &Plan) -> Result<(), SetupError> {
        let machines = plan.tests().iter().flat_map(|test| {
            let names = test.params().objects("vms").into_iter();
            names.map(|name| test.params().object_params(name))
        });
        let wanting: Vec<_> = machines.filter(sessions::wants_ssh).collect();
        if wanting.is_empty() {
            return Ok(());
        }
        self.step("preparing logins by SSH");
        let mut kit = match SshKit::new(&self.ledger, self.deadlines.scale()).await {
            Ok(kit) => kit,
            Err(stop) => {
                self.ssh = Some(Err(stop));
                return Ok(());
            }
        };
        let names = wanting
            .iter()
            .filter_map(|params| crate::furnish::guest_of(params));
        let names: BTreeSet<String> = names.map(str::to_owned).collect();
        let guests: Vec<_> = names
            .into_iter()
            .filter_map(|name| Some((self.guest(&name)?, name)))
            .collect();
        let (store, events) = (self.store(), self.events.clone());
        let kit = blocking(move || {
            for (guest, name) in guests {
                kit.prepare(&store, &name, &guest, &|progress| {
                    events.send(Event::SetupStep {
                        what: format!("SSH server of guest {name}: {progress}"),
                    });
                });
            }
            kit
        });
        self.ssh = Some(Ok(kit.await?));
        Ok(())
    }

    fn store(&self) -> GuestStore {
        GuestStore::new(self.settings.dirs.data())
    }

    async fn prepare_qemus(&mut self, plan: &Plan) -> Result<(), SetupError> {
        let mut wanted: Vec<String> = Vec::new();
        for test in plan.tests() {
            for key in ["qemu_binary", "qemu_dst_binary"] {
                let path = test.params().value(key).unwrap_or(DEFAULT_QEMU).to_owned();
                if !wanted.contains(&path) {
                    wanted.push(path);
                }
            }
        }
        for path in wanted {
            self.step("asking QEMU what it can do");
            let cache = self.settings.dirs.cache();
            let wanted = path.clone();
            let qemu = blocking(move || {
                let explicit = (wanted != DEFAULT_QEMU).then(|| PathBuf::from(wanted));
                host::qemu::find(explicit.as_deref()).and_then(|found| Qemu::probe(&found, &cache))
            })
            .await?;
            let qemu = qemu.map_err(|e| {
                SetupError::new("use QEMU", &e)
                    .hint("virt-test doctor names the QEMUs of this host and how to install one")
            })?;
            self.events.send(Event::Qemu {
                path: qemu.path.clone(),
                version: qemu.capabilities.version.to_string(),
            });
            self.qemus.insert(path, Arc::new(Binary::new(qemu)));
        }
        Ok(())
    }

    fn prepare_qemu_img(&mut self, plan: &Plan) {
        let program = plan
            .values("qemu_img_binary")
            .first()
            .map_or("qemu-img", |&path| path)
            .to_owned();
        let qemu_img = QemuImg::new(program);
        self.disks = Some(Disks::new(
            self.settings.dirs.cache().join("disks"),
            qemu_img,
        ));
    }

    async fn prepare_guest(&mut self, name: &str) -> Result<(), SetupError> {
        if self.guests.contains_key(name) {
            return Ok(());
        }
        self.step(&format!("preparing guest {name}"));
        let store = self.store();
        let (wanted, events) = (name.to_owned(), self.events.clone());
        let ensured = blocking(move || {
            let progress = |progress| {
                info!(?progress, "guest {wanted}");
                events.send(Event::SetupStep {
                    what: format!("guest {wanted}: {progress}"),
                });
            };
            store.ensure(&wanted, Rebuild::IfStale, &progress)
        })
        .await?;
        let guest = ensured.map_err(|e| {
            let hint = e.hint();
            let error = SetupError::new(&format!("prepare guest {name}"), &e);
            hint.into_iter().fold(error, SetupError::hint)
        })?;
        let guest = guest.guest;
        self.guests.insert(name.to_owned(), Arc::new(guest));
        Ok(())
    }

    pub(crate) fn step(&self, what: &str) {
        info!("{what}");
        self.events.send(Event::SetupStep {
            what: what.to_owned(),
        });
    }

    /// Tells the user, unless this very thing was told before.
    pub(crate) fn notice(&self, what: String) {
        warn!("{what}");
        let mut noticed = self.noticed.lock().unwrap_or_else(PoisonError::into_inner);
        if noticed.insert(what.clone()) {
            self.events.send(Event::Notice { what });
        }
    }

    /// The accelerator and why.
    pub fn accel(&self) -> &Decision {
        &self.accel
    }

    /// Gives back whatever is still borrowed, newest first: for an end in a hurry.
    pub fn give_back_all(&self) {
        for error in self.ledger.give_back_all() {
            warn!("{error}");
        }
    }

    pub(crate) fn qemu(&self, binary: Option<&str>) -> Option<Arc<Binary>> {
        self.qemus.get(binary.unwrap_or(DEFAULT_QEMU)).cloned()
    }

    /// What logging in by SSH takes.
    ///
    /// # Errors
    /// SKIP where this host cannot.
    pub(crate) fn ssh_kit(&self) -> TestResult<&SshKit> {
        match &self.ssh {
            Some(Ok(kit)) => Ok(kit),
            Some(Err(stop)) => Err(stop.clone()),
            None => Err(Stop::error("no login by SSH was prepared")
                .detail("hint: set shell_client = ssh or file_transfer_client = ssh")),
        }
    }

    pub(crate) fn guest(&self, name: &str) -> Option<Arc<TinyGuest>> {
        self.guests.get(name).cloned()
    }
}

fn reap(runtime: &Path, events: &Sender) -> Result<(), SetupError> {
    let reaped = Ledger::reap_stale(runtime)
        .map_err(|e| SetupError::new("clean up after earlier runs", &e))?;
    for item in &reaped.items {
        info!(%item, "removed what an earlier run left behind");
        events.send(Event::Reaped {
            what: item.to_string(),
        });
    }
    for failure in &reaped.failures {
        warn!("left behind by an earlier run and still there: {failure}");
    }
    Ok(())
}

/// Runs what blocks away from the threads that serve machines.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, SetupError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| SetupError::new("finish a step of set-up", &e))
}
