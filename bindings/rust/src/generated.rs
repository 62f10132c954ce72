//! Made from the interface definition by `UPDATE_BINDINGS=1 cargo test -p bindings`; not to be edited.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Result;
use crate::{Session, Test, Vm};

/// fail: guest or QEMU did wrong. error: our side could not do its part. skip: this QEMU or this host lacks what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Fail,
    Error,
    Skip,
    Pass,
    Warn,
}

/// text: UTF-8. base64: any bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    Text,
    Base64,
}

/// ImageSnapshot of the interface.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct ImageSnapshot {
    pub id: String,
    pub name: String,
    pub vm_state_size: i64,
}

/// Sizes are bytes. `format_specific` is what only the format knows, as qemu-img tells it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Image {
    pub path: String,
    pub format: String,
    pub virtual_size: i64,
    pub actual_size: Option<i64>,
    pub cluster_size: Option<i64>,
    pub backing: Option<String>,
    pub backing_format: Option<String>,
    pub dirty: bool,
    pub snapshots: Vec<ImageSnapshot>,
    pub format_specific: Option<Value>,
}

/// `clean`: nothing is wrong. `checked`: false where the format has nothing to check.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Report {
    pub clean: bool,
    pub checked: bool,
    pub check_errors: i64,
    pub corruptions: i64,
    pub leaks: i64,
    pub corruptions_fixed: i64,
    pub leaks_fixed: i64,
}

/// Repair of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Repair {
    None,
    Leaks,
    All,
}

/// SnapshotAction of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotAction {
    Create,
    Apply,
    Delete,
}

/// standard: as the machine's `shell_client` says, else the agent where the machine has one, else the first console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Standard,
    Serial,
    VirtioConsole,
    Agent,
    Ssh,
}

/// SessionInfo of the interface.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct SessionInfo {
    pub id: String,
    pub vm: String,
    pub channel: String,
}

/// Level of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// `name`: full name of the variant. `dir`: directory of its evidence, where files of its own belong; relative paths of all
/// methods start there. `main_vm`: the machine a test with one machine uses. `vms`: machines of the configuration, running or not.
/// `elapsed` and `remaining`: seconds since it began, and until it is out of time; absent where it may take as long as it likes.
/// `scale`: how much slower than the reference host this one is now; time limits given to methods are stretched by it.
/// `session`: is this one of `virt-test serve`, rather than a test?
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct TestInfo {
    pub name: String,
    pub dir: String,
    pub main_vm: Option<String>,
    pub vms: Vec<String>,
    pub elapsed: f64,
    pub remaining: Option<f64>,
    pub scale: f64,
    pub session: bool,
}

/// State of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Absent,
    Running,
    Ended,
}

/// `node`: name of the block node, for block commands of QMP.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Disk {
    pub id: String,
    pub path: String,
    pub format: String,
    pub node: String,
    pub readonly: bool,
}

/// Nic of the interface.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Nic {
    pub id: String,
    pub model: String,
    pub mac: String,
    pub network: Option<String>,
}

/// `state`: is there a QEMU? `status`: its run state, such as running or paused. `cursor`: number of the next event.
/// `exit`: how QEMU ended. `consoles`: serial and virtio consoles, the first being the one logged in on.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Machine {
    pub name: String,
    pub state: State,
    pub status: Option<String>,
    pub pid: Option<i64>,
    pub uptime: Option<f64>,
    pub accelerator: Option<String>,
    pub machine_type: Option<String>,
    pub qemu_version: Option<String>,
    pub cpus: Option<i64>,
    pub memory: Option<i64>,
    pub disks: Vec<Disk>,
    pub nics: Vec<Nic>,
    pub consoles: Vec<String>,
    pub log_dir: Option<String>,
    pub cursor: Option<i64>,
    pub exit: Option<Exit>,
}

/// How a QEMU ended: by an exit code or by a signal. `reason`: ShutdownCause of QEMU, such as guest-shutdown.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Exit {
    pub code: Option<i64>,
    pub signal: Option<i64>,
    pub clean: bool,
    pub reason: Option<String>,
    pub summary: String,
}

/// Suspension of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Suspension {
    Ram,
    Disk,
}

/// `at`: seconds since the machine was started. `severity`: note, warning, fatal.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    pub kind: String,
    pub severity: String,
    pub summary: String,
    pub at: f64,
}

/// `seq`: number of the event, from 0. `time`: seconds since 1970 by QEMU's clock.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Event {
    pub seq: i64,
    pub name: String,
    pub data: Option<Value>,
    pub time: Option<f64>,
}

/// A device to be plugged in. `id`: made from the kind where absent. What the kind does not have is refused.
/// ```text
///   disk              path and format of an image, or the size of an empty one to be made; bus (virtio_blk, virtio_scsi, nvme, usb),
///                     controller, cache, readonly, serial
///   nic               model (virtio_net, e1000, e1000e, rtl8139), mac, network: name of a private one; QEMU's user network if absent
///   dimm              size
///   virtio_mem        size, requested
///   pci               driver
///   usb_*             controller
///   watchdog          model
/// ```
/// Sizes are bytes. `properties`: further ones of the device, for disk, nic and pci.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
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

/// Device of the interface.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
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
    pub properties: Option<BTreeMap<String, String>>,
}

impl Device {
    /// With what must be there.
    #[must_use]
    pub fn new(kind: DeviceKind) -> Self {
        Self {
            kind,
            id: None,
            path: None,
            format: None,
            size: None,
            bus: None,
            controller: None,
            cache: None,
            readonly: None,
            serial: None,
            model: None,
            mac: None,
            network: None,
            requested: None,
            driver: None,
            properties: None,
        }
    }

    /// Sets `id`.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets `path`.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Sets `format`.
    #[must_use]
    pub fn format(mut self, format: impl Into<String>) -> Self {
        self.format = Some(format.into());
        self
    }

    /// Sets `size`.
    #[must_use]
    pub fn size(mut self, size: i64) -> Self {
        self.size = Some(size);
        self
    }

    /// Sets `bus`.
    #[must_use]
    pub fn bus(mut self, bus: impl Into<String>) -> Self {
        self.bus = Some(bus.into());
        self
    }

    /// Sets `controller`.
    #[must_use]
    pub fn controller(mut self, controller: impl Into<String>) -> Self {
        self.controller = Some(controller.into());
        self
    }

