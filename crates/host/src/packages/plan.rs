//! From missing packages to the command that installs them.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;

use super::Simulation;

/// Questions to a package manager. Answered by [`super::Apt`], and by made-up answers in tests.
pub trait PackageQuery {
    /// The versions that would be installed of these packages; those that are not known are left out.
    ///
    /// # Errors
    /// When the package manager does not run.
    fn candidates(&self, packages: &[&str]) -> io::Result<BTreeMap<String, String>>;

    /// All versions that can be fetched.
    ///
    /// # Errors
    /// When the package manager does not run.
    fn versions(&self, package: &str) -> io::Result<Vec<String>>;

    /// Binary packages that are installed and were built from this source package, with their versions.
    ///
    /// # Errors
    /// When the package manager does not run.
    fn installed_from(&self, source: &str) -> io::Result<Vec<(String, String)>>;

    /// Pretends to do it.
    ///
    /// # Errors
    /// When the package manager does not run.
    fn simulate(&self, arguments: &[String]) -> io::Result<Simulation>;
}

/// How to install packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Are the package lists to be fetched first? Then the rest of the plan is a guess until that is done.
    pub update: bool,
    /// Arguments of `apt-get`, `install` the first of them.
    pub install: Vec<String>,
    /// What a person should know of it.
    pub note: Option<String>,
}

/// As whom commands are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privilege {
    /// We are root.
    Root,
    /// Through `sudo`.
    Sudo,
}

/// Why packages are not installed.
#[derive(Debug, thiserror::Error)]
pub enum PackagesError {
    /// There is a way, but we are not to go it ourselves.
    #[error("{missing} missing (hint: run `{command}`)")]
    NotAllowed {
        /// What is missing, in words.
        missing: String,
        /// What installs it.
        command: String,
    },
    /// The host is not a Debian, or a relative of it.
    #[error(
        "{missing} missing, and this host has no apt-get (hint: install {packages} with its package manager)"
    )]
    NoApt {
        /// What is missing, in words.
        missing: String,
        /// Names of the packages, as Debian has them.
        packages: String,
    },
    /// The package sources do not have it.
    #[error(
        "package {package} is not in the package sources (hint: see that /etc/apt/sources.list or sources.list.d names the \
         distribution's main section)"
    )]
    Unknown {
        /// The package.
        package: String,
    },
    /// The package manager sees no way.
    #[error("apt-get sees no way to install {packages}:\n{said}")]
    Unresolvable {
        /// The packages.
        packages: String,
        /// Its reasons.
        said: String,
    },
    /// The package manager does not run.
    #[error("cannot run {command}: {source}")]
    Run {
        /// What was to run.
        command: String,
        /// Why it does not.
        source: io::Error,
    },
    /// The package manager gave up.
    #[error("`{command}` {how}, see {log}\n{tail}")]
    Failed {
        /// What was run.
        command: String,
        /// How it ended.
        how: String,
        /// Where all it said is.
        log: PathBuf,
        /// The last it said.
        tail: String,
    },
    /// The packages are installed, and yet the programs are not there.
    #[error("{missing} missing still, though the packages are installed")]
    StillMissing {
        /// What is missing, in words.
        missing: String,
    },
}

impl Plan {
    /// The plain way to install packages, which may not work.
    #[must_use]
    pub fn simple(packages: &[&str], update: bool) -> Self {
        // Without --no-remove apt may find that the simplest way is to take away what the person had.
        let options = ["install", "--no-install-recommends", "--no-remove"];
        let mut install: Vec<String> = options.map(str::to_owned).into();
        install.extend(packages.iter().map(|&package| package.to_owned()));
        Plan {
            update,
            install,
            note: None,
        }
    }

    /// The commands in their order, without asking for consent again.
    #[must_use]
    pub fn commands(&self, privilege: Privilege) -> Vec<Vec<String>> {
        let words = |words: &[&str]| {
            words
                .iter()
                .map(|&word| word.to_owned())
                .collect::<Vec<_>>()
        };
        let start = match privilege {
            Privilege::Root => words(&["apt-get"]),
            Privilege::Sudo => words(&["sudo", "apt-get"]),
        };
        let update = self
            .update
            .then(|| [start.clone(), words(&["update"])].concat());
        let install = [start, words(&["-y"]), self.install.clone()].concat();
        update.into_iter().chain([install]).collect()
    }

