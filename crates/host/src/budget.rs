//! How much CPU and memory guests may take.

use std::fs;
use std::path::{Path, PathBuf};

/// What guests may take of this host, now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Processors we may run on: affinity and control groups' quota are heeded.
    pub cpus: usize,
    /// Memory of the host, in bytes; what the tightest control group allows, if that is less.
    pub memory_total: u64,
    /// Memory that is free or can be freed at once, in bytes, within the same bounds.
    pub memory_available: u64,
    /// Memory in huge pages of the usual size that nobody has taken, in bytes.
    pub huge_pages_free: u64,
}

/// Memory, in bytes, within one bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Memory {
    total: u64,
    available: u64,
}

impl Budget {
    /// Looks at the host.
    #[must_use]
    pub fn of_host() -> Self {
        let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let host = meminfo(&text);
        let groups = groups(
            &fs::read_to_string("/proc/self/cgroup").unwrap_or_default(),
            &fs::read_to_string("/proc/self/mountinfo").unwrap_or_default(),
        );
        let host = host.unwrap_or(Memory {
            total: 0,
            available: 0,
        });
        let bounds = groups
            .iter()
            .flat_map(|group| group.bounds(|path| fs::read_to_string(path).ok()));
        let memory = bounds.fold(host, |least, bound| Memory {
            total: least.total.min(bound.total),
            available: least.available.min(bound.available),
        });
        Budget {
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            memory_total: memory.total,
            memory_available: memory.available,
            huge_pages_free: huge_pages_free(&text),
        }
    }
}

/// The huge pages that are free and not promised to anybody, in bytes; none where the kernel has none.
fn huge_pages_free(meminfo: &str) -> u64 {
    let first_number = |name: &str| {
        let line = meminfo
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let number = line.and_then(|line| line.split_whitespace().next());
        number
            .and_then(|number| number.parse::<u64>().ok())
            .unwrap_or(0)
    };
    let free = first_number("HugePages_Free").saturating_sub(first_number("HugePages_Rsvd"));
    free.saturating_mul(first_number("Hugepagesize") * 1024)
}

/// The lines of `/proc/meminfo` that count, see `proc_meminfo(5)`.
fn meminfo(text: &str) -> Option<Memory> {
    let kibibytes = |name: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim()
            .strip_suffix(" kB")?
            .parse::<u64>()
            .ok()?
            .checked_mul(1024)
    };
    Some(Memory {
        total: kibibytes("MemTotal")?,
        available: kibibytes("MemAvailable")?,
    })
}

/// A control group that accounts for memory, and where its hierarchy begins.
#[derive(Debug, PartialEq, Eq)]
struct ControlGroup {
    top: PathBuf,
    path: PathBuf,
    files: &'static Files,
}

/// How a version of control groups names its files: "Control Group v2" and "Memory Resource Controller" in the kernel's documentation.
#[derive(Debug, PartialEq, Eq)]
struct Files {
    limit: &'static str,
    usage: &'static str,
}

const V1: Files = Files {
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
};
const V2: Files = Files {
    limit: "memory.max",
    usage: "memory.current",
};

impl ControlGroup {
    /// What it and those it is in allow. Absent files and absent limits bound nothing.
    fn bounds(&self, read: impl Fn(&Path) -> Option<String>) -> Vec<Memory> {
        let within = self
            .path
            .ancestors()
            .take_while(|path| path.starts_with(&self.top));
        within
            .filter_map(|group| {
                let number = |name: &str| read(&group.join(name))?.trim().parse::<u64>().ok();
                // "max", or in version 1 some number near 2^63, is no limit; min() sees to the latter.
                let total = number(self.files.limit)?;
                let used = number(self.files.usage)?;
                // Files it has read and not used for long make room at once.
                let stat = read(&group.join("memory.stat")).unwrap_or_default();
                let idle = stat
                    .lines()
                    .find_map(|line| line.strip_prefix("inactive_file ")?.parse::<u64>().ok());
                let used = used.saturating_sub(idle.unwrap_or(0));
                Some(Memory {
                    total,
                    available: total.saturating_sub(used),
                })
            })
            .collect()
    }
}

