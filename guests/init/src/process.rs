//! What every program started here needs.

use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::signal::SigSet;

/// Lets the program hear all signals. Init blocks those it reads from a descriptor, and a child inherits that.
pub fn hear_signals(command: &mut Command) -> &mut Command {
    // SAFETY: the closure makes one system call on memory of its own, which is allowed between fork and exec.
    unsafe {
        command.pre_exec(|| {
            SigSet::empty().thread_set_mask()?;
            Ok(())
        })
    }
}
