//! Installing what is missing.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::plan::shell_line;
use super::{Apt, PackagesError, Plan, Privilege, Tool, missing, plan};
use crate::qemu::in_path;
use crate::run::{exit_of, wait_for};

/// Longest that fetching and installing may take.
const LIMIT: Duration = Duration::from_secs(1800);

/// Most that is shown of what the package manager said.
const TAIL_LINES: usize = 15;

/// May we install?
pub enum Install<'a> {
    /// Never (`--no-install`): the error tells the command.
    Never,
    /// As root, yes; otherwise this asks a person whether to run the commands through `sudo`. Where there is nobody to ask, it says no.
    Ask(&'a mut dyn FnMut(&str) -> bool),
}

/// What [`ensure`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All was there.
    Nothing,
    /// Packages were installed, by these commands.
    Installed {
        /// As lines for a shell.
        commands: Vec<String>,
        /// What a person should know.
        note: Option<String>,
    },
}

/// Sees to it that these tools are there. What the package manager says goes to the end of the file `log`; `progress` gets each command
/// before it runs.
///
/// # Errors
/// When they cannot be installed, or may not be; then the error tells the exact command.
pub fn ensure(
    tools: &[Tool],
    apt: &Apt,
    install: Install<'_>,
    log: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<Outcome, PackagesError> {
    let lost = missing(tools);
    if lost.is_empty() {
        return Ok(Outcome::Nothing);
    }
    let packages: Vec<&str> = lost
        .iter()
        .filter_map(|tool| tool.packages.first().copied())
        .collect();
    if in_path(Path::new("apt-get")).is_none() {
        return Err(PackagesError::NoApt {
            missing: names(&lost),
            packages: packages.join(" "),
        });
    }
    let first = plan(&packages, false, apt)?;
    let privilege = permission(&first, &lost, install)?;
    let runner = Runner {
        privilege,
        log,
        progress,
    };
    runner.carry_out(first, &packages, apt, tools)
}

fn names(tools: &[Tool]) -> String {
    let names: Vec<&str> = tools.iter().map(|tool| tool.name).collect();
    format!(
        "{} {}",
        names.join(", "),
        if names.len() == 1 { "is" } else { "are" }
    )
}

/// As whom we may do it.
fn permission(
    plan: &Plan,
    lost: &[Tool],
    install: Install<'_>,
) -> Result<Privilege, PackagesError> {
    let root = rustix::process::geteuid().is_root();
    let sudo = in_path(Path::new("sudo")).is_some();
    let privilege = if root {
        Privilege::Root
    } else {
        Privilege::Sudo
    };
    let command = if root || sudo {
        plan.command_line(privilege)
    } else {
        // Not `su` alone: dpkg needs root's own PATH.
        shell_line(&["su", "-", "-c", &plan.to_string()].map(str::to_owned))
    };
    let allowed = match install {
        Install::Never => false,
        Install::Ask(_) if root => true,
        Install::Ask(ask) => sudo && ask(&format!("{} missing. Run `{command}`?", names(lost))),
    };
    if allowed {
        Ok(privilege)
    } else {
        Err(PackagesError::NotAllowed {
            missing: names(lost),
            command,
        })
    }
}

struct Runner<'a> {
    privilege: Privilege,
    log: &'a Path,
    progress: &'a mut dyn FnMut(&str),
}

