//! Power: pause, reset, the power button, and the ladder that ends every machine.

use std::fmt;
use std::time::Duration;

use guest::agent::{ShutdownMode, SuspendMode};
use host::process::Signal;
use serde_json::{Value, json};

use crate::error::VmError;
use crate::exit::ExitReport;
use crate::health::FindingKind;
use crate::qmp::{QmpError, RunState};
use crate::vm::Vm;

/// Base time for an event that QEMU sends by itself, without the guest's help.
const EVENT_LIMIT: Duration = Duration::from_secs(10);

impl Vm {
    /// The machine's state.
    ///
    /// # Errors
    /// [`VmError::Monitor`].
    pub async fn status(&self) -> Result<RunState, VmError> {
        let status = self.qmp().status().await;
        let status =
            status.map_err(|source| self.watch.monitor_error("ask for the state of", source))?;
        Ok(status.status)
    }

    /// Stops the CPUs; they stand still when this returns.
    ///
    /// # Errors
    /// [`VmError::Monitor`].
    pub async fn pause(&self) -> Result<(), VmError> {
        self.command("pause", "stop", json!({})).await
    }

    /// Lets the CPUs go on.
    ///
    /// # Errors
    /// [`VmError::Monitor`].
    pub async fn resume(&self) -> Result<(), VmError> {
        self.command("resume", "cont", json!({})).await
    }

    /// Presses the reset button; returns when the machine was reset.
    ///
    /// # Errors
    /// [`VmError`].
    pub async fn reset(&self) -> Result<(), VmError> {
        let cursor = self.cursor();
        self.command("reset", "system_reset", json!({})).await?;
        let reset = self.wait_for_event_since(cursor, "RESET", EVENT_LIMIT);
        reset.await?;
        // The task that sees to it may not have seen it yet.
        self.watch.restarted();
        Ok(())
    }

    /// Presses the power button; returns when it was pressed. What follows is the guest's decision.
    ///
    /// # Errors
    /// [`VmError`].
    pub async fn powerdown(&self) -> Result<(), VmError> {
        let cursor = self.cursor();
        let verb = "press the power button of";
        self.command(verb, "system_powerdown", json!({})).await?;
        let pressed = self.wait_for_event_since(cursor, "POWERDOWN", EVENT_LIMIT);
        pressed.await.map(drop)
    }

    /// Sends a non-maskable interrupt to all CPUs.
    ///
    /// # Errors
    /// [`VmError::Monitor`].
    pub async fn nmi(&self) -> Result<(), VmError> {
        self.command("send an NMI to", "inject-nmi", json!({}))
            .await
    }

    /// Wakes the machine from its suspension to RAM; returns when it is awake.
    ///
    /// # Errors
    /// [`VmError`].
    pub async fn wakeup(&self) -> Result<(), VmError> {
        let cursor = self.cursor();
        self.command("wake", "system_wakeup", json!({})).await?;
        let awake = self.wait_for_event_since(cursor, "WAKEUP", EVENT_LIMIT);
        awake.await.map(drop)
    }

    /// Lets the guest, asked through its agent, suspend itself to RAM (ACPI S3); returns when the machine sleeps.
    /// [`Vm::wakeup`] wakes it.
    ///
    /// A kernel that QEMU boots as an ELF image (PVH) does not wake up: QEMU writes such an image anew at every reset, and waking
    /// up is one.
    ///
    /// # Errors
    /// [`VmError::Guest`] where the guest cannot sleep so; [`VmError`].
    pub async fn suspend_to_ram(&self, base: Duration) -> Result<(), VmError> {
        let cursor = self.cursor();
        let limit = self.limit(base);
        let asleep = Box::pin(self.wait_for_event_since(cursor, "SUSPEND", base));
        let asked = self.agent()?.suspend(SuspendMode::Ram, asleep, limit);
        self.watch.talk("suspension to RAM", asked).await??;
        self.wait_for_status(RunState::Suspended, EVENT_LIMIT).await
    }

