//! Machines that move, and what the results keep of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use events::{Event, MigrationFigures};
use machine::{Board, Capabilities, Device, Disk, MachineType};
use params::Params;
use tracing::info;
use vm::Vm;
use vm::migrate::{
    Capability, Ending, Figures, MigrateError, Migrated, Migration, MovedDisk, News, Observer,
    Ongoing, Options, Outcome, Parameters, Progress, Transport,
};

use crate::{Stop, Test, TestResult, chain};

/// So long that a guest is stopped as soon as it is known how fast its memory can be sent.
const LONG_DOWNTIME: Duration = Duration::from_secs(100);

/// How much time passes between two events that tell how a migration fares, while its status stays.
const PROGRESS_STEP: Duration = Duration::from_millis(500);

/// A migration that a test has brought to its end.
#[derive(Debug)]
pub struct Moved {
    /// The machine that now runs.
    pub vm: Arc<Vm>,
    /// What the source said at the end.
    pub figures: Figures,
    /// From the stop of the guest's CPUs to their going on; absent if they did not run.
    pub standstill: Option<Duration>,
}

impl Test {
    /// Where machine `name` can go and how, as its parameters say: to `qemu_dst_binary`, and from there back to `qemu_binary`.
    ///
    /// # Errors
    /// ERROR where a parameter cannot be read, or an image for a disk that goes along cannot be made.
    pub async fn migration(&self, name: &str) -> TestResult<Migration> {
        let params = self.params_of(name);
        let transport: String = params.need("mig_protocol")?;
        let transport: Transport = transport
            .parse()
            .map_err(|error| Stop::error(format!("mig_protocol: {error}")))?;
        let key = if self.is_away(name) {
            "qemu_binary"
        } else {
            self.destination_key(&params)
        };
        let destination = self.context(name, &params, key)?;
        let mut migration = Migration::new(destination, transport);
        migration.limit = params.need("mig_timeout")?;
        migration.postcopy = params.need("mig_postcopy")?;
        migration.options = options(&params)?;
        migration.observers.push(self.observer(name));
        if params.need("mig_storage")? {
            migration.storage = self.storage_of(name).await?;
        }
        if !self.vm(name)?.tracks_written_memory() {
            // What is sent at first, and what is sent after the guest has stopped, is whole even so.
            migration.options.parameters.downtime_limit = Some(LONG_DOWNTIME);
        }
        Ok(migration)
    }

    /// All disks of machine `name`, to go along with it.
    async fn storage_of(&self, name: &str) -> TestResult<Vec<MovedDisk>> {
        let vm = self.vm(name)?;
        let plugged = vm.plugged().await.into_iter();
        let plugged = plugged.filter_map(|placed| match placed.device {
            Device::Disk(disk) => Some(disk),
            _ => None,
        });
        let disks: Vec<Disk> = vm.spec().disks.iter().cloned().chain(plugged).collect();
        let mut moved = Vec::new();
        for disk in disks.into_iter().filter(|disk| !disk.readonly) {
            moved.push(MovedDisk {
                image: self.image_to_move_to(&vm, &disk).await?,
                format: disk.format,
                disk: disk.id,
            });
        }
        Ok(moved)
    }

    /// Moves machine `name` and goes on with the machine that now runs.
    ///
    /// # Errors
    /// FAIL where the migration fails, SKIP where one of the QEMUs lacks what it needs.
    pub async fn migrate(&self, name: &str, migration: &Migration) -> TestResult<Moved> {
        let vm = self.vm(name)?;
        self.phase(format!("migrating {name} by {}", migration.transport));
        Ok(self.go_on_with(vm.migrate(migration).await?))
    }

    /// Brings a migration to its end that was begun by [`Vm::begin_migration`].
    ///
    /// # Errors
    /// As [`Test::migrate`].
    pub async fn finish_migration(&self, ongoing: Ongoing<'_>) -> TestResult<Moved> {
        Ok(self.go_on_with(ongoing.finish().await?))
    }

    /// Goes on with a machine that was restored from a file.
    pub fn adopt_vm(&self, vm: Vm) -> Arc<Vm> {
        let (name, vm) = (vm.name().to_owned(), Arc::new(vm));
        if let Ok(earlier) = self.vm(&name) {
            vm.follow_consoles(&earlier);
        }
        self.take_in(&name, Arc::clone(&vm));
        vm
    }

    fn go_on_with(&self, migrated: Migrated) -> Moved {
        let Migrated {
            vm,
            figures,
            standstill,
        } = migrated;
        let name = vm.name().to_owned();
        info!(?standstill, "{name} has migrated: {figures}");
        self.phase(format!("migrated {name}: {figures}"));
        let vm = Arc::new(vm);
        self.take_in(&name, Arc::clone(&vm));
        Moved {
            vm,
            figures,
            standstill,
        }
    }

