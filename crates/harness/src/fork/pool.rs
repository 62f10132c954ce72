//! Machines that are made of a template before anybody wants them, and stand still: becoming a clone takes them half the time.
//!
//! What is prepared is like the last clone, as tests of one machine tend to follow one another. A machine that nobody takes costs its
//! start and what QEMU takes for itself; the guest's memory is the template's until it runs.

use std::collections::VecDeque;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use ::machine::{MachineSpec, Netdev};
use host::ledger::Token;
use templates::{Key, Manner, Template};
use tokio::task::JoinSet;
use tracing::{Instrument, Span, debug, warn};
use vm::{Context, Vm};

use super::{Fork, lock, memory, options, wake, with_large_heap};
use crate::env::Env;
use crate::furnish::PreparedImage;
use crate::verdict::chain;
use crate::{Stop, Test, TestResult};

/// Directory of prepared machines' logs and disks, in that of the run.
const DIRECTORY: &str = "prepared";

pub(crate) struct Pool {
    size: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Prepared>,
    starting: JoinSet<()>,
    count: usize,
    closed: bool,
}

/// A machine that waits to be woken.
struct Prepared {
    like: Like,
    vm: Vm,
    directory: PathBuf,
    images: Vec<PreparedImage>,
    files: Vec<Token>,
}

/// What a clone must want to be this machine.
#[derive(PartialEq)]
struct Like {
    template: Key,
    /// Without the places of its files.
    spec: MachineSpec,
    program: ::machine::Program,
}

impl Prepared {
    /// Ends the machine, and leaves nothing.
    fn discard(self) {
        drop(self.vm);
        if let Err(error) = fs::remove_dir_all(&self.directory) {
            warn!("failed to remove {}: {error}", self.directory.display());
        }
    }
}

