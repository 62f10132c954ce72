//! The distribution's packages, through its own package manager and without root.
//!
//! `apt-get download` checks the package against the signed lists. The system's lists are used where they know the package;
//! otherwise, or where they are out of date, lists of our own are fetched from the system's sources into the data directory.

use crate::command;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A package as the lists describe it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Package {
    pub name: String,
    pub version: String,
    pub architecture: String,
    #[serde(skip)]
    pub depends: Vec<Dependency>,
    pub sha256: String,
}

/// One entry of `Depends:`; of alternatives, the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub name: String,
    /// Only an exact one.
    pub version: Option<String>,
}

/// A downloaded package.
#[derive(Clone, Debug)]
pub(crate) struct Deb {
    pub package: Package,
    pub path: PathBuf,
}

impl Package {
    /// The name `apt-get download` gives the file.
    pub(crate) fn file_name(&self) -> String {
        format!(
            "{}_{}_{}.deb",
            self.name,
            self.version.replace(':', "%3a"),
            self.architecture
        )
    }

    /// `name=version`, which pins it.
    fn pinned(&self) -> String {
        format!("{}={}", self.name, self.version)
    }
}

/// Reads the paragraphs `apt-cache show` prints (`deb-control(5)`).
pub(crate) fn parse_packages(text: &str) -> Vec<Package> {
    text.split("\n\n")
        .filter_map(|paragraph| {
            let mut package = Package::default();
            for (field, value) in paragraph.lines().filter_map(|line| line.split_once(": ")) {
                match field {
                    "Package" => package.name = value.to_owned(),
                    "Version" => package.version = value.to_owned(),
                    "Architecture" => package.architecture = value.to_owned(),
                    "SHA256" => package.sha256 = value.to_owned(),
                    "Depends" => {
                        package.depends = value.split(',').filter_map(parse_dependency).collect()
                    }
                    _ => {}
                }
            }
            (!package.name.is_empty() && !package.version.is_empty()).then_some(package)
        })
        .collect()
}

fn parse_dependency(text: &str) -> Option<Dependency> {
    let first = text.split('|').next()?.trim();
    let (name, condition) = first.split_once(' ').unwrap_or((first, ""));
    let name = name.split(':').next()?;
    let version = condition
        .strip_prefix("(= ")
        .and_then(|rest| rest.strip_suffix(')'))
        .map(str::to_owned);
    (!name.is_empty()).then(|| Dependency {
        name: name.to_owned(),
        version,
    })
}

/// Which package lists are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lists {
    System,
    Own,
}

/// The package manager, with a directory of ours for all it writes.
#[derive(Debug)]
pub(crate) struct Apt {
    packages: PathBuf,
}

impl Apt {
    /// `packages` is where downloaded packages are kept.
    pub(crate) fn new(packages: PathBuf) -> Self {
        Self { packages }
    }

    pub(crate) fn packages_dir(&self) -> &Path {
        &self.packages
    }

    /// What the lists say of each name they know, in the order asked.
    pub(crate) fn show(&self, lists: Lists, names: &[&str]) -> Result<Vec<Package>> {
        self.prepare()?;
        let mut command = self.command("apt-cache", lists);
        command.args(["show", "--no-all-versions"]).args(names);
        // It fails when it knows none of them, which is an answer too.
        let output = command::output(&mut command, "look for packages")?;
        let mut found = parse_packages(&String::from_utf8_lossy(&output.stdout));
        found.sort_by_key(|package| {
            names
                .iter()
                .position(|name| name.split('=').next() == Some(package.name.as_str()))
                .unwrap_or(usize::MAX)
        });
        Ok(found)
    }

    /// Fetches lists of our own from the system's sources.
    pub(crate) fn update(&self) -> Result<()> {
        self.prepare()?;
        let config = self.own_config()?;
        let mut command = self.command("apt-get", Lists::Own);
        // Without the mode an unreachable mirror is only a warning. What could be fetched is kept all the same.
        command.env("APT_CONFIG", &config).args([
            "-o",
            "APT::Update::Error-Mode=any",
            "update",
            "-q",
        ]);
        command::run(&mut command, "fetch the package lists").map(drop)
    }

    /// The packages' files: those already here, and the others downloaded and checked.
    pub(crate) fn download(&self, lists: Lists, packages: &[Package]) -> Result<Vec<Deb>> {
        self.prepare()?;
        let missing: Vec<&Package> = packages
            .iter()
            .filter(|package| !self.has(package))
            .collect();
        if !missing.is_empty() {
            let arriving = tempfile::Builder::new()
                .prefix(".arriving-")
                .tempdir_in(&self.packages)
                .map_err(Error::io("create a directory in", &self.packages))?;
            let mut command = self.command("apt-get", lists);
            command
                .current_dir(arriving.path())
                .args(["download", "-q", "-y"]);
            command.args(missing.iter().map(|package| package.pinned()));
            let names = missing.iter().map(|package| package.name.clone()).collect();
            command::run(&mut command, "download packages")
                .map_err(|error| Self::download_error(names, error))?;
            for package in missing {
                let from = arriving.path().join(package.file_name());
                fs::rename(&from, self.path_of(package)).map_err(Error::io("keep", &from))?;
            }
        }
        Ok(packages
            .iter()
            .map(|package| Deb {
                package: package.clone(),
                path: self.path_of(package),
            })
            .collect())
    }

    /// Whether the very package of the lists is here, unharmed.
    pub(crate) fn has(&self, package: &Package) -> bool {
        sha256_of_file(&self.path_of(package))
            .is_ok_and(|sha256| package.sha256.is_empty() || sha256 == package.sha256)
    }

    pub(crate) fn path_of(&self, package: &Package) -> PathBuf {
        self.packages.join(package.file_name())
    }