    /// The commands as a line for a shell.
    #[must_use]
    pub fn command_line(&self, privilege: Privilege) -> String {
        let lines: Vec<String> = self
            .commands(privilege)
            .iter()
            .map(|command| shell_line(command))
            .collect();
        lines.join(" && ")
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.command_line(Privilege::Root))
    }
}

/// Words as a shell takes them.
pub(super) fn shell_line(words: &[String]) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_=+.:~/@%,".contains(c);
    let quoted = words.iter().map(|word| {
        if !word.is_empty() && word.chars().all(safe) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// Plans how to install packages: plainly if that works; if the package lists lack one, after fetching them (`updated`: that was done); and if
/// installed parts of QEMU of another release are in the way, with these brought to the same release.
///
/// The last is no rare case: where QEMU's tools came from backports and the sources have only the release proper, apt
/// would have to downgrade the tools, which it does not by itself.
///
/// # Errors
/// When no plan works, with the package manager's reasons.
pub fn plan(
    packages: &[&str],
    updated: bool,
    query: &impl PackageQuery,
) -> Result<Plan, PackagesError> {
    let run_error = |source| PackagesError::Run {
        command: "apt-get".to_owned(),
        source,
    };
    let plain = Plan::simple(packages, false);
    let candidates = query.candidates(packages).map_err(run_error)?;
    if let Some(&package) = packages
        .iter()
        .find(|package| !candidates.contains_key(**package))
    {
        return if updated {
            Err(PackagesError::Unknown {
                package: package.to_owned(),
            })
        } else {
            Ok(Plan {
                update: true,
                ..plain
            })
        };
    }
    let simulation = query.simulate(&plain.install).map_err(run_error)?;
    if simulation.works {
        return Ok(plain);
    }
    let aligned = alignments(packages, &candidates, query).map_err(run_error)?;
    if !aligned.is_empty() {
        let mut plan = plain;
        plan.install.insert(3, "--allow-downgrades".to_owned());
        plan.install.extend(
            aligned
                .iter()
                .map(|(package, _, version)| format!("{package}={version}")),
        );
        if query.simulate(&plan.install).map_err(run_error)?.works {
            let change = |(package, from, to): &(String, String, String)| {
                format!("{package} goes from {from} to {to}")
            };
            let changes: Vec<String> = aligned.iter().map(change).collect();
            plan.note = Some(format!(
                "to fit the QEMU of the package sources, {}",
                changes.join(", ")
            ));
            return Ok(plan);
        }
    }
    Err(PackagesError::Unresolvable {
        packages: packages.join(" "),
        said: simulation.said,
    })
}

/// Installed parts of QEMU whose release is not that of the emulator to be installed: package, version now, version then.
fn alignments(
    packages: &[&str],
    candidates: &BTreeMap<String, String>,
    query: &impl PackageQuery,
) -> io::Result<Vec<(String, String, String)>> {
    let emulator = packages
        .iter()
        .find(|package| package.starts_with("qemu-system-"));
    let Some(wanted) = emulator.and_then(|emulator| candidates.get(*emulator)) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for (package, version) in query.installed_from("qemu")? {
        if packages.contains(&package.as_str()) || same_release(&version, wanted) {
            continue;
        }
        let versions = query.versions(&package)?;
        if let Some(fitting) = versions
            .into_iter()
            .find(|version| same_release(version, wanted))
        {
            found.push((package, version, fitting));
        }
    }
    Ok(found)
}

/// Were both built from one source? They may differ in `+b3`, the number of a rebuild.
fn same_release(one: &str, other: &str) -> bool {
    fn source(version: &str) -> &str {
        match version.rsplit_once("+b") {
            Some((source, rebuild))
                if !rebuild.is_empty() && rebuild.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                source
            }
            _ => version,
        }
    }
    source(one) == source(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "1:7.2+dfsg-7+deb12u18+b3";
    const NEW: &str = "1:10.0.2+ds-2+deb13u1~bpo12+1";

    /// A host on which the tools are installed and the emulator is not.
    struct Fake {
        known: bool,
        tools: &'static str,
        /// Does apt bring the tools down when told to?
        yields: bool,
    }

    impl PackageQuery for Fake {
        fn candidates(&self, packages: &[&str]) -> io::Result<BTreeMap<String, String>> {
            let known = packages.iter().filter(|_| self.known);
            Ok(known
                .map(|&package| (package.to_owned(), OLD.to_owned()))
                .collect())
        }

        fn versions(&self, _: &str) -> io::Result<Vec<String>> {
            Ok(vec![NEW.to_owned(), "1:7.2+dfsg-7+deb12u18".to_owned()])
        }

        fn installed_from(&self, source: &str) -> io::Result<Vec<(String, String)>> {
            assert_eq!(source, "qemu");
            Ok(vec![("qemu-utils".to_owned(), self.tools.to_owned())])
        }

        fn simulate(&self, arguments: &[String]) -> io::Result<Simulation> {
            let aligned = arguments
                .iter()
                .any(|argument| argument == "qemu-utils=1:7.2+dfsg-7+deb12u18")
                && arguments
                    .iter()
                    .any(|argument| argument == "--allow-downgrades");
            let works = self.tools == OLD || aligned && self.yields;
            Ok(Simulation {
                works,
                said: "E: Unable to correct problems, you have held broken packages.".to_owned(),
            })
        }
    }

    #[test]
    fn what_works_is_done_plainly() {
        let plan = plan(
            &["qemu-system-x86"],
            false,
            &Fake {
                known: true,
                tools: OLD,
                yields: true,
            },
        )
        .unwrap();
        assert_eq!(
            plan.to_string(),
            "apt-get -y install --no-install-recommends --no-remove qemu-system-x86"
        );
        let sudo = plan.command_line(Privilege::Sudo);
        assert_eq!(
            sudo,
            "sudo apt-get -y install --no-install-recommends --no-remove qemu-system-x86"
        );
        assert_eq!(plan.note, None);
    }

    #[test]
    fn tools_from_backports_are_brought_to_the_release_of_the_sources() {
        let plan = plan(
            &["qemu-system-x86"],
            false,
            &Fake {
                known: true,
                tools: NEW,
                yields: true,
            },
        )
        .unwrap();
        assert_eq!(
            plan.to_string(),
            "apt-get -y install --no-install-recommends --no-remove --allow-downgrades qemu-system-x86 qemu-utils=1:7.2+dfsg-7+deb12u18"
        );
        let note = plan.note.unwrap();
        assert!(
            note.contains(
                "qemu-utils goes from 1:10.0.2+ds-2+deb13u1~bpo12+1 to 1:7.2+dfsg-7+deb12u18"
            ),
            "{note}"
        );
    }

    #[test]
    fn unknown_packages_mean_that_lists_are_fetched_first_and_once() {
        let nothing = Fake {
            known: false,
            tools: OLD,
            yields: true,
        };
        let first = plan(&["qemu-system-x86"], false, &nothing).unwrap();
        assert_eq!(
            first.to_string(),
            "apt-get update && apt-get -y install --no-install-recommends --no-remove qemu-system-x86"
        );
        let error = plan(&["qemu-system-x86"], true, &nothing).unwrap_err();
        assert!(matches!(error, PackagesError::Unknown { .. }), "{error}");
    }

    #[test]
    fn when_no_way_is_left_apt_s_reasons_are_told() {
        let error = plan(
            &["qemu-system-x86"],
            false,
            &Fake {
                known: true,
                tools: NEW,
                yields: false,
            },
        )
        .unwrap_err();
        assert!(
            error.to_string().contains("held broken packages"),
            "{error}"
        );
        let error = plan(
            &["swtpm"],
            false,
            &Fake {
                known: true,
                tools: NEW,
                yields: true,
            },
        )
        .unwrap_err();
        assert!(
            matches!(error, PackagesError::Unresolvable { .. }),
            "nothing to align for {error}"
        );
    }

    #[test]
    fn a_rebuild_is_the_same_release() {
        assert!(same_release(
            "1:7.2+dfsg-7+deb12u18+b3",
            "1:7.2+dfsg-7+deb12u18"
        ));
        assert!(!same_release(
            "1:7.2+dfsg-7+deb12u18",
            "1:7.2+dfsg-7+deb12u15"
        ));
        assert!(!same_release("1:1+bpo12", "1:1"));
    }

    #[test]
    fn a_shell_takes_the_line_as_it_was_meant() {
        let words = ["a", "b=1:2+3~4", "c d", "e'f", ""].map(str::to_owned);
        assert_eq!(shell_line(&words), "a b=1:2+3~4 'c d' 'e'\\''f' ''");
    }
}
