//! What can go wrong while a device is plugged or unplugged.

use std::fmt;
use std::time::Duration;

use machine::MachineError;

use crate::error::Blame;
use crate::qmp::{Event, MigrationStatus, QmpError};

/// Why a device could not be plugged or unplugged. Devices are named by kind and id, such as `network card "nic2"`.
#[derive(Debug, thiserror::Error)]
pub enum PlugError {
    /// There can be no such device, or this QEMU has none.
    #[error("cannot plug {device}: {source}")]
    Machine {
        /// The device.
        device: String,
        /// Why not.
        source: MachineError,
    },
    /// The machine has no place left for it.
    #[error("there is no place for {device}: {why} (hint: {hint})")]
    NoRoom {
        /// The device.
        device: String,
        /// What is taken.
        why: String,
        /// How to have more.
        hint: String,
    },
    /// A device of this id is there already.
    #[error("there is a device \"{id}\" already")]
    Twice {
        /// The id.
        id: String,
    },
    /// No device of this id can be unplugged.
    #[error("there is no device \"{id}\" to unplug (hint: those that can be are {known})")]
    Unknown {
        /// The id.
        id: String,
        /// Those there are.
        known: String,
    },
    /// QEMU refused a step. What had been added before it was taken back.
    #[error("{device}, step {step}: {source}{}", left_over(left))]
    Step {
        /// The device.
        device: String,
        /// The step, such as `netdev_add nic2-net`.
        step: String,
        /// QEMU's words.
        source: Box<QmpError>,
        /// What could not be taken back, and why.
        left: Vec<String>,
    },
    /// QEMU plugs nothing in or out while the machine migrates. What had been added before was taken back.
    #[error(
        "{device}, step {step}: the machine is migrating ({status}): {source}{}",
        left_over(left)
    )]
    Migrating {
        /// The device.
        device: String,
        /// The step, such as `device_add nic2`.
        step: String,
        /// How far the migration has come.
        status: MigrationStatus,
        /// QEMU's words.
        source: Box<QmpError>,
        /// What could not be taken back, and why.
        left: Vec<String>,
    },
    /// The guest would not let go of it. It stays, and works.
    #[error("{0}")]
    GuestRefused(Refusal),
    /// QEMU accepted a step, but what it says it has is something else.
    #[error("QEMU says it has {step} {device}, but {answer}")]
    Tree {
        /// The device.
        device: String,
        /// `plugged` or `unplugged`.
        step: &'static str,
        /// What it answers instead.
        answer: String,
    },
    /// The guest does not see what QEMU has done.
    #[error("{device} did not {} the guest within {:.1} s; QEMU has {qemu}; the guest says: {}",
        if *appear { "appear in" } else { "vanish from" }, waited.as_secs_f64(), words(guest))]
    GuestView {
        /// The device.
        device: String,
        /// Was it to appear, or to vanish?
        appear: bool,
        /// How long it was awaited.
        waited: Duration,
        /// What QEMU says of it.
        qemu: String,
        /// What the guest says of it.
        guest: String,
    },
}

impl PlugError {
    pub(crate) fn blame(&self) -> Blame {
        match self {
            Self::Machine {
                source: MachineError::Unsupported(_),
                ..
            } => Blame::Unsupported,
            Self::Machine { .. }
            | Self::NoRoom { .. }
            | Self::Twice { .. }
            | Self::Migrating { .. }
            | Self::Unknown { .. } => Blame::Host,
            Self::Step { .. }
            | Self::GuestRefused(_)
            | Self::Tree { .. }
            | Self::GuestView { .. } => Blame::Machine,
        }
    }
}

fn left_over(left: &[String]) -> String {
    match left {
        [] => String::new(),
        left => format!("; left behind: {}", left.join("; ")),
    }
}

fn words(said: &str) -> &str {
    match said.trim() {
        "" => "nothing",
        said => said,
    }
}

/// How a guest refused to let go of a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The device.
    pub device: String,
    /// The event QEMU told it by: `ACPI_DEVICE_OST`, `DEVICE_UNPLUG_GUEST_ERROR`, `MEM_UNPLUG_ERROR`.
    pub event: Event,
}

impl Refusal {
    /// The status the guest gave (ACPI specification, `_OST`), where it gave one.
    #[must_use]
    pub fn status(&self) -> Option<u64> {
        self.event.data["info"]["status"].as_u64()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the guest refuses to let go of {}", self.device)?;
        // ACPI specification, 6.3.5: status codes of an ejection request.
        match self.status() {
            Some(0x01) => f.write_str(": it failed")?,
            Some(0x80) => f.write_str(": the device is in use")?,
            Some(0x81) => f.write_str(": the device is busy")?,
            Some(0x82) => f.write_str(": something that depends on it is busy")?,
            Some(status) => write!(f, ": status {status:#x}")?,
            None => {
                if let Some(words) = self.event.data["msg"].as_str() {
                    write!(f, ": {words}")?;
                }
            }
        }
        write!(f, " ({})", self.event.name)?;
        if self.event.data["info"]["slot-type"] == "DIMM" {
            f.write_str(" (hint: a kernel lets go of memory for sure only if it keeps nothing of its own there: boot it with memhp_default_state=online_movable)")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_refusal_is_told_in_words() {
        let refusal = Refusal {
            device: "memory module \"m1\"".to_owned(),
            event: Event {
                seq: 0,
                name: "ACPI_DEVICE_OST".to_owned(),
                data: json!({"info": {"device": "m1", "slot-type": "DIMM", "source": 3, "status": 130}}),
                timestamp: None,
            },
        };
        assert_eq!(
            refusal.to_string(),
            "the guest refuses to let go of memory module \"m1\": something that depends on it is busy (ACPI_DEVICE_OST) \
             (hint: a kernel lets go of memory for sure only if it keeps nothing of its own there: boot it with memhp_default_state=online_movable)"
        );
    }
}