    /// Sets `cache`.
    #[must_use]
    pub fn cache(mut self, cache: impl Into<String>) -> Self {
        self.cache = Some(cache.into());
        self
    }

    /// Sets `readonly`.
    #[must_use]
    pub fn readonly(mut self, readonly: bool) -> Self {
        self.readonly = Some(readonly);
        self
    }

    /// Sets `serial`.
    #[must_use]
    pub fn serial(mut self, serial: impl Into<String>) -> Self {
        self.serial = Some(serial.into());
        self
    }

    /// Sets `model`.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Sets `mac`.
    #[must_use]
    pub fn mac(mut self, mac: impl Into<String>) -> Self {
        self.mac = Some(mac.into());
        self
    }

    /// Sets `network`.
    #[must_use]
    pub fn network(mut self, network: impl Into<String>) -> Self {
        self.network = Some(network.into());
        self
    }

    /// Sets `requested`.
    #[must_use]
    pub fn requested(mut self, requested: i64) -> Self {
        self.requested = Some(requested);
        self
    }

    /// Sets `driver`.
    #[must_use]
    pub fn driver(mut self, driver: impl Into<String>) -> Self {
        self.driver = Some(driver.into());
        self
    }

    /// Sets `properties`.
    #[must_use]
    pub fn properties(mut self, properties: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Self {
        self.properties = Some(properties.into_iter().map(|(key, value)| (key.into(), value.into())).collect::<BTreeMap<String, String>>());
        self
    }

}

/// `pci`: the guest's PCI address of it, or of the controller it hangs on. `guest`: what the guest says of it, where it was asked.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Plugged {
    pub id: String,
    pub kind: DeviceKind,
    pub pci: Option<String>,
    pub guest: Option<String>,
}

/// Figures of a migration: sizes are bytes, times seconds. `status` is QEMU's MigrationStatus.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Figures {
    pub status: String,
    pub transferred: i64,
    pub remaining: i64,
    pub total: i64,
    pub mbps: f64,
    pub dirty_pages_rate: i64,
    pub dirty_sync_count: i64,
    pub postcopy_requests: i64,
    pub elapsed: Option<f64>,
    pub setup: Option<f64>,
    pub expected_downtime: Option<f64>,
    pub downtime: Option<f64>,
    pub throttle: Option<i64>,
}

/// What is absent stays as QEMU has it. Sizes are bytes (a second), times seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
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

impl MigrationParameters {
    /// Sets `max_bandwidth`.
    #[must_use]
    pub fn max_bandwidth(mut self, max_bandwidth: i64) -> Self {
        self.max_bandwidth = Some(max_bandwidth);
        self
    }

    /// Sets `max_postcopy_bandwidth`.
    #[must_use]
    pub fn max_postcopy_bandwidth(mut self, max_postcopy_bandwidth: i64) -> Self {
        self.max_postcopy_bandwidth = Some(max_postcopy_bandwidth);
        self
    }

    /// Sets `downtime_limit`.
    #[must_use]
    pub fn downtime_limit(mut self, downtime_limit: std::time::Duration) -> Self {
        self.downtime_limit = Some(downtime_limit.as_secs_f64());
        self
    }

    /// Sets `multifd_channels`.
    #[must_use]
    pub fn multifd_channels(mut self, multifd_channels: i64) -> Self {
        self.multifd_channels = Some(multifd_channels);
        self
    }

    /// Sets `multifd_compression`.
    #[must_use]
    pub fn multifd_compression(mut self, multifd_compression: impl Into<String>) -> Self {
        self.multifd_compression = Some(multifd_compression.into());
        self
    }

    /// Sets `xbzrle_cache_size`.
    #[must_use]
    pub fn xbzrle_cache_size(mut self, xbzrle_cache_size: i64) -> Self {
        self.xbzrle_cache_size = Some(xbzrle_cache_size);
        self
    }

    /// Sets `cpu_throttle_initial`.
    #[must_use]
    pub fn cpu_throttle_initial(mut self, cpu_throttle_initial: i64) -> Self {
        self.cpu_throttle_initial = Some(cpu_throttle_initial);
        self
    }

    /// Sets `cpu_throttle_increment`.
    #[must_use]
    pub fn cpu_throttle_increment(mut self, cpu_throttle_increment: i64) -> Self {
        self.cpu_throttle_increment = Some(cpu_throttle_increment);
        self
    }

    /// Sets `max_cpu_throttle`.
    #[must_use]
    pub fn max_cpu_throttle(mut self, max_cpu_throttle: i64) -> Self {
        self.max_cpu_throttle = Some(max_cpu_throttle);
        self
    }

}

/// Snapshots of memory and disks inside the disks, which must be qcow2.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Snapshot {
    pub name: String,
    pub id: String,
    pub vm_state_size: i64,
}

/// A background job of QEMU. `progress` of `total` in units of its own.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Job {
    pub id: String,
    pub kind: String,
    pub status: String,
    pub progress: i64,
    pub total: i64,
    pub error: Option<String>,
}

/// JobKind of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    Mirror,
    Backup,
    Commit,
    Stream,
}

/// JobAction of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JobAction {
    Complete,
    Cancel,
    Pause,
    Resume,
}

/// JobEnd of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JobEnd {
    Succeeded,
    Cancelled,
}

