//! `virt-test vm`: machines that stay up until they are stopped. Each is a session of `virt-test serve` in the background; who wants one
//! finds it by a file that it holds locked for as long as it lives.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use jiff::{SpanRound, Timestamp, Unit};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::args::{MessageFormat, Named, StartArgs, VmCommand};
use crate::execute::dirs;
use crate::exit::Status;
use crate::say;

/// How a session says where it is.
pub(crate) const SOCKET: &str = "VIRT_TEST_SOCKET=";

/// How long a session may take to end: longer than any machine's ladder from asking to killing.
const END: Duration = Duration::from_secs(600);

/// What is known of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Its socket.
    pub socket: PathBuf,
    /// The process that keeps it.
    pub pid: u32,
    /// Full name of the variant.
    pub variant: String,
    /// Its machines, the main one first.
    pub machines: Vec<String>,
    /// Where their logs are.
    pub dir: PathBuf,
    /// Since when it is there.
    pub since: Timestamp,
}

/// The place of a session among those that are kept; it is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    file: File,
    path: PathBuf,
}

/// What stands at a name.
enum Found {
    Nothing,
    /// It is being brought up.
    Starting,
    Kept(Box<Kept>),
}

impl Place {
    /// Takes a name; nothing if it is taken.
    fn take(path: &Path) -> io::Result<Option<Self>> {
        loop {
            let mut options = OpenOptions::new();
            let options = options.read(true).write(true).create(true).truncate(false);
            let file = options.mode(0o600).open(path)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) if is_at(&file, path) => {
                    file.set_len(0)?;
                    let path = path.to_owned();
                    return Ok(Some(Self { file, path }));
                }
                // Whoever had it has just removed it.
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Takes a name for this process.
    ///
    /// # Errors
    /// Told: the name is none, or is taken.
    pub(crate) fn take_for_us(data: Option<&Path>, name: &str) -> Result<Self, Status> {
        let path = path_of(&directory(data)?, name)?;
        match Self::take(&path) {
            Ok(Some(place)) => Ok(place),
            Ok(None) => {
                let hint = format!("virt-test vm stop {name} ends it");
                say::error(format!("there is a machine {name} already"), &[hint]);
                Err(Status::Usage)
            }
            Err(error) => Err(failed(&path, &error)),
        }
    }

    /// Tells others how to reach it.
    pub(crate) fn tell(&self, kept: &Kept) -> io::Result<()> {
        let mut file = &self.file;
        file.rewind()?;
        file.write_all(&serde_json::to_vec(kept)?)
    }

    /// Ends being there.
    pub(crate) fn leave(&self) {
        // A file that nobody holds means nothing.
        let _ = fs::remove_file(&self.path);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    let ours = file.metadata().map(|metadata| metadata.ino());
    let theirs = path.metadata().map(|metadata| metadata.ino());
    matches!((ours, theirs), (Ok(ours), Ok(theirs)) if ours == theirs)
}

/// Looks without taking.
fn look(path: &Path) -> io::Result<Found> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        file => file?,
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => return Ok(Found::Nothing),
        Err(Errno::WOULDBLOCK) => {}
        Err(error) => return Err(error.into()),
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let kept = serde_json::from_str(&text).ok();
    Ok(kept.map_or(Found::Starting, |kept| Found::Kept(Box::new(kept))))
}

fn directory(data: Option<&Path>) -> Result<PathBuf, Status> {
    let directory = dirs(data)?.runtime().join("vms");
    fs::create_dir_all(&directory).map_err(|error| failed(&directory, &error))?;
    Ok(directory)
}

fn failed(path: &Path, error: &io::Error) -> Status {
    say::error(format!("failed to use {}: {error}", path.display()), &[]);
    Status::Setup
}

fn path_of(directory: &Path, name: &str) -> Result<PathBuf, Status> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    if name.is_empty() || !name.chars().all(fits) {
        let hint = "names consist of letters, digits, - and _".to_owned();
        say::error(format!("'{name}' cannot be the name of a machine"), &[hint]);
        return Err(Status::Usage);
    }
    Ok(directory.join(name))
}

/// All sessions there are, by name.
fn all(directory: &Path) -> Result<Vec<(String, Found)>, Status> {
    let entries = fs::read_dir(directory).map_err(|error| failed(directory, &error))?;
    let mut found = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(name) = name else {
            continue;
        };
        match look(&path).map_err(|error| failed(&path, &error))? {
            Found::Nothing => {}
            there => found.push((name.to_owned(), there)),
        }
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(found)
}

