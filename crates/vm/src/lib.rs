//! What is a running machine? The Vm handle and every verb on it.
//!
//! [`Vm::start`] turns a [`machine::MachineSpec`] into a supervised QEMU process with a connected [monitor](qmp::Qmp),
//! watches its [`Health`], and gives everything back when the handle is dropped.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use machine::{Boot, MachineSpec};
//! use vm::{Context, Ladder, Vm, VmError};
//!
//! async fn answer(context: &Context) -> Result<String, VmError> {
//!     let mut spec = MachineSpec::new("vm1");
//!     spec.boot = Boot::Kernel {
//!         kernel: "vmlinux".into(),
//!         initrd: Some("initrd".into()),
//!         cmdline: "console=ttyS0".to_owned(),
//!     };
//!     let vm = Vm::start(spec, context).await?;
//!     let mut session = vm.session(Duration::from_secs(30)).await?;
//!     let answer = session.run("uname -r").await?;
//!     vm.shutdown(&Ladder::default()).await?;
//!     Ok(answer.stdout_text())
//! }
//! ```

mod context;
mod crash;
mod error;
mod evidence;
mod exit;
mod guest_channels;
mod health;
mod hmp;
mod jobs;
mod lines;
pub mod migrate;
mod network;
pub mod plug;
mod power;
pub mod qmp;
mod session;
mod silence;
mod sockets;
mod start;
mod traffic;
mod vm;
mod watch;

pub use context::Context;
pub use crash::Crash;
pub use error::{Blame, LastWords, VmError};
pub use exit::ExitReport;
pub use guest_channels::SshAccess;
pub use health::{Finding, FindingKind, Health, Severity};
pub use hmp::HumanMonitor;
pub use host::process::Signal;
pub use jobs::{Job, JobEnd, JobInfo};
pub use migrate::{MigrateError, Migrated, Migration};
pub use network::{Network, Networks};
pub use plug::{PlugError, Plugged, Refusal, Unplugged};
pub use power::{Ladder, Rung, ShutdownReport};
pub use session::{Running, Session};
pub use vm::{Detached, Vm};
