//! A machine that is cloned from one booted before, where nobody can tell the difference.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use guest::Renewal;
use machine::{
    Accel, Boot, Endpoint, Endpoints, Firmware, MacAddr, MachineError, MachineSpec, MemoryFile,
    Netdev, render,
};
use params::Params;
use rustix::rand::{GetRandomFlags, getrandom};
use templates::{Begun, Building, Inputs, Key, Manner, Store, Template};
use tokio::sync::OnceCell;
use tracing::{debug, info, warn};
use vm::migrate::{Capability, Options};
use vm::{Context, Vm};

use crate::furnish::PreparedImage;
use crate::sessions::{login, wants_ssh};
use crate::test::ImagePlan;
use crate::verdict::chain;
use crate::{Stop, Test, TestResult};

/// Name a template's machine has; no clone's.
const NAME: &str = "template";

/// Base time for a clone to answer.
const ANSWER: Duration = Duration::from_secs(20);

/// The templates of this run: each looked for once, and made if need be.
pub(crate) struct Templates {
    store: Store,
    known: Mutex<HashMap<Key, Arc<Known>>>,
}

/// What became of one template; nothing when machines like it are to boot.
type Known = OnceCell<Option<Arc<Template>>>;

impl Templates {
    pub(crate) fn new(data: &Path) -> Self {
        Self {
            store: Store::new(data),
            known: Mutex::default(),
        }
    }

    fn cell(&self, key: Key) -> Arc<Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(key).or_default())
    }
}

/// A machine to be cloned: its parameters, the images it is to have, what it is started with.
struct Fork<'a> {
    name: &'a str,
    params: &'a Params,
    accel: Accel,
    context: &'a Context,
    plans: Vec<ImagePlan>,
}

impl Test {
    /// Machine `name` as a clone, with its images; nothing if it is to boot.
    ///
    /// # Errors
    /// ERROR where its parameters make no sense.
    pub(crate) async fn fork(
        &self,
        name: &str,
        params: &Params,
        accel: Accel,
        context: &Context,
    ) -> TestResult<Option<(Vm, Vec<PreparedImage>)>> {
        if params.value("vm_start") != Some("fork") || params.flag("paused_after_start_vm")? {
            return Ok(None);
        }
        let plans = self.image_plans(name, params)?;
        let fork = Fork {
            name,
            params,
            accel,
            context,
            plans,
        };
        let neutral = self.template_spec(&fork, |plan| plan.name.clone().into(), "ram".as_ref())?;
        let blocker = match wants_ssh(params) {
            // Its key is of this run, and on the kernel's command line.
            true => Some("a guest spoken to by SSH"),
            false => blocker(&neutral),
        };
        if let Some(blocker) = blocker {
            debug!("{name} boots: {blocker} cannot be cloned");
            return Ok(None);
        }
        let inputs = match inputs(&neutral, context, &fork.plans) {
            Ok(inputs) => inputs,
            // Booting it will tell, and better.
            Err(reason) => {
                debug!("{name} boots: {reason}");
                return Ok(None);
            }
        };
        let cell = self.env.templates.cell(inputs.key());
        let template = cell
            .get_or_init(|| self.template(&fork, &inputs))
            .await
            .clone();
        let Some(template) = template else {
            return Ok(None);
        };
        if let Err(changed) = template.is_unchanged() {
            warn!(
                "{name} boots: {changed} of template {} was changed",
                template.key()
            );
            return Ok(None);
        }
        self.phase(format!("cloning {name}"));
        match self.clone_of(&fork, &template).await {
            Ok(cloned) => Ok(Some(cloned)),
            Err(stop) => {
                for plan in &fork.plans {
                    // Whatever there is of it, the one to be made takes its place.
                    let _ = fs::remove_file(&plan.path);
                }
                warn!("{name} boots: it could not be cloned: {stop}");
                Ok(None)
            }
        }
    }

