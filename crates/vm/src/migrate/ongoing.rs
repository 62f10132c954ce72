//! A migration from its beginning to its end.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::error::{Cause, MigrateError, Phase, Sides};
use super::figures::{Figures, Progress};
use super::observer::{Ending, News, Observer, Outcome};
use super::options::{Capability, Options, Parameters};
use super::relay::Relay;
use super::storage::{self, Mirror, MovedDisk};
use super::transport::{Address, Transport, Way};
use crate::context::Context;
use crate::error::VmError;
use crate::exit::ExitReport;
use crate::power::Ladder;
use crate::qmp::{Cursor, Event, MigrationStatus, RunState};
use crate::vm::Vm;

/// Base time of a migration unless it says otherwise.
pub(super) const LIMIT: Duration = Duration::from_secs(60);

/// Base time for the source to run again after a failure.
const RECOVERY_LIMIT: Duration = Duration::from_secs(10);

/// How long the destination's last words may take to come after the source told of a failure.
const WORDS_LIMIT: Duration = Duration::from_secs(1);

/// How long a migration may take to end once it was called off, before it is told to again.
const NUDGE: Duration = Duration::from_secs(1);

/// How often figures are looked at for who wants to see them.
const LOOK: Duration = Duration::from_millis(100);

/// Where a machine is to go, and how.
#[derive(Debug, Clone)]
pub struct Migration {
    /// QEMU of the destination, and where its logs go.
    pub destination: Context,
    /// How the state travels.
    pub transport: Transport,
    /// What it is to be like.
    pub options: Options,
    /// Lets the guest go on at the destination before its memory is there. Switches `postcopy-ram` on.
    pub postcopy: bool,
    /// Disks that go along, to images of the destination's own. All others are opened by both QEMUs. Switches
    /// `pause-before-switchover` on.
    pub storage: Vec<MovedDisk>,
    /// Where the source is to connect to, instead of where the destination listens.
    pub connect_to: Option<String>,
    /// What the connection goes through, with [`Transport::Unix`], or the file, with [`Transport::File`].
    pub relay: Option<Relay>,
    /// How long each wait of it may take, as a base time.
    pub limit: Duration,
    /// Who looks on.
    pub observers: Vec<Observer>,
}

impl Migration {
    /// To this destination, with QEMU's own defaults.
    #[must_use]
    pub fn new(destination: Context, transport: Transport) -> Self {
        Self {
            destination,
            transport,
            options: Options::default(),
            postcopy: false,
            storage: Vec::new(),
            connect_to: None,
            relay: None,
            limit: LIMIT,
            observers: Vec::new(),
        }
    }

    fn effective_options(&self) -> Options {
        let mut options = self.options.clone();
        let implied = [
            (self.postcopy, Capability::PostcopyRam),
            (!self.storage.is_empty(), Capability::PauseBeforeSwitchover),
        ];
        for (wanted, capability) in implied {
            if wanted && !options.has(&capability) {
                options.capabilities.push(capability);
            }
        }
        options
    }
}

/// A migration that succeeded.
#[derive(Debug)]
pub struct Migrated {
    /// The machine that now runs; the source's QEMU has ended.
    pub vm: Vm,
    /// What the source said at the end.
    pub figures: Figures,
    /// From the stop of the guest's CPUs at the source to their going on at the destination; absent if it was paused.
    pub standstill: Option<Duration>,
}

/// A migration under way. Dropped, it kills the destination, and the source goes on if it can.
#[derive(Debug)]
pub struct Ongoing<'a> {
    source: &'a Vm,
    destination: Vm,
    transport: Transport,
    options: Options,
    postcopy: bool,
    relay: Option<Relay>,
    limit: Duration,
    observers: Vec<Observer>,
    start: Instant,
    phase: Phase,
    /// Right after the source's last event that was looked at.
    cursor: Cursor,
    was_running: bool,
    /// Parameters of the source as they were.
    before: Map<String, Value>,
    /// Disks that are being copied.
    mirrors: Vec<Mirror>,
}

