//! A QEMU to test with, and where its machine may leave things.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests, and what they share"
)]

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use host::deadlines::Deadlines;
use host::dirs::Dirs;
use host::ledger::Ledger;
use host::qemu::{self, Qemu};
use image::{Acceleration, GuestStore, Rebuild, TinyGuest};
use machine::{Boot, MachineSpec, Program};
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
            deadlines: Deadlines::fixed(3.0),
            log_dir: logs.path().to_owned(),
            networks: vm::Networks::default(),
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

    /// The context of another machine.
    pub fn another(&self, name: &str) -> Context {
        Context {
            log_dir: self.logs.path().join(name),
            ..self.context.clone()
        }
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

/// The tiny guest, made if this machine can.
pub fn tiny() -> Option<&'static TinyGuest> {
    static GUEST: OnceLock<Option<TinyGuest>> = OnceLock::new();
    let make = || {
        let dirs = Dirs::resolve(None).unwrap();
        let store = GuestStore::new(dirs.data());
        match store.ensure("tiny", Rebuild::IfStale, &|_| {}) {
            Ok(ensured) => Some(ensured.guest),
            Err(error) => {
                println!("note: there is no tiny guest, nothing is tested: {error}");
                None
            }
        }
    };
    GUEST.get_or_init(make).as_ref()
}

/// A machine that boots the tiny guest.
pub fn spec(guest: &TinyGuest) -> MachineSpec {
    let mut spec = MachineSpec::new("vm1");
    let options = guest.kernel_options(Acceleration::Tcg).join(" ");
    spec.boot = Boot::Kernel {
        kernel: guest.kernel.clone(),
        initrd: Some(guest.initrd.clone()),
        cmdline: options,
    };
    spec
}

/// Is there such a process still?
pub fn is_running(id: host::process::ProcessId) -> bool {
    id.is_alive()
}
