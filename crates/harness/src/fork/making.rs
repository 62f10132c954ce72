//! How a template is made: a machine is booted, frozen, and a clone of it tried.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use machine::MacAddr;
use templates::{Begun, Building, Inputs, Manner, Template};
use tracing::{info, warn};
use vm::{Context, Vm};

use super::{ANSWER, Fork, Identity, NAME, memory, options, renew, wake};
use crate::sessions::login;
use crate::test::ImagePlan;
use crate::verdict::chain;
use crate::{Stop, Test, TestResult};

impl Test {
    /// The template, found or made; nothing, said once, where that fails.
    pub(super) async fn template(&self, fork: &Fork<'_>, inputs: &Inputs) -> Option<Arc<Template>> {
        let templates = &self.env.templates;
        if templates.clones_by(fork).is_empty() {
            return None;
        }
        match self.find_or_make(fork, inputs).await {
            Ok(template) => {
                let manner = template.manifest().manner;
                info!("template {} ({manner})", template.key());
                Some(Arc::new(template))
            }
            Err(stop) => {
                // If none can be cloned, that and why has been told.
                let why = match templates.clones_by(fork)[..] {
                    [] => String::new(),
                    _ => format!(": {stop}"),
                };
                self.env
                    .notice(format!("machines boot instead of being cloned{why}"));
                None
            }
        }
    }

    async fn find_or_make(&self, fork: &Fork<'_>, inputs: &Inputs) -> TestResult<Template> {
        let limit: Duration = fork.params.need("login_timeout")?;
        self.phase(format!("looking for a template for {}", fork.name));
        let store = &self.env.templates.store;
        // Another run needs no longer for it than ours would, but for the trial.
        let begun = store
            .begin(inputs, self.env.deadlines.scaled(limit + ANSWER))
            .await;
        match begun.map_err(|error| Stop::error(chain(&error)))? {
            Begun::Ready(template) => Ok(template),
            Begun::Make(building) => {
                self.phase(format!("booting a template for {}", fork.name));
                self.make(fork, building).await
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
            networks: vm::Networks::default(),
            ..fork.context.clone()
        };
        let vm = Vm::start(spec, &context).await?;
        let frozen = self.freeze_when_up(fork, &vm, &building).await;
        if frozen.is_err() {
            // A crash is told with its backtrace, which takes a while.
            vm.crash().await;
        }
        let destroyed = vm.destroy().await;
        let manner = frozen?;
        destroyed?;
        building.finish(manner).map_err(ours)
    }

    /// Waits until the guest is logged in, and freezes it.
    async fn freeze_when_up(
        &self,
        fork: &Fork<'_>,
        vm: &Vm,
        building: &Building,
    ) -> TestResult<Manner> {
        let limit: Duration = fork.params.need("login_timeout")?;
        vm.wait_for_agent(limit).await?;
        // A rehearsal: what the guest had to look up for it is at hand in every clone.
        renew(vm, &Identity::default()).await?;
        // A session would leave its shell without a prompt, and its clones with one that waits for nobody.
        let prompts = &login(fork.params)?;
        for id in vm.spec().serials.iter().chain(&vm.spec().virtio_consoles) {
            let prompt = vm.console_of(id)?.wait_for_prompt(prompts, vm.limit(limit));
            let prompted = vm.wait("prompt", limit, prompt).await?;
            prompted.map_err(|error| Stop::fail(chain(&error)))?;
        }
        self.freeze(fork, vm, building).await
    }

    /// Freezes a booted machine in the best manner its QEMU masters.
    async fn freeze(&self, fork: &Fork<'_>, vm: &Vm, building: &Building) -> TestResult<Manner> {
        let mut refusal = None;
        for manner in self.env.templates.clones_by(fork) {
            if refusal.is_some() {
                vm.resume().await?;
            }
            match self.freeze_by(manner, fork, vm, building).await {
                Ok(()) => return Ok(manner),
                Err(stop) => {
                    warn!("templates by {manner} do not work: {stop}");
                    refusal = Some(stop);
                }
            }
        }
        Err(refusal.unwrap_or_else(|| Stop::error("there is no manner to freeze a machine")))
    }

    async fn freeze_by(
        &self,
        manner: Manner,
        fork: &Fork<'_>,
        vm: &Vm,
        building: &Building,
    ) -> TestResult {
        vm.save(&building.state(), &options(manner)).await?;
        let tried = self.try_clone(fork, building, manner).await;
        tried.inspect_err(|stop| {
            self.env.templates.give_up(fork, manner);
            let qemu = fork.context.program.path.display();
            self.env
                .notice(format!("{qemu} cannot clone machines by {manner}: {stop}"));
        })
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
            networks: vm::Networks::default(),
            ..fork.context.clone()
        };
        let vm = Vm::restore(spec, &context, &building.state(), &options(manner)).await?;
        wake(&vm, &Identity::default()).await?;
        vm.destroy().await?;
        Ok(())
    }
}
