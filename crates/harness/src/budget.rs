//! What a test takes of the host, by its parameters, and what the host has to give.

use std::collections::BTreeSet;

use host::budget::Budget;
use params::{ByteSize, Params};

use crate::scheduler::{Capacity, Job};

/// What a machine takes besides its memory: QEMU itself, and what TCG translated.
const OVERHEAD: u64 = 128 << 20;

/// Part of the memory that is available which guests may take by default, in percent. The rest is for files.
const SHARE: u64 = 80;

/// Virtual CPUs that share one of ours: most of a guest's are idle most of the time.
const VCPUS_PER_CPU: u64 = 2;

/// Word that stands in `exclusive` for everything.
const EVERYTHING: &str = "host";

/// How much may run at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Tests at a time.
    pub jobs: usize,
    /// Virtual CPUs of all machines at a time. A test that has more runs alone.
    pub cpus: u64,
    /// Memory of all machines at a time, in bytes. A test that has more runs alone.
    pub memory: u64,
    /// Huge pages of all machines at a time, in bytes. A test that has more runs alone.
    pub huge_pages: u64,
}

impl Limits {
    /// What this host can bear now; `jobs` at a time instead of one for each of its processors, `memory` bytes instead of most of what is
    /// available.
    pub fn of_host(jobs: Option<usize>, memory: Option<u64>) -> Self {
        Self::of(&Budget::of_host(), jobs, memory)
    }

    fn of(host: &Budget, jobs: Option<usize>, memory: Option<u64>) -> Self {
        let jobs = jobs.unwrap_or(host.cpus).max(1);
        Self {
            jobs,
            cpus: VCPUS_PER_CPU.saturating_mul(jobs.max(host.cpus) as u64),
            memory: memory.unwrap_or(host.memory_available / 100 * SHARE),
            huge_pages: host.huge_pages_free,
        }
    }

    /// Sets aside what so many machines take whose guests have no memory yet.
    pub fn keep_for_idle(&mut self, machines: usize) {
        let idle = OVERHEAD.saturating_mul(machines as u64);
        self.memory = self.memory.saturating_sub(idle);
    }

    pub(crate) fn capacity(self) -> Capacity {
        Capacity {
            jobs: self.jobs,
            cpus: self.cpus,
            memory: self.memory,
            huge_pages: self.huge_pages,
        }
    }
}

/// What the test with these parameters takes, and nothing that it waits for. What cannot be read is told when the test runs.
pub(crate) fn job(params: &Params) -> Job {
    let mut job = Job::default();
    for name in params.objects("vms") {
        let params = params.object_params(name);
        let cpus: Option<u64> = params.read("smp").unwrap_or_default();
        let memory: Option<ByteSize> = params.read("mem").unwrap_or_default();
        // A machine that moves is there at both ends until the guest has gone on.
        let times = 1 + u64::from(params.flag("migrates").unwrap_or_default());
        let memory = memory.map_or(0, ByteSize::as_bytes);
        let (own, huge) = match params.flag("hugepage").unwrap_or_default() {
            true => (0, memory),
            false => (memory, 0),
        };
        let all = |of_one: u64| of_one.saturating_mul(times);
        job.cpus = job.cpus.saturating_add(cpus.unwrap_or(1));
        job.memory = job.memory.saturating_add(all(own.saturating_add(OVERHEAD)));
        job.huge_pages = job.huge_pages.saturating_add(all(huge));
    }
    let exclusive: Option<Vec<String>> = params.read("exclusive").unwrap_or_default();
    job.exclusive = BTreeSet::from_iter(exclusive.unwrap_or_default());
    job.alone = job.exclusive.remove(EVERYTHING);
    job
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_takes_what_all_its_machines_take() {
        let params: Params = [
            ("vms", "vm1 vm2"),
            ("smp", "2"),
            ("mem", "512"),
            ("mem_vm2", "1G"),
        ]
        .into();
        let job = job(&params);
        assert_eq!(job.cpus, 4);
        assert_eq!(job.memory, (512 << 20) + (1 << 30) + 2 * OVERHEAD);
        assert!(!job.alone && job.exclusive.is_empty());
    }

    #[test]
    fn a_machine_that_moves_counts_at_both_ends() {
        let of = |migrates: &str| {
            let pairs = [
                ("vms", "vm1 vm2"),
                ("mem", "512"),
                ("migrates_vm1", migrates),
            ];
            job(&pairs.into()).memory
        };
        let one = (512 << 20) + OVERHEAD;
        assert_eq!((of("no"), of("yes")), (2 * one, 3 * one));
    }

    #[test]
    fn memory_of_huge_pages_is_counted_among_them() {
        let pairs = [
            ("vms", "vm1 vm2"),
            ("mem", "512"),
            ("hugepage_vm2", "yes"),
            ("migrates_vm2", "yes"),
        ];
        let job = job(&pairs.into());
        assert_eq!(job.memory, (512 << 20) + 3 * OVERHEAD);
        assert_eq!(job.huge_pages, 1 << 30);
    }

    #[test]
    fn what_is_exclusive_is_named_and_the_host_is_everything() {
        let of = |words: &str| job(&[("vms", ""), ("exclusive", words)].into());
        assert_eq!(of("eth1 br0").exclusive.len(), 2);
        assert!(!of("eth1").alone);
        assert!(of("eth1 host").alone);
        assert_eq!(of("").cpus, 0);
    }

    #[test]
    fn what_the_host_can_bear_may_be_set() {
        let host = Budget {
            cpus: 4,
            memory_total: 20 << 30,
            memory_available: 10 << 30,
            huge_pages_free: 3 << 30,
        };
        let limits = Limits::of(&host, None, None);
        assert_eq!((limits.jobs, limits.cpus), (4, 8));
        assert_eq!(limits.huge_pages, 3 << 30);
        assert!(limits.memory > 7 << 30 && limits.memory < 9 << 30);
        let limits = Limits::of(&host, Some(16), Some(1 << 30));
        assert_eq!((limits.jobs, limits.cpus, limits.memory), (16, 32, 1 << 30));
        assert_eq!(Limits::of(&host, Some(0), None).jobs, 1);
    }
}
