//! Machines of `org.virt-test.vm` that move, are saved and restored.

use std::sync::Arc;
use std::time::Duration;

use machine::ByteSize;
use serde_json::json;
use tokio::sync::mpsc;
use vm::Vm;
use vm::migrate::{self, Capability, News, Observer, Options, Parameters, Transport};

use crate::call::{Call, count, limit, number};
use crate::failure::Failure;
use crate::generated::vm::*;

impl Call<'_> {
    pub(crate) async fn vm_migrate(&self, it: MigrateCall) -> Result<MigrateReply, Failure> {
        let vm = self.vm(&it.vm)?;
        let mut migration = self.test.migration(&it.vm).await?;
        if let Some(transport) = it.transport {
            let wrong = |error: migrate::TransportError| {
                Failure::Parameter("transport".to_owned(), error.to_string())
            };
            migration.transport = transport.parse::<Transport>().map_err(wrong)?;
        }
        if let Some(capabilities) = it.capabilities {
            let capabilities = capabilities.into_iter().map(Capability::from);
            migration.options.capabilities = capabilities.collect();
        }
        if let Some(parameters) = it.parameters {
            set(&mut migration.options.parameters, parameters)?;
        }
        migration.postcopy |= it.postcopy.unwrap_or(false);
        migration.limit = limit(it.timeout, migration.limit)?;
        let (sender, mut looks) = mpsc::unbounded_channel();
        if self.more {
            migration.observers.push(Observer::new(move |news| {
                if let News::Progress(look) = news {
                    // Whoever asked may be gone.
                    let _ = sender.send((*look).clone());
                }
            }));
        }
        let moving = self.test.migrate(&it.vm, &migration);
        let mut moving = std::pin::pin!(moving);
        let mut cancelled = false;
        let moved = loop {
            tokio::select! {
                biased;
                Some(look) = looks.recv(), if self.more => {
                    let mut progress = figures(&look.figures);
                    progress.elapsed = Some(look.at.as_secs_f64());
                    self.reply(&MigrateReply { progress: Some(progress), figures: None, standstill: None }).await?;
                }
                moved = &mut moving => break moved?,
                () = self.gone(), if !cancelled => {
                    cancelled = true;
                    // One that is over by now cannot be.
                    let _ = cancel(&vm).await;
                }
            }
        };
        Ok(MigrateReply {
            progress: None,
            figures: Some(figures(&moved.figures)),
            standstill: moved.standstill.map(|time| time.as_secs_f64()),
        })
    }

    pub(crate) async fn vm_cancel_migration(
        &self,
        it: CancelMigrationCall,
    ) -> Result<CancelMigrationReply, Failure> {
        cancel(&self.vm(&it.vm)?)
            .await
            .map_err(|failure| failure.at(it.vm))?;
        Ok(CancelMigrationReply {})
    }

    pub(crate) async fn vm_save(&self, it: SaveCall) -> Result<SaveReply, Failure> {
        let file = self.path(&it.file);
        let saved = self.vm(&it.vm)?.save(&file, &Options::default()).await?;
        Ok(SaveReply {
            figures: figures(&saved),
        })
    }

    pub(crate) async fn vm_restore(&self, it: RestoreCall) -> Result<RestoreReply, Failure> {
        let vm = self.vm(&it.vm)?;
        let file = self.path(&it.file);
        let spec = vm.travelling_spec().await;
        let context = self.test.migration(&it.vm).await?.destination;
        if vm.ended().is_none() {
            vm.destroy().await?;
        }
        let restored = Vm::restore(spec, &context, &file, &Options::default()).await?;
        self.test.adopt_vm(restored);
        Ok(RestoreReply {
            machine: self.machine(it.vm).await,
        })
    }
}

async fn cancel(vm: &Arc<Vm>) -> Result<(), Failure> {
    vm.qmp().execute("migrate_cancel", json!({})).await?;
    Ok(())
}

fn set(parameters: &mut Parameters, given: MigrationParameters) -> Result<(), Failure> {
    let bytes = |name: &str, size: Option<i64>| {
        let size = size.map(|size| count(&format!("parameters.{name}"), size));
        Ok::<_, Failure>(size.transpose()?.map(ByteSize::bytes))
    };
    let small = |name: &str, number: Option<i64>| {
        let wrong = |number: i64| {
            let message = format!("{number} is not from 0 to 255");
            Failure::Parameter(format!("parameters.{name}"), message)
        };
        let number = number.map(|number| u8::try_from(number).map_err(|_| wrong(number)));
        number.transpose()
    };
    let downtime = given
        .downtime_limit
        .map(|time| limit(Some(time), Duration::ZERO));
    *parameters = Parameters {
        max_bandwidth: bytes("max_bandwidth", given.max_bandwidth)?,
        max_postcopy_bandwidth: bytes("max_postcopy_bandwidth", given.max_postcopy_bandwidth)?,
        downtime_limit: downtime.transpose()?.or(parameters.downtime_limit),
        multifd_channels: small("multifd_channels", given.multifd_channels)?,
        multifd_compression: given.multifd_compression,
        xbzrle_cache_size: bytes("xbzrle_cache_size", given.xbzrle_cache_size)?,
        cpu_throttle_initial: small("cpu_throttle_initial", given.cpu_throttle_initial)?,
        cpu_throttle_increment: small("cpu_throttle_increment", given.cpu_throttle_increment)?,
        max_cpu_throttle: small("max_cpu_throttle", given.max_cpu_throttle)?,
        direct_io: None,
    };
    Ok(())
}

fn figures(told: &migrate::Figures) -> Figures {
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
    let ram = &told.ram;
    Figures {
        status: told.status.to_string(),
        transferred: number(ram.transferred),
        remaining: number(ram.remaining),
        total: number(ram.total),
        mbps: ram.mbps,
        dirty_pages_rate: number(ram.dirty_pages_rate),
        dirty_sync_count: number(ram.dirty_sync_count),
        postcopy_requests: number(ram.postcopy_requests),
        elapsed: seconds(told.total_time),
        setup: seconds(told.setup_time),
        expected_downtime: seconds(told.expected_downtime),
        downtime: seconds(told.downtime),
        throttle: told.cpu_throttle_percentage.map(Into::into),
    }
}
