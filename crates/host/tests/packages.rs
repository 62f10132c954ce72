//! What apt itself says of our plans, about states of the host that are made up. Nothing is installed.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests, and what they share"
)]

use std::fs;
use std::path::Path;

use host::packages::{Apt, PackageQuery, PackagesError, plan};

/// The host's packages, without those whose stanza `forget` names, and with `added` stanzas instead.
fn state(directory: &Path, forget: impl Fn(&str) -> bool, added: &str) -> Option<Apt> {
    let status = fs::read_to_string("/var/lib/dpkg/status").ok()?;
    let name = |stanza: &&str| {
        stanza
            .lines()
            .find_map(|line| line.strip_prefix("Package: "))
            .unwrap_or_default()
            .to_owned()
    };
    let kept: Vec<&str> = status
        .split("\n\n")
        .filter(|stanza| !forget(&name(stanza)))
        .collect();
    fs::write(
        directory.join("status"),
        format!("{}\n\n{added}\n", kept.join("\n\n").trim_end()),
    )
    .ok()?;
    fs::create_dir_all(directory.join("info")).ok()?;
    fs::create_dir_all(directory.join("updates")).ok()?;
    Some(Apt::with_state(directory.to_str()?))
}

/// `None`, with a note, where apt does not know QEMU.
fn known(apt: Option<Apt>) -> Option<(Apt, String)> {
    let apt = apt.filter(|_| Path::new("/usr/bin/apt-get").exists());
    let found = apt.and_then(|apt| {
        let candidate = apt
            .candidates(&["qemu-system-x86"])
            .ok()?
            .remove("qemu-system-x86")?;
        Some((apt, candidate))
    });
    if found.is_none() {
        eprintln!("note: apt does not know qemu-system-x86 here, nothing is tested");
    }
    found
}

fn is_qemu(package: &str) -> bool {
    package.starts_with("qemu-")
}

#[test]
fn on_a_host_without_qemu_the_plain_command_works() {
    let temp = tempfile::tempdir().unwrap();
    let Some((apt, _)) = known(state(temp.path(), is_qemu, "")) else {
        return;
    };
    let plan = plan(&["qemu-system-x86", "qemu-utils"], false, &apt).unwrap();
    assert_eq!(
        plan.to_string(),
        "apt-get -y install --no-install-recommends --no-remove qemu-system-x86 qemu-utils"
    );
}

#[test]
fn on_a_host_whose_tools_are_of_a_later_release_they_are_brought_down() {
    let temp = tempfile::tempdir().unwrap();
    let later = "Package: qemu-utils\nStatus: install ok installed\nMaintainer: nobody\nArchitecture: amd64\n\
        Source: qemu\nVersion: 1:99.0+ds-1~bpo12+1\nBreaks: qemu-system-common (<< 1:98)\nDescription: made up\n";
    let Some((apt, candidate)) = known(state(temp.path(), is_qemu, later)) else {
        return;
    };
    let plain = [
        "install",
        "--no-install-recommends",
        "--no-remove",
        "qemu-system-x86",
    ]
    .map(str::to_owned);
    let refused = apt.simulate(&plain).unwrap();
    assert!(
        !refused.works,
        "apt found a way of its own, then there is nothing to mend:\n{}",
        refused.said
    );
    let plan = plan(&["qemu-system-x86"], false, &apt).unwrap();
    let (_, version) = plan
        .install
        .last()
        .unwrap()
        .split_once("qemu-utils=")
        .unwrap();
    assert!(
        candidate.starts_with(version) || version.starts_with(&candidate),
        "{version} beside {candidate}"
    );
    assert!(
        plan.note
            .unwrap()
            .contains("qemu-utils goes from 1:99.0+ds-1~bpo12+1 to ")
    );
}

#[test]
fn a_package_nobody_has_is_looked_for_in_new_lists_and_then_named() {
    let temp = tempfile::tempdir().unwrap();
    let Some((apt, _)) = known(state(temp.path(), |_| false, "")) else {
        return;
    };
    assert!(plan(&["no-such-package"], false, &apt).unwrap().update);
    let error = plan(&["no-such-package"], true, &apt).unwrap_err();
    assert!(
        matches!(&error, PackagesError::Unknown { package } if package == "no-such-package"),
        "{error}"
    );
}