impl Runner<'_> {
    fn carry_out(
        mut self,
        first: Plan,
        packages: &[&str],
        apt: &Apt,
        tools: &[Tool],
    ) -> Result<Outcome, PackagesError> {
        let mut done = Vec::new();
        let mut current = first;
        let mut updated = false;
        loop {
            if current.update {
                updated = true;
                let update = Plan::simple(&[], true);
                let fetched = self.run(&update.commands(self.privilege)[0], &mut done);
                // A source of no concern to us may be what failed, so what was fetched decides.
                current =
                    plan(packages, true, apt).map_err(|error| fetched.err().unwrap_or(error))?;
            }
            let commands = current.commands(self.privilege);
            match self.run(&commands[commands.len() - 1], &mut done) {
                Ok(()) => break,
                // The lists may be so old that what they name is no longer to be had.
                Err(PackagesError::Failed { .. }) if !updated => current.update = true,
                Err(error) => return Err(error),
            }
        }
        let left = missing(tools);
        if left.is_empty() {
            Ok(Outcome::Installed {
                commands: done,
                note: current.note,
            })
        } else {
            Err(PackagesError::StillMissing {
                missing: names(&left),
            })
        }
    }

    /// Runs in the foreground, for sudo may have to ask for a password on the terminal. What it runs reads nothing: its questions go
    /// to the log, where nobody would see them.
    fn run(&mut self, words: &[String], done: &mut Vec<String>) -> Result<(), PackagesError> {
        let line = shell_line(words);
        (self.progress)(&line);
        let error = |source| PackagesError::Run {
            command: line.clone(),
            source,
        };
        let log =
            || -> io::Result<File> { OpenOptions::new().create(true).append(true).open(self.log) };
        let start = fs::metadata(self.log).map_or(0, |found| found.len());
        let (program, arguments) = words
            .split_first()
            .ok_or_else(|| error(io::ErrorKind::InvalidInput.into()))?;
        let mut arguments = arguments.to_vec();
        if let Some(place) = words.iter().position(|word| word == "apt-get") {
            // Another package manager at work is waited for.
            let options = ["-oDPkg::Lock::Timeout=600", "-oAcquire::Retries=3"].map(str::to_owned);
            arguments.splice(place..place, options);
        }
        let mut command = Command::new(program);
        command.args(arguments);
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("LC_ALL", "C");
        command
            .stdout(log().map_err(error)?)
            .stderr(log().map_err(error)?)
            .stdin(Stdio::null());
        let mut child = command.spawn().map_err(error)?;
        if !wait_for(child.id(), LIMIT).map_err(error)? {
            // Not by force: that would leave half-installed packages. It was asked to stop, and the person is told.
            let pid = i32::try_from(child.id())
                .ok()
                .and_then(rustix::process::Pid::from_raw);
            let _ =
                pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::TERM));
            return Err(self.failed(line, format!("did not end within {LIMIT:?}"), start));
        }
        let exit = exit_of(child.wait().map_err(error)?);
        if !exit.success() {
            return Err(self.failed(line, exit.to_string(), start));
        }
        done.push(line);
        Ok(())
    }

    fn failed(&self, command: String, how: String, start: u64) -> PackagesError {
        let text = fs::read(self.log).unwrap_or_default();
        let new = text
            .get(usize::try_from(start).unwrap_or(usize::MAX)..)
            .unwrap_or_default();
        let new = String::from_utf8_lossy(new);
        let lines: Vec<&str> = new.lines().collect();
        let tail = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n");
        PackagesError::Failed {
            command,
            how,
            log: self.log.to_owned(),
            tail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOST: Tool = Tool {
        name: "no-such-tool",
        places: &[],
        packages: &["no-such-package"],
        purpose: "a test",
    };

    fn some_plan() -> Plan {
        Plan {
            update: false,
            install: ["install", "x"].map(str::to_owned).into(),
            note: None,
        }
    }

    #[test]
    fn without_permission_the_error_is_the_command() {
        let error = permission(&some_plan(), &[LOST], Install::Never)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("no-such-tool is missing (hint: run `"),
            "{error}"
        );
        assert!(error.contains("apt-get -y install x"), "{error}");
    }

    #[test]
    fn what_is_there_is_not_installed() {
        let here = Tool { name: "sh", ..LOST };
        let mut no = |_: &str| panic!("nothing to ask");
        let outcome = ensure(
            &[here],
            &Apt::new(),
            Install::Ask(&mut no),
            Path::new("/nowhere"),
            &mut |_| {},
        );
        assert_eq!(outcome.unwrap(), Outcome::Nothing);
    }

    #[test]
    fn a_command_that_fails_is_quoted_from_its_own_part_of_the_log() {
        let temp = tempfile::tempdir().unwrap();
        let log = temp.path().join("log");
        fs::write(&log, "of an earlier command\n").unwrap();
        let mut seen = Vec::new();
        let mut progress = |line: &str| seen.push(line.to_owned());
        let mut runner = Runner {
            privilege: Privilege::Root,
            log: &log,
            progress: &mut progress,
        };
        let words = ["sh", "-c", "echo reason; exit 100"].map(str::to_owned);
        let mut done = Vec::new();
        let error = runner.run(&words, &mut done).unwrap_err();
        let PackagesError::Failed { tail, how, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(
            (tail.as_str(), how.as_str()),
            ("reason", "exited with status 100")
        );
        assert!(done.is_empty());
        runner.run(&["true".to_owned()], &mut done).unwrap();
        assert_eq!(done, ["true"]);
        assert_eq!(seen, ["sh -c 'echo reason; exit 100'", "true"]);
    }
}
