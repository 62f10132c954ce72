//! How a command ends that takes its own guest down.

use guest::{ExitStatus, Output};

/// What a shell says of a command that ended by SIGTERM, 15 (POSIX: more than 128).
const TERMINATED: ExitStatus = ExitStatus::Code(128 + 15);

/// Did it succeed? That the guest, going down, ended the command first is no failure.
pub(crate) fn is_well(output: &Output) -> bool {
    output.status.success() || output.status == TERMINATED
}
