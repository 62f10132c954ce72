//! A machine's state in a file: written while the machine stands still, taken up as often as wanted.

use std::path::Path;

use machine::MachineSpec;

use super::error::{Cause, MigrateError, Phase, Sides};
use super::figures::Figures;
use super::ongoing::LIMIT;
use super::options::{Capability, Options};
use super::transport::{Address, Transport};
use crate::context::Context;
use crate::error::VmError;
use crate::qmp::{Event, MigrationStatus, RunState};
use crate::vm::Vm;

impl Vm {
    /// Stops the machine and writes its state into a file, which is made, or emptied first. The machine stays, paused; its disks go
    /// with the state and must not be written to any more if that is to be of use. Only with
    /// [`Capability::BackgroundSnapshot`] it goes on, and its state is that of the beginning; that is read without the capability.
    ///
    /// # Errors
    /// [`MigrateError`]; the machine runs on then if it ran.
    pub async fn save(&self, file: &Path, options: &Options) -> Result<Figures, MigrateError> {
        let was_running = self.status().await;
        let was_running =
            was_running.map_err(|error| self.not_saved(Phase::Options, error.into()))?;
        match self.write_state(file, options).await {
            Ok(figures) => Ok(figures),
            Err((phase, cause)) => {
                if was_running == RunState::Running {
                    // The error tells what state it is in if this does not help.
                    let _ = self.resume().await;
                }
                let mut error = self.not_saved(phase, cause);
                let figures = self.migration_figures().await.ok();
                error.sides.source = figures.and_then(|figures| figures.error_desc);
                error.sides.source_state = self.status().await.ok();
                Err(error)
            }
        }
    }

    async fn write_state(&self, file: &Path, options: &Options) -> Result<Figures, (Phase, Cause)> {
        let at = |phase| move |error: VmError| (phase, Cause::Vm(error));
        let wrong = |cause| (Phase::Options, cause);
        options.check(self).map_err(wrong)?;
        let stays = !options.has(&Capability::BackgroundSnapshot);
        if stays && self.status().await.map_err(at(Phase::Options))? == RunState::Running {
            self.pause().await.map_err(at(Phase::Options))?;
        }
        options.apply(self).await.map_err(wrong)?;
        let mut address = Address::new_file(self, file).map_err(at(Phase::Start))?;
        let cursor = self.cursor();
        self.send_state_to(&mut address, false)
            .await
            .map_err(at(Phase::Start))?;
        let over = |event: &Event| {
            let status = event.data["status"].as_str();
            event.name == "MIGRATION"
                && matches!(status, Some("completed" | "failed" | "cancelled"))
        };
        let ended = self.wait_for_event_that(cursor, "MIGRATION completed", LIMIT, over);
        let ended = ended.await.map_err(at(Phase::Active))?;
        let status =
            MigrationStatus::from(ended.data["status"].as_str().unwrap_or_default().to_owned());
        if status != MigrationStatus::Completed {
            return Err((Phase::Active, Cause::Source { status }));
        }
        self.final_figures().await.map_err(at(Phase::Completed))
    }

    /// Starts a machine with the state a file holds. It stands still where it stood still when it was saved, and must be described
    /// as it was then, but for names, addresses and files of the host.
    ///
    /// # Errors
    /// [`MigrateError`]. Whatever fails, nothing is left running and nothing borrowed.
    pub async fn restore(
        spec: MachineSpec,
        context: &Context,
        file: &Path,
        options: &Options,
    ) -> Result<Self, MigrateError> {
        let name = spec.name.clone();
        let vm = Self::start_incoming(spec, context).await.map_err(|error| {
            let cause = super::ongoing::unsupported(error);
            not_by_file(&name, Phase::Destination, cause)
        })?;
        let mut phase = Phase::Options;
        match vm.take_up(file, options, &mut phase).await {
            Ok(()) => Ok(vm),
            Err(cause) => Err(vm.not_taken_up(phase, cause).await),
        }
    }

    async fn take_up(
        &self,
        file: &Path,
        options: &Options,
        phase: &mut Phase,
    ) -> Result<(), Cause> {
        options.check(self)?;
        options.apply_first(self).await?;
        *phase = Phase::Listen;
        let mut address = Address::file(self, file)?;
        address.hand_over(self).await?;
        self.take_state_from(&mut address).await?;
        *phase = Phase::Active;
        let state = self.wait_for_state(LIMIT).await?;
        tracing::debug!(vm = self.name(), %state, "restored");
        Ok(())
    }

    async fn not_taken_up(&self, phase: Phase, cause: Cause) -> MigrateError {
        let mut error = not_by_file(self.name(), phase, cause);
        let figures = self.migration_figures().await.ok();
        let words = figures.and_then(|figures| figures.error_desc);
        let stderr = self.last_words().stderr;
        error.sides.destination = words.or_else(|| (!stderr.trim().is_empty()).then_some(stderr));
        error
    }

    fn not_saved(&self, phase: Phase, cause: Cause) -> MigrateError {
        not_by_file(self.name(), phase, cause)
    }
}

fn not_by_file(vm: &str, phase: Phase, cause: Cause) -> MigrateError {
    MigrateError {
        vm: vm.to_owned(),
        transport: Transport::File.to_string(),
        phase,
        cause: Box::new(cause),
        sides: Box::new(Sides::default()),
    }
}