/// What kind of error virt-test answered with, and what only that kind says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "error", content = "parameters")]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such machine, session, snapshot, job, parameter. `known` are those there are.
    #[serde(rename = "org.virt-test.error.NotFound")]
    #[non_exhaustive]
    NotFound {
        name: String,
        known: Vec<String>,
    },
    /// What is asked for cannot be, whatever the machine.
    #[serde(rename = "org.virt-test.error.Invalid")]
    #[non_exhaustive]
    Invalid {
    },
    /// This QEMU or this host cannot do it. The verdict is skip.
    #[serde(rename = "org.virt-test.error.Unsupported")]
    #[non_exhaustive]
    Unsupported {
    },
    /// QEMU ended before it spoke.
    #[serde(rename = "org.virt-test.error.StartFailed")]
    #[non_exhaustive]
    StartFailed {
        stderr: String,
    },
    /// QEMU refused a command, or its monitor failed. `class` and `description` are QEMU's, where it answered.
    #[serde(rename = "org.virt-test.error.MonitorFailed")]
    #[non_exhaustive]
    MonitorFailed {
        class: Option<String>,
        description: Option<String>,
    },
    /// Talking to the guest failed. `agent_class` is the guest agent's, where that refused.
    #[serde(rename = "org.virt-test.error.GuestFailed")]
    #[non_exhaustive]
    GuestFailed {
        agent_class: Option<String>,
    },
    /// It did not come in time. `waited` is in seconds.
    #[serde(rename = "org.virt-test.error.TimedOut")]
    #[non_exhaustive]
    TimedOut {
        awaited: String,
        waited: f64,
    },
    /// The machine was found to be fatally unwell: a panic of the guest, a dead end of the firmware, … `finding` is the kind.
    #[serde(rename = "org.virt-test.error.Unwell")]
    #[non_exhaustive]
    Unwell {
        finding: String,
    },
    /// The machine ended while something else was awaited. `exit` says how QEMU ended.
    #[serde(rename = "org.virt-test.error.Ended")]
    #[non_exhaustive]
    Ended {
        exit: String,
    },
    /// A device could not be plugged or unplugged. `refused` where the guest would not let go of it.
    #[serde(rename = "org.virt-test.error.PlugFailed")]
    #[non_exhaustive]
    PlugFailed {
        refused: bool,
    },
    /// A migration, a save or a restore failed. `phase` is how far it had come; `source` and `destination` what both sides said;
    /// `source_state` the state of the source after it, absent where it is gone.
    #[serde(rename = "org.virt-test.error.MigrationFailed")]
    #[non_exhaustive]
    MigrationFailed {
        phase: String,
        source: Option<String>,
        destination: Option<String>,
        source_state: Option<String>,
    },
    /// A job of QEMU ended in a way it was not to.
    #[serde(rename = "org.virt-test.error.JobFailed")]
    #[non_exhaustive]
    JobFailed {
        job: String,
    },
    /// Our side failed: a file, a socket, a process, memory.
    #[serde(rename = "org.virt-test.error.HostFailed")]
    #[non_exhaustive]
    HostFailed {
    },
    /// One of varlink's own, or one this version does not know.
    #[serde(skip)]
    #[non_exhaustive]
    Other { name: String, parameters: Value },
}

/// What `push` replies.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct PushReply {
    pub size: i64,
    pub sha256: String,
}

/// What `pull` replies.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct PullReply {
    pub size: i64,
    pub sha256: String,
    pub content: Option<String>,
}

/// What `network_info` replies.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct NetworkInfoReply {
    pub ports: i64,
    pub capture: String,
}

/// What `ssh` replies.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct SshReply {
    pub session: SessionInfo,
    pub command: Vec<String>,
}

/// What `console` replies.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct ConsoleReply {
    pub text: String,
}

/// What `console_expect` replies.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct ConsoleExpectReply {
    pub before: String,
    pub text: String,
}

/// What `stop` replies.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct StopReply {
    pub ended_by: String,
    pub exit: Exit,
}

/// What `events` replies.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct EventsReply {
    pub event: Option<Event>,
    pub events: Vec<Event>,
}

/// What `migrate` replies.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct MigrateReply {
    pub progress: Option<Figures>,
    pub figures: Option<Figures>,
    pub standstill: Option<f64>,
}

/// What `start_job` replies.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct StartJobReply {
    pub id: String,
    pub path: Option<String>,
}

/// What `screendump` replies.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct ScreendumpReply {
    pub file: String,
    pub width: i64,
    pub height: i64,
}

impl Test {
    /// An empty image of `size`, or an overlay of `backing`. qcow2 if `format` is absent. `options` are those of qemu-img -o.
    pub fn image_create(&self, path: impl Into<String>) -> calls::ImageCreate {
        let mut asked = self.ask("org.virt-test.image.Create");
        asked.put("path", path.into() as String);
        calls::ImageCreate(asked)
    }

    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn image_info(&self, path: impl Into<String>) -> Result<Image> {
        let mut asked = self.ask("org.virt-test.image.Info");
        asked.put("path", path.into() as String);
        asked.member("image")
    }

    /// The image, what it is an overlay of, and so on.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn image_chain(&self, path: impl Into<String>) -> Result<Vec<Image>> {
        let mut asked = self.ask("org.virt-test.image.Chain");
        asked.put("path", path.into() as String);
        asked.member("images")
    }

    pub fn image_check(&self, path: impl Into<String>) -> calls::ImageCheck {
        let mut asked = self.ask("org.virt-test.image.Check");
        asked.put("path", path.into() as String);
        calls::ImageCheck(asked)
    }

    /// Copies an image into one of another format.
    pub fn image_convert(&self, path: impl Into<String>, target: impl Into<String>, format: impl Into<String>) -> calls::ImageConvert {
        let mut asked = self.ask("org.virt-test.image.Convert");
        asked.put("path", path.into() as String);
        asked.put("target", target.into() as String);
        asked.put("format", format.into() as String);
        calls::ImageConvert(asked)
    }

    /// `shrink` must be said where what is cut off may be data.
    pub fn image_resize(&self, path: impl Into<String>, format: impl Into<String>, size: i64) -> calls::ImageResize {
        let mut asked = self.ask("org.virt-test.image.Resize");
        asked.put("path", path.into() as String);
        asked.put("format", format.into() as String);
        asked.put("size", size);
        calls::ImageResize(asked)
    }

    /// Do two images have the same contents?
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn image_compare(&self, path: impl Into<String>, format: impl Into<String>, other: impl Into<String>, other_format: impl Into<String>) -> Result<bool> {
        let mut asked = self.ask("org.virt-test.image.Compare");
        asked.put("path", path.into() as String);
        asked.put("format", format.into() as String);
        asked.put("other", other.into() as String);
        asked.put("other_format", other_format.into() as String);
        asked.member("same")
    }

    /// Internal snapshots of an image no machine uses.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn image_snapshot(&self, path: impl Into<String>, action: SnapshotAction, name: impl Into<String>) -> Result<Image> {
        let mut asked = self.ask("org.virt-test.image.Snapshot");
        asked.put("path", path.into() as String);
        asked.put("action", action);
        asked.put("name", name.into() as String);
        asked.member("image")
    }

    /// Writes what an overlay holds into what it is an overlay of.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn image_commit(&self, path: impl Into<String>, format: impl Into<String>) -> Result<()> {
        let mut asked = self.ask("org.virt-test.image.Commit");
        asked.put("path", path.into() as String);
        asked.put("format", format.into() as String);
        asked.nothing()
    }

    /// A private network: how many cards are on it, and the file its traffic is recorded in.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn network_info(&self, network: impl Into<String>) -> Result<NetworkInfoReply> {
        let mut asked = self.ask("org.virt-test.network.Info");
        asked.put("network", network.into() as String);
        asked.whole()
    }

    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn session_list(&self) -> Result<Vec<SessionInfo>> {
        let asked = self.ask("org.virt-test.session.List");
        asked.member("sessions")
    }

    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn info(&self) -> Result<TestInfo> {
        let asked = self.ask("org.virt-test.test.Info");
        asked.member("info")
    }

    /// Parameters as configured, with defaults where the reference has some; with `objects`, as these see them, outermost first:
    /// \["vm1", "nic1"] for card nic1 of machine vm1.
    pub fn params(&self) -> calls::Params {
        let asked = self.ask("org.virt-test.test.Params");
        calls::Params(asked)
    }

    /// Says what the test does now: shown on the live line, kept in the results.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn phase(&self, phase: impl Into<String>) -> Result<()> {
        let mut asked = self.ask("org.virt-test.test.Phase");
        asked.put("phase", phase.into() as String);
        asked.nothing()
    }

    /// Writes to the test's debug.log.
    pub fn log(&self, message: impl Into<String>) -> calls::Log {
        let mut asked = self.ask("org.virt-test.test.Log");
        asked.put("message", message.into() as String);
        calls::Log(asked)
    }

    /// Something deserves a look: the test goes on, and ends with WARN if it passes.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn warn(&self, message: impl Into<String>) -> Result<()> {
        let mut asked = self.ask("org.virt-test.test.Warn");
        asked.put("message", message.into() as String);
        asked.nothing()
    }

    /// A part of the test has come to its end. One that fails makes the test fail.
    pub fn subtest(&self, name: impl Into<String>, verdict: Verdict) -> calls::Subtest {
        let mut asked = self.ask("org.virt-test.test.Subtest");
        asked.put("name", name.into() as String);
        asked.put("verdict", verdict);
        calls::Subtest(asked)
    }

    /// Ends a session of `virt-test serve` and its machines. Invalid in a test, which ends with its program.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn end(&self) -> Result<()> {
        let asked = self.ask("org.virt-test.test.End");
        asked.nothing()
    }

    /// The machines of the configuration, running or not, and those that run.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn vm_list(&self) -> Result<Vec<Machine>> {
        let asked = self.ask("org.virt-test.vm.List");
        asked.member("machines")
    }

}

