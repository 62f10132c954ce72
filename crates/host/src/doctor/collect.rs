//! Looking at the host.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::{Disk, Part, Privileges, QemuReport, Report};
use crate::accel::{Accel, Decision};
use crate::budget::Budget;
use crate::deadlines::Deadlines;
use crate::dirs::Dirs;
use crate::packages::{
    Apt, OPTIONAL, PackageQuery, Plan, Privilege, REQUIRED, Tool, missing, plan,
};
use crate::qemu::{Qemu, find, find_all, in_path};

/// Looks at all there is to see. `accel` is what [`crate::accel::probe`] decided; `qemu` is the QEMU asked for, if one is.
#[must_use]
pub fn collect(dirs: &Dirs, accel: &Decision, qemu: Option<&Path>) -> Report {
    let budget = Budget::of_host();
    let privileges = privileges();
    let packages = Packages::new();
    let required = packages.parts(REQUIRED);
    let optional = packages.parts(OPTIONAL);
    Report {
        accel: accel.to_string(),
        accel_mend: accel_mend(accel, privileges),
        qemus: qemus(qemu, &dirs.cache()),
        cpus: budget.cpus,
        memory_total: budget.memory_total,
        memory_available: budget.memory_available,
        deadline_scale: Deadlines::measure(&dirs.cache(), accel.accel).scale(),
        privileges,
        disks: disks(dirs),
        mend_all: packages.all(&[REQUIRED, OPTIONAL]),
        required,
        optional,
    }
}

fn qemus(explicit: Option<&Path>, cache: &Path) -> Vec<QemuReport> {
    let asked = explicit.map(|path| (path.to_owned(), find(Some(path))));
    let installed = find_all().into_iter().map(|path| (path.clone(), Ok(path)));
    asked
        .into_iter()
        .chain(installed)
        .map(
            |(path, found)| match found.and_then(|found| Qemu::probe(&found, cache)) {
                Ok(qemu) => {
                    let caps = &qemu.capabilities;
                    let package = if caps.package.is_empty() {
                        "built from source"
                    } else {
                        &caps.package
                    };
                    let version = format!("{} ({package}; {})", caps.version, caps.target);
                    let missing = qemu.missing_firmware.join(", ");
                    let problem =
                        (!missing.is_empty()).then(|| format!("firmware not found: {missing}"));
                    QemuReport {
                        path,
                        version: Some(version),
                        problem,
                    }
                }
                Err(error) => QemuReport {
                    path,
                    version: None,
                    problem: Some(error.to_string()),
                },
            },
        )
        .collect()
}

fn accel_mend(accel: &Decision, privileges: Privileges) -> Option<String> {
    let mend = if accel.accel == Accel::Kvm {
        return None;
    } else if !Path::new("/dev/kvm").exists() {
        kvm_module().unwrap_or(
            "let the outer host pass on virtualisation, or enable it in the firmware".to_owned(),
        )
    } else if !privileges.kvm {
        "sudo usermod -aG kvm $USER, and log in again".to_owned()
    } else {
        return None;
    };
    Some(mend)
}

/// The command that loads the kernel's module for this processor, if it can virtualise.
fn kvm_module() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let flags = text.lines().find_map(|line| line.strip_prefix("flags"))?;
    let has = |name: &str| flags.split_ascii_whitespace().any(|flag| flag == name);
    let module = if has("vmx") {
        "kvm_intel"
    } else if has("svm") {
        "kvm_amd"
    } else {
        return None;
    };
    Some(format!("sudo modprobe {module}"))
}

fn privileges() -> Privileges {
    let user = rustix::process::geteuid().as_raw();
    let number = |path: &str| {
        fs::read_to_string(path)
            .ok()
            .and_then(|text| text.trim().parse::<u64>().ok())
    };
    // The first bounds all users; Debian's and Ubuntu's own switches bound ordinary ones.
    let spaces = number("/proc/sys/user/max_user_namespaces").is_some_and(|most| most > 0)
        && number("/proc/sys/kernel/unprivileged_userns_clone") != Some(0)
        && number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") != Some(1);
    Privileges {
        user,
        kvm: File::options()
            .read(true)
            .write(true)
            .open("/dev/kvm")
            .is_ok(),
        user_namespaces: spaces,
        networks: user == 0 && Path::new("/dev/net/tun").exists(),
    }
}

fn disks(dirs: &Dirs) -> Vec<Disk> {
    let directories = [
        ("images and results", dirs.data().to_owned()),
        ("sockets and scratch", dirs.runtime().to_owned()),
        ("shared guest memory", PathBuf::from("/dev/shm")),
    ];
    let disk = |(purpose, path): (&'static str, PathBuf)| {
        let found = rustix::fs::statvfs(&path).ok()?;
        Some(Disk {
            purpose,
            path,
            free: found.f_bavail.saturating_mul(found.f_frsize),
        })
    };
    directories.into_iter().filter_map(disk).collect()
}

/// Names commands that install packages.
struct Packages {
    apt: Option<Apt>,
    privilege: Privilege,
    /// The packages that this release has, of all that tools come in.
    known: BTreeMap<String, String>,
}

impl Packages {
    fn new() -> Self {
        let root = rustix::process::geteuid().is_root();
        let privilege = if root {
            Privilege::Root
        } else {
            Privilege::Sudo
        };
        let apt = in_path(Path::new("apt-get")).map(|_| Apt::new());
        let lost = missing(REQUIRED).into_iter().chain(missing(OPTIONAL));
        let names: Vec<&str> = lost.flat_map(|tool| tool.packages).copied().collect();
        // apt takes a second to answer; it is not asked when nothing is missing.
        let asked = apt.as_ref().filter(|_| !names.is_empty());
        let known = asked
            .and_then(|apt| apt.candidates(&names).ok())
            .unwrap_or_default();
        Packages {
            apt,
            privilege,
            known,
        }
    }

    fn parts(&self, tools: &[Tool]) -> Vec<Part> {
        let part = |tool: &Tool| {
            let path = tool.find();
            let mend = if path.is_none() {
                self.plain_command(tool)
            } else {
                None
            };
            Part {
                name: tool.name,
                purpose: tool.purpose,
                path,
                mend,
            }
        };
        tools.iter().map(part).collect()
    }

    /// Without asking apt whether it works: the command for all at once is checked.
    fn plain_command(&self, tool: &Tool) -> Option<String> {
        self.apt.as_ref()?;
        let package = self.package(tool)?;
        let update = !self.known.contains_key(package);
        Some(Plan::simple(&[package], update).command_line(self.privilege))
    }

    /// What installs all that is missing.
    fn all(&self, tools: &[&[Tool]]) -> Option<String> {
        let lost = tools.iter().flat_map(|tools| missing(tools));
        let packages: BTreeSet<&str> = lost.filter_map(|tool| self.package(&tool)).collect();
        let packages: Vec<&str> = packages.into_iter().collect();
        if packages.is_empty() {
            return None;
        }
        let plan = plan(&packages, false, self.apt.as_ref()?).ok()?;
        Some(plan.command_line(self.privilege))
    }

    /// The first of a tool's packages that this release has; or that it may have, if no list of packages knows one.
    fn package(&self, tool: &Tool) -> Option<&'static str> {
        let known = |package: &&&str| self.known.contains_key(**package);
        tool.packages
            .iter()
            .find(known)
            .or_else(|| tool.packages.first())
            .copied()
    }
}