impl Vm {
    /// Moves the machine to another QEMU and hands over the machine that now runs; this one has ended then.
    ///
    /// # Errors
    /// [`MigrateError`]; the source runs on then as it did, if it can.
    pub async fn migrate(&self, migration: &Migration) -> Result<Migrated, MigrateError> {
        self.begin_migration(migration).await?.finish().await
    }

    /// Starts the destination and lets the state begin to travel; before it, disks that go along are copied.
    ///
    /// # Errors
    /// As [`Vm::migrate`].
    pub async fn begin_migration(
        &self,
        migration: &Migration,
    ) -> Result<Ongoing<'_>, MigrateError> {
        let mut ongoing = match self.start_destination(migration).await {
            Ok(ongoing) => ongoing,
            Err(error) => {
                let ending = Ending {
                    source: self,
                    destination: &migration.destination.capabilities,
                    transport: migration.transport,
                    outcome: Outcome::Failed(&error),
                };
                tell(&migration.observers, &News::Ended(ending));
                return Err(error);
            }
        };
        match ongoing.begin(migration).await {
            Ok(()) => Ok(ongoing),
            Err(cause) => Err(ongoing.fail(cause).await),
        }
    }

    async fn start_destination(&self, migration: &Migration) -> Result<Ongoing<'_>, MigrateError> {
        let fails = |phase| {
            move |cause: Cause| MigrateError {
                vm: self.name().to_owned(),
                transport: migration.transport.to_string(),
                phase,
                cause: Box::new(cause),
                sides: Box::default(),
            }
        };
        let mut spec = self.travelling_spec().await;
        storage::redirect(&mut spec, &migration.storage).map_err(fails(Phase::Destination))?;
        check_spec(self, migration.transport).map_err(fails(Phase::Destination))?;
        let destination = Vm::start_incoming(spec, &migration.destination).await;
        let destination =
            destination.map_err(|error| fails(Phase::Destination)(unsupported(error)))?;
        let options = migration.effective_options();
        Ok(Ongoing {
            source: self,
            destination,
            transport: migration.transport,
            options,
            postcopy: migration.postcopy,
            relay: migration.relay.clone(),
            limit: migration.limit,
            observers: migration.observers.clone(),
            start: Instant::now(),
            phase: Phase::Options,
            cursor: self.cursor(),
            was_running: false,
            before: Map::new(),
            mirrors: Vec::new(),
        })
    }
}

fn tell(observers: &[Observer], news: &News<'_>) {
    for observer in observers {
        observer.tell(news);
    }
}

/// What the QEMU of the destination lacks to be this machine, is unsupported and no failure.
pub(super) fn unsupported(error: VmError) -> Cause {
    match error {
        VmError::Machine { source, .. } => match *source {
            machine::MachineError::Unsupported(missing) => Cause::Unsupported(missing),
            other => Cause::Invalid {
                what: other.to_string(),
                hint: "describe the machine otherwise".to_owned(),
            },
        },
        error => Cause::Vm(error),
    }
}

fn check_spec(vm: &Vm, transport: Transport) -> Result<(), Cause> {
    let spec = vm.spec();
    if transport == Transport::Exec && spec.sandbox && vm.capabilities().has_option("sandbox") {
        return Err(Cause::Invalid {
            what: "QEMU's sandbox lets it run no commands, as transport exec needs".to_owned(),
            hint: "start the machine without the sandbox".to_owned(),
        });
    }
    match spec.disks.iter().find(|disk| disk.snapshot) {
        Some(disk) => Err(Cause::Invalid {
            what: format!(
                "what is written to disk {} is in a file only its QEMU knows",
                disk.id
            ),
            hint: "start the machine without snapshot mode".to_owned(),
        }),
        None => Ok(()),
    }
}

