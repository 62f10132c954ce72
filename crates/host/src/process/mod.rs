//! Processes we start, and the identity by which a process is known for certain.

mod child;
mod exit;
mod identity;
mod spawner;
mod spec;
mod survivors;

pub use child::{Process, WaitError};
pub use exit::Exit;
pub use identity::{ProcessId, boot_id};
pub use rustix::process::Signal;
pub use spec::{Output, SpawnError, Spec};
pub use survivors::Survivor;

pub(crate) use identity::{Group, kill_and_wait, pid_namespace, processes_marked};
pub(crate) use spawner::spawn_supervised;
