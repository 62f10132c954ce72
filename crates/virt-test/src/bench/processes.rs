//! What processes take, as the kernel tells in `/proc`, see proc(5).

use std::fs;
use std::path::PathBuf;

/// A process at one moment.
pub(super) struct Process {
    directory: PathBuf,
    /// Descriptors it has open.
    pub(super) files: u64,
    /// Processes it has started that are there.
    pub(super) children: u64,
    /// Memory it has, in bytes.
    pub(super) resident: u64,
}

impl Process {
    pub(super) fn of(pid: u32) -> Option<Self> {
        let directory = PathBuf::from(format!("/proc/{pid}"));
        Some(Self {
            files: fs::read_dir(directory.join("fd")).ok()?.count() as u64,
            children: children_of(pid).len() as u64,
            resident: kib(
                &fs::read_to_string(directory.join("status")).ok()?,
                "VmRSS:",
            ),
            directory,
        })
    }

    /// Its memory in bytes, what it shares with others divided among them (PSS).
    pub(super) fn shared_memory(&self) -> u64 {
        let text = fs::read_to_string(self.directory.join("smaps_rollup"));
        kib(&text.unwrap_or_default(), "Pss:")
    }
}

/// The processes that a process has started.
pub(super) fn children(pid: u32) -> Vec<Process> {
    children_of(pid)
        .into_iter()
        .filter_map(Process::of)
        .collect()
}

fn children_of(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"));
    let tasks = tasks.into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| {
            let pids = list.split_whitespace().filter_map(|pid| pid.parse().ok());
            pids.collect::<Vec<u32>>()
        })
        .collect()
}

/// The bytes of a line such as `VmRSS:  1234 kB`.
fn kib(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse::<u64>().ok())
        .unwrap_or_default()
        << 10
}