impl<'a> Ongoing<'a> {
    async fn begin(&mut self, migration: &Migration) -> Result<(), Cause> {
        self.options.check(self.source)?;
        self.options.check(&self.destination)?;
        self.was_running = self.source.status().await? == RunState::Running;
        self.options.apply(&self.destination).await?;
        self.before = self.options.apply(self.source).await?;
        self.phase = Phase::Listen;
        let mut address = if self.transport == Transport::File {
            Address::new_file(self.source, &self.file())?
        } else {
            let mut way = Way::prepare(self.transport, &self.destination)?;
            self.destination.take_state_from(&mut way.to_listen).await?;
            way.into_source_end(&self.destination).await?
        };
        if let Some(relay) = &migration.relay
            && self.transport == Transport::Unix
        {
            let scratch = self.destination.scratch();
            let here = scratch.join("relay.sock");
            relay.serve(&here, &scratch.join("migrate.sock"))?;
            address = Address::unix(&here);
        }
        if let Some(uri) = &migration.connect_to {
            address = Address::uri(uri);
        }
        self.mirror(&migration.storage).await?;
        self.phase = Phase::Start;
        self.start = Instant::now();
        self.cursor = self.source.cursor();
        self.source.send_state_to(&mut address, false).await?;
        if self.postcopy {
            self.start_postcopy_now().await?;
        }
        Ok(())
    }

    /// Copies disks, and lets both images have what is written from then on.
    async fn mirror(&mut self, disks: &[MovedDisk]) -> Result<(), Cause> {
        if disks.is_empty() {
            return Ok(());
        }
        self.phase = Phase::Storage;
        storage::check(self.source, &self.destination)?;
        let socket = self.destination.scratch().join("nbd.sock");
        storage::serve(&self.destination, &socket, disks).await?;
        for moved in disks {
            let mirror = Mirror::begin(self.source, &socket, &moved.disk).await?;
            self.mirrors.push(mirror);
        }
        for mirror in &self.mirrors {
            tokio::select! {
                biased;
                ready = mirror.wait_ready(self.source, self.limit) => ready?,
                exit = self.destination.watch.exit() => {
                    return Err(Cause::DestinationEnded { exit: Box::new(exit) });
                }
            }
        }
        Ok(())
    }

    /// The guest stands still: both images of its disks are brought to be the same, and only the destination has its own from now on.
    async fn settle_mirrors(&mut self) -> Result<(), Cause> {
        if self.mirrors.is_empty() {
            return Ok(());
        }
        while let Some(mirror) = self.mirrors.last() {
            mirror.settle(self.source, self.limit).await?;
            self.mirrors.pop();
        }
        storage::stop_serving(&self.destination).await?;
        Ok(())
    }

    /// The source keeps its disks to itself again.
    async fn abandon_mirrors(&mut self) -> Result<(), VmError> {
        for mirror in std::mem::take(&mut self.mirrors) {
            let end = mirror.abandon(self.source, RECOVERY_LIMIT).await?;
            tracing::debug!(?mirror, ?end, "a disk does not go along after all");
        }
        Ok(())
    }

    fn file(&self) -> std::path::PathBuf {
        self.destination.scratch().join("migrate.state")
    }

    /// The machine the guest goes to. Most of its verbs are of no use yet.
    #[must_use]
    pub fn destination(&self) -> &Vm {
        &self.destination
    }

    /// The machine the guest comes from.
    #[must_use]
    pub fn source(&self) -> &Vm {
        self.source
    }

    /// How its state travels.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// How it fares.
    ///
    /// # Errors
    /// [`VmError::Monitor`].
    pub async fn figures(&self) -> Result<Figures, VmError> {
        self.source.migration_figures().await
    }

    /// Waits until the source tells of this status, as it may have done since it was last waited for.
    ///
    /// # Errors
    /// [`MigrateError`], when it fails or ends first. The source runs on then if it can.
    pub async fn reach(mut self, wanted: MigrationStatus) -> Result<Self, MigrateError> {
        match self.source_reaches(&[wanted]).await {
            Ok(_) => Ok(self),
            Err(cause) => Err(self.fail(cause).await),
        }
    }

    /// Waits until its figures are as wanted; `what` names that in the error.
    ///
    /// # Errors
    /// [`MigrateError`], when it ends first or they are not in time. The source runs on then if it can.
    pub async fn until(
        mut self,
        what: &str,
        wanted: impl FnMut(&Figures) -> bool + Send,
    ) -> Result<Self, MigrateError> {
        match self.figures_are(what, wanted).await {
            Ok(()) => Ok(self),
            Err(cause) => Err(self.fail(cause).await),
        }
    }