impl Vm {
    /// From `path` on the host, or `content`, to `guest`.
    pub fn push(&self, guest: impl Into<String>) -> calls::Push {
        let mut asked = self.ask("org.virt-test.files.Push");
        asked.put("guest", guest.into() as String);
        calls::Push(asked)
    }

    /// From `guest` to `path` on the host, or, where that is absent, into `content`, which can be 8 MiB at most. As text, a file that is no
    /// UTF-8 is Invalid.
    pub fn pull(&self, guest: impl Into<String>) -> calls::Pull {
        let mut asked = self.ask("org.virt-test.files.Pull");
        asked.put("guest", guest.into() as String);
        calls::Pull(asked)
    }

    /// The address that the guest of `vm` has by a card on a private network; the first such card if `nic` is absent.
    pub fn address(&self) -> calls::Address {
        let asked = self.ask("org.virt-test.network.Address");
        calls::Address(asked)
    }

    /// The port of this host that leads to one of the guest.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn forwarded_port(&self, port: i64) -> Result<i64> {
        let mut asked = self.ask("org.virt-test.network.ForwardedPort");
        asked.put("port", port);
        asked.member("port")
    }

    /// Plugs the cable of a card in or pulls it out.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn set_link(&self, nic: impl Into<String>, up: bool) -> Result<()> {
        let mut asked = self.ask("org.virt-test.network.SetLink");
        asked.put("nic", nic.into() as String);
        asked.put("up", up);
        asked.nothing()
    }

    /// Logs in to the guest; waits for a boot in progress. The session ends with its machine, with Close, and with the test; not with
    /// the connection.
    pub fn session(&self) -> calls::Open {
        let asked = self.ask("org.virt-test.session.Open");
        calls::Open(asked)
    }

    /// Logs in to the guest by SSH, and tells how a program of this host gets there, such as a user's terminal: `command` is a shell in the
    /// guest; with more words behind it, it runs these instead. It joins the session, asks for nothing, and ends with it. The machine is one
    /// with `shell_client = ssh`.
    pub fn ssh(&self) -> calls::Ssh {
        let asked = self.ask("org.virt-test.session.Ssh");
        calls::Ssh(asked)
    }

    /// What a console has said so far; the first one if `console` is absent. Called with `more`: in pieces, with what is to come, until the
    /// machine ends or the client hangs up. `from_now`: without what it has said.
    pub fn console(&self) -> calls::Console {
        let asked = self.ask("org.virt-test.session.Console");
        calls::Console(asked)
    }

    /// Types on a console. No newline is added.
    pub fn console_send(&self, text: impl Into<String>) -> calls::ConsoleSend {
        let mut asked = self.ask("org.virt-test.session.ConsoleSend");
        asked.put("text", text.into() as String);
        calls::ConsoleSend(asked)
    }

    /// Waits until a console shows something that matches a regular expression, from the machine's start on. `before`: what came before.
    /// `from_now`: only what is to come counts.
    pub fn console_expect(&self, pattern: impl Into<String>) -> calls::ConsoleExpect {
        let mut asked = self.ask("org.virt-test.session.ConsoleExpect");
        asked.put("pattern", pattern.into() as String);
        calls::ConsoleExpect(asked)
    }

    /// A command of the guest agent. `reply` is {"return": …} as it answered. An error answer is GuestFailed.
    pub fn agent(&self, command: impl Into<String>) -> calls::Agent {
        let mut asked = self.ask("org.virt-test.session.Agent");
        asked.put("command", command.into() as String);
        calls::Agent(asked)
    }

    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn info(&self) -> Result<Machine> {
        let asked = self.ask("org.virt-test.vm.Info");
        asked.member("machine")
    }

    /// Starts a machine as the configuration says; `params` win over it, for this machine and until its next start. One of that name
    /// that runs is killed first. A name that the configuration does not know makes a machine of the parameters all machines share.
    /// `paused`: its CPUs do not run yet. It returns when QEMU runs; Session.Open or Exec wait for the guest.
    pub fn start(&self) -> calls::Start {
        let asked = self.ask("org.virt-test.vm.Start");
        calls::Start(asked)
    }

    /// Ends a machine: asks the guest by agent, shell and ACPI, then QEMU, then kills. `ended_by` is what did it. `force`: kills at once.
    pub fn stop(&self) -> calls::Stop {
        let asked = self.ask("org.virt-test.vm.Stop");
        calls::Stop(asked)
    }

    /// Presses the power button, and returns when QEMU has: WaitExit waits for the guest to be off.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn powerdown(&self) -> Result<()> {
        let asked = self.ask("org.virt-test.vm.Powerdown");
        asked.nothing()
    }

    /// Presses the reset button; returns when the machine has been reset.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn reset(&self) -> Result<()> {
        let asked = self.ask("org.virt-test.vm.Reset");
        asked.nothing()
    }

    /// Stops its CPUs, and lets them go on.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn pause(&self) -> Result<()> {
        let asked = self.ask("org.virt-test.vm.Pause");
        asked.nothing()
    }

    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn resume(&self) -> Result<()> {
        let asked = self.ask("org.virt-test.vm.Resume");
        asked.nothing()
    }

    /// Lets the guest suspend itself, by its agent, and waits until it has. Suspended to disk the machine has ended.
    pub fn suspend(&self) -> calls::Suspend {
        let asked = self.ask("org.virt-test.vm.Suspend");
        calls::Suspend(asked)
    }

    /// Wakes a guest that is suspended to RAM.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn wakeup(&self) -> Result<()> {
        let asked = self.ask("org.virt-test.vm.Wakeup");
        asked.nothing()
    }

    /// Sends a non-maskable interrupt.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn nmi(&self) -> Result<()> {
        let asked = self.ask("org.virt-test.vm.Nmi");
        asked.nothing()
    }

    /// Waits until QEMU has ended, however that comes.
    pub fn wait_exit(&self) -> calls::WaitExit {
        let asked = self.ask("org.virt-test.vm.WaitExit");
        calls::WaitExit(asked)
    }

    /// Waits until the machine is in a run state, such as paused.
    pub fn wait_status(&self, status: impl Into<String>) -> calls::WaitStatus {
        let mut asked = self.ask("org.virt-test.vm.WaitStatus");
        asked.put("status", status.into() as String);
        calls::WaitStatus(asked)
    }

    /// What was found to be wrong with the machine and its guest: oopses, lockups, I/O errors, …
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn findings(&self) -> Result<Vec<Finding>> {
        let asked = self.ask("org.virt-test.vm.Findings");
        asked.member("findings")
    }

    /// Findings of this kind are what the test wants, and do not make it fail.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn allow(&self, finding: impl Into<String>) -> Result<()> {
        let mut asked = self.ask("org.virt-test.vm.Allow");
        asked.put("finding", finding.into() as String);
        asked.nothing()
    }

    /// Events of the monitor from number `since` on, or from the machine's start; of these names, or all. Called with `more`: events
    /// that are to come as well, one a reply, until the machine ends or the client hangs up.
    pub fn events(&self) -> calls::Events {
        let asked = self.ask("org.virt-test.vm.Events");
        calls::Events(asked)
    }

    /// Waits for an event that comes, or came, from number `since` on, or since the machine's start. `match`: members its data must
    /// have, such as {"status": "completed"}.
    pub fn wait_event(&self, name: impl Into<String>) -> calls::WaitEvent {
        let mut asked = self.ask("org.virt-test.vm.WaitEvent");
        asked.put("name", name.into() as String);
        calls::WaitEvent(asked)
    }

    /// A command of QMP. `reply` is {"return": …} as QEMU answered. An error answer is MonitorFailed.
    pub fn qmp(&self, command: impl Into<String>) -> calls::Qmp {
        let mut asked = self.ask("org.virt-test.vm.Qmp");
        asked.put("command", command.into() as String);
        calls::Qmp(asked)
    }

    /// A line of QEMU's human monitor.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn hmp(&self, line: impl Into<String>) -> Result<String> {
        let mut asked = self.ask("org.virt-test.vm.Hmp");
        asked.put("line", line.into() as String);
        asked.member("output")
    }

    /// Plugs a device in. `guest`: waits until the guest sees it, too; that needs the agent.
    pub fn plug(&self, device: Device) -> calls::Plug {
        let mut asked = self.ask("org.virt-test.vm.Plug");
        asked.put("device", device);
        calls::Plug(asked)
    }

    /// Asks the guest to let go of a device, waits until it has, and takes what was behind it back. `took` is in seconds.
    /// `guest`: waits until the guest does not see it any more, too.
    pub fn unplug(&self, id: impl Into<String>) -> calls::Unplug {
        let mut asked = self.ask("org.virt-test.vm.Unplug");
        asked.put("id", id.into() as String);
        calls::Unplug(asked)
    }

    /// Devices that were plugged in and are there still.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn devices(&self) -> Result<Vec<Plugged>> {
        let asked = self.ask("org.virt-test.vm.Devices");
        asked.member("devices")
    }

    /// Requests that the guest has so much of a virtio_mem device, and waits until it has.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn resize_memory(&self, id: impl Into<String>, size: i64) -> Result<()> {
        let mut asked = self.ask("org.virt-test.vm.ResizeMemory");
        asked.put("id", id.into() as String);
        asked.put("size", size);
        asked.nothing()
    }

    /// Moves the machine to another QEMU on this host, and goes on with it under the same name; what was open to it, sessions too, is
    /// opened anew. `transport`: unix, tcp, exec, fd, file; as configured if absent. `capabilities` are QEMU's MigrationCapability. `standstill`:
    /// seconds the guest's CPUs stood still. Called with `more`: replies with `progress`, then the last with `figures`. A client that
    /// hangs up before that cancels it, and the source goes on.
    pub fn migrate(&self) -> calls::Migrate {
        let asked = self.ask("org.virt-test.vm.Migrate");
        calls::Migrate(asked)
    }

    /// Cancels a migration under way: Migrate fails with MigrationFailed, and the source goes on.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn cancel_migration(&self) -> Result<()> {
        let asked = self.ask("org.virt-test.vm.CancelMigration");
        asked.nothing()
    }

    /// Stops the machine and writes its state to a file. Its disks go with the state.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn save(&self, file: impl Into<String>) -> Result<Figures> {
        let mut asked = self.ask("org.virt-test.vm.Save");
        asked.put("file", file.into() as String);
        asked.member("figures")
    }

    /// Starts a machine with the state of a file, and its disks as they are. The one of that name must have been saved, and is killed
    /// first. Resume lets it run.
    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn restore(&self, file: impl Into<String>) -> Result<Machine> {
        let mut asked = self.ask("org.virt-test.vm.Restore");
        asked.put("file", file.into() as String);
        asked.member("machine")
    }

    pub fn save_snapshot(&self, name: impl Into<String>) -> calls::SaveSnapshot {
        let mut asked = self.ask("org.virt-test.vm.SaveSnapshot");
        asked.put("name", name.into() as String);
        calls::SaveSnapshot(asked)
    }

    pub fn load_snapshot(&self, name: impl Into<String>) -> calls::LoadSnapshot {
        let mut asked = self.ask("org.virt-test.vm.LoadSnapshot");
        asked.put("name", name.into() as String);
        calls::LoadSnapshot(asked)
    }

    pub fn delete_snapshot(&self, name: impl Into<String>) -> calls::DeleteSnapshot {
        let mut asked = self.ask("org.virt-test.vm.DeleteSnapshot");
        asked.put("name", name.into() as String);
        calls::DeleteSnapshot(asked)
    }

    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn list_snapshots(&self) -> Result<Vec<Snapshot>> {
        let asked = self.ask("org.virt-test.vm.ListSnapshots");
        asked.member("snapshots")
    }

    /// Starts a job on a disk of the machine. `target`: where mirror and backup copy to, a new qcow2 image; named and placed by itself where
    /// absent. Further jobs are started by Qmp. `path` is the target's.
    pub fn start_job(&self, disk: impl Into<String>, kind: JobKind) -> calls::StartJob {
        let mut asked = self.ask("org.virt-test.vm.StartJob");
        asked.put("disk", disk.into() as String);
        asked.put("kind", kind);
        calls::StartJob(asked)
    }

    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn list_jobs(&self) -> Result<Vec<Job>> {
        let asked = self.ask("org.virt-test.vm.ListJobs");
        asked.member("jobs")
    }

    /// Waits until a job has ended; JobFailed where it failed. `ready`: only until it can be completed.
    pub fn wait_job(&self, id: impl Into<String>) -> calls::WaitJob {
        let mut asked = self.ask("org.virt-test.vm.WaitJob");
        asked.put("id", id.into() as String);
        calls::WaitJob(asked)
    }

    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn control_job(&self, id: impl Into<String>, action: JobAction) -> Result<()> {
        let mut asked = self.ask("org.virt-test.vm.ControlJob");
        asked.put("id", id.into() as String);
        asked.put("action", action);
        asked.nothing()
    }

    /// Writes what a graphics card shows to a file (PNG where QEMU can, and the name ends so; else PPM), by default in the test's directory.
    /// A machine has a card with `vga = std`.
    pub fn screendump(&self) -> calls::Screendump {
        let asked = self.ask("org.virt-test.vm.Screendump");
        calls::Screendump(asked)
    }

    /// Presses keys at once and lets them go: QKeyCode of QEMU, such as \["ctrl", "alt", "delete"]. `hold` is in seconds.
    pub fn send_key(&self, keys: impl IntoIterator<Item = impl Into<String>>) -> calls::SendKey {
        let mut asked = self.ask("org.virt-test.vm.SendKey");
        asked.put("keys", keys.into_iter().map(Into::into).collect::<Vec<String>>());
        calls::SendKey(asked)
    }

}

