//! Random steps of plugging, unplugging, pausing, resetting and migrating, made from `hotplug_seed`: after each, QEMU has just the devices a model
//! says, and so has the guest. Steps that find something else are shrunk to the few that matter, and told as a script to repeat it with.

use std::collections::BTreeMap;
use std::sync::Arc;

use machine::{Device, DiskBus, Nic, VirtioPort};
use serde_json::json;
use virt_test::{Stop, Test, TestResult, check};
use vm::plug::script::{Kind, Model, Shrinker, Step, generate};
use vm::qmp::Event;
use vm::{FindingKind, Plugged, Session, Vm};

use crate::hotplug::both_sides::blank_disk;

#[virt_test::test(type_specific, "migrates = yes")]
async fn hotplug_model(test: &mut Test) -> TestResult {
    let slots = test.param::<u32>("pcie_free_ports")? as usize;
    let steps = steps(test, slots)?;
    let vm = test.main_vm()?;
    let name = vm.name().to_owned();
    let Err(stop) = carry_out(test, vm, &steps, slots).await else {
        return Ok(());
    };
    let budget = test.param::<u32>("hotplug_shrink_attempts")? as usize;
    let mut shrinker = Shrinker::new(steps, budget);
    while let Some(attempt) = shrinker.attempt() {
        let vm = test.start_vm(&name).await?;
        shrinker.came_to(carry_out(test, vm, &attempt, slots).await.is_err());
    }
    let smallest: Vec<String> = shrinker.smallest().iter().map(Step::to_string).collect();
    Err(stop.detail(format!(
        "to repeat it: --tests hotplug_model --extra 'hotplug_script = {}'",
        smallest.join("; ")
    )))
}

fn steps(test: &Test, slots: usize) -> TestResult<Vec<Step>> {
    if let Some(script) = test.params().value("hotplug_script") {
        let steps = script.split(';').map(str::parse);
        let steps: Result<_, _> = steps.collect();
        return steps.map_err(|error| Stop::error(format!("hotplug_script: {error}")));
    }
    let seed = test.param::<u32>("hotplug_seed")?;
    let length = test.param::<u32>("hotplug_steps")? as usize;
    Ok(generate(u64::from(seed), length, slots))
}

/// A machine on its way through a sequence.
struct Run<'a> {
    test: &'a Test,
    vm: Arc<Vm>,
    /// None until the guest is asked where the machine now is.
    session: Option<Session>,
    plugged: BTreeMap<u32, Plugged>,
}

async fn carry_out(test: &Test, vm: Arc<Vm>, steps: &[Step], slots: usize) -> TestResult {
    watch_ourselves(&vm);
    let session = Some(test.log_in(&vm).await?);
    let mut run = Run {
        test,
        vm,
        session,
        plugged: BTreeMap::new(),
    };
    let mut model = Model::default();
    for step in steps {
        if !model.takes(step, slots) {
            continue;
        }
        test.phase(step.to_string());
        run.step(step).await?;
        model.follow(step);
        run.compare(&model, step).await?;
    }
    Ok(())
}

/// A machine that becomes unwell is what is looked for: it ends a sequence, and not the test, which has yet to shrink it.
fn watch_ourselves(vm: &Vm) {
    for kind in FindingKind::ALL {
        vm.health().expect(kind);
    }
}

