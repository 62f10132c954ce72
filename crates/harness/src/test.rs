//! What a test holds while it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use events::{Event, Verdict};
use host::deadlines::{Deadline, Deadlines};
use host::ledger::{Ledger, Scratch, Token};
use host::process::Process;
use image::{Acceleration, Contents, DiskRequest, Disks, QemuImg, TinyGuest};
use machine::{Accel, Boot, MachineSpec, MachineType, Made, Program, TcgThread};
use params::{FromParam, ParamError, Params};
use tracing::info;
use vm::qmp::QmpError;
use vm::{Blame, Network, Networks, Vm, VmError};

use crate::addresses::Addresses;
use crate::ending::PutOff;
use crate::env::Env;
use crate::firmware;
use crate::furnish::{self, Media, PreparedImage};
use crate::migrate::common_type;
use crate::plan::Planned;
use crate::running::Running;
use crate::sentinel::Sentinel;
use crate::sessions;
use crate::verdict::chain;
use crate::{Stop, TestResult};

/// A running test: its parameters, its machines, and a way to say what it is doing.
pub struct Test {
    pub(crate) env: Arc<Env>,
    planned: Planned,
    dir: PathBuf,
    pub(crate) running: Arc<Running>,
    pub(crate) sentinel: Sentinel,
    /// The private networks of its machines, and where these find each other.
    networks: Networks,
    addresses: Addresses,
    state: Mutex<State>,
    pub(crate) put_off: PutOff,
    /// When it is out of time; nothing where it may take as long as it likes.
    pub(crate) end: Option<Deadline>,
    /// Has `pre_command` had its turn? Only then has `post_command`.
    pub(crate) begun: bool,
}

/// What changes while a test runs. Several things may be done with it at a time.
#[derive(Default)]
struct State {
    machines: BTreeMap<String, Arc<Vm>>,
    /// Parameters that win over the configuration, by machine.
    overrides: BTreeMap<String, Params>,
    /// Held while a machine of that name is started.
    starting: BTreeMap<String, Arc<tokio::sync::Mutex<()>>>,
    starts: BTreeMap<String, usize>,
    /// Machines that have gone from `qemu_binary` to `qemu_dst_binary`.
    away: BTreeSet<String>,
    images: BTreeMap<String, Vec<PreparedImage>>,
    /// Further images of its machines, which go with them.
    further_images: Vec<PathBuf>,
    borrowed: Vec<Token>,
    warnings: Vec<String>,
    /// Parts that failed.
    failed: Vec<SubResult>,
}

/// What came of a part of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubResult {
    /// What part.
    pub name: String,
    /// What came of it.
    pub verdict: Verdict,
    /// Why it did not simply pass.
    pub reason: Option<String>,
}

impl fmt::Display for SubResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.reason {
            Some(reason) => write!(f, " ({reason})"),
            None => Ok(()),
        }
    }
}

/// Who may log in to a machine by SSH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// The holder of this run's key.
    Own,
    /// Nobody yet.
    Nobody,
}

