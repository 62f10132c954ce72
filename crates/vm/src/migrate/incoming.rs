//! The side that takes a machine up.

use std::time::Duration;

use machine::{Accel, MachineSpec, MachineType, Need};
use serde_json::json;

use super::error::Cause;
use super::figures::Figures;
use super::transport::Address;
use crate::context::Context;
use crate::error::VmError;
use crate::health::FindingKind;
use crate::qmp::{MigrationStatus, RunState};
use crate::start::Beginning;
use crate::vm::Vm;

impl Vm {
    /// Starts a QEMU that waits for the state of a machine like this (`-incoming defer`). The disks are opened, but left alone until
    /// the state has come; ports of the host that are forwarded into the guest are not taken.
    ///
    /// # Errors
    /// [`VmError`]. Whatever fails, nothing is left running and nothing borrowed.
    pub async fn start_incoming(spec: MachineSpec, context: &Context) -> Result<Self, VmError> {
        Self::start_as(Beginning::Incoming, spec, context).await
    }

    /// The machine as another QEMU has to be told of it: with the full name of its type, as each QEMU means another by `q35`,
    /// with what was plugged in where it is, and with memory of its own where this one's lies in a file.
    pub async fn travelling_spec(&self) -> MachineSpec {
        let mut spec = self.spec().clone();
        spec.plugged = self.plugged().await;
        spec.memory_file = None;
        if let Some(name) = self
            .capabilities()
            .resolve_machine(spec.machine.qemu_name())
        {
            spec.machine = MachineType::Versioned(name.to_owned());
        }
        spec
    }

    /// Lets its consoles' text go on from where it was on the machine that the guest has come from, so that whoever logs in
    /// knows the shell that waits there.
    pub fn follow_consoles(&self, earlier: &Self) {
        self.watch.follow(&earlier.watch);
    }

    /// Is memory that the guest writes to while it is copied surely copied again?
    ///
    /// Under TCG, QEMU before 9.0 does not watch a page any more that it has found written to once: what is written there after
    /// the page was sent a second time may be lost (mended by "physmem: Fix migration dirty bitmap coherency with TCG memory
    /// access"). No answer of the binary tells, so its version has to.
    #[must_use]
    pub fn tracks_written_memory(&self) -> bool {
        self.spec().accel != Accel::Tcg || self.capabilities().version.major >= 9
    }

    /// How its migration, in or out, fares.
    ///
    /// # Errors
    /// [`VmError::Monitor`].
    pub async fn migration_figures(&self) -> Result<Figures, VmError> {
        let told = self.qmp().query("query-migrate", json!({})).await;
        self.watch.told("ask for the migration of", told).await
    }

    /// Lets it listen, or read, at an address.
    pub(super) async fn take_state_from(&self, address: &mut Address) -> Result<(), VmError> {
        address.hand_over(self).await?;
        let mut arguments = json!({"uri": address.uri});
        let stays = Need::Argument {
            command: "migrate-incoming".to_owned(),
            argument: "exit-on-error".to_owned(),
        };
        if self.capabilities().require(&stays).is_ok() {
            // So that it can be asked what went wrong.
            arguments["exit-on-error"] = json!(false);
        }
        let told = self.qmp().execute("migrate-incoming", arguments).await;
        self.watch
            .told("let the state come in to", told)
            .await
            .map(drop)
    }

    /// Waits until its state has come, and it goes on or stands still as that says.
    pub(super) async fn wait_for_state(&self, limit: Duration) -> Result<RunState, Cause> {
        let cursor = crate::qmp::Cursor::START;
        let over = |event: &crate::qmp::Event| {
            event.name == "MIGRATION"
                && matches!(event.data["status"].as_str(), Some("completed" | "failed"))
        };
        let ended = self.wait_for_event_that(cursor, "MIGRATION completed", limit, over);
        let event = match ended.await {
            Ok(event) => event,
            Err(VmError::Ended { exit, .. }) => return Err(Cause::DestinationEnded { exit }),
            Err(VmError::Unwell { finding, .. }) if finding.kind == FindingKind::QemuExit => {
                let exit = Box::new(self.watch.exit().await);
                return Err(Cause::DestinationEnded { exit });
            }
            Err(error) => return Err(error.into()),
        };
        if event.data["status"] != MigrationStatus::Completed.as_str() {
            return Err(Cause::Destination {
                status: MigrationStatus::Failed,
            });
        }
        let settled = async {
            loop {
                let cursor = self.cursor();
                let state = self.qmp().status().await?.status;
                if state != RunState::Inmigrate && state != RunState::Prelaunch {
                    return Ok(state);
                }
                let _ = self
                    .qmp()
                    .events()
                    .wait(cursor, "any", ASK_AGAIN, |_| true)
                    .await;
            }
        };
        let state = self.wait("state after migration", limit, settled).await?;
        Ok(self.watch.told("ask for the state of", state).await?)
    }
}

/// How long a state is taken to stay as it is without an event.
const ASK_AGAIN: Duration = Duration::from_secs(1);
