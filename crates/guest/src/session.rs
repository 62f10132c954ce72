//! Running commands and copying files, over whatever channel there is.

use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::fs;

use crate::agent::{AgentClient, Exec};
use crate::command::{Command, quoted};
use crate::console::Shell;
use crate::copy::{Copied, GuestTarget, HostTarget, Source, Tally, at, digest_in, hex};
use crate::error::{Attempt, Cause, GuestError};
use crate::output::Output;
use crate::running::{Inner, Running};
use crate::ssh::Ssh;

/// A way to run commands in a guest and to copy files.
#[derive(Debug)]
#[non_exhaustive]
pub enum Session {
    /// By the guest agent: binary-safe, standard error apart, each command in a shell of its own.
    Agent(AgentClient),
    /// By a login shell on a serial or virtio console: one shell for all commands, standard error mixed into standard
    /// output unless a command is [`exact`](Command::exact).
    Console(Box<Shell>),
    /// By SSH: binary-safe, standard error apart, each command in a shell of its own, input while it runs.
    Ssh(Ssh),
}

impl Session {
    /// Runs a line of shell.
    ///
    /// # Errors
    /// When the channel fails or the command does not end in time; it is killed then. A command that ends with another
    /// status than zero is no error.
    pub async fn run(
        &mut self,
        command: impl Into<Command>,
        limit: Duration,
    ) -> Result<Output, GuestError> {
        let command = command.into();
        match self {
            Session::Agent(agent) => agent.exec(&Exec::from(&command), limit).await,
            Session::Console(shell) => shell.run(command, limit).await,
            Session::Ssh(ssh) => ssh.run(command, limit).await,
        }
    }

    /// Starts a line of shell whose output is to be read as it comes.
    ///
    /// # Errors
    /// When the channel fails or does not take the command in time; [`Cause::Unsupported`] on a console for a command
    /// that is to be [`exact`](Command::exact) or has input.
    pub async fn start(
        &mut self,
        command: impl Into<Command>,
        limit: Duration,
    ) -> Result<Running<'_>, GuestError> {
        let command = command.into();
        Ok(Running(match self {
            Session::Agent(agent) => Inner::Agent(agent.start(&command, limit).await?),
            Session::Console(shell) => Inner::Console(shell.start(&command, limit).await?),
            Session::Ssh(ssh) => Inner::Ssh(Box::new(ssh.start(&command, limit).await?)),
        }))
    }

    /// Copies a file of the host into the guest, its permissions too, and compares both by SHA-256. The file is there when
    /// the copy is whole; until then, and after a failure, what was there before is.
    ///
    /// # Errors
    /// When a side cannot be read or written, the copy differs, or the channel fails.
    pub async fn copy_to(
        &mut self,
        local: &Path,
        guest: &str,
        limit: Duration,
    ) -> Result<Copied, GuestError> {
        match self {
            Session::Agent(agent) => agent.copy_to_guest(local, guest, limit).await,
            Session::Console(shell) => copy_to_console(shell, local, guest, limit).await,
            Session::Ssh(ssh) => ssh.copy_to(local, guest, limit).await,
        }
    }

    /// Copies a file of the guest to the host and compares both by SHA-256. The file is there when the copy is whole; until
    /// then, and after a failure, what was there before is.
    ///
    /// # Errors
    /// As [`Session::copy_to`].
    pub async fn copy_from(
        &mut self,
        guest: &str,
        local: &Path,
        limit: Duration,
    ) -> Result<Copied, GuestError> {
        match self {
            Session::Agent(agent) => agent.copy_from_guest(guest, local, limit).await,
            Session::Console(shell) => copy_from_console(shell, guest, local, limit).await,
            Session::Ssh(ssh) => ssh.copy_from(guest, local, limit).await,
        }
    }

    /// The channel's name, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Session::Agent(_) => "guest agent",
            Session::Console(_) => "console",
            Session::Ssh(_) => "ssh",
        }
    }
}

async fn copy_to_console(
    shell: &mut Shell,
    local: &Path,
    guest: &str,
    limit: Duration,
) -> Result<Copied, GuestError> {
    let tried = format!("copy {} to {guest} in the guest", local.display());
    let attempt = Attempt::new(tried, limit, None);
    let source = Source::open(&attempt, local).await?;
    let content = fs::read(local).await.map_err(at(&attempt, local))?;
    let target = GuestTarget::new(guest);
    let partial = quoted(&target.partial);
    let mut tally = Tally::default();
    tally.add(&content);
    let ours = hex(Sha256::new_with_prefix(&content));
    let line = format!(
        "cat >{partial}&&vt_t=$(sha256sum <{partial})&&echo \"$vt_t\"&&[ \"${{vt_t%% *}}\" = {ours} ]&&({})||{{ {};false; }}",
        target.settle(&source),
        target.discard()
    );
    let command = Command::new(line).input(content).exact();
    let output = shell.run(command, attempt.left()).await?;
    let text = output.stdout_text();
    if !output.status.success() && digest_in(&text).is_none_or(|theirs| theirs == ours) {
        return Err(attempt.fail(Cause::GuestFile(output.stderr_text())));
    }
    tally.compare(&attempt, digest_in(&text).unwrap_or_default())
}

async fn copy_from_console(
    shell: &mut Shell,
    guest: &str,
    local: &Path,
    limit: Duration,
) -> Result<Copied, GuestError> {
    let tried = format!("copy {guest} in the guest to {}", local.display());
    let attempt = Attempt::new(tried, limit, None);
    let target = HostTarget::create(&attempt, local).await?;
    let line = format!("cat <{0}&&sha256sum <{0} >&2", quoted(guest));
    let output = shell
        .run(Command::new(line).exact(), attempt.left())
        .await?;
    if !output.status.success() {
        return Err(attempt.fail(Cause::GuestFile(output.stderr_text())));
    }
    let mut tally = Tally::default();
    tally.add(&output.stdout);
    let text = output.stderr_text();
    let copied = tally.compare(&attempt, digest_in(&text).unwrap_or_default())?;
    target.write(&attempt, &output.stdout).await?;
    Ok(copied)
}