    async fn figures_are(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&Figures) -> bool + Send,
    ) -> Result<(), Cause> {
        let start = Instant::now();
        let limit = self.source.limit(self.limit);
        loop {
            let cursor = self.source.cursor();
            let figures = self.figures().await?;
            self.phase = Phase::of(&figures.status).unwrap_or(self.phase);
            if wanted(&figures) {
                return Ok(());
            }
            if is_over(&figures.status) {
                return Err(Cause::Source {
                    status: figures.status,
                });
            }
            if start.elapsed() >= limit {
                return Err(Cause::TimedOut {
                    awaited: what.to_owned(),
                    waited: start.elapsed(),
                });
            }
            tokio::select! {
                biased;
                changed = next_change(self.source, cursor) => { changed?; }
                () = tokio::time::sleep(LOOK) => {}
                exit = self.destination.watch.exit() => {
                    return self.destination_ended(exit).await.map(drop);
                }
            }
        }
    }

    /// From now on these figures hold, those that are given.
    ///
    /// # Errors
    /// [`VmError::Monitor`].
    pub async fn set_parameters(&self, parameters: &Parameters) -> Result<(), VmError> {
        let given = Value::Object(parameters.given());
        let told = self.source.qmp().execute("migrate-set-parameters", given);
        let verb = "set parameters of the migration of";
        self.source.watch.told(verb, told.await).await.map(drop)
    }

    /// Lets the guest go on at the destination as soon as may be.
    ///
    /// # Errors
    /// [`MigrateError`].
    pub async fn start_postcopy(mut self) -> Result<Self, MigrateError> {
        match self.start_postcopy_now().await {
            Ok(()) => Ok(self),
            Err(cause) => Err(self.fail(cause).await),
        }
    }

    async fn start_postcopy_now(&mut self) -> Result<(), Cause> {
        let told = self
            .source
            .qmp()
            .execute("migrate-start-postcopy", json!({}))
            .await;
        self.source
            .watch
            .told("let memory follow the guest of", told)
            .await?;
        Ok(())
    }

    /// Gives memory a new way to follow the guest, after the first was lost ([`MigrationStatus::PostcopyPaused`]).
    ///
    /// # Errors
    /// [`MigrateError`].
    pub async fn recover_postcopy(mut self) -> Result<Self, MigrateError> {
        match self.reconnect().await {
            Ok(()) => Ok(self),
            Err(cause) => Err(self.fail(cause).await),
        }
    }

    async fn reconnect(&mut self) -> Result<(), Cause> {
        let destination = &self.destination;
        let socket = destination.scratch().join("recover.sock");
        let mut address = Address::unix(&socket);
        let paused = |event: &Event| status_of(event) == MigrationStatus::PostcopyPaused;
        let wait = destination.wait_for_event_that(Cursor::START, "MIGRATION", self.limit, paused);
        wait.await?;
        let uri = json!({"uri": address.uri});
        // Commands in turn may wait for memory that does not come.
        let told = if destination.qmp().has_out_of_band() {
            destination.qmp().execute_oob("migrate-recover", uri).await
        } else {
            destination.qmp().execute("migrate-recover", uri).await
        };
        destination.watch.told("reconnect", told).await?;
        self.source.send_state_to(&mut address, true).await?;
        Ok(())
    }

    /// Calls it off. When this returns the source runs on as before, and the destination is gone.
    ///
    /// # Errors
    /// [`MigrateError`], when it had ended otherwise before, or the source does not go on.
    pub async fn cancel(mut self) -> Result<Figures, MigrateError> {
        match self.call_off().await {
            Ok(figures) => {
                self.tell_end(Outcome::Cancelled(&figures));
                Ok(figures)
            }
            Err(cause) => Err(self.fail(cause).await),
        }
    }

    async fn call_off(&mut self) -> Result<Figures, Cause> {
        let source = self.source;
        let told = source.qmp().execute("migrate_cancel", json!({})).await;
        source.watch.told("call off the migration of", told).await?;
        // The destination ends as soon as the connection does, which is no failure here.
        let over = |event: &Event| event.name == "MIGRATION" && is_over(&status_of(event));
        let end = source.wait_for_event_that(self.cursor, "MIGRATION cancelled", self.limit, over);
        let mut end = std::pin::pin!(end);
        let end = loop {
            tokio::select! {
                biased;
                end = &mut end => break end?,
                () = tokio::time::sleep(NUDGE) => {}
            }
            // QEMU 7.2, called off just before it lets its user decide on the switch-over, waits for the decision all the same. One that
            // is past that refuses the word.
            let decided = json!({"state": "cancelling"});
            let _ = source.qmp().execute("migrate-continue", decided).await;
        };
        let status = status_of(&end);
        if status != MigrationStatus::Cancelled {
            return Err(Cause::Source { status });
        }
        let figures = source.migration_figures().await?;
        if self.was_running {
            self.let_source_go_on().await?;
        }
        self.abandon_mirrors().await?;
        self.restore_parameters().await?;
        Ok(figures)
    }

    /// Waits for its end and hands over the machine that now runs.
    ///
    /// # Errors
    /// [`MigrateError`]; the source runs on then as it did, if it can.
    pub async fn finish(mut self) -> Result<Migrated, MigrateError> {
        match self.run_to_end().await {
            Ok((figures, standstill)) => {
                self.tell_end(Outcome::Migrated {
                    figures: &figures,
                    standstill,
                });
                Ok(Migrated {
                    vm: self.destination,
                    figures,
                    standstill,
                })
            }
            Err(cause) => Err(self.fail(cause).await),
        }
    }

    async fn run_to_end(&mut self) -> Result<(Figures, Option<Duration>), Cause> {
        let ends = [MigrationStatus::Completed, MigrationStatus::PreSwitchover];
        loop {
            if self.phase == Phase::PreSwitchover {
                self.settle_mirrors().await?;
                let state = json!({"state": MigrationStatus::PreSwitchover.as_str()});
                let told = self.source.qmp().execute("migrate-continue", state);
                let verb = "let the migration go on of";
                self.source.watch.told(verb, told.await).await?;
            }
            // Whoever waited for its completion need not be told of it again.
            if self.phase == Phase::Completed
                || self.source_reaches(&ends).await? == MigrationStatus::Completed
            {
                break;
            }
        }
        if self.transport == Transport::File {
            if let Some(relay) = &self.relay {
                relay.pass_on(&self.file())?;
            }
            let mut file = Address::file(&self.destination, &self.file())?;
            self.destination.take_state_from(&mut file).await?;
        }
        let state = self.destination.wait_for_state(self.limit).await?;
        if self.transport == Transport::File {
            // It may be large, and the directory it is in lives as long as the machine.
            let _ = std::fs::remove_file(self.file());
        }
        let figures = self.source.final_figures().await?;
        tracing::debug!(%state, %figures, vm = self.source.name(), "migrated");
        let standstill = self.standstill();
        self.destination.follow_consoles(self.source);
        self.source.quit().await?;
        self.destination.take_forwards().await?;
        Ok((figures, standstill))
    }

    /// From the source's last stop to the destination's going on.
    fn standstill(&self) -> Option<Duration> {
        let time = |event: &Event| event.timestamp;
        let stopped = self.source.qmp().events().since(Cursor::START);
        let stopped = stopped.iter().rev().find(|event| event.name == "STOP");
        let resumed = self.destination.qmp().events().since(Cursor::START);
        let resumed = resumed.iter().find(|event| event.name == "RESUME");
        let (stopped, resumed) = (stopped.and_then(time)?, resumed.and_then(time)?);
        resumed.duration_since(stopped).ok()
    }

    /// Waits until the source tells of one of these, and says which.
    async fn source_reaches(
        &mut self,
        wanted: &[MigrationStatus],
    ) -> Result<MigrationStatus, Cause> {
        let start = Instant::now();
        let limit = self.source.limit(self.limit);
        let awaited = || {
            wanted
                .iter()
                .map(MigrationStatus::as_str)
                .collect::<Vec<_>>()
                .join(" or ")
        };
        loop {
            let left = limit.checked_sub(start.elapsed());
            let Some(left) = left else {
                return Err(Cause::TimedOut {
                    awaited: awaited(),
                    waited: start.elapsed(),
                });
            };
            let status = tokio::select! {
                biased;
                event = next_change(self.source, self.cursor) => {
                    let event = event?;
                    self.cursor = event.after();
                    status_of(&event)
                }
                () = tokio::time::sleep(left.min(LOOK)), if !self.observers.is_empty() => {
                    self.show().await;
                    continue;
                }
                () = tokio::time::sleep(left) => continue,
                exit = self.destination.watch.exit() => return self.destination_ended(exit).await,
            };
            if let Some(phase) = Phase::of(&status) {
                self.phase = phase;
            }
            self.show().await;
            if wanted.contains(&status) {
                return Ok(status);
            }
            if is_over(&status) {
                return Err(Cause::Source { status });
            }
        }
    }

    /// The source finds out by itself that the other end of the connection is gone; unless it was done with it.
    async fn destination_ended(&mut self, exit: ExitReport) -> Result<MigrationStatus, Cause> {
        let over = |event: &Event| {
            let status = event.data["status"].as_str();
            event.name == "MIGRATION"
                && matches!(
                    status,
                    Some("failed" | "completed" | "cancelled" | "postcopy-paused")
                )
        };
        let told =
            self.source
                .wait_for_event_that(self.cursor, "MIGRATION failed", RECOVERY_LIMIT, over);
        // A file has no other end.
        if self.transport != Transport::File
            && let Ok(event) = told.await
        {
            let status = status_of(&event);
            self.phase = Phase::of(&status).unwrap_or(self.phase);
            // Somebody has called it off at the source, and the destination ended because of that.
            if status == MigrationStatus::Cancelled {
                return Err(Cause::Source { status });
            }
        }
        Err(Cause::DestinationEnded {
            exit: Box::new(exit),
        })
    }

    async fn show(&self) {
        if self.observers.is_empty() {
            return;
        }
        let Ok(figures) = self.source.migration_figures().await else {
            return;
        };
        let at = self.start.elapsed();
        tell(&self.observers, &News::Progress(&Progress { at, figures }));
    }

    fn tell_end(&self, outcome: Outcome<'_>) {
        let ending = Ending {
            source: self.source,
            destination: self.destination.capabilities(),
            transport: self.transport,
            outcome,
        };
        tell(&self.observers, &News::Ended(ending));
    }

    /// The guest goes on at the source, now that the destination is out of it.
    async fn let_source_go_on(&self) -> Result<(), VmError> {
        // It takes itself for the one that was left behind once it is done, and QEMU 7.2 also when it was called off on its way to
        // post-copy.
        if self.phase == Phase::Completed || self.source.status().await? == RunState::Postmigrate {
            self.source.resume().await?;
        }
        let goes_on = self
            .source
            .wait_for_status(RunState::Running, RECOVERY_LIMIT);
        goes_on.await.map(drop)
    }

    async fn restore_parameters(&mut self) -> Result<(), VmError> {
        let before = std::mem::take(&mut self.before);
        if before.is_empty() {
            return Ok(());
        }
        let told = self
            .source
            .qmp()
            .execute("migrate-set-parameters", Value::Object(before))
            .await;
        self.source
            .watch
            .told("set parameters of the migration of", told)
            .await
            .map(drop)
    }

    /// Makes the error, and makes the source run on.
    async fn fail(mut self, cause: Cause) -> MigrateError {
        let destination = self.destination_words(&cause).await;
        let sides = Sides {
            destination,
            ..self.recover().await
        };
        let error = MigrateError {
            vm: self.source.name().to_owned(),
            transport: self.transport.to_string(),
            phase: self.phase,
            cause: Box::new(cause),
            sides: Box::new(sides),
        };
        self.tell_end(Outcome::Failed(&error));
        error
    }

    /// What the destination says went wrong: on its stderr, and on its monitor while it is there. The former often says more.
    async fn destination_words(&self, cause: &Cause) -> Option<String> {
        if matches!(cause, Cause::DestinationEnded { .. }) || self.phase < Phase::Start {
            return None;
        }
        let events = self.destination.qmp().events();
        let failed = |event: &Event| event.name == "MIGRATION" && event.data["status"] == "failed";
        let told = events.wait(Cursor::START, "failed", WORDS_LIMIT, failed);
        tokio::select! {
            biased;
            exit = self.destination.watch.exit() => return Some(exit.to_string()),
            _ = told => {}
        }
        let asked = self
            .destination
            .qmp()
            .query::<Figures>("query-migrate", json!({}));
        let asked = tokio::time::timeout(WORDS_LIMIT, asked).await;
        let told = asked
            .ok()
            .and_then(Result::ok)
            .and_then(|figures| figures.error_desc);
        let mut words = self.destination.last_words().stderr.trim().to_owned();
        if let Some(told) = told
            && !words.contains(&told)
        {
            let separator = if words.is_empty() { "" } else { "; " };
            words = format!("{words}{separator}{told}");
        }
        (!words.is_empty()).then_some(words)
    }

    /// Ends the destination, and lets the source go on where it stands still because of us.
    async fn recover(&mut self) -> Sides {
        // Nothing can be told of a failure here that the error does not tell already.
        let source = self.source;
        for mirror in &self.mirrors {
            let _ = mirror.cancel(source).await;
        }
        let kill = Ladder {
            quit: None,
            terminate: None,
            ..Ladder::without_guest()
        };
        let _ = self.destination.shutdown(&kill).await;
        let _ = self.abandon_mirrors().await;
        let mut sides = Sides::default();
        let Ok(figures) = source.migration_figures().await else {
            return sides;
        };
        sides.source = figures.error_desc;
        if !is_over(&figures.status) && self.phase >= Phase::Start && self.phase < Phase::Postcopy {
            let _ = source.qmp().execute("migrate_cancel", json!({})).await;
            let _ = self.source_reaches(&[MigrationStatus::Cancelled]).await;
        }
        if self.was_running && self.phase != Phase::Postcopy {
            let _ = self.let_source_go_on().await;
        }
        let _ = self.restore_parameters().await;
        sides.source_state = source.status().await.ok();
        sides
    }
}