    /// Lets the guest, asked through its agent, write its memory to its swap space and power off (ACPI S4). A machine with the
    /// same disks goes on where it was once its guest finds the image there.
    ///
    /// # Errors
    /// [`VmError::Guest`] where the guest cannot sleep so; [`VmError`].
    pub async fn suspend_to_disk(&self, base: Duration) -> Result<ExitReport, VmError> {
        let cursor = self.cursor();
        let limit = self.limit(base);
        let end = Box::pin(async {
            self.wait_for_event_since(cursor, "SUSPEND_DISK", base)
                .await?;
            self.wait_exit(base).await
        });
        let asked = self.agent()?.suspend(SuspendMode::Disk, end, limit);
        // The end is what is awaited, and no reason to give up.
        let asked = tokio::select! {
            biased;
            asked = asked => asked,
            finding = self.watch.fatal_but_exit() => {
                return Err(self.watch.unwell("suspension to disk", Duration::ZERO, finding));
            }
        };
        asked.map_err(|error| self.watch.guest_error(error))?
    }

    /// Ends the state before the machine is made, in which a machine with [`MachineSpec::preconfig`](machine::MachineSpec) starts:
    /// its devices are made, and it is in state `prelaunch`.
    ///
    /// # Errors
    /// [`VmError::Monitor`].
    pub async fn exit_preconfig(&self) -> Result<(), VmError> {
        self.command("configure", "x-exit-preconfig", json!({}))
            .await
    }

    /// Sends a signal to QEMU. What it does to the machine is found out as if somebody else had sent it.
    ///
    /// # Errors
    /// [`VmError::Supervise`].
    pub fn signal(&self, signal: Signal) -> Result<(), VmError> {
        Ok(self.watch.process.signal(signal)?)
    }

    /// Tells QEMU to end, and waits until it has. The guest is not asked.
    ///
    /// # Errors
    /// [`VmError`].
    pub async fn quit(&self) -> Result<ExitReport, VmError> {
        self.health().allow(FindingKind::QemuExit);
        self.tell_to_quit().await?;
        self.wait_exit(EVENT_LIMIT).await
    }

    /// Runs a line of the human monitor and returns what it prints.
    ///
    /// # Errors
    /// [`VmError::Monitor`]. What the human monitor prints is not looked at: it reports its errors as text.
    pub async fn hmp(&self, line: &str) -> Result<String, VmError> {
        let printed = self.qmp().hmp(line).await;
        self.watch
            .told(&format!("run \"{line}\" on"), printed)
            .await
    }

    async fn command(&self, verb: &str, command: &str, arguments: Value) -> Result<(), VmError> {
        let result = self.qmp().execute(command, arguments).await;
        self.watch.told(verb, result).await.map(drop)
    }

    async fn tell_to_quit(&self) -> Result<(), VmError> {
        match self.qmp().execute("quit", json!({})).await {
            // It may be gone before it has answered.
            Ok(_) | Err(QmpError::Closed { .. }) => Ok(()),
            Err(source) => Err(self.watch.monitor_error("end", source)),
        }
    }

    /// Ends the machine, one rung after the other, until one has ended it.
    ///
    /// # Errors
    /// [`VmError::Wait`] when even SIGKILL has not ended it.
    pub async fn shutdown(&self, ladder: &Ladder) -> Result<ShutdownReport, VmError> {
        self.health().allow(FindingKind::QemuExit);
        let mut tried = Vec::new();
        for (rung, base) in ladder.rungs() {
            let nobody_there = match rung {
                Rung::Agent => self.agent.is_none(),
                Rung::Shell => !self.watch.is_logged_in(),
                _ => false,
            };
            if nobody_there {
                continue;
            }
            let outcome = match self.climb(rung, base).await {
                Ok(exit) => {
                    return Ok(ShutdownReport {
                        ended_by: rung,
                        tried,
                        exit,
                    });
                }
                Err(error) => error.to_string(),
            };
            tracing::debug!(%rung, %outcome, vm = self.name(), "the machine did not end");
            tried.push((rung, outcome));
        }
        let exit = self.climb(Rung::Kill, EVENT_LIMIT).await?;
        Ok(ShutdownReport {
            ended_by: Rung::Kill,
            tried,
            exit,
        })
    }

    /// Ends QEMU without asking the guest: politely, so that images are closed well; by force if that takes too long.
    ///
    /// # Errors
    /// As [`Vm::shutdown`].
    pub async fn destroy(&self) -> Result<ExitReport, VmError> {
        let report = self.shutdown(&Ladder::without_guest()).await?;
        Ok(report.exit)
    }

