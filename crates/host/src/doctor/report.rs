//! What was found, and how it is said.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// What this host can do.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The accelerator and why, as `tcg (no /dev/kvm)`.
    pub accel: String,
    /// What would make KVM usable, if it is not and we know.
    pub accel_mend: Option<String>,
    /// All QEMUs found, the one to be used first.
    pub qemus: Vec<QemuReport>,
    /// Processors that guests may use.
    pub cpus: usize,
    /// Memory in bytes, control groups' limits included.
    pub memory_total: u64,
    /// Memory in bytes that guests may take now.
    pub memory_available: u64,
    /// By what deadlines are stretched now.
    pub deadline_scale: f64,
    /// What we may do.
    pub privileges: Privileges,
    /// Room for our files.
    pub disks: Vec<Disk>,
    /// What no run can do without.
    pub required: Vec<Part>,
    /// What some tests use.
    pub optional: Vec<Part>,
    /// The command that installs all that is missing, the optional included.
    pub mend_all: Option<String>,
}

/// A QEMU that was found.
#[derive(Debug, Clone, Serialize)]
pub struct QemuReport {
    /// Where.
    pub path: PathBuf,
    /// Its release and package, as `7.2.22 (Debian 1:7.2…)`, if it runs.
    pub version: Option<String>,
    /// What is wrong with it.
    pub problem: Option<String>,
}

/// What we may do on this host.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Privileges {
    /// Our user id.
    pub user: u32,
    /// May we open `/dev/kvm`?
    pub kvm: bool,
    /// Can ordinary users make user namespaces, in which images are built without root?
    pub user_namespaces: bool,
    /// Can we make bridges and taps?
    pub networks: bool,
}

/// Room in a directory.
#[derive(Debug, Clone, Serialize)]
pub struct Disk {
    /// What it is for.
    pub purpose: &'static str,
    /// The directory.
    pub path: PathBuf,
    /// Bytes that we may still write.
    pub free: u64,
}

/// A program or file of the host.
#[derive(Debug, Clone, Serialize)]
pub struct Part {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// Where it is.
    pub path: Option<PathBuf>,
    /// The command that installs it, if it is missing and there is one.
    pub mend: Option<String>,
}

impl Report {
    /// Can tests be run at all?
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.required.iter().all(|part| part.path.is_some())
            && self.qemus.iter().any(|qemu| qemu.version.is_some())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(f, "ACCEL", &self.accel)?;
        hint(f, self.accel_mend.as_deref())?;
        for qemu in &self.qemus {
            // What is wrong with one names its path.
            let Some(version) = &qemu.version else {
                line(f, "QEMU", qemu.problem.as_deref().unwrap_or_default())?;
                continue;
            };
            line(f, "QEMU", &format!("{}: {version}", qemu.path.display()))?;
            if let Some(problem) = &qemu.problem {
                line(f, "", problem)?;
            }
        }
        line(f, "CPUS", &self.cpus.to_string())?;
        let memory = format!(
            "{} free of {}",
            gib(self.memory_available),
            gib(self.memory_total)
        );
        line(f, "MEMORY", &memory)?;
        line(
            f,
            "DEADLINES",
            &format!(
                "{:.1} times those of KVM on an idle reference host",
                self.deadline_scale
            ),
        )?;
        line(f, "USER", &self.privileges.to_string())?;
        for disk in &self.disks {
            line(
                f,
                "DISK",
                &format!(
                    "{} free for {} in {}",
                    gib(disk.free),
                    disk.purpose,
                    disk.path.display()
                ),
            )?;
        }
        for (label, parts) in [("REQUIRED", &self.required), ("OPTIONAL", &self.optional)] {
            let there: Vec<&str> = parts
                .iter()
                .filter(|part| part.path.is_some())
                .map(|part| part.name)
                .collect();
            if !there.is_empty() {
                line(f, label, &format!("{}: found", there.join(", ")))?;
            }
            for part in parts.iter().filter(|part| part.path.is_none()) {
                line(
                    f,
                    label,
                    &format!("{}: MISSING ({})", part.name, part.purpose),
                )?;
                hint(
                    f,
                    part.mend
                        .as_deref()
                        .or(Some("no package of this release has it")),
                )?;
            }
        }
        if let Some(mend) = &self.mend_all {
            line(f, "ALL AT ONCE", mend)?;
        }
        Ok(())
    }
}