/// Our control groups that account for memory. `memberships` is `/proc/self/cgroup`, `mounts` is `/proc/self/mountinfo`.
fn groups(memberships: &str, mounts: &str) -> Vec<ControlGroup> {
    let membership = |line: &str| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let files: &'static Files = match controllers {
            "" => &V2,
            list if list.split(',').any(|name| name == "memory") => &V1,
            _ => return None,
        };
        let (root, top) = mounts.lines().find_map(|line| mount(line, files))?;
        // In a container, the mount may show only a part of the hierarchy: the one we are in.
        let below = Path::new(path).strip_prefix(root).unwrap_or(Path::new(""));
        Some(ControlGroup {
            path: top.join(below),
            top,
            files,
        })
    };
    memberships.lines().filter_map(membership).collect()
}

/// Root and mount point of a control group hierarchy, from a line as `proc_pid_mountinfo(5)` describes it.
fn mount(line: &str, files: &Files) -> Option<(PathBuf, PathBuf)> {
    let (mount, system) = line.split_once(" - ")?;
    let mut system = system.split(' ');
    let (kind, options) = (system.next()?, system.nth(1)?);
    let fits = if *files == V2 {
        kind == "cgroup2"
    } else {
        kind == "cgroup" && options.split(',').any(|option| option == "memory")
    };
    let mut fields = mount.split(' ').skip(3).map(PathBuf::from);
    let found = (fields.next()?, fields.next()?);
    fits.then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const GIB: u64 = 1 << 30;

    #[test]
    fn available_memory_is_what_the_kernel_says() {
        let text = "MemTotal:       24687540 kB\nMemFree:         1000000 kB\nMemAvailable:   20000000 kB\n";
        let memory = Memory {
            total: 24_687_540 * 1024,
            available: 20_000_000 * 1024,
        };
        assert_eq!(meminfo(text), Some(memory));
        assert_eq!(meminfo("MemTotal: 1 kB\n"), None);
    }

    #[test]
    fn huge_pages_count_that_are_neither_taken_nor_promised() {
        let text = "HugePages_Total:      64\nHugePages_Free:       40\nHugePages_Rsvd:        8\nHugepagesize:       2048 kB\n";
        assert_eq!(huge_pages_free(text), 64 << 20);
        assert_eq!(huge_pages_free("MemTotal: 1 kB\n"), 0);
    }

    #[test]
    fn groups_of_both_versions_are_found_where_they_are_mounted() {
        let mounts = "30 25 0:26 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n\
                      31 25 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                      32 25 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let found = groups("4:memory:/a/b\n1:cpu:/\n0::/c\n", mounts);
        let paths: Vec<&Path> = found.iter().map(|group| group.path.as_path()).collect();
        assert_eq!(
            paths,
            [
                Path::new("/sys/fs/cgroup/memory/a/b"),
                Path::new("/sys/fs/cgroup/unified/c")
            ]
        );
        assert!(groups("0::/c\n", "").is_empty());
    }

    #[test]
    fn a_container_sees_its_own_group_at_the_mount_point() {
        let mounts = "30 25 0:26 /docker/x /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
        let path = |memberships| groups(memberships, mounts).remove(0).path;
        assert_eq!(
            path("4:memory:/docker/x\n"),
            Path::new("/sys/fs/cgroup/memory")
        );
        assert_eq!(
            path("4:memory:/docker/x/y\n"),
            Path::new("/sys/fs/cgroup/memory/y")
        );
        assert_eq!(
            path("4:memory:/elsewhere\n"),
            Path::new("/sys/fs/cgroup/memory")
        );
    }

    #[test]
    fn the_limits_of_outer_groups_count_and_idle_files_do_not() {
        let group = ControlGroup {
            top: "/g".into(),
            path: "/g/a/b".into(),
            files: &V2,
        };
        let gib = |count: u64| (count * GIB).to_string();
        let files = BTreeMap::from([
            ("/g/a/b/memory.max", "max".to_owned()),
            ("/g/a/b/memory.current", gib(1)),
            ("/g/a/memory.max", gib(8)),
            ("/g/a/memory.current", gib(5)),
            (
                "/g/a/memory.stat",
                format!("anon 1\ninactive_file {}\n", 2 * GIB),
            ),
        ]);
        let bounds = group.bounds(|path| files.get(path.to_str()?).cloned());
        assert_eq!(
            bounds,
            [Memory {
                total: 8 * GIB,
                available: 5 * GIB
            }]
        );
    }

    #[test]
    fn this_host_has_something_to_give() {
        let budget = Budget::of_host();
        assert!(budget.cpus >= 1);
        assert!(budget.memory_available > 0 && budget.memory_available <= budget.memory_total);
    }
}
