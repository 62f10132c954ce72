//! What to start, and what it inherits.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use command_fds::{CommandFdExt, FdMapping};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::ledger::LedgerError;

/// A program to start and what it inherits: nothing but what is named here, and our environment.
#[derive(Debug)]
pub struct Spec {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    environment: Vec<(OsString, Option<OsString>)>,
    directory: Option<PathBuf>,
    descriptors: Vec<(OwnedFd, i32)>,
    pub(super) stdout: Output,
    pub(super) stderr: Output,
    pub(super) detached: bool,
    pub(super) session: bool,
    core_dumps: bool,
}

/// Where output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Nowhere.
    Null,
    /// To the end of this file. Standard output and standard error may share one.
    File(PathBuf),
}

/// Why a program did not start.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// There is no such program, or it may not be run, or the kernel cannot run it.
    #[error("cannot start {program}: {source}")]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file for its output cannot be opened.
    #[error("cannot open {path} for the output of {program}: {source}")]
    Output {
        /// The program.
        program: PathBuf,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Two descriptors were to have one number.
    #[error("two descriptors for {program} have one number")]
    Descriptors {
        /// The program.
        program: PathBuf,
    },
    /// It started, but could not be supervised, so it was ended.
    #[error("cannot supervise {program}: {source}")]
    Supervise {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It could not be written down, so it was not kept.
    #[error("cannot write down {program}: {source}")]
    Ledger {
        /// The program.
        program: PathBuf,
        /// Why.
        source: LedgerError,
    },
}

impl Spec {
    /// Will start `program`: a path, or a name to look for in `$PATH`.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Spec {
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            directory: None,
            descriptors: Vec::new(),
            stdout: Output::Null,
            stderr: Output::Null,
            detached: false,
            session: false,
            core_dumps: false,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<I: IntoIterator<Item: AsRef<OsStr>>>(mut self, arguments: I) -> Self {
        self.arguments.extend(
            arguments
                .into_iter()
                .map(|argument| argument.as_ref().to_owned()),
        );
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        let value = value.as_ref().to_owned();
        self.environment
            .push((name.as_ref().to_owned(), Some(value)));
        self
    }

    /// Leaves out a variable of our environment.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), None));
        self
    }

    /// Starts it in this directory.
    #[must_use]
    pub fn current_dir(mut self, directory: impl AsRef<Path>) -> Self {
        self.directory = Some(directory.as_ref().to_owned());
        self
    }

    /// Lets it have this descriptor under this number: 3 or more, or 1 or 2 in place of what [`Spec::stdout`] and [`Spec::stderr`] say.
    #[must_use]
    pub fn fd(mut self, descriptor: OwnedFd, number: i32) -> Self {
        self.descriptors.push((descriptor, number));
        self
    }

    /// Where its standard output goes; nowhere unless set.
    #[must_use]
    pub fn stdout(mut self, output: Output) -> Self {
        self.stdout = output;
        self
    }

    /// Where its standard error goes; nowhere unless set.
    #[must_use]
    pub fn stderr(mut self, output: Output) -> Self {
        self.stderr = output;
        self
    }

    /// Lets it outlive us: no parent-death signal, a session of its own, nothing in the ledger.
    #[must_use]
    pub fn detached(mut self) -> Self {
        self.detached = true;
        self
    }

    /// Starts it in a session of its own, without a terminal: what it starts stays there unless it wants out.
    #[must_use]
    pub fn session(mut self) -> Self {
        self.session = true;
        self
    }

    /// Lets it leave a core dump, as large as the host allows at most, whatever our own limit is.
    #[must_use]
    pub fn core_dumps(mut self) -> Self {
        self.core_dumps = true;
        self
    }

    /// The command, without what only the spawner thread adds.
    pub(super) fn command(&mut self) -> Result<Command, SpawnError> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
            .stdin(Stdio::null())
            .stdout(self.open(&self.stdout)?)
            .stderr(self.open(&self.stderr)?);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        // SAFETY: between fork and exec only one system call is made, and nothing is allocated.
        unsafe { command.pre_exec(close_others_on_exec) };
        if self.core_dumps {
            // SAFETY: between fork and exec only two system calls are made, and nothing is allocated.
            unsafe { command.pre_exec(raise_core_limit) };
        }
        let descriptors = std::mem::take(&mut self.descriptors);
        let mappings = descriptors
            .into_iter()
            .map(|(parent_fd, child_fd)| FdMapping {
                parent_fd,
                child_fd,
            })
            .collect();
        command
            .fd_mappings(mappings)
            .map_err(|_| SpawnError::Descriptors {
                program: self.program.clone(),
            })?;
        Ok(command)
    }

    fn open(&self, output: &Output) -> Result<Stdio, SpawnError> {
        let Output::File(path) = output else {
            return Ok(Stdio::null());
        };
        // Appending, so that two descriptors of one file do not overwrite each other.
        let file: io::Result<File> = OpenOptions::new().create(true).append(true).open(path);
        let error = |source| SpawnError::Output {
            program: self.program.clone(),
            path: path.clone(),
            source,
        };
        file.map(Stdio::from).map_err(error)
    }
}

/// The soft limit is what a shell was told; beyond the hard limit nobody gets. A program without a core dump runs as well.
fn raise_core_limit() -> io::Result<()> {
    let limit = getrlimit(Resource::Core);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let _ = setrlimit(Resource::Core, raised);
    Ok(())
}

/// What whoever started us forgot to close (a lock, a pipe that somebody waits for the end of) is not passed on. Runs before the
/// descriptors that are passed on get their numbers.
fn close_others_on_exec() -> io::Result<()> {
    // SAFETY: no memory is passed. It marks descriptors and closes none.
    let result = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            3_u32,
            u32::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    let error = io::Error::last_os_error();
    // Before Linux 5.11 they are passed on, as ever.
    let unknown = matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL));
    if result == 0 || unknown {
        Ok(())
    } else {
        Err(error)
    }
}
