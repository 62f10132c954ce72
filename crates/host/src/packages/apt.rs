//! Asking apt.

use std::collections::BTreeMap;
use std::io;
use std::process::Command;
use std::time::Duration;

use super::PackageQuery;
use crate::run::{Finished, run};

/// Longest that a question to apt may take; one takes about half a second, and some when apt has to build its cache anew.
const LIMIT: Duration = Duration::from_secs(300);

/// What apt says it would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulation {
    /// Would it work?
    pub works: bool,
    /// What it said.
    pub said: String,
}

/// The host's apt.
#[derive(Debug, Clone, Default)]
pub struct Apt {
    /// Options for every command, such as `-oDir::State::status=FILE` to ask about another state of the host.
    options: Vec<String>,
    /// Where dpkg keeps what is installed, unless the usual place.
    admin_dir: Option<String>,
}

impl Apt {
    /// As it is configured.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asked about another state of the host: that of dpkg's files in this directory, which must be ours to write to.
    #[must_use]
    pub fn with_state(admin_dir: &str) -> Self {
        let status = format!("-oDir::State::status={admin_dir}/status");
        // Caches of its own, or the host's would be made for that state.
        let cache = format!("-oDir::Cache::pkgcache={admin_dir}/pkgcache.bin");
        let source_cache = format!("-oDir::Cache::srcpkgcache={admin_dir}/srcpkgcache.bin");
        Apt {
            options: vec![status, cache, source_cache],
            admin_dir: Some(admin_dir.to_owned()),
        }
    }

    fn run(&self, program: &str, arguments: &[&str]) -> io::Result<Finished> {
        let mut command = Command::new(program);
        if program.starts_with("apt") {
            command.args(&self.options);
        }
        // Its words are read below.
        command
            .args(arguments)
            .env("LC_ALL", "C")
            .env("DEBIAN_FRONTEND", "noninteractive");
        run(command, LIMIT)
    }
}

impl PackageQuery for Apt {
    fn candidates(&self, packages: &[&str]) -> io::Result<BTreeMap<String, String>> {
        let arguments = [&["policy"], packages].concat();
        Ok(parse_candidates(&self.run("apt-cache", &arguments)?.stdout))
    }

    fn versions(&self, package: &str) -> io::Result<Vec<String>> {
        Ok(parse_versions(
            &self.run("apt-cache", &["madison", package])?.stdout,
        ))
    }

    fn installed_from(&self, source: &str) -> io::Result<Vec<(String, String)>> {
        let format = "${db:Status-Abbrev}|${source:Package}|${Package}|${Version}\n";
        let admin_dir = self
            .admin_dir
            .iter()
            .map(|directory| format!("--admindir={directory}"));
        let options: Vec<String> = admin_dir.collect();
        let mut arguments: Vec<&str> = options.iter().map(String::as_str).collect();
        arguments.extend(["--show", "--showformat", format]);
        Ok(parse_installed(
            &self.run("dpkg-query", &arguments)?.stdout,
            source,
        ))
    }

    fn simulate(&self, arguments: &[String]) -> io::Result<Simulation> {
        let mut all = vec!["--simulate", "-y"];
        all.extend(arguments.iter().map(String::as_str));
        let finished = self.run("apt-get", &all)?;
        let said = format!("{}{}", finished.stdout, finished.stderr);
        Ok(Simulation {
            works: finished.exit.success(),
            said: explanation(&said),
        })
    }
}

/// Lines of `apt-cache policy`: `qemu-utils:`, and below it `  Candidate: 1:7.2+dfsg-7`, where `(none)` is none.
fn parse_candidates(text: &str) -> BTreeMap<String, String> {
    let mut package = "";
    let mut found = BTreeMap::new();
    for line in text.lines() {
        if let Some(version) = line.strip_prefix("  Candidate: ") {
            if version != "(none)" {
                found.insert(package.to_owned(), version.to_owned());
            }
        } else if let Some(name) = line.strip_suffix(':').filter(|name| !name.starts_with(' ')) {
            package = name;
        }
    }
    found
}

/// The second column of `apt-cache madison`: `qemu-utils | 1:7.2 | http://… Packages`.
fn parse_versions(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| Some(line.split('|').nth(1)?.trim().to_owned()))
        .collect()
}

/// Lines `ii |qemu|qemu-utils|1:7.2`, the first field beginning with what is wanted and what is: `i` for installed, as `dpkg -l`.
fn parse_installed(text: &str, source: &str) -> Vec<(String, String)> {
    let package = |line: &str| {
        let mut fields = line.split('|');
        let (status, from) = (fields.next()?, fields.next()?);
        let installed = status.as_bytes().get(1) == Some(&b'i') && from == source;
        let (package, version) = (fields.next()?, fields.next()?);
        installed.then(|| (package.to_owned(), version.to_owned()))
    };
    text.lines().filter_map(package).collect()
}

/// What apt said without its progress.
fn explanation(text: &str) -> String {
    let progress = [
        "Reading package lists",
        "Building dependency tree",
        "Reading state information",
        "NOTE:",
    ];
    let kept = text
        .lines()
        .filter(|line| !progress.iter().any(|start| line.starts_with(start)));
    kept.collect::<Vec<_>>().join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_read_from_policy() {
        let text = "qemu-system-x86:\n  Installed: (none)\n  Candidate: 1:7.2+b3\n  Version table:\n     1:7.2+b3 500\n\
            swtpm:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\npasst:\n  Candidate: 0.0\n";
        let expected = [("passt", "0.0"), ("qemu-system-x86", "1:7.2+b3")];
        let found = parse_candidates(text);
        assert_eq!(
            found
                .iter()
                .map(|(p, v)| (p.as_str(), v.as_str()))
                .collect::<Vec<_>>(),
            expected
        );
        assert!(parse_candidates("").is_empty());
    }

    #[test]
    fn versions_are_the_second_column_of_madison() {
        let text = "qemu-utils | 1:10.0 | http://a b/main amd64 Packages\nqemu-utils | 1:7.2 | http://a b Packages\n";
        assert_eq!(parse_versions(text), ["1:10.0", "1:7.2"]);
        assert!(parse_versions("N: Unable to locate package x\n").is_empty());
    }

    #[test]
    fn only_installed_packages_of_the_source_count() {
        let text = "ii |qemu|qemu-utils|1:10\nrc |qemu|qemu-kvm|1:5\nii |seabios|seabios|1\nhi |qemu|qemu-block-extra|1:10\n";
        let found = parse_installed(text, "qemu");
        assert_eq!(
            found,
            [("qemu-utils", "1:10"), ("qemu-block-extra", "1:10")]
                .map(|(p, v)| (p.into(), v.into()))
        );
    }

    #[test]
    fn reasons_remain_and_progress_goes() {
        let text = "Reading package lists...\nThe following packages have unmet dependencies:\n x : Depends: y\nE: broken\n";
        assert_eq!(
            explanation(text),
            "The following packages have unmet dependencies:\n x : Depends: y\nE: broken"
        );
    }
}