    /// The machine without what tells one clone from another.
    fn template_spec(
        &self,
        fork: &Fork<'_>,
        disk: impl Fn(&ImagePlan) -> std::path::PathBuf,
        ram: &Path,
    ) -> TestResult<MachineSpec> {
        let images = fork
            .plans
            .iter()
            .map(|plan| plan.prepared(disk(plan)))
            .collect();
        let mut spec = self.machine_spec(fork.name, fork.params, fork.accel, images)?;
        NAME.clone_into(&mut spec.name);
        for nic in &mut spec.nics {
            nic.mac = MacAddr::derived(NAME, &nic.id);
        }
        spec.memory_file = Some(MemoryFile {
            path: ram.to_owned(),
            shared: true,
        });
        Ok(spec)
    }

    /// The template, found or made; nothing, said once, where that fails.
    async fn template(&self, fork: &Fork<'_>, inputs: &Inputs) -> Option<Arc<Template>> {
        let template = match self.env.templates.store.begin(inputs).await {
            Ok(Begun::Ready(template)) => Ok(template),
            Ok(Begun::Make(building)) => {
                self.phase(format!("booting a template for {}", fork.name));
                self.make(fork, building).await
            }
            Err(error) => Err(Stop::error(chain(&error))),
        };
        match template {
            Ok(template) => {
                info!(
                    "template {} ({})",
                    template.key(),
                    template.manifest().manner
                );
                Some(Arc::new(template))
            }
            Err(stop) => {
                warn!(
                    "machines like {} boot: there is no template of them: {stop}",
                    fork.name
                );
                None
            }
        }
    }

    /// Boots a machine up to its login, freezes it, and tries a clone.
    async fn make(&self, fork: &Fork<'_>, building: Building) -> TestResult<Template> {
        let ours = |error: templates::Error| Stop::error(chain(&error));
        let disks = self.disks()?;
        for plan in &fork.plans {
            let made = disks.create(building.directory(), &plan.request).await;
            let made = made.map_err(|error| Stop::error(chain(&error)))?;
            let path = building.disk(&plan.name);
            fs::rename(&made.path, &path).map_err(|error| {
                Stop::error(format!("failed to rename {}: {error}", made.path.display()))
            })?;
        }
        let spec = self.template_spec(fork, |plan| building.disk(&plan.name), &building.ram())?;
        building.check_room(spec.memory.size).map_err(ours)?;
        let context = Context {
            log_dir: self.dir().join(format!("{}-{NAME}", fork.name)),
            may_outlive_us: false,
            ..fork.context.clone()
        };
        let vm = Vm::start(spec.clone(), &context).await?;
        let limit: Duration = fork.params.need("login_timeout")?;
        vm.wait_for_agent(limit).await?;
        // A session would leave its shell without a prompt, and its clones with one that waits for nobody.
        let prompts = &login(fork.params)?;
        for id in spec.serials.iter().chain(&spec.virtio_consoles) {
            let prompt = vm.console_of(id)?.wait_for_prompt(prompts, vm.limit(limit));
            let prompted = vm.wait("prompt", limit, prompt).await?;
            prompted.map_err(|error| Stop::fail(chain(&error)))?;
        }
        let manner = self.freeze(fork, &vm, &building).await?;
        vm.destroy().await?;
        building.finish(manner).map_err(ours)
    }

    /// Freezes a booted machine in the best manner its QEMU masters.
    async fn freeze(&self, fork: &Fork<'_>, vm: &Vm, building: &Building) -> TestResult<Manner> {
        let mut refusal = None;
        for manner in [Manner::SharedMemory, Manner::Stream] {
            let tried = async {
                vm.save(&building.state(), &options(manner)).await?;
                self.try_clone(fork, building, manner).await
            };
            match tried.await {
                Ok(()) => return Ok(manner),
                Err(stop) => {
                    warn!("templates by {manner} do not work: {stop}");
                    refusal = Some(stop);
                }
            }
            vm.resume().await?;
        }
        Err(refusal.unwrap_or_else(|| Stop::error("there is no manner to freeze a machine")))
    }