    /// Ends the machine in one certain way.
    ///
    /// # Errors
    /// [`VmError`], when that has not ended it.
    pub async fn end_by(&self, rung: Rung) -> Result<ExitReport, VmError> {
        self.health().allow(FindingKind::QemuExit);
        self.climb(rung, EVENT_LIMIT).await
    }

    /// One rung: returns the exit report if it has ended the machine.
    async fn climb(&self, rung: Rung, base: Duration) -> Result<ExitReport, VmError> {
        if let Some(exit) = self.ended() {
            return Ok(exit);
        }
        let limit = self.limit(base);
        let end = async {
            match rung {
                Rung::Agent => self.ask_agent(limit).await?,
                Rung::Shell => self.ask_shell(limit).await?,
                Rung::Powerdown => self.powerdown().await?,
                Rung::Quit => self.tell_to_quit().await?,
                Rung::Terminate => self.watch.process.signal(Signal::TERM)?,
                Rung::Kill => self.watch.process.kill()?,
            }
            Ok(self.watch.exit().await)
        };
        let ended = tokio::time::timeout(limit, end).await;
        ended.unwrap_or_else(|_| Err(self.watch.timed_out("end of QEMU", limit)))
    }

    /// Asks the guest's agent to power off. That is answered by the end only.
    async fn ask_agent(&self, limit: Duration) -> Result<(), VmError> {
        let agent = self.agent()?;
        let ended = self.watch.exit();
        let asked = agent.shutdown(ShutdownMode::PowerDown, ended, limit);
        asked
            .await
            .map(drop)
            .map_err(|error| self.watch.guest_error(error))
    }

    /// Types `poweroff` at a shell that waits on the console.
    async fn ask_shell(&self, limit: Duration) -> Result<(), VmError> {
        let console = self.console()?;
        let typed = console.send(b"\npoweroff\n", limit);
        typed.await.map_err(|error| self.watch.guest_error(error))
    }
}

/// One way of ending a machine, from the kindest to the surest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rung {
    /// The guest agent's `guest-shutdown`.
    Agent,
    /// `poweroff` typed on the console.
    Shell,
    /// The power button (ACPI).
    Powerdown,
    /// The monitor's `quit`.
    Quit,
    /// SIGTERM.
    Terminate,
    /// SIGKILL.
    Kill,
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Agent => "guest agent",
            Self::Shell => "poweroff on the console",
            Self::Powerdown => "power button",
            Self::Quit => "quit",
            Self::Terminate => "SIGTERM",
            Self::Kill => "SIGKILL",
        })
    }
}

/// How long each way of ending a machine is given, as base times; `None` leaves it out. SIGKILL always comes last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder {
    /// The guest agent; left out where the machine has no channel to one.
    pub agent: Option<Duration>,
    /// A shell on the console; left out where nobody has logged in there.
    pub shell: Option<Duration>,
    /// Power button.
    pub powerdown: Option<Duration>,
    /// The monitor's `quit`.
    pub quit: Option<Duration>,
    /// SIGTERM.
    pub terminate: Option<Duration>,
}

impl Default for Ladder {
    /// The guest is asked first, in every way there is.
    fn default() -> Self {
        Self {
            agent: Some(Duration::from_secs(20)),
            shell: Some(Duration::from_secs(20)),
            powerdown: Some(Duration::from_secs(20)),
            ..Self::without_guest()
        }
    }
}

impl Ladder {
    /// Only what needs no help from the guest.
    #[must_use]
    pub fn without_guest() -> Self {
        Self {
            agent: None,
            shell: None,
            powerdown: None,
            quit: Some(Duration::from_secs(5)),
            terminate: Some(Duration::from_secs(2)),
        }
    }

    fn rungs(&self) -> impl Iterator<Item = (Rung, Duration)> {
        let rungs = [
            (Rung::Agent, self.agent),
            (Rung::Shell, self.shell),
            (Rung::Powerdown, self.powerdown),
            (Rung::Quit, self.quit),
            (Rung::Terminate, self.terminate),
        ];
        rungs
            .into_iter()
            .filter_map(|(rung, base)| Some((rung, base?)))
    }
}

/// How a machine was ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShutdownReport {
    /// What ended it.
    pub ended_by: Rung,
    /// What was tried before, and why it did not.
    pub tried: Vec<(Rung, String)>,
    /// How QEMU ended.
    pub exit: ExitReport,
}