impl Pool {
    pub(crate) fn new(size: usize) -> Self {
        Self {
            size,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn take(&self, like: &Like) -> Option<Prepared> {
        let mut state = self.state();
        let place = state.waiting.iter().position(|it| it.like == *like)?;
        state.waiting.remove(place)
    }

    /// The number of the next machine, if one like this is to be prepared. One of another kind makes room for it.
    fn next(&self, like: &Like) -> Option<usize> {
        let mut state = self.state();
        while state.starting.try_join_next().is_some() {}
        if state.closed || self.size == 0 {
            return None;
        }
        let mut too_old = None;
        if state.waiting.len() + state.starting.len() >= self.size {
            let place = state.waiting.iter().position(|it| it.like != *like)?;
            too_old = state.waiting.remove(place);
        }
        state.count += 1;
        let count = state.count;
        drop(state);
        if let Some(prepared) = too_old {
            prepared.discard();
        }
        Some(count)
    }

    fn add(&self, prepared: Prepared) {
        let mut state = self.state();
        if state.closed {
            drop(state);
            prepared.discard();
        } else {
            state.waiting.push_back(prepared);
        }
    }

    /// Ends what waits; nothing is prepared any more.
    pub(crate) async fn close(&self) {
        let (waiting, mut starting) = {
            let mut state = self.state();
            state.closed = true;
            (
                std::mem::take(&mut state.waiting),
                std::mem::take(&mut state.starting),
            )
        };
        starting.shutdown().await;
        waiting.into_iter().for_each(Prepared::discard);
    }
}

impl Test {
    /// A clone made of a machine that waits for it, if there is one and it works.
    pub(super) async fn prepared_clone(
        &self,
        fork: &Fork<'_>,
        template: &Template,
    ) -> Option<(Vm, Vec<PreparedImage>)> {
        let like = self.like(fork, template)?;
        let prepared = self.env.templates.pool.take(&like)?;
        let taken = async {
            wake(&prepared.vm, &self.identity(fork, &prepared.vm)?).await?;
            link(&prepared.directory, &fork.context.log_dir, &self.env)
        };
        match taken.await {
            Ok(()) => {
                debug!("{} was prepared", fork.name);
                self.borrow_files(prepared.files);
                Some((prepared.vm, prepared.images))
            }
            Err(stop) => {
                warn!("a prepared machine is of no use: {stop}");
                prepared.discard();
                None
            }
        }
    }

    /// What a machine must be to become this clone; nothing for one that may outlive us, as one that waits must not, nor for one on
    /// networks of its test.
    fn like(&self, fork: &Fork<'_>, template: &Template) -> Option<Like> {
        if fork.context.may_outlive_us {
            return None;
        }
        let images = fork.plans.iter();
        let images = images.map(|plan| plan.prepared(PathBuf::from(&plan.name)));
        let spec = self.machine_spec(fork.name, fork.params, fork.accel, images.collect());
        let spec = spec.ok()?;
        let is_private = |nic: &::machine::Nic| matches!(nic.netdev, Netdev::Private(_));
        if spec.nics.iter().any(is_private) {
            return None;
        }
        Some(Like {
            template: template.key().clone(),
            spec,
            program: fork.context.program.clone(),
        })
    }

    /// Prepares a machine for the next clone like this one, if one is to be kept.
    pub(super) fn prepare_next(&self, fork: &Fork<'_>, template: &Arc<Template>) {
        if template.manifest().manner != Manner::SharedMemory {
            // It would hold all its memory while it waits.
            return;
        }
        let pool = &self.env.templates.pool;
        let Some(like) = self.like(fork, template) else {
            return;
        };
        let Some(number) = pool.next(&like) else {
            return;
        };
        let directory = self.env.settings.run_dir.join(DIRECTORY);
        let directory = directory.join(number.to_string());
        let images = fork.plans.iter();
        let images = images.map(|plan| {
            let extension = plan.path.extension().unwrap_or_default();
            plan.prepared(directory.join(&plan.name).with_extension(extension))
        });
        let images: Vec<PreparedImage> = images.collect();
        let spec = self.machine_spec(fork.name, fork.params, fork.accel, images.clone());
        let Ok(mut spec) = spec else { return };
        spec.memory_file = memory(template.manifest().manner, &template.ram());
        let context = Context {
            log_dir: directory.clone(),
            ..with_large_heap(fork.context)
        };
        let (env, template) = (Arc::clone(&self.env), Arc::clone(template));
        let start = async move {
            let started = start(&env, spec, &context, &template, &images).await;
            match started {
                Ok((vm, files)) => env.templates.pool.add(Prepared {
                    like,
                    vm,
                    directory,
                    images,
                    files,
                }),
                Err(stop) => {
                    debug!("no machine was prepared: {stop}");
                    let _ = fs::remove_dir_all(&directory);
                }
            }
        };
        let mut state = pool.state();
        if !state.closed {
            // Whose test it will be, nobody knows.
            state.starting.spawn(start.instrument(Span::none()));
        }
    }
}

async fn start(
    env: &Env,
    spec: MachineSpec,
    context: &Context,
    template: &Template,
    images: &[PreparedImage],
) -> TestResult<(Vm, Vec<Token>)> {
    let ours = |error: &dyn std::error::Error| Stop::error(chain(error));
    fs::create_dir_all(&context.log_dir).map_err(|error| ours(&error))?;
    let mut files = Vec::new();
    for image in images {
        let path = std::path::absolute(&image.path).map_err(|error| ours(&error))?;
        files.push(env.ledger.file(&path).map_err(|error| ours(&error))?);
        let disks = env.disks.as_ref();
        let disks = disks.ok_or_else(|| Stop::error("no qemu-img was prepared"))?;
        let copied = disks.duplicate(&template.disk(&image.name), &image.path);
        copied.map_err(|error| ours(&error))?;
    }
    let options = options(template.manifest().manner);
    let vm = Vm::restore(spec, context, &template.state(), &options).await?;
    Ok((vm, files))
}

/// Lets the logs of a prepared machine be found where its test's are.
fn link(directory: &Path, log_dir: &Path, env: &Env) -> TestResult {
    let run_dir = &env.settings.run_dir;
    let above = log_dir
        .parent()
        .and_then(|test| test.strip_prefix(run_dir).ok());
    let up = above.map_or(0, |above| above.components().count());
    let target = directory.strip_prefix(run_dir).unwrap_or(directory);
    let target = std::iter::repeat_n(Path::new(".."), up)
        .collect::<PathBuf>()
        .join(target);
    symlink(target, log_dir)
        .map_err(|error| Stop::error(format!("failed to link {}: {error}", log_dir.display())))
}
