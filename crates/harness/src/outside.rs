//! What may be asked of a run from outside while it runs: what is going on, and to stand still for a while.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use events::{Event, MachineStatus, TestStatus};
use futures_util::future::join_all;
use host::process::{Process, Signal};
use tokio::time::timeout;
use tracing::warn;
use vm::Vm;
use vm::qmp::RunState;

use crate::env::Env;
use crate::running::last_line;
use crate::verdict::chain;

/// How long QEMU may take to answer somebody who waits at a terminal.
const ANSWER: Duration = Duration::from_secs(1);

/// What was told to stand still.
#[derive(Debug, Default)]
pub(crate) struct StandStill {
    guests: Mutex<Vec<Weak<Vm>>>,
    programs: Mutex<Vec<Weak<Process>>>,
}

impl Env {
    /// Says as an event what each test and each of its machines is doing.
    pub async fn tell_status(&self) {
        let tests = self.running.tests();
        let tests = tests.iter().map(async |test| TestStatus {
            index: test.index,
            name: test.name.clone(),
            elapsed_ms: u64::try_from(test.elapsed().as_millis()).unwrap_or(u64::MAX),
            phase: test.phase(),
            machines: join_all(test.machines().iter().map(status)).await,
        });
        let tests = join_all(tests).await;
        self.events.send(Event::Status { tests });
    }

    /// Lets every guest that runs stand still, and every test that is a program.
    pub async fn pause_guests(&self) {
        let tests = self.running.tests();
        // These first: they may be waiting for their guests.
        let programs = tests.iter().flat_map(|test| test.programs());
        let programs: Vec<_> = programs.filter(|it| tell(it, Signal::STOP)).collect();
        let programs = programs.iter().map(Arc::downgrade);
        lock(&self.stand_still.programs).extend(programs);
        let machines = tests.iter().flat_map(|test| test.machines());
        let paused = machines.map(async |vm| {
            let pause = async {
                // What a test has paused is not ours to let go on.
                let runs = vm.status().await? == RunState::Running;
                if runs {
                    vm.pause().await?;
                }
                Ok::<_, vm::VmError>(runs)
            };
            match timeout(ANSWER, pause).await {
                Ok(Ok(runs)) => runs.then_some(vm),
                Ok(Err(error)) => {
                    warn!("{} is not paused: {}", vm.name(), chain(&error));
                    None
                }
                Err(_) => {
                    warn!("{} is not paused: QEMU does not answer", vm.name());
                    None
                }
            }
        });
        let paused: Vec<Arc<Vm>> = join_all(paused).await.into_iter().flatten().collect();
        let guests = paused.len();
        lock(&self.stand_still.guests).extend(paused.iter().map(Arc::downgrade));
        self.events.send(Event::Paused {
            paused: true,
            guests,
        });
    }

    /// Lets the guests and programs go on that [`Env::pause_guests`] has stopped.
    pub async fn resume_guests(&self) {
        let paused = std::mem::take(&mut *lock(&self.stand_still.guests));
        let machines = paused.iter().filter_map(Weak::upgrade);
        let resumed = machines.map(async |vm| match vm.resume().await {
            Ok(()) => true,
            Err(error) => {
                warn!("{} does not go on: {}", vm.name(), chain(&error));
                false
            }
        });
        let resumed = join_all(resumed).await;
        let programs = std::mem::take(&mut *lock(&self.stand_still.programs));
        for program in programs.iter().filter_map(Weak::upgrade) {
            tell(&program, Signal::CONT);
        }
        self.events.send(Event::Paused {
            paused: false,
            guests: resumed.into_iter().filter(|&resumed| resumed).count(),
        });
    }
}

/// Tells a program and all of its group; one that has ended needs nothing. Was it told?
fn tell(program: &Process, signal: Signal) -> bool {
    let told = program.signal_group(signal);
    if let Err(error) = &told {
        warn!("{}", chain(error));
    }
    told.is_ok()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn status(vm: &Arc<Vm>) -> MachineStatus {
    let state = timeout(ANSWER, vm.status()).await;
    MachineStatus {
        name: vm.name().to_owned(),
        pid: vm.process_id().pid,
        state: state
            .ok()
            .and_then(Result::ok)
            .map(|state| state.to_string()),
        last_line: last_line(vm),
    }
}
