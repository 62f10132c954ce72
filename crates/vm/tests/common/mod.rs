//! A QEMU to test with, and where its machine may leave things.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests, and what they share"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use host::ledger::Ledger;
use host::qemu::{self, Qemu};
use machine::Program;
use tempfile::TempDir;
use vm::Context;

/// Everything a test borrows; checked to be given back when it is dropped.
pub struct Lab {
    pub context: Context,
    runtime: TempDir,
    logs: TempDir,
}

/// The QEMUs there are: the installed one, and the one `VIRT_TEST_QEMU10` names.
pub fn qemus() -> Vec<Qemu> {
    let installed = qemu::find(None).ok();
    let newer = std::env::var_os("VIRT_TEST_QEMU10").map(PathBuf::from);
    let paths: Vec<PathBuf> = installed.into_iter().chain(newer).collect();
    if paths.is_empty() {
        println!("note: no QEMU is installed, nothing is tested");
    }
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR"));
    paths
        .iter()
        .map(|path| Qemu::probe(path, cache).unwrap())
        .collect()
}

impl Lab {
    pub fn new(qemu: &Qemu) -> Self {
        let runtime = tempfile::Builder::new().prefix("vt").tempdir().unwrap();
        let logs = tempfile::tempdir().unwrap();
        let args = qemu.base_args();
        let args = args.iter().map(|arg| arg.to_str().unwrap().to_owned());
        let context = Context {
            program: Program {
                path: qemu.path.clone(),
                args: args.collect(),
                env: qemu.env.clone(),
            },
            capabilities: Arc::new(qemu.capabilities.clone()),
            ledger: Ledger::open(runtime.path()).unwrap(),
            scale: 3.0,
            log_dir: logs.path().to_owned(),
            may_outlive_us: false,
        };
        Self {
            context,
            runtime,
            logs,
        }
    }

    pub fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.logs.path().join(name)).unwrap()
    }

    pub fn logs(&self) -> &Path {
        self.logs.path()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(
                self.context.ledger.held().is_empty(),
                "{:?}",
                self.context.ledger.held()
            );
        }
    }
}

/// Is there such a process still?
pub fn is_running(id: host::process::ProcessId) -> bool {
    id.is_alive()
}