impl fmt::Display for Privileges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = if self.user == 0 {
            "root".to_owned()
        } else {
            format!("user id {}", self.user)
        };
        let can = |can: bool, what: &str| format!("{} {what}", if can { "can" } else { "cannot" });
        let words = [
            can(self.kvm, "open /dev/kvm"),
            can(self.networks, "make bridges and taps"),
            can(self.user_namespaces, "make user namespaces"),
        ];
        write!(f, "{user}: {}", words.join(", "))
    }
}

fn line(f: &mut fmt::Formatter<'_>, label: &str, text: &str) -> fmt::Result {
    let label = if label.is_empty() {
        String::new()
    } else {
        format!("{label}:")
    };
    writeln!(f, "{label:<12} {text}")
}

fn hint(f: &mut fmt::Formatter<'_>, text: Option<&str>) -> fmt::Result {
    text.map_or(Ok(()), |text| line(f, "", &format!("hint: {text}")))
}

fn gib(bytes: u64) -> String {
    // Two digits are shown; what a float loses is far beyond them.
    let tenths = bytes / (1 << 30) * 10 + bytes % (1 << 30) * 10 / (1 << 30);
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let part = |name, path: Option<&str>, mend: Option<&str>| Part {
            name,
            purpose: "a test",
            path: path.map(PathBuf::from),
            mend: mend.map(str::to_owned),
        };
        Report {
            accel: "tcg (no /dev/kvm)".into(),
            accel_mend: None,
            qemus: vec![QemuReport {
                path: "/usr/bin/qemu".into(),
                version: Some("7.2.22".into()),
                problem: None,
            }],
            cpus: 2,
            memory_total: 24 << 30,
            memory_available: (20 << 30) + (1 << 29),
            deadline_scale: 10.04,
            privileges: Privileges {
                user: 1000,
                kvm: false,
                user_namespaces: true,
                networks: false,
            },
            disks: vec![Disk {
                purpose: "images",
                path: "/data".into(),
                free: 3 << 30,
            }],
            required: vec![part("qemu-img", Some("/usr/bin/qemu-img"), None)],
            optional: vec![
                part("ssh", Some("/usr/bin/ssh"), None),
                part("swtpm", None, Some("apt-get -y install swtpm")),
                part("passt", None, None),
            ],
            mend_all: Some("apt-get -y install swtpm".into()),
        }
    }

    #[test]
    fn what_is_missing_is_told_with_what_mends_it() {
        let expected = "\
ACCEL:       tcg (no /dev/kvm)
QEMU:        /usr/bin/qemu: 7.2.22
CPUS:        2
MEMORY:      20.5 GiB free of 24.0 GiB
DEADLINES:   10.0 times those of KVM on an idle reference host
USER:        user id 1000: cannot open /dev/kvm, cannot make bridges and taps, can make user namespaces
DISK:        3.0 GiB free for images in /data
REQUIRED:    qemu-img: found
OPTIONAL:    ssh: found
OPTIONAL:    swtpm: MISSING (a test)
             hint: apt-get -y install swtpm
OPTIONAL:    passt: MISSING (a test)
             hint: no package of this release has it
ALL AT ONCE: apt-get -y install swtpm
";
        assert_eq!(report().to_string(), expected);
    }

    #[test]
    fn a_host_is_usable_with_a_qemu_that_runs_and_all_required_parts() {
        assert!(report().is_usable());
        let mut without_tool = report();
        without_tool.required[0].path = None;
        assert!(!without_tool.is_usable());
        let mut broken = report();
        broken.qemus[0].version = None;
        broken.qemus[0].problem = Some("/usr/bin/qemu lacks a shared library".into());
        assert!(
            broken
                .to_string()
                .contains("\nQEMU:        /usr/bin/qemu lacks a shared library\n")
        );
        assert!(!broken.is_usable());
    }
}