/// The session of that name, and which of its machines is meant.
fn find(named: &Named) -> Result<(Kept, String), Status> {
    let (name, machine) = match named.name.split_once('/') {
        Some((name, machine)) => (name, Some(machine)),
        None => (&*named.name, None),
    };
    let directory = directory(None)?;
    let path = path_of(&directory, name)?;
    let found = look(&path).map_err(|error| failed(&path, &error))?;
    let kept = match found {
        Found::Kept(kept) => kept,
        Found::Starting => {
            let hint = "virt-test vm start returns when it can be used".to_owned();
            say::error(format!("machine {name} is still being started"), &[hint]);
            return Err(Status::Failed);
        }
        Found::Nothing => {
            let there = all(&directory)?;
            let names: Vec<_> = there.into_iter().map(|(name, _)| name).collect();
            let hint = match names.is_empty() {
                true => "there is none; virt-test vm start brings one up".to_owned(),
                false => format!("there are: {}", names.join(", ")),
            };
            say::error(format!("there is no machine {name}"), &[hint]);
            return Err(Status::Usage);
        }
    };
    let main = || kept.machines.first().cloned().unwrap_or_default();
    let machine = machine.map_or_else(main, str::to_owned);
    Ok((*kept, machine))
}

/// Does what the command line says.
pub fn vm(command: &VmCommand, typed: &[OsString]) -> ExitCode {
    let done = match command {
        VmCommand::Start(args) => start(args, typed),
        VmCommand::List { print } => list(print.message_format),
        VmCommand::Exec { of, words } => return hold(of, &["exec"], words),
        VmCommand::Console { of } => return hold(of, &["attach"], &[]),
        VmCommand::Ssh { of, words } if words.is_empty() => return hold(of, &["ssh"], &[]),
        VmCommand::Ssh { of, words } => return hold(of, &["exec", "--channel", "ssh"], words),
        VmCommand::Qmp { of, words } => return hold(of, &["qmp"], words),
        VmCommand::Screenshot { of, file } => return screenshot(of, file.as_deref()),
        VmCommand::Socket { of } => find(of).map(|(kept, _)| say::line(kept.socket.display())),
        VmCommand::Stop { names, all } => stop(names, *all),
    };
    match done {
        Ok(()) => Status::Passed.into(),
        Err(status) => status.into(),
    }
}

/// What `vt` can do with a machine.
fn hold(of: &Named, verb: &[&str], words: &[OsString]) -> ExitCode {
    match find(of) {
        Ok((kept, machine)) => {
            let mut line: Vec<OsString> = vec![vt::NAME.into(), machine.into()];
            line.push(verb[0].into());
            line.push("--socket".into());
            line.push(kept.socket.into());
            line.extend(verb[1..].iter().map(OsString::from));
            line.extend_from_slice(words);
            vt::main(line)
        }
        Err(status) => status.into(),
    }
}

/// Paths that the other end is told are of this directory, not of its own.
fn screenshot(of: &Named, file: Option<&Path>) -> ExitCode {
    match file.map(std::path::absolute).transpose() {
        Ok(file) => {
            let words: Vec<_> = file.into_iter().map(PathBuf::into_os_string).collect();
            hold(of, &["screendump"], &words)
        }
        Err(error) => failed(file.unwrap_or(Path::new("")), &error).into(),
    }
}

