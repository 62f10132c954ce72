//! What can be wrong with a QEMU.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::process::Exit;

/// Why there is no QEMU to use.
#[derive(Debug, thiserror::Error)]
pub enum QemuError {
    /// None is installed.
    #[error(
        "no QEMU found: looked for {names} in $PATH and {places} (hint: install qemu-system-x86, or give --qemu PATH)"
    )]
    NotFound {
        /// The names looked for.
        names: String,
        /// The places looked into besides.
        places: String,
    },
    /// The one that was asked for is not there.
    #[error("no QEMU at {path}: {source} (hint: --qemu takes the path of a qemu-system-* program)")]
    Unreadable {
        /// Where it should be.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The one that was asked for is no program we may run.
    #[error("{0} is not executable (hint: --qemu takes the path of a qemu-system-* program)")]
    NotExecutable(PathBuf),
    /// It is a program of another kind of computer.
    #[error("{0} is a program for another kind of processor than this host's")]
    OtherProcessor(PathBuf),
    /// The kernel would not start it.
    #[error("cannot start {path}: {source}")]
    Start {
        /// The binary.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It lacks a library it was linked with.
    #[error(
        "{path} lacks a shared library: {stderr} (hint: install it with the package manager, or reinstall QEMU)"
    )]
    SharedLibrary {
        /// The binary.
        path: PathBuf,
        /// What the dynamic linker says.
        stderr: String,
    },
    /// It runs, but does not answer as a QEMU does.
    #[error("{path} is not a QEMU system emulator: {said}")]
    NotQemu {
        /// The binary.
        path: PathBuf,
        /// What it said instead.
        said: String,
    },
    /// It ended while it was asked.
    #[error("{path} {exit} when asked {during}: {stderr}")]
    Died {
        /// The binary.
        path: PathBuf,
        /// The question.
        during: String,
        /// How it ended.
        exit: Exit,
        /// What it had to say.
        stderr: String,
    },
    /// It did not answer in time.
    #[error("{path} did not answer {during} within {limit:?}: {stderr}")]
    TimedOut {
        /// The binary.
        path: PathBuf,
        /// The question.
        during: String,
        /// How long we waited.
        limit: Duration,
        /// What it had said.
        stderr: String,
    },
    /// It refused to answer, or its answer is not what we know.
    #[error("{path} gave an unexpected answer to {during}: {answer}")]
    Answer {
        /// The binary.
        path: PathBuf,
        /// The question.
        during: String,
        /// What is wrong with the answer.
        answer: String,
    },
    /// Talking to it failed on our side.
    #[error("cannot talk to {path}: {source}")]
    Io {
        /// The binary.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It emulates another architecture than is needed.
    #[error(
        "{path} emulates {found}, but {wanted} is needed (hint: give --qemu the path of qemu-system-{wanted})"
    )]
    OtherTarget {
        /// The binary.
        path: PathBuf,
        /// What it emulates.
        found: String,
        /// What is needed.
        wanted: String,
    },
}
