//! Made from the interface definition by `UPDATE_BINDINGS=1 cargo test -p bindings`; not to be edited.

pub mod error {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Verdict {
        Fail,
        Error,
        Skip,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub enum Kind {
        NotFound {
            name: String,
            known: Vec<String>,
        },
        Invalid {},
        Unsupported {},
        StartFailed {
            stderr: String,
        },
        MonitorFailed {
            #[serde(skip_serializing_if = "Option::is_none")]
            class: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            description: Option<String>,
        },
        GuestFailed {
            #[serde(skip_serializing_if = "Option::is_none")]
            agent_class: Option<String>,
        },
        TimedOut {
            awaited: String,
            waited: f64,
        },
        Unwell {
            finding: String,
        },
        Ended {
            exit: String,
        },
        PlugFailed {
            refused: bool,
        },
        MigrationFailed {
            phase: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            source: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            destination: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            source_state: Option<String>,
        },
        JobFailed {
            job: String,
        },
        HostFailed {},
    }
}

pub mod files {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Encoding {
        Text,
        Base64,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct PushCall {
        pub vm: Option<String>,
        pub session: Option<String>,
        pub guest: String,
        pub path: Option<String>,
        pub content: Option<String>,
        pub encoding: Option<Encoding>,
        pub timeout: Option<f64>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct PushReply {
        pub size: i64,
        pub sha256: String,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct PullCall {
        pub vm: Option<String>,
        pub session: Option<String>,
        pub guest: String,
        pub path: Option<String>,
        pub encoding: Option<Encoding>,
        pub timeout: Option<f64>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct PullReply {
        pub size: i64,
        pub sha256: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub content: Option<String>,
    }
}

pub mod image {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    pub struct ImageSnapshot {
        pub id: String,
        pub name: String,
        pub vm_state_size: i64,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    pub struct Image {
        pub path: String,
        pub format: String,
        pub virtual_size: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub actual_size: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub cluster_size: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub backing: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub backing_format: Option<String>,
        pub dirty: bool,
        pub snapshots: Vec<ImageSnapshot>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub format_specific: Option<serde_json::Map<String, serde_json::Value>>,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    pub struct Report {
        pub clean: bool,
        pub checked: bool,
        pub check_errors: i64,
        pub corruptions: i64,
        pub leaks: i64,
        pub corruptions_fixed: i64,
        pub leaks_fixed: i64,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Repair {
        None,
        Leaks,
        All,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum SnapshotAction {
        Create,
        Apply,
        Delete,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct CreateCall {
        pub path: String,
        pub size: Option<i64>,
        pub format: Option<String>,
        pub backing: Option<String>,
        pub backing_format: Option<String>,
        pub options: Option<std::collections::BTreeMap<String, String>>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct CreateReply {
        pub image: Image,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct InfoCall {
        pub path: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct InfoReply {
        pub image: Image,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct ChainCall {
        pub path: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct ChainReply {
        pub images: Vec<Image>,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct CheckCall {
        pub path: String,
        pub format: Option<String>,
        pub repair: Option<Repair>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct CheckReply {
        pub report: Report,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct ConvertCall {
        pub path: String,
        pub target: String,
        pub format: String,
        pub target_format: Option<String>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct ConvertReply {
        pub image: Image,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct ResizeCall {
        pub path: String,
        pub format: String,
        pub size: i64,
        pub shrink: Option<bool>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct ResizeReply {
        pub image: Image,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct CompareCall {
        pub path: String,
        pub format: String,
        pub other: String,
        pub other_format: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct CompareReply {
        pub same: bool,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct SnapshotCall {
        pub path: String,
        pub action: SnapshotAction,
        pub name: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct SnapshotReply {
        pub image: Image,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct CommitCall {
        pub path: String,
        pub format: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct CommitReply {}
}

pub mod network {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct AddressCall {
        pub vm: String,
        pub nic: Option<String>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct AddressReply {
        pub address: String,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct ForwardedPortCall {
        pub vm: String,
        pub port: i64,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct ForwardedPortReply {
        pub port: i64,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct SetLinkCall {
        pub vm: String,
        pub nic: String,
        pub up: bool,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct SetLinkReply {}

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct InfoCall {
        pub network: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct InfoReply {
        pub ports: i64,
        pub capture: String,
    }
}

pub mod session {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Channel {
        Standard,
        Serial,
        VirtioConsole,
        Agent,
        Ssh,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Encoding {
        Text,
        Base64,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    pub struct Session {
        pub id: String,
        pub vm: String,
        pub channel: String,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    pub struct Chunk {
        pub stderr: bool,
        pub data: String,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    pub struct Output {
        #[serde(skip_serializing_if = "Option::is_none")]
        pub status: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub signal: Option<i64>,
        pub stdout: String,
        pub stderr: String,
        pub truncated: bool,
        pub elapsed: f64,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct OpenCall {
        pub vm: String,
        pub channel: Option<Channel>,
        pub timeout: Option<f64>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct OpenReply {
        pub session: Session,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct SshCall {
        pub vm: String,
        pub timeout: Option<f64>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct SshReply {
        pub session: Session,
        pub command: Vec<String>,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct ListCall {}

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct ListReply {
        pub sessions: Vec<Session>,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct CloseCall {
        pub session: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct CloseReply {}

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct ExecCall {
        pub vm: Option<String>,
        pub session: Option<String>,
        pub command: Option<String>,
        pub argv: Option<Vec<String>>,
        pub input: Option<String>,
        pub env: Option<std::collections::BTreeMap<String, String>>,
        pub encoding: Option<Encoding>,
        pub timeout: Option<f64>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct ExecReply {
        #[serde(skip_serializing_if = "Option::is_none")]
        pub chunk: Option<Chunk>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub output: Option<Output>,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct ConsoleCall {
        pub vm: String,
        pub console: Option<String>,
        pub from_now: Option<bool>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct ConsoleReply {
        pub text: String,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct ConsoleSendCall {
        pub vm: String,
        pub console: Option<String>,
        pub text: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct ConsoleSendReply {}

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct ConsoleExpectCall {
        pub vm: String,
        pub console: Option<String>,
        pub pattern: String,
        pub from_now: Option<bool>,
        pub timeout: Option<f64>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct ConsoleExpectReply {
        pub before: String,
        pub text: String,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct AgentCall {
        pub vm: String,
        pub command: String,
        pub arguments: Option<serde_json::Map<String, serde_json::Value>>,
        pub timeout: Option<f64>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct AgentReply {
        pub reply: serde_json::Map<String, serde_json::Value>,
    }
}

pub mod test {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Verdict {
        Pass,
        Warn,
        Skip,
        Fail,
        Error,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Level {
        Debug,
        Info,
        Warn,
        Error,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    pub struct TestInfo {
        pub name: String,
        pub dir: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub main_vm: Option<String>,
        pub vms: Vec<String>,
        pub elapsed: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub remaining: Option<f64>,
        pub scale: f64,
        pub session: bool,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct InfoCall {}

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct InfoReply {
        pub info: TestInfo,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct ParamsCall {
        pub objects: Option<Vec<String>>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct ParamsReply {
        pub params: std::collections::BTreeMap<String, String>,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct PhaseCall {
        pub phase: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct PhaseReply {}

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct LogCall {
        pub message: String,
        pub level: Option<Level>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct LogReply {}

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct WarnCall {
        pub message: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct WarnReply {}

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct SkipCall {
        pub reason: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct SkipReply {}

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct FailCall {
        pub reason: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct FailReply {}

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct ErrorCall {
        pub reason: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct ErrorReply {}

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct SubtestCall {
        pub name: String,
        pub verdict: Verdict,
        pub reason: Option<String>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct SubtestReply {}

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct EndCall {}

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct EndReply {}
}

pub mod vm {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum State {
        Absent,
        Running,
        Ended,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    pub struct Disk {
        pub id: String,
        pub path: String,
        pub format: String,
        pub node: String,
        pub readonly: bool,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    pub struct Nic {
        pub id: String,
        pub model: String,
        pub mac: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub network: Option<String>,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    pub struct Machine {
        pub name: String,
        pub state: State,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub status: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub pid: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub uptime: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub accelerator: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub machine_type: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub qemu_version: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub cpus: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub memory: Option<i64>,
        pub disks: Vec<Disk>,
        pub nics: Vec<Nic>,
        pub consoles: Vec<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub log_dir: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub cursor: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub exit: Option<Exit>,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    pub struct Exit {
        #[serde(skip_serializing_if = "Option::is_none")]
        pub code: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub signal: Option<i64>,
        pub clean: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub reason: Option<String>,
        pub summary: String,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Suspension {
        Ram,
        Disk,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    pub struct Finding {
        pub kind: String,
        pub severity: String,
        pub summary: String,
        pub at: f64,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    pub struct Event {
        pub seq: i64,
        pub name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub data: Option<serde_json::Map<String, serde_json::Value>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub time: Option<f64>,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum DeviceKind {
        Disk,
        Nic,
        ScsiController,
        UsbController,
        UsbHub,
        UsbTablet,
        UsbMouse,
        UsbKeyboard,
        Cpu,
        Dimm,
        VirtioMem,
        VirtioPort,
        VirtioConsole,
        PciSerial,
        Rng,
        Balloon,
        Watchdog,
        Iothread,
        Pci,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    pub struct Device {
        pub kind: DeviceKind,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub id: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub path: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub format: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub size: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub bus: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub controller: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub cache: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub readonly: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub serial: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub model: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub mac: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub network: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub requested: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub driver: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub properties: Option<std::collections::BTreeMap<String, String>>,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    pub struct Plugged {
        pub id: String,
        pub kind: DeviceKind,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub pci: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub guest: Option<String>,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    pub struct Figures {
        pub status: String,
        pub transferred: i64,
        pub remaining: i64,
        pub total: i64,
        pub mbps: f64,
        pub dirty_pages_rate: i64,
        pub dirty_sync_count: i64,
        pub postcopy_requests: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub elapsed: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub setup: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub expected_downtime: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub downtime: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub throttle: Option<i64>,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    pub struct MigrationParameters {
        #[serde(skip_serializing_if = "Option::is_none")]
        pub max_bandwidth: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub max_postcopy_bandwidth: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub downtime_limit: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub multifd_channels: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub multifd_compression: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub xbzrle_cache_size: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub cpu_throttle_initial: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub cpu_throttle_increment: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub max_cpu_throttle: Option<i64>,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    pub struct Snapshot {
        pub name: String,
        pub id: String,
        pub vm_state_size: i64,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    pub struct Job {
        pub id: String,
        pub kind: String,
        pub status: String,
        pub progress: i64,
        pub total: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub error: Option<String>,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum JobKind {
        Mirror,
        Backup,
        Commit,
        Stream,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum JobAction {
        Complete,
        Cancel,
        Pause,
        Resume,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum JobEnd {
        Succeeded,
        Cancelled,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct ListCall {}

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct ListReply {
        pub machines: Vec<Machine>,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct InfoCall {
        pub vm: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct InfoReply {
        pub machine: Machine,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct StartCall {
        pub vm: String,
        pub params: Option<std::collections::BTreeMap<String, String>>,
        pub paused: Option<bool>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct StartReply {
        pub machine: Machine,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct StopCall {
        pub vm: String,
        pub force: Option<bool>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct StopReply {
        pub ended_by: String,
        pub exit: Exit,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct PowerdownCall {
        pub vm: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct PowerdownReply {}

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct ResetCall {
        pub vm: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct ResetReply {}

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct PauseCall {
        pub vm: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct PauseReply {}

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct ResumeCall {
        pub vm: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct ResumeReply {}

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct SuspendCall {
        pub vm: String,
        pub to: Option<Suspension>,
        pub timeout: Option<f64>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct SuspendReply {}

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct WakeupCall {
        pub vm: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct WakeupReply {}

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct NmiCall {
        pub vm: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct NmiReply {}

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct WaitExitCall {
        pub vm: String,
        pub timeout: Option<f64>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct WaitExitReply {
        pub exit: Exit,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct WaitStatusCall {
        pub vm: String,
        pub status: String,
        pub timeout: Option<f64>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct WaitStatusReply {}

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct FindingsCall {
        pub vm: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct FindingsReply {
        pub findings: Vec<Finding>,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct AllowCall {
        pub vm: String,
        pub finding: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct AllowReply {}

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct EventsCall {
        pub vm: String,
        pub since: Option<i64>,
        pub names: Option<Vec<String>>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct EventsReply {
        #[serde(skip_serializing_if = "Option::is_none")]
        pub event: Option<Event>,
        pub events: Vec<Event>,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct WaitEventCall {
        pub vm: String,
        pub name: String,
        pub since: Option<i64>,
        pub r#match: Option<serde_json::Map<String, serde_json::Value>>,
        pub timeout: Option<f64>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct WaitEventReply {
        pub event: Event,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct QmpCall {
        pub vm: String,
        pub command: String,
        pub arguments: Option<serde_json::Map<String, serde_json::Value>>,
        pub timeout: Option<f64>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct QmpReply {
        pub reply: serde_json::Map<String, serde_json::Value>,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct HmpCall {
        pub vm: String,
        pub line: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct HmpReply {
        pub output: String,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct PlugCall {
        pub vm: String,
        pub device: Device,
        pub guest: Option<bool>,
        pub timeout: Option<f64>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct PlugReply {
        pub device: Plugged,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct UnplugCall {
        pub vm: String,
        pub id: String,
        pub guest: Option<bool>,
        pub timeout: Option<f64>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct UnplugReply {
        pub took: f64,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct DevicesCall {
        pub vm: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct DevicesReply {
        pub devices: Vec<Plugged>,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct ResizeMemoryCall {
        pub vm: String,
        pub id: String,
        pub size: i64,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct ResizeMemoryReply {}

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct MigrateCall {
        pub vm: String,
        pub transport: Option<String>,
        pub capabilities: Option<Vec<String>>,
        pub parameters: Option<MigrationParameters>,
        pub postcopy: Option<bool>,
        pub timeout: Option<f64>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct MigrateReply {
        #[serde(skip_serializing_if = "Option::is_none")]
        pub progress: Option<Figures>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub figures: Option<Figures>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub standstill: Option<f64>,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct CancelMigrationCall {
        pub vm: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct CancelMigrationReply {}

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct SaveCall {
        pub vm: String,
        pub file: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct SaveReply {
        pub figures: Figures,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct RestoreCall {
        pub vm: String,
        pub file: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct RestoreReply {
        pub machine: Machine,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct SaveSnapshotCall {
        pub vm: String,
        pub name: String,
        pub timeout: Option<f64>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct SaveSnapshotReply {}

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct LoadSnapshotCall {
        pub vm: String,
        pub name: String,
        pub timeout: Option<f64>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct LoadSnapshotReply {}

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct DeleteSnapshotCall {
        pub vm: String,
        pub name: String,
        pub timeout: Option<f64>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct DeleteSnapshotReply {}

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct ListSnapshotsCall {
        pub vm: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct ListSnapshotsReply {
        pub snapshots: Vec<Snapshot>,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct StartJobCall {
        pub vm: String,
        pub disk: String,
        pub kind: JobKind,
        pub id: Option<String>,
        pub target: Option<String>,
        pub speed: Option<i64>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct StartJobReply {
        pub id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub path: Option<String>,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct ListJobsCall {
        pub vm: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct ListJobsReply {
        pub jobs: Vec<Job>,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct WaitJobCall {
        pub vm: String,
        pub id: String,
        pub ready: Option<bool>,
        pub timeout: Option<f64>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct WaitJobReply {
        #[serde(skip_serializing_if = "Option::is_none")]
        pub end: Option<JobEnd>,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct ControlJobCall {
        pub vm: String,
        pub id: String,
        pub action: JobAction,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct ControlJobReply {}

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct ScreendumpCall {
        pub vm: String,
        pub file: Option<String>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct ScreendumpReply {
        pub file: String,
        pub width: i64,
        pub height: i64,
    }

    #[derive(Debug, Clone, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct SendKeyCall {
        pub vm: String,
        pub keys: Vec<String>,
        pub hold: Option<f64>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct SendKeyReply {}
}

use serde_json::Value;

use crate::call::{Call, carry_out};
use crate::failure::Failure;

/// Carries out a method of ours; nothing where there is none of that name.
pub(crate) async fn dispatch(call: &Call<'_>, method: &str, it: Value) -> Option<Result<Value, Failure>> {
    Some(match method {
        "org.virt-test.files.Push" => carry_out(it, |it| call.files_push(it)).await,
        "org.virt-test.files.Pull" => carry_out(it, |it| call.files_pull(it)).await,
        "org.virt-test.image.Create" => carry_out(it, |it| call.image_create(it)).await,
        "org.virt-test.image.Info" => carry_out(it, |it| call.image_info(it)).await,
        "org.virt-test.image.Chain" => carry_out(it, |it| call.image_chain(it)).await,
        "org.virt-test.image.Check" => carry_out(it, |it| call.image_check(it)).await,
        "org.virt-test.image.Convert" => carry_out(it, |it| call.image_convert(it)).await,
        "org.virt-test.image.Resize" => carry_out(it, |it| call.image_resize(it)).await,
        "org.virt-test.image.Compare" => carry_out(it, |it| call.image_compare(it)).await,
        "org.virt-test.image.Snapshot" => carry_out(it, |it| call.image_snapshot(it)).await,
        "org.virt-test.image.Commit" => carry_out(it, |it| call.image_commit(it)).await,
        "org.virt-test.network.Address" => carry_out(it, |it| call.network_address(it)).await,
        "org.virt-test.network.ForwardedPort" => carry_out(it, |it| call.network_forwarded_port(it)).await,
        "org.virt-test.network.SetLink" => carry_out(it, |it| call.network_set_link(it)).await,
        "org.virt-test.network.Info" => carry_out(it, |it| call.network_info(it)).await,
        "org.virt-test.session.Open" => carry_out(it, |it| call.session_open(it)).await,
        "org.virt-test.session.Ssh" => carry_out(it, |it| call.session_ssh(it)).await,
        "org.virt-test.session.List" => carry_out(it, |it| call.session_list(it)).await,
        "org.virt-test.session.Close" => carry_out(it, |it| call.session_close(it)).await,
        "org.virt-test.session.Exec" => carry_out(it, |it| call.session_exec(it)).await,
        "org.virt-test.session.Console" => carry_out(it, |it| call.session_console(it)).await,
        "org.virt-test.session.ConsoleSend" => carry_out(it, |it| call.session_console_send(it)).await,
        "org.virt-test.session.ConsoleExpect" => carry_out(it, |it| call.session_console_expect(it)).await,
        "org.virt-test.session.Agent" => carry_out(it, |it| call.session_agent(it)).await,
        "org.virt-test.test.Info" => carry_out(it, |it| call.test_info(it)).await,
        "org.virt-test.test.Params" => carry_out(it, |it| call.test_params(it)).await,
        "org.virt-test.test.Phase" => carry_out(it, |it| call.test_phase(it)).await,
        "org.virt-test.test.Log" => carry_out(it, |it| call.test_log(it)).await,
        "org.virt-test.test.Warn" => carry_out(it, |it| call.test_warn(it)).await,
        "org.virt-test.test.Skip" => carry_out(it, |it| call.test_skip(it)).await,
        "org.virt-test.test.Fail" => carry_out(it, |it| call.test_fail(it)).await,
        "org.virt-test.test.Error" => carry_out(it, |it| call.test_error(it)).await,
        "org.virt-test.test.Subtest" => carry_out(it, |it| call.test_subtest(it)).await,
        "org.virt-test.test.End" => carry_out(it, |it| call.test_end(it)).await,
        "org.virt-test.vm.List" => carry_out(it, |it| call.vm_list(it)).await,
        "org.virt-test.vm.Info" => carry_out(it, |it| call.vm_info(it)).await,
        "org.virt-test.vm.Start" => carry_out(it, |it| call.vm_start(it)).await,
        "org.virt-test.vm.Stop" => carry_out(it, |it| call.vm_stop(it)).await,
        "org.virt-test.vm.Powerdown" => carry_out(it, |it| call.vm_powerdown(it)).await,
        "org.virt-test.vm.Reset" => carry_out(it, |it| call.vm_reset(it)).await,
        "org.virt-test.vm.Pause" => carry_out(it, |it| call.vm_pause(it)).await,
        "org.virt-test.vm.Resume" => carry_out(it, |it| call.vm_resume(it)).await,
        "org.virt-test.vm.Suspend" => carry_out(it, |it| call.vm_suspend(it)).await,
        "org.virt-test.vm.Wakeup" => carry_out(it, |it| call.vm_wakeup(it)).await,
        "org.virt-test.vm.Nmi" => carry_out(it, |it| call.vm_nmi(it)).await,
        "org.virt-test.vm.WaitExit" => carry_out(it, |it| call.vm_wait_exit(it)).await,
        "org.virt-test.vm.WaitStatus" => carry_out(it, |it| call.vm_wait_status(it)).await,
        "org.virt-test.vm.Findings" => carry_out(it, |it| call.vm_findings(it)).await,
        "org.virt-test.vm.Allow" => carry_out(it, |it| call.vm_allow(it)).await,
        "org.virt-test.vm.Events" => carry_out(it, |it| call.vm_events(it)).await,
        "org.virt-test.vm.WaitEvent" => carry_out(it, |it| call.vm_wait_event(it)).await,
        "org.virt-test.vm.Qmp" => carry_out(it, |it| call.vm_qmp(it)).await,
        "org.virt-test.vm.Hmp" => carry_out(it, |it| call.vm_hmp(it)).await,
        "org.virt-test.vm.Plug" => carry_out(it, |it| call.vm_plug(it)).await,
        "org.virt-test.vm.Unplug" => carry_out(it, |it| call.vm_unplug(it)).await,
        "org.virt-test.vm.Devices" => carry_out(it, |it| call.vm_devices(it)).await,
        "org.virt-test.vm.ResizeMemory" => carry_out(it, |it| call.vm_resize_memory(it)).await,
        "org.virt-test.vm.Migrate" => carry_out(it, |it| call.vm_migrate(it)).await,
        "org.virt-test.vm.CancelMigration" => carry_out(it, |it| call.vm_cancel_migration(it)).await,
        "org.virt-test.vm.Save" => carry_out(it, |it| call.vm_save(it)).await,
        "org.virt-test.vm.Restore" => carry_out(it, |it| call.vm_restore(it)).await,
        "org.virt-test.vm.SaveSnapshot" => carry_out(it, |it| call.vm_save_snapshot(it)).await,
        "org.virt-test.vm.LoadSnapshot" => carry_out(it, |it| call.vm_load_snapshot(it)).await,
        "org.virt-test.vm.DeleteSnapshot" => carry_out(it, |it| call.vm_delete_snapshot(it)).await,
        "org.virt-test.vm.ListSnapshots" => carry_out(it, |it| call.vm_list_snapshots(it)).await,
        "org.virt-test.vm.StartJob" => carry_out(it, |it| call.vm_start_job(it)).await,
        "org.virt-test.vm.ListJobs" => carry_out(it, |it| call.vm_list_jobs(it)).await,
        "org.virt-test.vm.WaitJob" => carry_out(it, |it| call.vm_wait_job(it)).await,
        "org.virt-test.vm.ControlJob" => carry_out(it, |it| call.vm_control_job(it)).await,
        "org.virt-test.vm.Screendump" => carry_out(it, |it| call.vm_screendump(it)).await,
        "org.virt-test.vm.SendKey" => carry_out(it, |it| call.vm_send_key(it)).await,
        _ => return None,
    })
}
