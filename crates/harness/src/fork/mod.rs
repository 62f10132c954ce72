//! A machine that is cloned from one booted before, where nobody can tell the difference.

mod machine;
mod making;
mod pool;

use std::collections::{HashMap, HashSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use ::machine::{Accel, MacAddr, MachineSpec, MemoryFile, Netdev};
use guest::{Renewal, RenewedCard};
use params::Params;
use rustix::rand::{GetRandomFlags, getrandom};
use templates::{Key, Manner, Store, Template};
use tokio::sync::OnceCell;
use tracing::{debug, warn};
use vm::migrate::{Capability, Options};
use vm::{Context, Vm};

use self::machine::{blocker, inputs};
use self::pool::Pool;
use crate::addresses::tell_to_wait;
use crate::furnish::PreparedImage;
use crate::sessions::wants_ssh;
use crate::test::{Access, ImagePlan};
use crate::verdict::chain;
use crate::{Stop, Test, TestResult};

/// Name a template's machine has; no clone's.
const NAME: &str = "template";

/// Where GNU's C library looks for its settings.
const HEAP: &str = "GLIBC_TUNABLES";

/// Transparent huge pages where the kernel has them to give; bytes the heap grows by, of which only those count that are used; bytes that
/// come from the heap and go back to it rather than to the kernel.
const LARGE_HEAP: [(&str, u32); 4] = [
    ("hugetlb", 1),
    ("top_pad", 32 << 20),
    ("mmap_threshold", 32 << 20),
    ("trim_threshold", 256 << 20),
];

/// Base time for a clone to answer.
const ANSWER: Duration = Duration::from_secs(20);

/// The templates of this run: each looked for once, and made if need be.
pub(crate) struct Templates {
    store: Store,
    known: Mutex<HashMap<Key, Arc<Known>>>,
    /// By what QEMU what manner of cloning was found not to work.
    given_up: Mutex<HashSet<(PathBuf, Manner)>>,
    pub(crate) pool: Pool,
}

/// What became of one template; nothing when machines like it are to boot.
type Known = OnceCell<Option<Arc<Template>>>;

impl Templates {
    /// The templates of a data directory, and up to `prepared` machines that wait to become clones.
    pub(crate) fn new(data: &Path, prepared: usize) -> Self {
        Self {
            pool: Pool::new(prepared),
            store: Store::new(data),
            known: Mutex::default(),
            given_up: Mutex::default(),
        }
    }

    fn cell(&self, key: Key) -> Arc<Known> {
        Arc::clone(lock(&self.known).entry(key).or_default())
    }

    /// The manners of cloning that are worth a try, the best first.
    fn clones_by(&self, fork: &Fork<'_>) -> Vec<Manner> {
        let given_up = lock(&self.given_up);
        let worth = |manner| !given_up.contains(&(fork.context.program.path.clone(), manner));
        let manners = [Manner::SharedMemory, Manner::Stream];
        manners
            .into_iter()
            .filter(|&manner| worth(manner))
            .collect()
    }

    fn give_up(&self, fork: &Fork<'_>, manner: Manner) {
        lock(&self.given_up).insert((fork.context.program.path.clone(), manner));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        if let Some(blocker) = blocker(&neutral, &context.capabilities) {
            self.env.notice(format!(
                "machines with {blocker} boot instead of being cloned"
            ));
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
            self.env.notice(format!(
                "machines boot instead of being cloned: {changed} of template {} was changed",
                template.key()
            ));
            return Ok(None);
        }
        self.phase(format!("cloning {name}"));
        let cloned = match self.prepared_clone(&fork, &template).await {
            Some(cloned) => Ok(cloned),
            None => self.clone_of(&fork, &template).await,
        };
        match cloned {
            Ok(cloned) => {
                self.phase(format!("cloned {name}"));
                self.prepare_next(&fork, &template);
                Ok(Some(cloned))
            }
            Err(stop) => {
                self.env
                    .notice(format!("machines boot that could not be cloned: {stop}"));
                set_aside(&context.log_dir);
                for plan in &fork.plans {
                    // Whatever there is of it, the one to be made takes its place.
                    let _ = fs::remove_file(&plan.path);
                }
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
        let (name, params) = (fork.name, fork.params);
        let mut spec = self.spec_of_any(name, params, fork.accel, images, Access::Nobody)?;
        NAME.clone_into(&mut spec.name);
        for nic in &mut spec.nics {
            nic.mac = MacAddr::derived(NAME, &nic.id);
            match &mut nic.netdev {
                // Ports of the host are each clone's own matter, and so is what is at the other end of a private network.
                Netdev::User { forwards, .. } => forwards.clear(),
                Netdev::Private(network) => NAME.clone_into(network),
                Netdev::None | Netdev::Tap { .. } => {}
            }
        }
        tell_to_wait(&mut spec);
        spec.memory_file = Some(MemoryFile {
            path: ram.to_owned(),
            shared: true,
        });
        Ok(spec)
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
        let context = with_large_heap(fork.context);
        let options = options(manner);
        let vm = Vm::restore(spec, &context, &template.state(), &options).await?;
        wake(&vm, &self.identity(fork, &vm)?).await?;
        Ok((vm, images))
    }

    /// What makes a clone the machine that was asked for.
    fn identity(&self, fork: &Fork<'_>, vm: &Vm) -> TestResult<Identity> {
        let ssh = wants_ssh(fork.params).then(|| self.env.ssh_kit());
        let private = vm.spec().nics.iter();
        let private = private.filter(|nic| matches!(nic.netdev, Netdev::Private(_)));
        let ips = private.filter_map(|nic| {
            let ip = self.addresses().with_prefix(fork.name, &nic.id)?;
            Some((nic.id.clone(), ip))
        });
        Ok(Identity {
            ips: ips.collect(),
            ssh_key: ssh.transpose()?.map(|kit| kit.key.public.clone()),
        })
    }
}

/// Where a clone is on its networks, and who may log in to it. A template's has neither.
#[derive(Debug, Clone, Default)]
struct Identity {
    /// Addresses by card, of those on private networks.
    ips: HashMap<String, String>,
    ssh_key: Option<String>,
}

/// Keeps what a clone that failed has left from being overwritten by the machine that boots in its place.
fn set_aside(log_dir: &Path) {
    let mut aside = log_dir.as_os_str().to_owned();
    aside.push("-not-cloned");
    if let Err(error) = fs::rename(log_dir, &aside) {
        warn!("failed to rename {}: {error}", log_dir.display());
    }
}

/// Lets a clone go on, as a machine of its own.
async fn wake(vm: &Vm, identity: &Identity) -> TestResult {
    // The guest finds the request as it wakes up.
    let (resumed, renewed) = tokio::join!(vm.resume(), renew(vm, identity));
    resumed?;
    renewed?;
    vm.take_forwards().await?;
    // The prompts were written before the clone was: an empty line brings them again.
    for id in vm.spec().serials.iter().chain(&vm.spec().virtio_consoles) {
        let sent = vm.console_of(id)?.send(b"\n", vm.limit(ANSWER)).await;
        sent.map_err(|error| Stop::fail(chain(&error)))?;
    }
    Ok(())
}

/// Makes a guest with the addresses of a template a machine of its own.
async fn renew(vm: &Vm, identity: &Identity) -> TestResult {
    let mut seed = [0; 32];
    getrandom(&mut seed, GetRandomFlags::empty())
        .map_err(|error| Stop::error(format!("failed to draw random numbers: {error}")))?;
    let nics = vm.spec().nics.iter();
    let nics = nics.map(|nic| RenewedCard {
        from: MacAddr::derived(NAME, &nic.id).to_string(),
        to: nic.mac.to_string(),
        ip: identity.ips.get(&nic.id).cloned(),
    });
    let renewal = Renewal {
        seed,
        time: SystemTime::now(),
        nics: nics.collect(),
        ssh_key: identity.ssh_key.clone(),
    };
    let limit = vm.limit(ANSWER);
    let renewed = vm.agent()?.renew(&renewal, limit);
    vm.wait("answer of the guest", ANSWER, renewed)
        .await?
        .map_err(|error| Stop::fail(chain(&error)))
}

/// Has QEMU's heap be of few large pages instead of thousands of small ones, each of which the kernel would hand over by itself: a tenth of the
/// time a clone takes. Another C library than GNU's ignores it.
fn with_large_heap(context: &Context) -> Context {
    let mut context = context.clone();
    // What somebody has said of it counts.
    if env::var_os(HEAP).is_none() {
        enlarge_heap(&mut context.program.env);
    }
    context
}

fn enlarge_heap(env: &mut Vec<(String, String)>) {
    if env.iter().all(|(name, _)| name != HEAP) {
        let tunables = LARGE_HEAP.map(|(name, value)| format!("glibc.malloc.{name}={value}"));
        env.push((HEAP.to_owned(), tunables.join(":")));
    }
}

fn options(manner: Manner) -> Options {
    // No announce-rounds of 0, though a clone has nobody to tell of its template's address: QEMU 7.2 (and 10.0, by its source) crashes
    // as soon as the guest resets the card.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_says_of_the_heap_counts() {
        let mut env = vec![("QEMU_MODULE_DIR".to_owned(), "/modules".to_owned())];
        enlarge_heap(&mut env);
        let told = env.iter().map(|(name, _)| &**name).collect::<Vec<_>>();
        assert_eq!(told, ["QEMU_MODULE_DIR", HEAP]);
        assert!(env[1].1.starts_with("glibc.malloc.hugetlb=1:"), "{env:?}");
        let mut own = vec![(HEAP.to_owned(), "glibc.malloc.check=3".to_owned())];
        enlarge_heap(&mut own);
        assert_eq!(own, [(HEAP.to_owned(), "glibc.malloc.check=3".to_owned())]);
    }
}
