//! What a migration is to be like: capabilities and parameters, set on both sides where both have them.

use std::time::Duration;

use machine::{ByteSize, Need};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::Cause;
use crate::qmp::open_words;
use crate::vm::Vm;

open_words! {
    /// Something a migration can do (`MigrationCapability` of QEMU's QAPI reference). One not named here is `Other`, made by
    /// `Capability::from` of its word.
    Capability {
        /// Status changes are told as events. Always on here.
        Events = "events",
        /// The destination tells the source how it fares.
        ReturnPath = "return-path",
        /// Several connections carry memory.
        Multifd = "multifd",
        /// Pages sent before are sent as what changed in them.
        Xbzrle = "xbzrle",
        /// A guest that dirties its memory too fast is slowed down.
        AutoConverge = "auto-converge",
        /// As `auto-converge`, CPU by CPU, by KVM's dirty ring.
        DirtyLimit = "dirty-limit",
        /// The guest may go on at the destination before its memory is there.
        PostcopyRam = "postcopy-ram",
        /// Pages the guest waits for overtake the others.
        PostcopyPreempt = "postcopy-preempt",
        /// The source waits for us between the guest's stop and the sending of its devices.
        PauseBeforeSwitchover = "pause-before-switchover",
        /// Memory lies at fixed places of the file.
        MappedRam = "mapped-ram",
        /// The state is that of the beginning, while the guest goes on.
        BackgroundSnapshot = "background-snapshot",
        /// Memory in a shared file stays where it is.
        IgnoreShared = "x-ignore-shared",
        /// Dirty bitmaps of disks go along.
        DirtyBitmaps = "dirty-bitmaps",
        /// The destination keeps its hands off the disks until it goes on.
        LateBlockActivate = "late-block-activate",
    }
}

impl Capability {
    /// What a QEMU must have for it.
    #[must_use]
    pub fn need(&self) -> Need {
        Need::Word {
            path: "migrate-set-capabilities.capabilities.capability".to_owned(),
            word: self.as_str().to_owned(),
        }
    }
}

/// Figures of a migration (`MigrateSetParameters` of QEMU's QAPI reference); what is absent stays as QEMU has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters {
    /// Bytes a second; 0 is no limit.
    pub max_bandwidth: Option<ByteSize>,
    /// Bytes a second while memory follows the guest; 0 is no limit.
    pub max_postcopy_bandwidth: Option<ByteSize>,
    /// How long the guest may stand still.
    pub downtime_limit: Option<Duration>,
    /// Connections of `multifd`.
    pub multifd_channels: Option<u8>,
    /// `none`, `zlib`, `zstd`, …
    pub multifd_compression: Option<String>,
    /// Memory of `xbzrle` for pages sent before; a power of two.
    pub xbzrle_cache_size: Option<ByteSize>,
    /// Percentage of its time a guest loses first to `auto-converge`.
    pub cpu_throttle_initial: Option<u8>,
    /// Percentage it loses more each time that was not enough.
    pub cpu_throttle_increment: Option<u8>,
    /// Percentage at which `auto-converge` stops taking more.
    pub max_cpu_throttle: Option<u8>,
    /// Files are read and written past the host's cache.
    pub direct_io: Option<bool>,
}

impl Parameters {
    /// Those that are given, as QEMU takes them.
    pub(super) fn given(&self) -> Map<String, Value> {
        let bytes = |size: Option<ByteSize>| size.map(|size| json!(size.as_bytes()));
        let percentage = |number: Option<u8>| number.map(|number| json!(number));
        let downtime = self
            .downtime_limit
            .map(|limit| json!(limit.as_millis() as u64));
        let all = [
            ("max-bandwidth", bytes(self.max_bandwidth)),
            ("max-postcopy-bandwidth", bytes(self.max_postcopy_bandwidth)),
            ("downtime-limit", downtime),
            ("multifd-channels", percentage(self.multifd_channels)),
            (
                "multifd-compression",
                self.multifd_compression.as_deref().map(|word| json!(word)),
            ),
            ("xbzrle-cache-size", bytes(self.xbzrle_cache_size)),
            (
                "cpu-throttle-initial",
                percentage(self.cpu_throttle_initial),
            ),
            (
                "cpu-throttle-increment",
                percentage(self.cpu_throttle_increment),
            ),
            ("max-cpu-throttle", percentage(self.max_cpu_throttle)),
            ("direct-io", self.direct_io.map(|on| json!(on))),
        ];
        let given = all.into_iter();
        given
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect()
    }
}