    /// Makes events of migrations: of what came of each, whoever asked for it, and on its way of looks that say something new.
    fn observer(&self, name: &str) -> Observer {
        let machine = name.to_owned();
        let (events, running) = (self.env.events.clone(), Arc::clone(&self.running));
        let last: Mutex<Option<Progress>> = Mutex::new(None);
        Observer::new(move |news| {
            let (index, at_ms) = (running.index, milliseconds(running.elapsed()));
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            match news {
                News::Progress(look) => {
                    let says_something_new = last.as_ref().is_none_or(|last| {
                        last.figures.status != look.figures.status
                            || look.at >= last.at + PROGRESS_STEP
                    });
                    if says_something_new {
                        events.send(Event::MigrationProgress {
                            index,
                            at_ms,
                            machine: machine.clone(),
                            figures: told(&look.figures),
                        });
                        *last = Some((*look).clone());
                    }
                }
                News::Ended(ending) => {
                    *last = None;
                    events.send(Event::Migrated {
                        index,
                        at_ms,
                        migration: record(ending),
                    });
                }
            }
        })
    }
}

/// What the results keep of a migration.
fn record(ending: &Ending<'_>) -> events::Migration {
    let source = ending.source;
    let machine = source.spec().machine.qemu_name();
    let machine = source.capabilities().resolve_machine(machine);
    let mut record = events::Migration {
        machine: source.name().to_owned(),
        transport: ending.transport.to_string(),
        from: source.capabilities().version.to_string(),
        to: ending.destination.version.to_string(),
        machine_type: machine.unwrap_or_default().to_owned(),
        ..events::Migration::default()
    };
    match ending.outcome {
        Outcome::Migrated {
            figures,
            standstill,
        } => {
            record.figures = told(figures);
            record.standstill_ms = standstill.map(milliseconds);
        }
        Outcome::Cancelled(figures) => record.figures = told(figures),
        Outcome::Failed(error) => record.error = Some(chain(error)),
    }
    record
}

fn told(figures: &Figures) -> MigrationFigures {
    MigrationFigures {
        status: figures.status.to_string(),
        transferred: figures.ram.transferred,
        remaining: figures.ram.remaining,
        total: figures.ram.total,
        mbps: figures.ram.mbps,
        rounds: figures.ram.dirty_sync_count,
        total_ms: figures.total_time.map(milliseconds),
        downtime_ms: figures.downtime.map(milliseconds),
    }
}

fn milliseconds(time: Duration) -> u64 {
    time.as_millis() as u64
}

/// What the parameters say a machine's migrations are to be like.
fn options(params: &Params) -> TestResult<Options> {
    let capabilities: Vec<String> = params.read("mig_capabilities")?.unwrap_or_default();
    let parameters = Parameters {
        max_bandwidth: params.read("mig_bandwidth")?,
        downtime_limit: params.read("mig_downtime")?,
        multifd_compression: params.read("multifd_compression")?,
        ..Parameters::default()
    };
    Ok(Options {
        capabilities: capabilities.into_iter().map(Capability::from).collect(),
        parameters,
    })
}

/// The newest machine type of a board that both QEMUs have, so that a machine can go from one to the other.
pub(crate) fn common_type(
    board: Board,
    one: &Capabilities,
    other: &Capabilities,
) -> Option<MachineType> {
    let prefix = match board {
        Board::Q35 => "pc-q35-",
        Board::I440fx => "pc-i440fx-",
        Board::None => return None,
    };
    let version = |name: &str| {
        let (major, minor) = name.strip_prefix(prefix)?.split_once('.')?;
        Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
    };
    let names = one
        .machines
        .keys()
        .filter(|name| other.machines.contains_key(*name));
    let newest = names
        .filter_map(|name| Some((version(name)?, name)))
        .max()?;
    Some(MachineType::Versioned(newest.1.clone()))
}

impl From<MigrateError> for Stop {
    fn from(error: MigrateError) -> Self {
        Stop::because(error.blame(), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn qemu(types: &[&str]) -> Capabilities {
        let types = types.iter().map(|name| {
            (
                (*name).to_owned(),
                machine::capabilities::MachineType::default(),
            )
        });
        Capabilities {
            machines: types.collect(),
            ..Capabilities::default()
        }
    }

    #[test]
    fn two_qemus_meet_at_the_newest_type_both_have() {
        let older = qemu(&["pc-q35-2.12", "pc-q35-7.2", "pc-i440fx-7.1", "q35"]);
        let newer = qemu(&["pc-q35-2.12", "pc-q35-7.2", "pc-q35-10.0", "pc-i440fx-7.1"]);
        for (one, other) in [(&older, &newer), (&newer, &older)] {
            let q35 = common_type(Board::Q35, one, other);
            assert_eq!(q35, Some(MachineType::Versioned("pc-q35-7.2".to_owned())));
        }
        assert_eq!(
            common_type(Board::Q35, &newer, &newer),
            Some(MachineType::Versioned("pc-q35-10.0".to_owned()))
        );
        assert_eq!(common_type(Board::I440fx, &older, &qemu(&[])), None);
    }
}