impl Test {
    pub(crate) fn new(
        env: Arc<Env>,
        planned: Planned,
        dir: PathBuf,
        running: Arc<Running>,
    ) -> Self {
        Self {
            env,
            networks: Networks::captured_in(&dir),
            addresses: Addresses::of(planned.params()),
            planned,
            dir,
            running,
            sentinel: Sentinel::default(),
            state: Mutex::default(),
            put_off: PutOff::default(),
            end: None,
            begun: false,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.planned.name()
    }

    /// Its parameters.
    pub fn params(&self) -> &Params {
        self.planned.params()
    }

    /// Says that a program is a part of the test: its process group stands still whenever the guests do.
    pub fn add_program(&self, program: &Arc<Process>) {
        self.running.add_program(program);
    }

    /// The parameters of machine `name`.
    pub fn params_of(&self, name: &str) -> Params {
        let mut params = self.params().object_params(name);
        if let Some(overrides) = self.state().overrides.get(name) {
            let overrides = overrides.iter();
            params.extend(overrides.map(|(key, value)| (key.to_owned(), value.to_owned())));
        }
        params
    }

    /// Parameter `key`, which must be there or have a default.
    ///
    /// # Errors
    /// ERROR that names the key.
    pub fn param<T: FromParam>(&self, key: &str) -> TestResult<T> {
        Ok(self.params().need(key)?)
    }

    pub(crate) fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The address that a guest of ours has by card `nic` of machine `vm`, which is on a private network.
    ///
    /// # Errors
    /// ERROR where there is no such card.
    pub fn address_of(&self, vm: &str, nic: &str) -> TestResult<Ipv4Addr> {
        let address = self.addresses.get(vm, nic);
        address.ok_or_else(|| {
            Stop::error(format!(
                "card {nic} of machine {vm} has no address known here"
            ))
            .detail("hint: set nettype = private")
        })
    }

    /// A private network of the test's machines; its traffic is kept in the test's directory.
    pub fn network(&self, name: &str) -> Network {
        self.networks.network(name)
    }

    /// Time since it began.
    pub fn elapsed(&self) -> Duration {
        self.running.elapsed()
    }

    /// Time until it is out of time; nothing where it may take as long as it likes.
    pub fn remaining(&self) -> Option<Duration> {
        self.end.map(|end| end.remaining())
    }

    /// A private directory with a short path, which goes when it is dropped.
    ///
    /// # Errors
    /// ERROR where it cannot be made.
    pub fn scratch(&self, purpose: &str) -> TestResult<Scratch> {
        let made = self.env.ledger.scratch(purpose);
        made.map_err(|error| Stop::error(chain(&error)))
    }

    /// Directory for the test's own evidence.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where what the test borrows from the host is written down.
    pub fn ledger(&self) -> &Ledger {
        &self.env.ledger
    }

    /// How much longer than on an idle host with KVM the test's waits may take.
    pub fn deadlines(&self) -> Deadlines {
        self.env.deadlines
    }

    /// Says what the test does now: shown on the live line, kept in the results.
    pub fn phase(&self, phase: impl Into<String>) {
        let phase = phase.into();
        info!("{phase}");
        self.running.set_phase(&phase);
        self.send(|index, at_ms| Event::TestPhase {
            index,
            at_ms,
            phase,
        });
    }

    /// Sends an event of this test, which is told the test's index and how long it has been running, in milliseconds.
    pub(crate) fn send(&self, event: impl FnOnce(usize, u64) -> Event) {
        let event = event(self.planned.index, self.elapsed_ms());
        self.env.events.send(event);
    }

    /// Something deserves a look: the test goes on, and ends with WARN if it passes.
    pub fn warn(&self, what: impl Into<String>) {
        let what = what.into();
        tracing::warn!("{what}");
        self.state().warnings.push(what);
    }

    /// A part of the test has come to its end. The test goes on, and fails in the end if one has.
    pub fn sub_result(&self, result: SubResult) {
        info!("{}: {result}", result.verdict);
        self.env.events.send(Event::SubResult {
            index: self.planned.index,
            name: result.name.clone(),
            verdict: result.verdict,
            reason: result.reason.clone(),
        });
        if matches!(result.verdict, Verdict::Fail | Verdict::Error) {
            self.state().failed.push(result);
        }
    }

    /// FAIL with the parts that did, if any.
    pub(crate) fn failed_parts(&self) -> TestResult {
        let failed = &self.state().failed;
        let mut names = failed.iter().map(ToString::to_string);
        match (failed.len(), names.next()) {
            (_, None) => Ok(()),
            (1, Some(name)) => Err(Stop::fail(format!("part {name} failed"))),
            (count, Some(name)) => Err(Stop::fail(format!(
                "{count} parts failed, the first {name}"
            ))
            .detail(names.collect::<Vec<_>>().join("\n"))),
        }
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        self.state().warnings.clone()
    }

    pub(crate) fn elapsed_ms(&self) -> u64 {
        self.running.elapsed().as_millis() as u64
    }

    /// Names of the machines of the test.
    pub fn machine_names(&self) -> Vec<String> {
        self.params()
            .objects("vms")
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    /// Name of the machine a test with one machine uses.
    ///
    /// # Errors
    /// ERROR where the test has none.
    pub fn main_vm_name(&self) -> TestResult<String> {
        let named = self.params().value("main_vm").map(str::to_owned);
        let name = named.or_else(|| self.machine_names().into_iter().next());
        name.ok_or_else(|| Stop::error("the test has no machine").detail("hint: set vms = vm1"))
    }

    /// The machine a test with one machine uses, which is running.
    ///
    /// # Errors
    /// ERROR where there is none or it has not been started.
    pub fn main_vm(&self) -> TestResult<Arc<Vm>> {
        self.vm(&self.main_vm_name()?)
    }

    /// A machine by its name, started if it is not running.
    ///
    /// # Errors
    /// Those of [`Test::start_vm`].
    pub async fn running_vm(&self, name: &str) -> TestResult<Arc<Vm>> {
        match self.vm(name) {
            Ok(vm) => Ok(vm),
            Err(_) => self.start_vm(name).await,
        }
    }

    /// A running machine by its name.
    ///
    /// # Errors
    /// ERROR where it has not been started.
    pub fn vm(&self, name: &str) -> TestResult<Arc<Vm>> {
        let vm = self.state().machines.get(name).cloned();
        vm.ok_or_else(|| Stop::error(format!("machine {name} has not been started")))
    }

    /// Its machines that have been started, by name.
    pub fn machines(&self) -> Vec<Arc<Vm>> {
        self.state().machines.values().cloned().collect()
    }

    /// Starts machine `name`; one of that name which is still there is destroyed first.
    ///
    /// # Errors
    /// SKIP where QEMU lacks what the machine needs, ERROR where it will not start.
    pub async fn start_vm(&self, name: &str) -> TestResult<Arc<Vm>> {
        self.start_vm_with(name, Params::default()).await
    }

    /// The same, with parameters that win over the configuration until the machine is started again.
    ///
    /// # Errors
    /// Those of [`Test::start_vm`].
    pub async fn start_vm_with(&self, name: &str, overrides: Params) -> TestResult<Arc<Vm>> {
        let starting = Arc::clone(self.state().starting.entry(name.to_owned()).or_default());
        let _one_at_a_time = starting.lock().await;
        let earlier = self.state().machines.remove(name);
        if let Some(vm) = earlier {
            vm.destroy().await?;
        }
        let first = {
            let mut state = self.state();
            state.overrides.insert(name.to_owned(), overrides);
            state.away.remove(name);
            !state.images.contains_key(name)
        };
        let params = self.params_of(name);
        let context = self.context(name, &params, "qemu_binary")?;
        self.phase(format!("starting {name}"));
        let accel = self.accel(&params);
        if first && let Some((vm, images)) = self.fork(name, &params, accel, &context).await? {
            self.state().images.insert(name.to_owned(), images);
            return Ok(self.started(name, vm));
        }
        let images = self.images_of(name, &params).await?;
        let spec = self.machine_spec(name, &params, accel, images)?;
        let vm = if params.flag("paused_after_start_vm")? {
            Vm::start_paused(spec, &context).await?
        } else {
            Vm::start(spec, &context).await?
        };
        let vm = self.started(name, vm);
        self.phase(format!("booting {name}"));
        Ok(vm)
    }

    fn started(&self, name: &str, vm: Vm) -> Arc<Vm> {
        let vm = Arc::new(vm);
        self.running.add_machine(&vm);
        self.sentinel.watch(&vm);
        self.state()
            .machines
            .insert(name.to_owned(), Arc::clone(&vm));
        vm
    }

    /// Machine `name` as its parameters and these images make it.
    pub(crate) fn machine_spec(
        &self,
        name: &str,
        params: &Params,
        accel: Accel,
        images: Vec<PreparedImage>,
    ) -> TestResult<MachineSpec> {
        let mut spec = self.spec_of_any(name, params, accel, images, Access::Own)?;
        self.addresses.tell(&mut spec);
        Ok(spec)
    }

    /// The same but for where it is on private networks, which its guest is not told.
    pub(crate) fn spec_of_any(
        &self,
        name: &str,
        params: &Params,
        accel: Accel,
        images: Vec<PreparedImage>,
        access: Access,
    ) -> TestResult<MachineSpec> {
        let media = Media {
            boot: self.boot(params, accel, access)?,
            firmware: firmware::of(params, self.env.settings.dirs.data(), &self.dir, name)?,
            images,
            data: self.env.settings.dirs.data().to_owned(),
        };
        let mut spec = furnish::machine_spec(name, params, accel, media)?;
        self.settle_machine_type(&mut spec, params);
        self.settle_tcg_thread(&mut spec, params);
        Ok(spec)
    }

    /// What a QEMU of machine `name` is started with. `binary` is the key that names it.
    pub(crate) fn context(
        &self,
        name: &str,
        params: &Params,
        binary: &str,
    ) -> TestResult<vm::Context> {
        let start = {
            let mut state = self.state();
            let starts = state.starts.entry(name.to_owned()).or_insert(0);
            *starts += 1;
            *starts
        };
        let log_dir = self.dir.join(if start == 1 {
            name.to_owned()
        } else {
            format!("{name}-{start}")
        });
        let qemu = self.env.qemu(params.value(binary));
        let Some(qemu) = qemu else {
            return Err(Stop::error("no QEMU was prepared for this test"));
        };
        Ok(vm::Context {
            program: program(&qemu.program, params)?,
            capabilities: Arc::clone(&qemu.capabilities),
            ledger: self.env.ledger.clone(),
            deadlines: self.env.deadlines,
            log_dir,
            networks: self.networks.clone(),
            may_outlive_us: !params.flag("kill_vm")?,
        })
    }

    /// A machine that may go to another QEMU is of a type that both have, unless the configuration names one.
    fn settle_machine_type(&self, spec: &mut MachineSpec, params: &Params) {
        let (Some(board), Some(destination)) =
            (spec.machine.board(), params.value("qemu_dst_binary"))
        else {
            return;
        };
        let one = self.env.qemu(params.value("qemu_binary"));
        let other = self.env.qemu(Some(destination));
        if let (Some(one), Some(other)) = (one, other)
            && !matches!(spec.machine, MachineType::Versioned(_))
            && let Some(common) = common_type(board, &one.capabilities, &other.capabilities)
        {
            spec.machine = common;
        }
    }

    /// vCPUs that may take turns do so where that is good.
    fn settle_tcg_thread(&self, spec: &mut MachineSpec, params: &Params) {
        let qemu = self.env.qemu(params.value("qemu_binary"));
        let version = qemu.map(|qemu| qemu.capabilities.version);
        if version.is_some_and(|version| furnish::take_turns(params, &spec.cpu, version)) {
            spec.tcg_thread = Some(TcgThread::Single);
        }
    }

    /// The key that names the QEMU a machine goes to.
    pub(crate) fn destination_key(&self, params: &Params) -> &'static str {
        match params.value("qemu_dst_binary") {
            Some(_) => "qemu_dst_binary",
            None => "qemu_binary",
        }
    }

    /// Is the machine where it went, and not where it was started?
    pub(crate) fn is_away(&self, name: &str) -> bool {
        self.state().away.contains(name)
    }

    /// Goes on with the machine that has come out of a migration.
    pub(crate) fn take_in(&self, name: &str, vm: Arc<Vm>) {
        self.running.add_machine(&vm);
        self.sentinel.watch(&vm);
        let mut state = self.state();
        if !state.away.remove(name) {
            state.away.insert(name.to_owned());
        }
        state.machines.insert(name.to_owned(), vm);
    }

    pub(crate) fn accel(&self, params: &Params) -> Accel {
        match params.value("vm_accelerator") {
            Some("kvm") => Accel::Kvm,
            Some("tcg") => Accel::Tcg,
            _ => match self.env.accel.accel {
                host::accel::Accel::Kvm => Accel::Kvm,
                host::accel::Accel::Tcg => Accel::Tcg,
            },
        }
    }

    /// A kernel of one's own comes first, then the guest's, then the disks.
    fn boot(&self, params: &Params, accel: Accel, access: Access) -> TestResult<Boot> {
        if let Some(boot) = furnish::own_kernel(params, self.env.settings.dirs.data()) {
            return Ok(boot);
        }
        let Some(name) = furnish::guest_of(params) else {
            return Ok(Boot::Disk);
        };
        let guest = self.env.guest(name);
        let guest = guest.ok_or_else(|| Stop::error(format!("guest {name} was not prepared")))?;
        let guest = if params.flag("kernel_as_shipped")? {
            guest.as_shipped()
        } else {
            TinyGuest::clone(&guest)
        };
        let acceleration = match accel {
            Accel::Kvm => Acceleration::Hardware,
            Accel::Tcg => Acceleration::Tcg,
        };
        let mut cmdline = guest.kernel_options(acceleration).join(" ");
        if let (Accel::Tcg, Some(khz)) = (accel, self.env.tsc_khz) {
            cmdline = format!("{cmdline} {}", guest.time_stamp_options(khz).join(" "));
        }
        let ssh = match sessions::wants_ssh(params) {
            true => Some(self.env.ssh_kit()?),
            false => None,
        };
        let more = params.value("kernel_params").map(str::to_owned);
        let key = ssh.map(|ssh| &ssh.key);
        let key = key.filter(|_| access == Access::Own);
        for words in sessions::kernel_words(params, key).into_iter().chain(more) {
            cmdline.push(' ');
            cmdline.push_str(&words);
        }
        Ok(Boot::Kernel {
            kernel: guest.kernel.clone(),
            initrd: Some(match ssh {
                Some(ssh) => ssh.initrd(name)?,
                None => guest.initrd.clone(),
            }),
            cmdline,
        })
    }

    /// The machine's own image files, made when it is first started: one that is started again finds what it wrote.
    async fn images_of(&self, vm: &str, params: &Params) -> TestResult<Vec<PreparedImage>> {
        let images = self.state().images.get(vm).cloned();
        if let Some(images) = images {
            return Ok(images);
        }
        let images = self.make_images(vm, params).await?;
        self.state().images.insert(vm.to_owned(), images.clone());
        Ok(images)
    }

    async fn make_images(&self, vm: &str, params: &Params) -> TestResult<Vec<PreparedImage>> {
        let mut prepared = Vec::new();
        for image in self.image_plans(vm, params)? {
            let disks = self.disks()?;
            self.borrow_file(&image.path)?;
            let disk = disks.create(&self.dir, &image.request).await;
            disk.map_err(|e| {
                Stop::error(format!("failed to make disk {}: {}", image.name, chain(&e)))
            })?;
            prepared.push(image.prepared(image.path.clone()));
        }
        Ok(prepared)
    }

    /// An empty image as large as a disk of machine `vm`, for the disk to go to.
    pub(crate) async fn image_to_move_to(
        &self,
        vm: &Vm,
        disk: &machine::Disk,
    ) -> TestResult<PathBuf> {
        let size = vm.disk_size(&disk.id).await?;
        let number = self.state().further_images.len() + 2;
        let name = format!("{}-{}-{number}", vm.name(), disk.id);
        self.make_image(&name, disk.format.qemu_name(), size).await
    }

    /// An empty image of so many bytes for one of its machines. It goes when the test does.
    ///
    /// # Errors
    /// ERROR where it cannot be made.
    pub async fn make_image(&self, name: &str, format: &str, size: u64) -> TestResult<PathBuf> {
        let format = image_format(format)?;
        let path = self.dir.join(format!("{name}.{}", format.as_str()));
        let request = DiskRequest {
            name: name.to_owned(),
            format,
            contents: Contents::Blank { size },
            options: Vec::new(),
        };
        self.borrow_file(&path)?;
        self.state().further_images.push(path.clone());
        let disk = self.disks()?.create(&self.dir, &request).await;
        disk.map_err(|e| Stop::error(format!("failed to make disk {name}: {}", chain(&e))))?;
        Ok(path)
    }

    /// The `qemu-img` of the configuration.
    ///
    /// # Errors
    /// ERROR where the run has no machines.
    pub fn qemu_img(&self) -> TestResult<QemuImg> {
        Ok(self.disks()?.qemu_img().clone())
    }

    pub(crate) fn disks(&self) -> TestResult<Disks> {
        let disks = self.env.disks.clone();
        disks.ok_or_else(|| Stop::error("no qemu-img was prepared"))
    }

    /// Writes a file down before it is made: a run that is killed leaves it to the next to remove.
    pub(crate) fn borrow_file(&self, path: &Path) -> TestResult {
        let token = std::path::absolute(path).map_err(|e| e.to_string());
        let token = token.and_then(|path| self.env.ledger.file(&path).map_err(|e| chain(&e)));
        let token = token
            .map_err(|e| Stop::error(format!("failed to write {} down: {e}", path.display())))?;
        self.state().borrowed.push(token);
        Ok(())
    }

    /// Takes over files that were written down already.
    pub(crate) fn borrow_files(&self, files: Vec<Token>) {
        self.state().borrowed.extend(files);
    }

    /// What images machine `vm` is to have, and where.
    pub(crate) fn image_plans(&self, vm: &str, params: &Params) -> TestResult<Vec<ImagePlan>> {
        let data = self.env.settings.dirs.data();
        let names = params.objects("images").into_iter();
        names
            .map(|name| {
                let image = params.object_params(name);
                let format = image_format(image.value("image_format").unwrap_or("qcow2"))?;
                let (contents, made) = match image.value("image_name") {
                    Some(base) => {
                        let path = data.join(format!("{base}.{}", format.as_str()));
                        let made = Made::Of(path.clone(), machine_format(format));
                        (Contents::Of(image::Backing { path, format }), made)
                    }
                    None => {
                        let size: params::ByteSize = image.need("image_size")?;
                        let bytes = size.as_bytes();
                        (Contents::Blank { size: bytes }, Made::Blank(size))
                    }
                };
                let request = DiskRequest {
                    name: format!("{vm}-{name}"),
                    format,
                    contents,
                    options: Vec::new(),
                };
                Ok(ImagePlan {
                    name: name.to_owned(),
                    path: self.dir.join(format!("{vm}-{name}.{}", format.as_str())),
                    request,
                    made,
                })
            })
            .collect()
    }

    /// Lets the disks stay where they are; otherwise they go with the test.
    pub(crate) fn keep_images(&self) {
        self.state().borrowed.drain(..).for_each(Token::release);
    }

    pub(crate) fn take_images(&self) -> Vec<PathBuf> {
        let mut state = self.state();
        let images = std::mem::take(&mut state.images).into_values().flatten();
        let images: Vec<PathBuf> = images.map(|image| image.path).collect();
        let variables = state.starts.keys();
        let variables = variables.map(|vm| firmware::variables(&self.dir, vm));
        let made: Vec<PathBuf> = images.into_iter().chain(variables).collect();
        let further = std::mem::take(&mut state.further_images);
        made.into_iter().chain(further).collect()
    }

    pub(crate) fn take_machines(&self) -> BTreeMap<String, Arc<Vm>> {
        std::mem::take(&mut self.state().machines)
    }

    /// Forgets a machine that has ended as the test wanted.
    pub fn forget_vm(&self, name: &str) {
        self.state().machines.remove(name);
    }

    /// A time span given by parameter `key`, for a verb of [`Vm`], which stretches it by the host's speed.
    ///
    /// # Errors
    /// ERROR where the value is no span.
    pub fn span(&self, key: &str) -> TestResult<Duration> {
        self.param(key)
    }
}

/// An image file that a machine is to have.
#[derive(Debug, Clone)]
pub(crate) struct ImagePlan {
    pub name: String,
    /// Where the test's own one is.
    pub path: PathBuf,
    pub request: DiskRequest,
    pub made: Made,
}

impl ImagePlan {
    pub(crate) fn prepared(&self, path: PathBuf) -> PreparedImage {
        PreparedImage {
            name: self.name.clone(),
            path,
            format: machine_format(self.request.format),
            made: self.made.clone(),
        }
    }
}

/// QEMU and its environment, as the parameters of a machine want it.
fn program(qemu: &Program, params: &Params) -> Result<Program, ParamError> {
    let mut program = qemu.clone();
    if params.flag("malloc_perturb")? {
        // Memory handed out is filled with the complement of this byte, memory given back with the byte itself.
        let perturb = ("MALLOC_PERTURB_".to_owned(), "165".to_owned());
        program.env.push(perturb);
    }
    Ok(program)
}

fn image_format(name: &str) -> TestResult<image::ImageFormat> {
    name.parse()
        .map_err(|e: image::UnknownFormat| Stop::error(format!("image_format: {e}")))
}

fn machine_format(format: image::ImageFormat) -> machine::ImageFormat {
    match format.as_str().parse() {
        Ok(format) => format,
        Err(never) => match never {},
    }
}

impl From<QmpError> for Stop {
    fn from(error: QmpError) -> Self {
        Stop::because(Blame::Machine, error)
    }
}

impl From<ParamError> for Stop {
    fn from(error: ParamError) -> Self {
        Stop::because(Blame::Host, error)
    }
}

impl From<VmError> for Stop {
    fn from(error: VmError) -> Self {
        Stop::because(error.blame(), error)
    }
}