fn start(args: &StartArgs, typed: &[OsString]) -> Result<(), Status> {
    let directory = directory(args.run.data_dir.as_deref())?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => free_name(&directory)?,
    };
    let path = path_of(&directory, &name)?;
    let mut options = typed.iter().skip_while(|word| *word != "start").skip(1);
    let mut begin = || {
        let us = std::env::current_exe()?;
        let said = tempfile::tempfile()?;
        let mut command = Command::new(us);
        command.arg("serve").args(&mut options);
        if args.name.is_none() {
            command.args(["--name", &name]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let child = command.stderr(said.try_clone()?).spawn()?;
        Ok((child, said))
    };
    let (mut child, mut complaints) = begin().map_err(|error| failed(&path, &error))?;
    let mut lines = child.stdout.take().map(|out| BufReader::new(out).lines());
    // It says where its socket is, or ends.
    let said = lines.iter_mut().flatten().map_while(Result::ok);
    let mut said = said.filter(|line| line.starts_with(SOCKET));
    if said.next().is_some() {
        say::line(name);
        return Ok(());
    }
    let ended = child.wait().map_err(|error| failed(&path, &error))?;
    let mut why = String::new();
    let read = complaints.rewind();
    let read = read.and_then(|()| complaints.read_to_string(&mut why));
    read.map_err(|error| failed(&path, &error))?;
    say::note(why.trim_end());
    Err(match ended.code() {
        Some(4) => Status::Usage,
        Some(1) => Status::Failed,
        _ => Status::Setup,
    })
}

fn free_name(directory: &Path) -> Result<String, Status> {
    let names = (1..).map(|n| match n {
        1 => "vm".to_owned(),
        n => format!("vm{n}"),
    });
    for name in names {
        let path = path_of(directory, &name)?;
        if let Found::Nothing = look(&path).map_err(|error| failed(&path, &error))? {
            return Ok(name);
        }
    }
    unreachable!("there are more numbers than machines")
}

fn list(format: MessageFormat) -> Result<(), Status> {
    let mut rows = Vec::new();
    for (name, found) in all(&directory(None)?)? {
        let kept = match found {
            Found::Kept(kept) => Some(*kept),
            _ => None,
        };
        if format == MessageFormat::Json {
            say::line(serde_json::json!({ "name": name, "kept": kept }));
            continue;
        }
        rows.push(match kept {
            Some(kept) => {
                let round = SpanRound::new().largest(Unit::Hour).smallest(Unit::Second);
                let age = (Timestamp::now() - kept.since).round(round);
                let age = age.map_or_else(|_| String::new(), |age| format!("{age:#}"));
                [name, kept.machines.join(" "), age, kept.variant]
            }
            None => [name, String::new(), "starting".to_owned(), String::new()],
        });
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    for [name, machines, age, variant] in &rows {
        let [a, b, c] = widths;
        say::line(format!("{name:a$}  {machines:b$}  {age:>c$}  {variant}"));
    }
    Ok(())
}

fn stop(names: &[String], every: bool) -> Result<(), Status> {
    let directory = directory(None)?;
    let names = match every {
        true => all(&directory)?.into_iter().map(|(name, _)| name).collect(),
        false => names.to_vec(),
    };
    // One that will not end is no reason to leave the others.
    let outcomes: Vec<_> = names.iter().map(|name| end(&directory, name)).collect();
    outcomes.into_iter().collect()
}

fn end(directory: &Path, name: &str) -> Result<(), Status> {
    let named = Named {
        name: name.to_owned(),
    };
    let (kept, _) = find(&named)?;
    let path = path_of(directory, name)?;
    let holder = File::open(&path).map_err(|error| failed(&path, &error))?;
    let (tell, ended) = mpsc::channel();
    let socket = kept.socket.into_os_string();
    // Neither the answer nor the lock has a deadline of its own; whoever is still waited for then goes with this process.
    thread::spawn(move || {
        let line: [OsString; 4] = [vt::NAME.into(), "end".into(), "--socket".into(), socket];
        let outcome = match vt::main(line) {
            // It lets go when the machines have ended and all is cleaned up.
            status if status == ExitCode::SUCCESS => {
                flock(&holder, FlockOperation::LockShared).map_err(Some)
            }
            // It has been told.
            _ => Err(None),
        };
        let _ = tell.send(outcome);
    });
    match ended.recv_timeout(END) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(None)) => Err(Status::Failed),
        Ok(Err(Some(error))) => Err(failed(&path, &error.into())),
        Err(_) => {
            let waited = END.as_secs();
            let hint = format!("kill {} ends it and its machines", kept.pid);
            say::error(format!("{name} did not end within {waited} s"), &[hint]);
            Err(Status::Failed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Kept {
        Kept {
            socket: "/run/x/control.sock".into(),
            pid: 1,
            variant: "kvm.boot".to_owned(),
            machines: vec!["vm1".to_owned()],
            dir: "/logs".into(),
            since: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_name_is_one_sessions_until_it_ends() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vm");
        assert!(matches!(look(&path).unwrap(), Found::Nothing));
        let place = Place::take(&path).unwrap().unwrap();
        assert!(Place::take(&path).unwrap().is_none());
        assert!(matches!(look(&path).unwrap(), Found::Starting));
        place.tell(&kept()).unwrap();
        assert!(matches!(look(&path).unwrap(), Found::Kept(found) if *found == kept()));
        assert_eq!(free_name(directory.path()).unwrap(), "vm2");
        drop(place);
        assert!(matches!(look(&path).unwrap(), Found::Nothing));
        assert!(Place::take(&path).unwrap().is_some());
    }

    #[test]
    fn what_a_killed_session_left_is_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vm");
        fs::write(&path, serde_json::to_vec(&kept()).unwrap()).unwrap();
        assert!(matches!(look(&path).unwrap(), Found::Nothing));
        assert!(all(directory.path()).unwrap().is_empty());
        assert!(Place::take(&path).unwrap().is_some());
    }

    #[test]
    fn names_are_no_paths() {
        for name in ["", "..", "a/b", "a.log"] {
            assert!(path_of(Path::new("/d"), name).is_err(), "{name}");
        }
    }
}