    /// Is a clone a machine that answers?
    async fn try_clone(&self, fork: &Fork<'_>, building: &Building, manner: Manner) -> TestResult {
        let directory = tempfile::tempdir_in(self.dir())
            .map_err(|error| Stop::error(format!("failed to make a directory: {error}")))?;
        let disks = self.disks()?;
        let disk = |plan: &ImagePlan| directory.path().join(&plan.name);
        for plan in &fork.plans {
            let copied = disks.duplicate(&building.disk(&plan.name), &disk(plan));
            copied.map_err(|error| Stop::error(chain(&error)))?;
        }
        let mut spec = self.template_spec(fork, disk, &building.ram())?;
        spec.memory_file = memory(manner, &building.ram());
        for nic in &mut spec.nics {
            nic.mac = MacAddr::derived("trial", &nic.id);
        }
        let context = Context {
            log_dir: self.dir().join(format!("{}-trial", fork.name)),
            may_outlive_us: false,
            ..fork.context.clone()
        };
        let vm = thaw(spec, &context, &building.state(), manner).await?;
        vm.destroy().await?;
        Ok(())
    }

    async fn clone_of(
        &self,
        fork: &Fork<'_>,
        template: &Template,
    ) -> TestResult<(Vm, Vec<PreparedImage>)> {
        let disks = self.disks()?;
        let mut images = Vec::new();
        for plan in &fork.plans {
            self.borrow_file(&plan.path)?;
            let copied = disks.duplicate(&template.disk(&plan.name), &plan.path);
            copied.map_err(|error| Stop::error(chain(&error)))?;
            images.push(plan.prepared(plan.path.clone()));
        }
        let manner = template.manifest().manner;
        let mut spec = self.machine_spec(fork.name, fork.params, fork.accel, images.clone())?;
        spec.memory_file = memory(manner, &template.ram());
        let vm = thaw(spec, fork.context, &template.state(), manner).await?;
        Ok((vm, images))
    }
}

/// Starts a clone and makes it a machine of its own.
async fn thaw(
    spec: MachineSpec,
    context: &Context,
    state: &Path,
    manner: Manner,
) -> TestResult<Vm> {
    let vm = Vm::restore(spec, context, state, &options(manner)).await?;
    vm.resume().await?;
    let mut seed = [0; 32];
    getrandom(&mut seed, GetRandomFlags::empty())
        .map_err(|error| Stop::error(format!("failed to draw random numbers: {error}")))?;
    let nics = vm.spec().nics.iter();
    let nics = nics.map(|nic| {
        (
            MacAddr::derived(NAME, &nic.id).to_string(),
            nic.mac.to_string(),
        )
    });
    let renewal = Renewal {
        seed,
        time: SystemTime::now(),
        nics: nics.collect(),
    };
    let limit = vm.limit(ANSWER);
    let renewed = vm.agent()?.renew(&renewal, limit);
    vm.wait("answer of the clone", ANSWER, renewed)
        .await?
        .map_err(|error| Stop::fail(chain(&error)))?;
    // The prompts were written before the clone was: an empty line brings them again.
    for id in vm.spec().serials.iter().chain(&vm.spec().virtio_consoles) {
        let sent = vm.console_of(id)?.send(b"\n", limit).await;
        sent.map_err(|error| Stop::fail(chain(&error)))?;
    }
    Ok(vm)
}

fn options(manner: Manner) -> Options {
    let sharing = manner == Manner::SharedMemory;
    Options {
        capabilities: sharing
            .then_some(Capability::IgnoreShared)
            .into_iter()
            .collect(),
        ..Options::default()
    }
}

fn memory(manner: Manner, ram: &Path) -> Option<MemoryFile> {
    let sharing = manner == Manner::SharedMemory;
    sharing.then(|| MemoryFile {
        path: ram.to_owned(),
        shared: false,
    })
}

