//! What a test needs of the host and of QEMU, compared with what is there before any machine starts.

use machine::{Accel, Capabilities, Need};
use params::{Interval, ParamError, Params, Version};

use crate::{Stop, Test, TestResult};

type NeedOf = fn(String) -> Need;

/// Keys that name what QEMU must have.
const QEMU_KEYS: [(&str, NeedOf); 4] = [
    ("requires_device", Need::Device),
    ("requires_machine", Need::Machine),
    ("requires_object", Need::Object),
    ("requires_qmp", Need::Command),
];

/// What there is.
struct Found<'a> {
    root: bool,
    /// Why there is no KVM, if there is none.
    no_kvm: Option<String>,
    in_path: &'a dyn Fn(&str) -> bool,
    qemu: Option<&'a Capabilities>,
}

/// Compares the needs of a test with this host.
///
/// # Errors
/// SKIP that names everything that is missing; ERROR where a need cannot be read.
pub(crate) fn check(test: &Test) -> TestResult {
    let params = test.params();
    let no_kvm = match (test.accel(params), params.value("vm_accelerator")) {
        (Accel::Kvm, _) => None,
        (Accel::Tcg, Some("tcg")) => Some("vm_accelerator = tcg".to_owned()),
        (Accel::Tcg, _) => Some(test.env.accel().to_string()),
    };
    let qemu = test.env.qemu(params.value("qemu_binary"));
    let found = Found {
        root: rustix::process::geteuid().is_root(),
        no_kvm,
        in_path: &|name| host::qemu::in_path(name.as_ref()).is_some(),
        qemu: qemu.as_ref().map(|qemu| &*qemu.capabilities),
    };
    match unmet(params, &found)? {
        unmet if unmet.is_empty() => Ok(()),
        unmet => Err(Stop::skip(unmet.join("; "))),
    }
}

/// Each need that is not met, in words.
fn unmet(params: &Params, found: &Found<'_>) -> Result<Vec<String>, ParamError> {
    let mut unmet = Vec::new();
    if params.flag("requires_root")? && !found.root {
        unmet.push("needs root (requires_root)".to_owned());
    }
    if params.flag("requires_kvm")?
        && let Some(why) = &found.no_kvm
    {
        unmet.push(format!("needs KVM (requires_kvm): {why}"));
    }
    let commands: Vec<String> = params.read("requires_commands")?.unwrap_or_default();
    for command in commands.iter().filter(|&name| !(found.in_path)(name)) {
        unmet.push(format!("needs program {command}, which is not in PATH"));
    }
    unmet_by_qemu(params, found.qemu, &mut unmet)?;
    Ok(unmet)
}