/// The source's next change of status.
async fn next_change(source: &Vm, cursor: Cursor) -> Result<Event, VmError> {
    let changes = |event: &Event| event.name == "MIGRATION";
    source
        .wait_for_event_that(cursor, "MIGRATION", Duration::MAX, changes)
        .await
}

fn is_over(status: &MigrationStatus) -> bool {
    use MigrationStatus::{Cancelled, Completed, Failed};
    matches!(status, Failed | Cancelled | Completed)
}

fn status_of(event: &Event) -> MigrationStatus {
    let word = event.data["status"].as_str().unwrap_or_default();
    MigrationStatus::from(word.to_owned())
}

impl Vm {
    /// The figures of a completed migration. QEMU says that it is completed before it has worked out how long it took, and
    /// tells nobody when it has.
    pub(super) async fn final_figures(&self) -> Result<Figures, VmError> {
        let settled = async {
            loop {
                let figures = self.migration_figures().await?;
                if figures.total_time.is_some_and(|time| !time.is_zero()) {
                    return Ok(figures);
                }
                tokio::time::sleep(LOOK / 10).await;
            }
        };
        self.wait("figures of the migration", RECOVERY_LIMIT, settled)
            .await?
    }

    /// Begins to send the machine's state.
    pub(super) async fn send_state_to(
        &self,
        address: &mut Address,
        resume: bool,
    ) -> Result<(), VmError> {
        address.hand_over(self).await?;
        let mut arguments = json!({"uri": address.uri});
        if resume {
            arguments["resume"] = json!(true);
        }
        let told = self.qmp().execute("migrate", arguments).await;
        self.watch
            .told("begin the migration of", told)
            .await
            .map(drop)
    }

    /// Takes the ports of the host that lead into the guest. A machine that began with a state from elsewhere does not do so by itself, as the
    /// one it came from may still have them.
    ///
    /// # Errors
    /// [`VmError::Monitor`] where QEMU refuses.
    pub async fn take_forwards(&self) -> Result<(), VmError> {
        for nic in self.spec().all_nics() {
            if let machine::Netdev::User { forwards, .. } = &nic.netdev {
                for forward in forwards {
                    self.hmp(&format!("hostfwd_add {} {forward}", nic.netdev_name()))
                        .await?;
                }
            }
        }
        Ok(())
    }
}