/// What keeps a machine from being cloned, if anything does.
fn blocker(spec: &MachineSpec) -> Option<&'static str> {
    let blockers = [
        (!spec.agent, "a guest without agent"),
        (spec.boot == Boot::Disk, "a guest that boots from its disks"),
        (spec.firmware != Firmware::SeaBios, "firmware of one's own"),
        (
            spec.disks.iter().any(|disk| disk.snapshot),
            "a disk in snapshot mode",
        ),
        (
            spec.nics
                .iter()
                .any(|nic| matches!(nic.netdev, Netdev::Private(_))),
            "a card on a private network",
        ),
        // Taken when a machine starts, not when it is taken up: two of them may be there at once.
        (
            spec.nics.iter().any(
                |nic| matches!(&nic.netdev, Netdev::User { forwards, .. } if !forwards.is_empty()),
            ),
            "a port of the host that leads into the guest",
        ),
        (spec.preconfig, "a machine that waits before it is made"),
        (
            !spec.extra_args.is_empty(),
            "what QEMU is told in its own words",
        ),
    ];
    blockers
        .into_iter()
        .find_map(|(blocks, what)| blocks.then_some(what))
}

/// Everything that makes the machine what it is.
fn inputs(spec: &MachineSpec, context: &Context, plans: &[ImagePlan]) -> Result<Inputs, String> {
    let cpus = spec.cpu.count;
    let about = format!("{}, {cpus} CPUs, {}", spec.machine, spec.memory.size);
    let mut inputs = Inputs::new(about);
    let fails = |error: templates::Error| chain(&error);
    let program = &context.program;
    inputs.file("qemu", &program.path).map_err(fails)?;
    inputs.text("qemu version", &context.capabilities.version.to_string());
    inputs.text(
        "environment",
        &format!("{:?} {:?}", program.args, program.env),
    );
    let endpoints = Endpoints::for_each(spec, |_| Endpoint::Null);
    let argv = render(spec, &context.capabilities, &endpoints);
    let argv = argv.map_err(|error: MachineError| chain(&error))?;
    inputs.text("arguments", &argv.to_shell());
    if let Boot::Kernel { kernel, initrd, .. } = &spec.boot {
        inputs.file("kernel", kernel).map_err(fails)?;
        if let Some(initrd) = initrd {
            inputs.file("initrd", initrd).map_err(fails)?;
        }
    }
    for plan in plans {
        inputs.text("image", &format!("{:?}", plan.made));
        if let machine::Made::Of(base, _) = &plan.made {
            inputs.file("base image", base).map_err(fails)?;
        }
    }
    for disk in spec.disks.iter().filter(|disk| disk.made.is_none()) {
        inputs.file("medium", &disk.path).map_err(fails)?;
    }
    if spec.accel == Accel::Kvm {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let first = cpu.split("\n\n").next().unwrap_or_default();
        // The rest changes by the minute.
        let lasting = first.lines().filter(|line| !line.starts_with("cpu MHz"));
        inputs.text("host CPU", &lasting.collect::<Vec<_>>().join("; "));
    }
    Ok(inputs)
}

#[cfg(test)]
mod tests {
    use machine::Nic;

    use super::*;

    #[test]
    fn a_machine_that_a_clone_would_not_equal_boots() {
        let mut plain = MachineSpec::new("vm1");
        assert_eq!(blocker(&plain), Some("a guest that boots from its disks"));
        plain.boot = Boot::Kernel {
            kernel: "/vmlinux".into(),
            initrd: None,
            cmdline: String::new(),
        };
        plain.nics.push(Nic::new("vm1", "nic1"));
        assert_eq!(blocker(&plain), None);
        let changes: [fn(&mut MachineSpec); 5] = [
            |spec| spec.agent = false,
            |spec| spec.preconfig = true,
            |spec| spec.extra_args.push("-snapshot".to_owned()),
            |spec| spec.nics[0].netdev = Netdev::Private("lan".to_owned()),
            |spec| {
                let forwards = vec!["tcp:127.0.0.1:2222-:22".to_owned()];
                spec.nics[0].netdev = Netdev::User {
                    restrict: true,
                    forwards,
                };
            },
        ];
        for change in changes {
            let mut spec = plain.clone();
            change(&mut spec);
            assert!(blocker(&spec).is_some(), "{spec:?}");
        }
    }
}