impl Run<'_> {
    async fn step(&mut self, step: &Step) -> TestResult {
        match step {
            Step::Plug(kind, number) => {
                let device = self.device(*kind, *number)?;
                self.plugged.insert(*number, self.vm.plug(device).await?);
            }
            Step::Unplug(number) => {
                if let Some(plugged) = self.plugged.remove(number) {
                    // Asked while the guest has not even seen the device, it may not hear of it.
                    self.seen(&plugged).await?;
                    let unplugged = self.vm.unplug(&plugged).await?;
                    let limit = self.test.span("plug_timeout")?;
                    let vm = Arc::clone(&self.vm);
                    let session = self.session().await?;
                    vm.wait_for_guest_to_lose(session, &unplugged, limit)
                        .await?;
                }
            }
            Step::Lose(number) => {
                if let Some(plugged) = self.plugged.get(number).cloned() {
                    self.seen(&plugged).await?;
                    self.lose(&plugged).await?;
                }
            }
            Step::Pause => self.vm.pause().await?,
            Step::Resume => self.vm.resume().await?,
            Step::Reset => {
                self.vm.reset().await?;
                self.session = Some(self.test.log_in(&self.vm).await?);
            }
            Step::Migrate => {
                let name = self.vm.name();
                let migration = self.test.migration(name).await?;
                let moved = self.test.migrate(name, &migration).await?;
                self.vm = moved.vm;
                self.session = None;
                watch_ourselves(&self.vm);
            }
        }
        Ok(())
    }

    /// Nobody but QEMU and the guest hears of it.
    async fn lose(&self, plugged: &Plugged) -> TestResult {
        let Some(id) = plugged.placed.device.device_id() else {
            return Ok(());
        };
        let cursor = self.vm.cursor();
        let id = json!({"id": id});
        self.vm.qmp().execute("device_del", id.clone()).await?;
        let gone =
            |event: &Event| event.name == "DEVICE_DELETED" && event.data["device"] == id["id"];
        let limit = self.test.span("plug_timeout")?;
        let what = format!("DEVICE_DELETED of {}", id["id"]);
        self.vm
            .wait_for_event_that(cursor, &what, limit, gone)
            .await?;
        Ok(())
    }

    async fn seen(&mut self, plugged: &Plugged) -> TestResult {
        let limit = self.test.span("plug_timeout")?;
        let vm = Arc::clone(&self.vm);
        let session = self.session().await?;
        vm.wait_for_guest_to_see(session, plugged, limit).await?;
        Ok(())
    }

    async fn session(&mut self) -> TestResult<&mut Session> {
        let session = match self.session.take() {
            Some(session) => session,
            None => self.test.log_in(&self.vm).await?,
        };
        Ok(self.session.insert(session))
    }

    /// QEMU's devices and back ends, and the guest's devices, are those of the model.
    async fn compare(&mut self, model: &Model, after: &Step) -> TestResult {
        let unwell = self.vm.health().is_fatal();
        check!(
            unwell.is_none(),
            "after '{after}' the machine is unwell: {}",
            unwell.map_or_else(String::new, |finding| finding.to_string())
        );
        let backends = self.vm.backends().await?;
        let named: Vec<&String> = backends
            .iter()
            .filter(|name| name.starts_with("model-"))
            .collect();
        let mut expected = 0;
        for (number, kind) in &model.devices {
            let id = format!("model-{number}");
            expected += match kind {
                // The image and its file.
                Kind::Disk => 2,
                Kind::Rng | Kind::VirtioPort | Kind::IoThread => 1,
                Kind::Nic | Kind::ScsiController => 0,
            };
            let device_id = match kind {
                Kind::IoThread => continue,
                Kind::VirtioPort => format!("{id}-port"),
                _ => id,
            };
            check!(
                self.vm.has_device(&device_id).await?,
                "after '{after}' QEMU no longer has {kind:?} {device_id}"
            );
        }
        check!(
            named.len() == expected,
            "after '{after}' there should be {expected} back ends, QEMU has {named:?}"
        );
        if !model.paused {
            let plugged: Vec<Plugged> = self.plugged.values().cloned().collect();
            for plugged in &plugged {
                self.seen(plugged).await?;
            }
        }
        Ok(())
    }

    fn device(&self, kind: Kind, number: u32) -> TestResult<Device> {
        let id = format!("model-{number}");
        Ok(match kind {
            Kind::Nic => Device::Nic(Nic::new(self.vm.name(), id)),
            Kind::Disk => Device::Disk(blank_disk(self.test, &id, DiskBus::VirtioBlk)?),
            Kind::Rng => Device::Rng(id),
            Kind::ScsiController => Device::ScsiController(id),
            Kind::VirtioPort => Device::VirtioPort(VirtioPort {
                name: format!("org.example.{id}"),
                id,
            }),
            Kind::IoThread => Device::IoThread(id),
        })
    }
}
