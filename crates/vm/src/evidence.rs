//! Files a machine leaves behind, most of them written before its first instruction.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use machine::{Argv, MachineSpec, command_line, repro_script};

use crate::context::Context;
use crate::error::VmError;

/// The exact command line.
const COMMAND: &str = "qemu-command.txt";
/// The script that starts the same machine by hand.
const REPRO: &str = "repro.sh";
/// The control monitor's traffic.
const QMP_LOG: &str = "qmp.log";
/// QEMU's stdout and stderr.
const STDERR_LOG: &str = "qemu-stderr.log";

/// The directory of a machine's logs.
#[derive(Debug, Clone)]
pub(crate) struct LogDir(PathBuf);

impl LogDir {
    pub(crate) fn create(path: &Path) -> Result<Self, VmError> {
        // QEMU works there, and is given paths below it.
        let path = &std::path::absolute(path).map_err(io_error("find", path))?;
        fs::create_dir_all(path).map_err(io_error("create", path))?;
        let directory = Self(path.to_owned());
        // QEMU appends to it; what an earlier machine said there is not this one's.
        let stderr = directory.stderr();
        File::create(&stderr).map_err(io_error("create", &stderr))?;
        Ok(directory)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn qmp(&self) -> PathBuf {
        self.0.join(QMP_LOG)
    }

    pub(crate) fn stderr(&self) -> PathBuf {
        self.0.join(STDERR_LOG)
    }

    /// Log of one channel's bytes as they come.
    pub(crate) fn channel(&self, channel: &str) -> Result<File, VmError> {
        let path = self.0.join(format!("{channel}.log"));
        File::create(&path).map_err(io_error("create", &path))
    }

    /// Writes down how QEMU is started, and how to start it by hand.
    pub(crate) fn write_commands(
        &self,
        spec: &MachineSpec,
        context: &Context,
        argv: &Argv,
    ) -> Result<(), VmError> {
        let command = command_line(&context.program, argv);
        self.write(COMMAND, &format!("{command}\n"))?;
        let script = repro_script(spec, &context.capabilities, &context.program);
        let script = script.map_err(|source| VmError::Machine {
            vm: spec.name.clone(),
            source: Box::new(source),
        })?;
        let path = self.write(REPRO, &script)?;
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&path, executable).map_err(io_error("make executable", &path))
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, VmError> {
        let path = self.0.join(name);
        fs::write(&path, text).map_err(io_error("write", &path))?;
        Ok(path)
    }
}

pub(crate) fn io_error(
    verb: &'static str,
    path: &Path,
) -> impl FnOnce(std::io::Error) -> VmError + use<> {
    let path = path.to_owned();
    move |source| VmError::Io { verb, path, source }
}
