//! The few answers that are read, open for what later versions add.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

macro_rules! open_words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// One not known here.
            Other(String),
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                match word.as_str() {
                    $($word => Self::$variant,)+
                    _ => Self::Other(word),
                }
            }
        }

        impl $name {
            /// QEMU's word for it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::from)
            }
        }
    };
}
pub(crate) use open_words;

open_words! {
    /// State of a machine (`RunState` of QEMU's QAPI reference).
    RunState {
        /// Stopped by a debugger.
        Debug = "debug",
        /// Paused to finish a migration.
        FinishMigrate = "finish-migrate",
        /// Waiting for an incoming migration.
        Inmigrate = "inmigrate",
        /// QEMU or KVM cannot go on.
        InternalError = "internal-error",
        /// Stopped by a failed I/O operation.
        IoError = "io-error",
        /// Stopped by `stop`.
        Paused = "paused",
        /// Migrated away.
        Postmigrate = "postmigrate",
        /// Not yet started.
        Prelaunch = "prelaunch",
        /// Restoring a snapshot.
        RestoreVm = "restore-vm",
        /// Running.
        Running = "running",
        /// Saving a snapshot.
        SaveVm = "save-vm",
        /// Powered off, QEMU kept.
        Shutdown = "shutdown",
        /// Suspended to RAM.
        Suspended = "suspended",
        /// Stopped by the watchdog.
        Watchdog = "watchdog",
        /// Stopped as the guest panicked.
        GuestPanicked = "guest-panicked",
    }
}

open_words! {
    /// How far a migration has come (`MigrationStatus` of QEMU's QAPI reference).
    MigrationStatus {
        /// There was none yet.
        None = "none",
        /// The connection is made.
        Setup = "setup",
        /// It is being called off.
        Cancelling = "cancelling",
        /// It was called off.
        Cancelled = "cancelled",
        /// Memory is copied while the guest runs.
        Active = "active",
        /// The guest runs at the destination and memory follows.
        PostcopyActive = "postcopy-active",
        /// Memory cannot follow: the connection is lost.
        PostcopyPaused = "postcopy-paused",
        /// A new connection for memory to follow on is made.
        PostcopyRecoverSetup = "postcopy-recover-setup",
        /// The two sides agree on what is still missing.
        PostcopyRecover = "postcopy-recover",
        /// Everything was sent, or has come.
        Completed = "completed",
        /// It failed.
        Failed = "failed",
        /// The two machines run in lockstep.
        Colo = "colo",
        /// The guest stands still and nothing of its devices was sent yet.
        PreSwitchover = "pre-switchover",
        /// The devices' state is sent.
        Device = "device",
        /// A device is to be unplugged first.
        WaitUnplug = "wait-unplug",
    }
}

/// Answer of `query-status`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Status {
    /// State.
    pub status: RunState,
    /// Are the CPUs running?
    #[serde(default)]
    pub running: bool,
}

/// Why a machine shut down: the data of the `SHUTDOWN` event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ShutdownReason {
    /// Did the guest ask for it?
    pub guest: bool,
    /// `guest-shutdown`, `host-qmp-quit`, `host-signal`, … (`ShutdownCause` of QEMU's QAPI reference).
    pub reason: String,
}

impl ShutdownReason {
    pub(crate) fn from_event(data: &Value) -> Self {
        Self::deserialize(data).unwrap_or_default()
    }
}

impl fmt::Display for ShutdownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = if self.guest { "guest" } else { "host" };
        write!(f, "{} (asked for by the {by})", self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_state_of_a_later_version_is_kept_as_its_word() {
        let status: Status =
            serde_json::from_value(json!({"status": "dreaming", "running": true, "new": 1}))
                .unwrap();
        assert_eq!(status.status, RunState::Other("dreaming".to_owned()));
        assert_eq!(RunState::from("paused".to_owned()), RunState::Paused);
        assert_eq!(RunState::GuestPanicked.to_string(), "guest-panicked");
    }

    #[test]
    fn a_shutdown_reason_of_an_odd_form_is_empty() {
        assert_eq!(
            ShutdownReason::from_event(&json!(7)),
            ShutdownReason::default()
        );
    }
}
