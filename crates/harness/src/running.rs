//! The tests that run now and their machines, for those who ask from outside: what is going on?

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use host::process::Process;
use vm::Vm;

/// A test that runs, as far as others may know.
#[derive(Debug)]
pub(crate) struct Running {
    pub index: usize,
    pub name: String,
    pub started: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    phase: String,
    /// A machine belongs to its test, and goes when the test lets it go.
    machines: Vec<Weak<Vm>>,
    /// Programs that are a part of it.
    programs: Vec<Weak<Process>>,
}

impl Running {
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn set_phase(&self, phase: &str) {
        phase.clone_into(&mut self.state().phase);
    }

    pub(crate) fn phase(&self) -> String {
        self.state().phase.clone()
    }

    pub(crate) fn add_machine(&self, vm: &Arc<Vm>) {
        self.state().machines.push(Arc::downgrade(vm));
    }

    pub(crate) fn add_program(&self, program: &Arc<Process>) {
        self.state().programs.push(Arc::downgrade(program));
    }

    /// Its programs.
    pub(crate) fn programs(&self) -> Vec<Arc<Process>> {
        let state = self.state();
        state.programs.iter().filter_map(Weak::upgrade).collect()
    }

    /// Its machines that have not ended.
    pub(crate) fn machines(&self) -> Vec<Arc<Vm>> {
        let mut state = self.state();
        state.machines.retain(|vm| vm.strong_count() > 0);
        let machines = state.machines.iter().filter_map(Weak::upgrade);
        machines.filter(|vm| vm.ended().is_none()).collect()
    }

    /// The last line each guest has said, after the name of the machine.
    pub(crate) fn last_lines(&self) -> Vec<String> {
        let machines = self.machines();
        let lines = machines.iter().filter_map(|vm| {
            let line = last_line(vm)?;
            Some(format!("{}: {line}", vm.name()))
        });
        lines.collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last line a guest has said that says something.
pub(crate) fn last_line(vm: &Vm) -> Option<String> {
    let mut lines = vm.last_words().console.into_iter().rev();
    lines.find(|line| !line.trim().is_empty())
}

/// All tests that run. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct AllRunning(Arc<Mutex<BTreeMap<usize, Arc<Running>>>>);

impl AllRunning {
    /// A test begins.
    pub(crate) fn begin(&self, index: usize, name: &str) -> Arc<Running> {
        let running = Arc::new(Running {
            index,
            name: name.to_owned(),
            started: Instant::now(),
            state: Mutex::default(),
        });
        self.lock().insert(index, Arc::clone(&running));
        running
    }

    /// A test has ended.
    pub(crate) fn end(&self, index: usize) {
        self.lock().remove(&index);
    }

    /// The tests that run, by index.
    pub(crate) fn tests(&self) -> Vec<Arc<Running>> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, Arc<Running>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
