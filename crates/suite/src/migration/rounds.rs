//! Migrations that need several rounds to show what they can do.

use std::sync::Arc;
use std::time::Duration;

use machine::ByteSize;
use virt_test::{Test, TestResult, Vm, check};
use vm::migrate::{Figures, Migration, Ongoing, Parameters};
use vm::qmp::MigrationStatus;

use crate::migration::load;

/// How long the guest may stand still until it was seen what was to be seen: so short that the migration does not end before.
const NEVER: Duration = Duration::from_millis(1);

/// Long enough for the rest.
const SOON: Duration = Duration::from_secs(2);

/// Makes a migration one that does not end by itself.
pub(crate) fn endless(migration: &mut Migration) {
    let parameters = &mut migration.options.parameters;
    parameters.max_bandwidth = Some(ByteSize::mib(1));
    parameters.downtime_limit = Some(NEVER);
}

/// Begins a migration that cannot end, waits until its figures are as `wanted`, lets it end, and checks the guest. A QEMU that may
/// lose what is written to in later rounds is left where it is in the end.
pub(crate) async fn migrate(
    test: &mut Test,
    name: &str,
    mut migration: Migration,
    wanted: impl Fn(&Figures) -> bool + Send,
) -> TestResult {
    let vm = test.vm(name)?;
    migration.options.parameters.downtime_limit = Some(NEVER);
    let ongoing = vm.begin_migration(&migration).await?;
    test.phase("rounds");
    let ongoing = ongoing
        .until("figures that were to be seen", wanted)
        .await?;
    test.phase(format!("seen: {}", ongoing.figures().await?));
    end(test, name, ongoing).await.map(drop)
}

/// Lets a migration end that could not, checks the guest, and returns the machine that has it: where QEMU may lose what is written to in
/// later rounds, that is the one it had before.
pub(crate) async fn end(test: &mut Test, name: &str, ongoing: Ongoing<'_>) -> TestResult<Arc<Vm>> {
    let vm = test.vm(name)?;
    if !vm.tracks_written_memory() {
        let figures = ongoing.cancel().await?;
        check!(
            figures.status == MigrationStatus::Cancelled,
            "it is {}",
            figures.status
        );
        load::still_well(test, &vm).await?;
        return Ok(vm);
    }
    let soon = Parameters {
        max_bandwidth: Some(ByteSize::mib(0)),
        downtime_limit: Some(SOON),
        ..Parameters::default()
    };
    ongoing.set_parameters(&soon).await?;
    let moved = test.finish_migration(ongoing).await?;
    load::well(test, &moved).await?;
    Ok(moved.vm)
}