fn unmet_by_qemu(
    params: &Params,
    qemu: Option<&Capabilities>,
    unmet: &mut Vec<String>,
) -> Result<(), ParamError> {
    let mut needs = Vec::new();
    for (key, need) in QEMU_KEYS {
        let names: Vec<String> = params.read(key)?.unwrap_or_default();
        needs.extend(names.into_iter().map(need));
    }
    let versions: Option<Interval> = params.read("required_qemu")?;
    if needs.is_empty() && versions.is_none() {
        return Ok(());
    }
    let Some(qemu) = qemu else {
        unmet.push("needs something of QEMU, but no test of the run starts one".to_owned());
        return Ok(());
    };
    let missing = needs.iter().filter_map(|need| qemu.require(need).err());
    unmet.extend(missing.map(|missing| missing.to_string()));
    let version = qemu.version.to_string();
    let lies_in = |versions: &Interval| {
        let version = version.parse::<Version>();
        version.is_ok_and(|version| versions.contains(&version))
    };
    if versions.is_some_and(|versions| !lies_in(&versions)) {
        let wanted = params.value("required_qemu").unwrap_or_default();
        unmet.push(format!(
            "needs QEMU {wanted} (required_qemu), this is {version}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use machine::capabilities::{DeviceType, MachineType, Schema, Version};

    use super::*;

    fn qemu() -> Capabilities {
        let device = DeviceType {
            pluggable: true,
            ..DeviceType::default()
        };
        let machine = MachineType {
            alias: Some("q35".to_owned()),
            ..MachineType::default()
        };
        let command = machine::capabilities::Command {
            arguments: 0,
            returns: 0,
            out_of_band: false,
        };
        Capabilities {
            version: Version {
                major: 7,
                minor: 2,
                micro: 22,
            },
            target: "x86_64".to_owned(),
            machines: [("pc-q35-7.2".to_owned(), machine)].into(),
            devices: [("virtio-rng-pci".to_owned(), device)].into(),
            objects: ["iothread".to_owned()].into(),
            schema: Schema {
                commands: [("query-status".to_owned(), command)].into(),
                ..Schema::default()
            },
            ..Capabilities::default()
        }
    }

    fn unmet_on(host: &Found<'_>, key: &str, value: &str) -> Vec<String> {
        unmet(&[(key, value)].into(), host).unwrap()
    }

    fn rich<'a>(qemu: &'a Capabilities) -> Found<'a> {
        Found {
            root: true,
            no_kvm: None,
            in_path: &|_| true,
            qemu: Some(qemu),
        }
    }

    fn poor<'a>(qemu: &'a Capabilities) -> Found<'a> {
        Found {
            root: false,
            no_kvm: Some("TCG, as /dev/kvm is absent".to_owned()),
            in_path: &|name| name == "sh",
            qemu: Some(qemu),
        }
    }

    #[test]
    fn what_is_there_is_no_reason_to_skip() {
        let qemu = qemu();
        for (key, value) in [
            ("requires_root", "yes"),
            ("requires_kvm", "yes"),
            ("requires_commands", "sh ip"),
            ("requires_device", "virtio-rng-pci"),
            ("requires_machine", "q35 pc-q35-7.2"),
            ("requires_object", "iothread"),
            ("requires_qmp", "query-status"),
            ("required_qemu", "[7.2, 8.0)"),
        ] {
            assert_eq!(unmet_on(&rich(&qemu), key, value), [""; 0], "{key}");
        }
        for key in ["requires_root", "requires_kvm"] {
            assert_eq!(unmet_on(&poor(&qemu), key, "no"), [""; 0], "{key}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let qemu = qemu();
        for (key, value, reason) in [
            ("requires_root", "yes", "needs root (requires_root)"),
            (
                "requires_kvm",
                "yes",
                "needs KVM (requires_kvm): TCG, as /dev/kvm is absent",
            ),
            (
                "requires_commands",
                "sh ovs-vsctl",
                "needs program ovs-vsctl, which is not in PATH",
            ),
            (
                "requires_device",
                "virtio-rng-pci nvme",
                "QEMU 7.2.22 (x86_64) has no device nvme",
            ),
            (
                "requires_machine",
                "microvm",
                "QEMU 7.2.22 (x86_64) has no machine type microvm",
            ),
            (
                "requires_object",
                "sev-guest",
                "QEMU 7.2.22 (x86_64) has no object type sev-guest",
            ),
            (
                "requires_qmp",
                "blockdev-reopen",
                "QEMU 7.2.22 (x86_64) has no QMP command blockdev-reopen",
            ),
            (
                "required_qemu",
                "[8.0.0, )",
                "needs QEMU [8.0.0, ) (required_qemu), this is 7.2.22",
            ),
        ] {
            assert_eq!(unmet_on(&poor(&qemu), key, value), [reason], "{key}");
        }
    }

    #[test]
    fn all_that_is_missing_is_told_at_once() {
        let qemu = qemu();
        let params = [("requires_root", "yes"), ("requires_qmp", "a b")].into();
        assert_eq!(unmet(&params, &poor(&qemu)).unwrap().len(), 3);
    }

    #[test]
    fn a_need_of_qemu_is_not_met_where_there_is_none() {
        let qemu = qemu();
        let host = Found {
            qemu: None,
            ..rich(&qemu)
        };
        assert_eq!(unmet_on(&host, "requires_device", "nvme").len(), 1);
        assert_eq!(unmet_on(&host, "requires_root", "yes"), [""; 0]);
    }

    #[test]
    fn a_need_that_cannot_be_read_is_an_error() {
        let qemu = qemu();
        for (key, value) in [("requires_root", "maybe"), ("required_qemu", "8.0")] {
            let params = [(key, value)].into();
            assert!(unmet(&params, &rich(&qemu)).is_err(), "{key}");
        }
    }
}