    /// What could not be had, with the package manager's own words.
    pub(crate) fn download_error(packages: Vec<String>, error: Error) -> Error {
        let Error::Command { stderr, .. } = error else {
            return error;
        };
        let mut reasons = stderr
            .lines()
            .filter_map(|line| line.strip_prefix("E: ").or(line.strip_prefix("W: ")));
        // The first index or mirror that fails says it all: the others fail for the same reason.
        let reason = reasons.next().unwrap_or(&stderr).to_owned();
        Error::Download { packages, reason }
    }

    /// A command that reads the wanted lists, writes nowhere but below our directory, and needs no root.
    fn command(&self, program: &str, lists: Lists) -> Command {
        let mut command = Command::new(program);
        let option = |name: &str, value: &Path| {
            let mut text = OsString::from(format!("{name}="));
            text.push(value);
            text
        };
        command
            .arg("-o")
            .arg(option("Dir::Cache", &self.cache_dir()));
        // Containers often switch these off; without them every call parses all lists again.
        command.args([
            "-o",
            "Dir::Cache::pkgcache=pkgcache.bin",
            "-o",
            "Dir::Cache::srcpkgcache=srcpkgcache.bin",
        ]);
        if lists == Lists::Own {
            command
                .arg("-o")
                .arg(option("Dir::State::lists", &self.lists_dir()));
        }
        command.args([
            "-o",
            "Debug::NoLocking=1",
            "-o",
            "Acquire::Retries=2",
            "-o",
            "Acquire::http::Timeout=20",
        ]);
        if rustix::process::geteuid().is_root() {
            // apt would drop to a user that may not be allowed to enter our directory.
            command.args(["-o", "APT::Sandbox::User=root"]);
        }
        command
    }

    /// The system's configuration without what it does to the system after an update.
    fn own_config(&self) -> Result<PathBuf> {
        let dump = command::run(
            Command::new("apt-config").arg("dump"),
            "read the package manager's configuration",
        )?;
        let path = self.packages.join("apt").join("update.conf");
        fs::write(&path, harmless_config(&dump)).map_err(Error::io("write", &path))?;
        Ok(path)
    }

    fn prepare(&self) -> Result<()> {
        for directory in [
            self.lists_dir().join("partial"),
            self.cache_dir().join("archives/partial"),
        ] {
            fs::create_dir_all(&directory).map_err(Error::io("create", &directory))?;
        }
        Ok(())
    }

    fn lists_dir(&self) -> PathBuf {
        self.packages.join("apt/lists")
    }

    fn cache_dir(&self) -> PathBuf {
        self.packages.join("apt/cache")
    }
}

/// A configuration dump less its hooks and the indexes only software centres read; it stands alone.
fn harmless_config(dump: &str) -> String {
    let unwanted = [
        "APT::Update::P",
        "DPkg::P",
        "Acquire::IndexTargets::deb::DEP-11",
        "Acquire::IndexTargets::deb-src",
    ];
    let mut config: String = dump
        .lines()
        .filter(|line| !unwanted.iter().any(|start| line.starts_with(start)))
        .flat_map(|line| [line, "\n"])
        .collect();
    config.push_str("Dir::Etc::main \"/dev/null\";\nDir::Etc::parts \"/dev/null\";\n");
    config
}

pub(crate) fn sha256_of_file(path: &Path) -> Result<String> {
    let mut file = fs::File::open(path).map_err(Error::io("read", path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(Error::io("read", path))? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    Ok(hex(&hasher.finalize()))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Unpacks a package's files below `into`, which `dpkg-deb` creates.
pub(crate) fn unpack(deb: &Path, into: &Path) -> Result<()> {
    command::run(
        Command::new("dpkg-deb").arg("-x").arg(deb).arg(into),
        "unpack a package",
    )
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_lists_are_read_as_apt_prints_them() {
        let packages = parse_packages(
            "Package: linux-image-cloud-amd64\nVersion: 6.1.1-2\nArchitecture: amd64\n\
             Depends: linux-image-6.1.0-5-cloud-amd64 (= 6.1.1-2), kmod:any | module-init-tools, libc6 (>= 2.3)\n\
             Description: Linux for clouds\n Depends: not a field\nSHA256: abc\n\nPackage: half\n\n",
        );
        let dependency = |name: &str, version: Option<&str>| Dependency {
            name: name.to_owned(),
            version: version.map(str::to_owned),
        };
        assert_eq!(packages.len(), 1);
        assert_eq!(
            packages[0].depends,
            [
                dependency("linux-image-6.1.0-5-cloud-amd64", Some("6.1.1-2")),
                dependency("kmod", None),
                dependency("libc6", None)
            ]
        );
        assert_eq!(packages[0].sha256, "abc");
    }

    #[test]
    fn an_epoch_is_written_into_the_file_name_as_apt_does() {
        let package = Package {
            name: "busybox-static".to_owned(),
            version: "1:1.35.0-4".to_owned(),
            architecture: "amd64".to_owned(),
            ..Package::default()
        };
        assert_eq!(package.file_name(), "busybox-static_1%3a1.35.0-4_amd64.deb");
    }

    #[test]
    fn our_own_update_runs_no_hooks_of_the_system() {
        let dump = "APT::Architecture \"amd64\";\nAPT::Update::Post-Invoke:: \"rm -rf x\";\nAPT::Update::Pre-Invoke:: \"x\";\n\
                    Acquire::http::Proxy \"http://p\";\nDPkg::Post-Invoke:: \"y\";\n";
        assert_eq!(
            harmless_config(dump),
            "APT::Architecture \"amd64\";\nAcquire::http::Proxy \"http://p\";\n\
             Dir::Etc::main \"/dev/null\";\nDir::Etc::parts \"/dev/null\";\n"
        );
    }
}