impl Session {
    /// From `path` on the host, or `content`, to `guest`.
    pub fn push(&self, guest: impl Into<String>) -> calls::Push {
        let mut asked = self.ask("org.virt-test.files.Push");
        asked.put("guest", guest.into() as String);
        calls::Push(asked)
    }

    /// From `guest` to `path` on the host, or, where that is absent, into `content`, which can be 8 MiB at most. As text, a file that is no
    /// UTF-8 is Invalid.
    pub fn pull(&self, guest: impl Into<String>) -> calls::Pull {
        let mut asked = self.ask("org.virt-test.files.Pull");
        asked.put("guest", guest.into() as String);
        calls::Pull(asked)
    }

    ///
    /// # Errors
    /// [`Error`](crate::Error).
    pub fn close(&self) -> Result<()> {
        let asked = self.ask("org.virt-test.session.Close");
        asked.nothing()
    }

}

/// Calls that have options.
pub mod calls {
    use super::*;
    use crate::asked::Asked;

    /// `org.virt-test.files.Push`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct Push(pub(crate) Asked);

    impl Push {
        /// Sets `path`.
        pub fn path(mut self, path: impl Into<String>) -> Self {
            self.0.put("path", path.into() as String);
            self
        }

        /// Sets `content`.
        pub fn content(mut self, content: impl Into<String>) -> Self {
            self.0.put("content", content.into() as String);
            self
        }

