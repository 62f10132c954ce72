//! What we use of the host, and which package it comes in.

use std::path::{Path, PathBuf};

use crate::qemu::{find_all, in_path};

/// Something of the host that we use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    /// Its name, and that of the program to look for in `$PATH`.
    pub name: &'static str,
    /// Where else it may be; it is there if one of these is.
    pub places: &'static [&'static str],
    /// The Debian package it comes in. Where releases differ, the names it has had; the first that a release knows counts.
    pub packages: &'static [&'static str],
    /// What we need it for.
    pub purpose: &'static str,
}

/// What no run can do without.
pub const REQUIRED: &[Tool] = &[
    Tool {
        name: "qemu-system-x86_64",
        places: &["/usr/libexec/qemu-kvm"],
        packages: &["qemu-system-x86"],
        purpose: "runs the guests",
    },
    Tool {
        name: "qemu-img",
        places: &[],
        packages: &["qemu-utils"],
        purpose: "makes disk images",
    },
];

/// What some tests use; they are skipped without it.
pub const OPTIONAL: &[Tool] = &[
    Tool {
        name: "swtpm",
        places: &[],
        packages: &["swtpm"],
        purpose: "TPM devices",
    },
    Tool {
        name: "passt",
        places: &[],
        packages: &["passt"],
        purpose: "user-mode networks without slirp",
    },
    Tool {
        name: "virtiofsd",
        places: &[
            "/usr/libexec/virtiofsd",
            "/usr/lib/virtiofsd",
            "/usr/lib/qemu/virtiofsd",
        ],
        packages: &["virtiofsd", "qemu-system-common"],
        purpose: "directories shared with guests",
    },
    Tool {
        name: "OVMF",
        places: &[
            "/usr/share/OVMF/OVMF_CODE_4M.fd",
            "/usr/share/OVMF/OVMF_CODE.fd",
            "/usr/share/edk2/ovmf/OVMF_CODE.fd",
        ],
        packages: &["ovmf"],
        purpose: "guests booting by UEFI",
    },
    Tool {
        name: "ssh",
        places: &[],
        packages: &["openssh-client"],
        purpose: "sessions over the network",
    },
    Tool {
        name: "mmdebstrap",
        places: &[],
        packages: &["mmdebstrap"],
        purpose: "building the larger guests",
    },
    Tool {
        name: "ip",
        places: &["/usr/sbin/ip", "/sbin/ip"],
        packages: &["iproute2"],
        purpose: "bridges and taps",
    },
    Tool {
        name: "tcpdump",
        places: &["/usr/sbin/tcpdump", "/usr/bin/tcpdump"],
        packages: &["tcpdump"],
        purpose: "evidence of network tests",
    },
    Tool {
        name: "gdb",
        places: &[],
        packages: &["gdb"],
        purpose: "backtraces of a crashed QEMU",
    },
];

impl Tool {
    /// Where it is.
    #[must_use]
    pub fn find(&self) -> Option<PathBuf> {
        let place = || {
            self.places
                .iter()
                .map(PathBuf::from)
                .find(|path| path.exists())
        };
        let known = in_path(Path::new(self.name)).or_else(place);
        // QEMU goes by more names than one.
        known.or_else(|| {
            find_all()
                .into_iter()
                .next()
                .filter(|_| self.name.starts_with("qemu-system-"))
        })
    }
}

/// Those of the tools that are not there.
#[must_use]
pub fn missing(tools: &[Tool]) -> Vec<Tool> {
    tools
        .iter()
        .filter(|tool| tool.find().is_none())
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_found_in_the_path_or_at_its_places() {
        let tool = |name, places| Tool {
            name,
            places,
            packages: &["p"],
            purpose: "a test",
        };
        assert!(tool("sh", &[]).find().is_some());
        assert_eq!(
            tool("no-such-tool", &["/nowhere", "/proc/self/stat"]).find(),
            Some("/proc/self/stat".into())
        );
        let lost = tool("no-such-tool", &["/nowhere"]);
        assert_eq!(missing(&[tool("sh", &[]), lost]), [lost]);
    }

    #[test]
    fn every_tool_has_a_package_and_a_purpose() {
        for tool in REQUIRED.iter().chain(OPTIONAL) {
            assert!(
                !tool.packages.is_empty() && !tool.purpose.is_empty(),
                "{}",
                tool.name
            );
        }
    }
}