/// What a migration is to be like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// What it is to do, besides telling of its events; whatever else was on is switched off.
    pub capabilities: Vec<Capability>,
    /// Its figures.
    pub parameters: Parameters,
}

#[derive(Deserialize)]
struct CapabilityState {
    capability: String,
    state: bool,
}

impl Options {
    /// Is this to be on?
    #[must_use]
    pub fn has(&self, capability: &Capability) -> bool {
        self.capabilities.contains(capability)
    }

    /// Does the machine's QEMU have everything?
    pub(super) fn check(&self, vm: &Vm) -> Result<(), Cause> {
        let capabilities = self.capabilities.iter().map(Capability::need);
        let parameters = self.parameters.given();
        let parameters = parameters.keys().map(|name| Need::Argument {
            command: "migrate-set-parameters".to_owned(),
            argument: name.clone(),
        });
        for need in capabilities.chain(parameters) {
            vm.capabilities().require(&need)?;
        }
        Ok(())
    }

    /// Tells a machine that has never been told anything. All its capabilities are off: it need not be asked.
    pub(super) async fn apply_first(&self, vm: &Vm) -> Result<(), Cause> {
        let on = self.capabilities.iter().map(Capability::as_str);
        let on = on.chain([Capability::Events.as_str()]);
        set_capabilities(vm, on.map(|capability| (capability, true))).await?;
        self.set_parameters(vm).await.map(drop)
    }

    /// Tells the machine. Returns what the parameters were before.
    pub(super) async fn apply(&self, vm: &Vm) -> Result<Map<String, Value>, Cause> {
        let told = vm
            .qmp()
            .query("query-migrate-capabilities", json!({}))
            .await;
        let known: Vec<CapabilityState> = vm.watch.told(SETTING, told).await?;
        let on = |word: &str| {
            word == Capability::Events.as_str()
                || self
                    .capabilities
                    .iter()
                    .any(|capability| capability.as_str() == word)
        };
        let changes = known.iter().map(|known| (&*known.capability, known.state));
        let changes = changes.filter(|&(name, state)| state != on(name));
        set_capabilities(vm, changes.map(|(name, state)| (name, !state))).await?;
        self.set_parameters(vm).await
    }

    /// Sets the parameters that are given. Returns what they were before.
    async fn set_parameters(&self, vm: &Vm) -> Result<Map<String, Value>, Cause> {
        let given = self.parameters.given();
        if given.is_empty() {
            return Ok(given);
        }
        let verb = "set parameters of the migration of";
        let told = vm
            .qmp()
            .execute("query-migrate-parameters", json!({}))
            .await;
        let now = vm.watch.told(verb, told).await?;
        let before = given
            .keys()
            .filter_map(|name| Some((name.clone(), now.get(name)?.clone())));
        let before = before.collect();
        let told = vm
            .qmp()
            .execute("migrate-set-parameters", Value::Object(given))
            .await;
        vm.watch.told(verb, told).await?;
        Ok(before)
    }
}

/// What is done when capabilities are set, in words.
const SETTING: &str = "set capabilities of the migration of";

async fn set_capabilities<'a>(
    vm: &Vm,
    changes: impl Iterator<Item = (&'a str, bool)>,
) -> Result<(), Cause> {
    let changes: Vec<Value> = changes
        .map(|(capability, state)| json!({"capability": capability, "state": state}))
        .collect();
    if changes.is_empty() {
        return Ok(());
    }
    let arguments = json!({"capabilities": changes});
    let told = vm.qmp().execute("migrate-set-capabilities", arguments);
    vm.watch.told(SETTING, told.await).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_parameters_that_are_given_are_told() {
        assert!(Parameters::default().given().is_empty());
        let parameters = Parameters {
            max_bandwidth: Some(ByteSize::mib(1)),
            downtime_limit: Some(Duration::from_millis(250)),
            multifd_compression: Some("zstd".to_owned()),
            ..Parameters::default()
        };
        let told =
            json!({"max-bandwidth": 1 << 20, "downtime-limit": 250, "multifd-compression": "zstd"});
        assert_eq!(Value::Object(parameters.given()), told);
    }

    #[test]
    fn a_capability_of_a_later_version_is_kept_as_its_word() {
        let later = Capability::from("dream-ahead".to_owned());
        assert_eq!(later, Capability::Other("dream-ahead".to_owned()));
        assert_eq!(Capability::from("multifd".to_owned()), Capability::Multifd);
    }
}