        /// Sets `encoding`.
        pub fn encoding(mut self, encoding: Encoding) -> Self {
            self.0.put("encoding", encoding);
            self
        }

        /// Sets `timeout`.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.0.put("timeout", timeout.as_secs_f64());
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<PushReply> {
            self.0.whole()
        }
    }

    /// `org.virt-test.files.Pull`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct Pull(pub(crate) Asked);

    impl Pull {
        /// Sets `path`.
        pub fn path(mut self, path: impl Into<String>) -> Self {
            self.0.put("path", path.into() as String);
            self
        }

        /// Sets `encoding`.
        pub fn encoding(mut self, encoding: Encoding) -> Self {
            self.0.put("encoding", encoding);
            self
        }

        /// Sets `timeout`.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.0.put("timeout", timeout.as_secs_f64());
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<PullReply> {
            self.0.whole()
        }
    }

    /// `org.virt-test.image.Create`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct ImageCreate(pub(crate) Asked);

    impl ImageCreate {
        /// Sets `size`.
        pub fn size(mut self, size: i64) -> Self {
            self.0.put("size", size);
            self
        }

        /// Sets `format`.
        pub fn format(mut self, format: impl Into<String>) -> Self {
            self.0.put("format", format.into() as String);
            self
        }

        /// Sets `backing`.
        pub fn backing(mut self, backing: impl Into<String>) -> Self {
            self.0.put("backing", backing.into() as String);
            self
        }

