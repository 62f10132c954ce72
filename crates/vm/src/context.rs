//! What a machine is started with besides its own description.

use std::path::PathBuf;
use std::sync::Arc;

use host::deadlines::Deadlines;
use host::ledger::Ledger;
use machine::{Capabilities, Program};

use crate::network::Networks;

/// What a machine is started with besides its own description.
#[derive(Debug, Clone)]
pub struct Context {
    /// The QEMU binary.
    pub program: Program,
    /// What it can do.
    pub capabilities: Arc<Capabilities>,
    /// Where everything borrowed is written down.
    pub ledger: Ledger,
    /// How slow this host is, and how busy: every wait's base time is stretched by it.
    pub deadlines: Deadlines,
    /// Directory for the machine's logs, made if there is none. A machine needs one of its own.
    pub log_dir: PathBuf,
    /// The networks of ours it may have cards on: machines that are to meet there are started with the same.
    pub networks: Networks,
    /// May the machine outlive this program? Without this [`Vm::detach`](crate::Vm::detach) cannot, and a crash of ours kills it.
    pub may_outlive_us: bool,
}
