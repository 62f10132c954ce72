//! Replies of the agent that are used typed. Members an older agent does not send get their default.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The agent's version and commands (`GuestAgentInfo`).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct AgentInfo {
    /// The agent's version.
    pub version: String,
    /// What it can do.
    #[serde(rename = "supported_commands")]
    pub commands: Vec<AgentCommand>,
}

impl AgentInfo {
    /// Whether a command exists and is enabled.
    pub fn supports(&self, command: &str) -> bool {
        self.commands
            .iter()
            .any(|known| known.enabled && known.name == command)
    }
}

/// One command of an agent (`GuestAgentCommandInfo`).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct AgentCommand {
    /// Its name.
    pub name: String,
    /// Whether the guest's administrator allows it.
    pub enabled: bool,
    /// Whether success is answered.
    pub success_response: bool,
}

/// The guest's operating system (`GuestOSInfo`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct OsInfo {
    /// `uname -r`.
    pub kernel_release: String,
    /// `uname -v`.
    pub kernel_version: String,
    /// `uname -m`.
    pub machine: String,
    /// `ID` of os-release(5).
    pub id: String,
    /// `NAME` of os-release(5).
    pub name: String,
    /// `PRETTY_NAME` of os-release(5).
    pub pretty_name: String,
    /// `VERSION` of os-release(5).
    pub version: String,
    /// `VERSION_ID` of os-release(5).
    pub version_id: String,
    /// `VARIANT` of os-release(5).
    pub variant: String,
    /// `VARIANT_ID` of os-release(5).
    pub variant_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct HostName {
    pub(super) host_name: String,
}

/// A network interface of the guest (`GuestNetworkInterface`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Interface {
    /// The guest's name for it.
    pub name: String,
    /// Its MAC address.
    pub hardware_address: Option<String>,
    /// Its addresses.
    pub ip_addresses: Vec<IpAddress>,
    /// What went through it.
    pub statistics: Statistics,
}

/// An address of an interface (`GuestIpAddress`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct IpAddress {
    /// The address.
    pub ip_address: String,
    /// `ipv4` or `ipv6`.
    pub ip_address_type: String,
    /// How many leading bits name the network.
    pub prefix: u32,
}

/// Counters of an interface (`GuestNetworkInterfaceStat`), by the schema's names: `rx-bytes`, `tx-errs`, ….
pub type Statistics = BTreeMap<String, u64>;

/// How a guest is to go down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShutdownMode {
    /// Power off.
    PowerDown,
    /// Stop, with the power on.
    Halt,
    /// Restart.
    Reboot,
}

impl ShutdownMode {
    pub(super) fn name(self) -> &'static str {
        match self {
            ShutdownMode::PowerDown => "powerdown",
            ShutdownMode::Halt => "halt",
            ShutdownMode::Reboot => "reboot",
        }
    }
}

/// How a guest is to sleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuspendMode {
    /// To memory, ACPI S3.
    Ram,
    /// To disk, ACPI S4.
    Disk,
    /// To disk with the memory kept powered.
    Hybrid,
}

impl SuspendMode {
    pub(super) fn command(self) -> &'static str {
        match self {
            SuspendMode::Ram => "guest-suspend-ram",
            SuspendMode::Disk => "guest-suspend-disk",
            SuspendMode::Hybrid => "guest-suspend-hybrid",
        }
    }
}