        /// Sets `backing_format`.
        pub fn backing_format(mut self, backing_format: impl Into<String>) -> Self {
            self.0.put("backing_format", backing_format.into() as String);
            self
        }

        /// Sets `options`.
        pub fn options(mut self, options: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Self {
            self.0.put("options", options.into_iter().map(|(key, value)| (key.into(), value.into())).collect::<BTreeMap<String, String>>());
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<Image> {
            self.0.member("image")
        }
    }

    /// `org.virt-test.image.Check`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct ImageCheck(pub(crate) Asked);

    impl ImageCheck {
        /// Sets `format`.
        pub fn format(mut self, format: impl Into<String>) -> Self {
            self.0.put("format", format.into() as String);
            self
        }

        /// Sets `repair`.
        pub fn repair(mut self, repair: Repair) -> Self {
            self.0.put("repair", repair);
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<Report> {
            self.0.member("report")
        }
    }

    /// `org.virt-test.image.Convert`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct ImageConvert(pub(crate) Asked);

    impl ImageConvert {
        /// Sets `target_format`.
        pub fn target_format(mut self, target_format: impl Into<String>) -> Self {
            self.0.put("target_format", target_format.into() as String);
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<Image> {
            self.0.member("image")
        }
    }

    /// `org.virt-test.image.Resize`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct ImageResize(pub(crate) Asked);

    impl ImageResize {
        /// Sets `shrink`.
        pub fn shrink(mut self, shrink: bool) -> Self {
            self.0.put("shrink", shrink);
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<Image> {
            self.0.member("image")
        }
    }

    /// `org.virt-test.network.Address`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct Address(pub(crate) Asked);

    impl Address {
        /// Sets `nic`.
        pub fn nic(mut self, nic: impl Into<String>) -> Self {
            self.0.put("nic", nic.into() as String);
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<String> {
            self.0.member("address")
        }
    }

    /// `org.virt-test.session.Open`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct Open(pub(crate) Asked);

    impl Open {
        /// Sets `channel`.
        pub fn channel(mut self, channel: Channel) -> Self {
            self.0.put("channel", channel);
            self
        }

        /// Sets `timeout`.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.0.put("timeout", timeout.as_secs_f64());
            self
        }

    }

    /// `org.virt-test.session.Ssh`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct Ssh(pub(crate) Asked);

    impl Ssh {
        /// Sets `timeout`.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.0.put("timeout", timeout.as_secs_f64());
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<SshReply> {
            self.0.whole()
        }
    }

    /// `org.virt-test.session.Console`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct Console(pub(crate) Asked);

    impl Console {
        /// Sets `console`.
        pub fn console(mut self, console: impl Into<String>) -> Self {
            self.0.put("console", console.into() as String);
            self
        }

        /// Sets `from_now`.
        pub fn from_now(mut self, from_now: bool) -> Self {
            self.0.put("from_now", from_now);
            self
        }

    }

    /// `org.virt-test.session.ConsoleSend`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct ConsoleSend(pub(crate) Asked);

    impl ConsoleSend {
        /// Sets `console`.
        pub fn console(mut self, console: impl Into<String>) -> Self {
            self.0.put("console", console.into() as String);
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<()> {
            self.0.nothing()
        }
    }

    /// `org.virt-test.session.ConsoleExpect`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct ConsoleExpect(pub(crate) Asked);

    impl ConsoleExpect {
        /// Sets `console`.
        pub fn console(mut self, console: impl Into<String>) -> Self {
            self.0.put("console", console.into() as String);
            self
        }

        /// Sets `from_now`.
        pub fn from_now(mut self, from_now: bool) -> Self {
            self.0.put("from_now", from_now);
            self
        }

        /// Sets `timeout`.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.0.put("timeout", timeout.as_secs_f64());
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<ConsoleExpectReply> {
            self.0.whole()
        }
    }

    /// `org.virt-test.session.Agent`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct Agent(pub(crate) Asked);

    impl Agent {
        /// Sets `arguments`.
        pub fn arguments(mut self, arguments: impl Serialize) -> Self {
            self.0.put("arguments", arguments);
            self
        }

        /// Sets `timeout`.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.0.put("timeout", timeout.as_secs_f64());
            self
        }

    }

    /// `org.virt-test.test.Params`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct Params(pub(crate) Asked);

    impl Params {
        /// Sets `objects`.
        pub fn objects(mut self, objects: impl IntoIterator<Item = impl Into<String>>) -> Self {
            self.0.put("objects", objects.into_iter().map(Into::into).collect::<Vec<String>>());
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<BTreeMap<String, String>> {
            self.0.member("params")
        }
    }

    /// `org.virt-test.test.Log`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct Log(pub(crate) Asked);

    impl Log {
        /// Sets `level`.
        pub fn level(mut self, level: Level) -> Self {
            self.0.put("level", level);
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<()> {
            self.0.nothing()
        }
    }

    /// `org.virt-test.test.Subtest`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct Subtest(pub(crate) Asked);

    impl Subtest {
        /// Sets `reason`.
        pub fn reason(mut self, reason: impl Into<String>) -> Self {
            self.0.put("reason", reason.into() as String);
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<()> {
            self.0.nothing()
        }
    }

    /// `org.virt-test.vm.Start`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct Start(pub(crate) Asked);

    impl Start {
        /// Sets `params`.
        pub fn params(mut self, params: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Self {
            self.0.put("params", params.into_iter().map(|(key, value)| (key.into(), value.into())).collect::<BTreeMap<String, String>>());
            self
        }

        /// Sets `paused`.
        pub fn paused(mut self, paused: bool) -> Self {
            self.0.put("paused", paused);
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<Machine> {
            self.0.member("machine")
        }
    }

    /// `org.virt-test.vm.Stop`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct Stop(pub(crate) Asked);

    impl Stop {
        /// Sets `force`.
        pub fn force(mut self, force: bool) -> Self {
            self.0.put("force", force);
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<StopReply> {
            self.0.whole()
        }
    }

    /// `org.virt-test.vm.Suspend`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct Suspend(pub(crate) Asked);

    impl Suspend {
        /// Sets `to`.
        pub fn to(mut self, to: Suspension) -> Self {
            self.0.put("to", to);
            self
        }

        /// Sets `timeout`.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.0.put("timeout", timeout.as_secs_f64());
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<()> {
            self.0.nothing()
        }
    }

    /// `org.virt-test.vm.WaitExit`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct WaitExit(pub(crate) Asked);

    impl WaitExit {
        /// Sets `timeout`.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.0.put("timeout", timeout.as_secs_f64());
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<Exit> {
            self.0.member("exit")
        }
    }

    /// `org.virt-test.vm.WaitStatus`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct WaitStatus(pub(crate) Asked);

    impl WaitStatus {
        /// Sets `timeout`.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.0.put("timeout", timeout.as_secs_f64());
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<()> {
            self.0.nothing()
        }
    }

    /// `org.virt-test.vm.Events`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct Events(pub(crate) Asked);

    impl Events {
        /// Sets `since`.
        pub fn since(mut self, since: i64) -> Self {
            self.0.put("since", since);
            self
        }

        /// Sets `names`.
        pub fn names(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
            self.0.put("names", names.into_iter().map(Into::into).collect::<Vec<String>>());
            self
        }

    }

    /// `org.virt-test.vm.WaitEvent`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct WaitEvent(pub(crate) Asked);

    impl WaitEvent {
        /// Sets `since`.
        pub fn since(mut self, since: i64) -> Self {
            self.0.put("since", since);
            self
        }

        /// Sets `match`.
        pub fn matching(mut self, matching: impl Serialize) -> Self {
            self.0.put("match", matching);
            self
        }

        /// Sets `timeout`.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.0.put("timeout", timeout.as_secs_f64());
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<Event> {
            self.0.member("event")
        }
    }

    /// `org.virt-test.vm.Qmp`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct Qmp(pub(crate) Asked);

    impl Qmp {
        /// Sets `arguments`.
        pub fn arguments(mut self, arguments: impl Serialize) -> Self {
            self.0.put("arguments", arguments);
            self
        }

        /// Sets `timeout`.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.0.put("timeout", timeout.as_secs_f64());
            self
        }

    }

    /// `org.virt-test.vm.Plug`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct Plug(pub(crate) Asked);

    impl Plug {
        /// Sets `guest`.
        pub fn guest(mut self, guest: bool) -> Self {
            self.0.put("guest", guest);
            self
        }

        /// Sets `timeout`.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.0.put("timeout", timeout.as_secs_f64());
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<Plugged> {
            self.0.member("device")
        }
    }

    /// `org.virt-test.vm.Unplug`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct Unplug(pub(crate) Asked);

    impl Unplug {
        /// Sets `guest`.
        pub fn guest(mut self, guest: bool) -> Self {
            self.0.put("guest", guest);
            self
        }

        /// Sets `timeout`.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.0.put("timeout", timeout.as_secs_f64());
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<f64> {
            self.0.member("took")
        }
    }

    /// `org.virt-test.vm.Migrate`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct Migrate(pub(crate) Asked);

    impl Migrate {
        /// Sets `transport`.
        pub fn transport(mut self, transport: impl Into<String>) -> Self {
            self.0.put("transport", transport.into() as String);
            self
        }

        /// Sets `capabilities`.
        pub fn capabilities(mut self, capabilities: impl IntoIterator<Item = impl Into<String>>) -> Self {
            self.0.put("capabilities", capabilities.into_iter().map(Into::into).collect::<Vec<String>>());
            self
        }

        /// Sets `parameters`.
        pub fn parameters(mut self, parameters: MigrationParameters) -> Self {
            self.0.put("parameters", parameters);
            self
        }

        /// Sets `postcopy`.
        pub fn postcopy(mut self, postcopy: bool) -> Self {
            self.0.put("postcopy", postcopy);
            self
        }

        /// Sets `timeout`.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.0.put("timeout", timeout.as_secs_f64());
            self
        }

    }

    /// `org.virt-test.vm.SaveSnapshot`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct SaveSnapshot(pub(crate) Asked);

    impl SaveSnapshot {
        /// Sets `timeout`.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.0.put("timeout", timeout.as_secs_f64());
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<()> {
            self.0.nothing()
        }
    }

    /// `org.virt-test.vm.LoadSnapshot`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct LoadSnapshot(pub(crate) Asked);

    impl LoadSnapshot {
        /// Sets `timeout`.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.0.put("timeout", timeout.as_secs_f64());
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<()> {
            self.0.nothing()
        }
    }

    /// `org.virt-test.vm.DeleteSnapshot`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct DeleteSnapshot(pub(crate) Asked);

    impl DeleteSnapshot {
        /// Sets `timeout`.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.0.put("timeout", timeout.as_secs_f64());
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<()> {
            self.0.nothing()
        }
    }

    /// `org.virt-test.vm.StartJob`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct StartJob(pub(crate) Asked);

    impl StartJob {
        /// Sets `id`.
        pub fn id(mut self, id: impl Into<String>) -> Self {
            self.0.put("id", id.into() as String);
            self
        }

        /// Sets `target`.
        pub fn target(mut self, target: impl Into<String>) -> Self {
            self.0.put("target", target.into() as String);
            self
        }

        /// Sets `speed`.
        pub fn speed(mut self, speed: i64) -> Self {
            self.0.put("speed", speed);
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<StartJobReply> {
            self.0.whole()
        }
    }

    /// `org.virt-test.vm.WaitJob`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct WaitJob(pub(crate) Asked);

    impl WaitJob {
        /// Sets `ready`.
        pub fn ready(mut self, ready: bool) -> Self {
            self.0.put("ready", ready);
            self
        }

        /// Sets `timeout`.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.0.put("timeout", timeout.as_secs_f64());
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<Option<JobEnd>> {
            self.0.member("end")
        }
    }

    /// `org.virt-test.vm.Screendump`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct Screendump(pub(crate) Asked);

    impl Screendump {
        /// Sets `file`.
        pub fn file(mut self, file: impl Into<String>) -> Self {
            self.0.put("file", file.into() as String);
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<ScreendumpReply> {
            self.0.whole()
        }
    }

    /// `org.virt-test.vm.SendKey`, with options.
    #[derive(Debug, Clone)]
    #[must_use = "nothing has been asked yet"]
    pub struct SendKey(pub(crate) Asked);

    impl SendKey {
        /// Sets `hold`.
        pub fn hold(mut self, hold: std::time::Duration) -> Self {
            self.0.put("hold", hold.as_secs_f64());
            self
        }

        /// Asks.
        ///
        /// # Errors
        /// [`Error`](crate::Error).
        pub fn call(self) -> Result<()> {
            self.0.nothing()
        }
    }
}
