//! What can be typed. A verb of a machine stands behind its name: `vt vm1 reset`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde_json::Value;
use units::{ByteSize, SizeUnit};

/// Holds the machines of the test that runs.
#[derive(Debug, Parser)]
#[command(
    name = "vt",
    version,
    max_term_width = 100,
    override_usage = "vt [OPTIONS] MACHINE COMMAND …\n       vt [OPTIONS] COMMAND …",
    after_help = "What can be done with a machine: vt vm1 --help. \
                  Status: 0; that of the guest's command, for exec; 77 where QEMU or host lack what is asked for; else 125."
)]
pub(crate) struct General {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: GeneralCommand,
}

/// One machine of the test.
#[derive(Debug, Parser)]
#[command(name = "vt", max_term_width = 100, no_binary_name = true)]
pub(crate) struct OneMachine {
    #[command(flatten)]
    pub common: Common,
    /// Its name
    #[arg(value_name = "MACHINE")]
    pub vm: String,
    #[command(subcommand)]
    pub command: MachineCommand,
}

#[derive(Debug, Args, Clone, Default)]
pub(crate) struct Common {
    /// Print what comes back as JSON, one object a line
    #[arg(long, global = true)]
    pub json: bool,
    /// How long it may take on an idle host with KVM, in seconds
    #[arg(long, value_name = "SECONDS", global = true)]
    pub timeout: Option<f64>,
    /// Where the machines are [default: $VIRT_TEST_SOCKET]
    #[arg(long, value_name = "PATH", global = true)]
    pub socket: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GeneralCommand {
    /// List the machines of the test, and whether they run
    List,
    /// Say which test this is, and how much time it has left
    Info,
    /// Print a parameter, with its default where it is not set; all of them without a name
    Param {
        key: Option<String>,
        /// As this object sees it, such as vm1; outermost first where there are several
        #[arg(long = "of", value_name = "OBJECT")]
        objects: Vec<String>,
    },
    /// Say what the test does now
    Phase { text: String },
    /// Write to the test's log
    Log {
        text: String,
        #[arg(long, value_enum)]
        level: Option<Level>,
    },
    /// Let the test end with WARN, if it passes
    Warn { text: String },
    /// Let the test end with SKIP, for this reason
    Skip { reason: String },
    /// Let the test end with FAIL, for this reason
    Fail { reason: String },
    /// Let the test end with ERROR, for this reason
    Error { reason: String },
    /// Tell what came of a part of the test; one that fails makes the test fail
    Subtest {
        name: String,
        verdict: Verdict,
        reason: Option<String>,
    },
    /// Disk images no machine uses
    #[command(subcommand)]
    Image(ImageCommand),
    /// Cards on a private network, and the file its traffic is recorded in
    Network { name: String },
    /// Call a method by its full name, such as org.virt-test.vm.Info
    Call {
        method: String,
        /// A JSON object
        #[arg(default_value = "{}", value_parser = object)]
        parameters: Value,
        /// Ask for all replies there may be
        #[arg(long)]
        more: bool,
    },
    /// Print what makes a shell complete these commands: eval "$(vt completion bash)"
    Completion { shell: Shell },
    /// End the session of virt-test serve, and its machines
    End,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Shell {
    /// GNU Bash
    Bash,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Verdict {
    Pass,
    Warn,
    Skip,
    Fail,
    Error,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// Make an empty image, or an overlay
    Create {
        path: String,
        /// Bytes, or such as 64M
        #[arg(long, required_unless_present = "backing", value_parser = bytes)]
        size: Option<u64>,
        #[arg(long)]
        format: Option<String>,
        /// What it is an overlay of
        #[arg(long)]
        backing: Option<String>,
        #[arg(long, requires = "backing")]
        backing_format: Option<String>,
    },
    /// Print what an image is
    Info { path: String },
    /// Print an image, what it is an overlay of, and so on
    Chain { path: String },
    /// Look for damage
    Check { path: String },
    /// Copy an image into one of another format
    Convert {
        path: String,
        target: String,
        /// Format of the image; that of the copy is --target-format
        #[arg(long)]
        format: String,
        #[arg(long)]
        target_format: Option<String>,
    },
    /// Make an image larger, or smaller
    Resize {
        path: String,
        #[arg(value_parser = bytes)]
        size: u64,
        #[arg(long)]
        format: String,
        /// What is cut off is no loss
        #[arg(long)]
        shrink: bool,
    },
    /// Make, go back to or remove a snapshot inside an image
    Snapshot {
        action: SnapshotAction,
        path: String,
        name: String,
    },
    /// Write what an overlay holds into what it is an overlay of
    Commit {
        path: String,
        #[arg(long)]
        format: String,
    },
    /// Say whether two images have the same contents
    Compare {
        path: String,
        other: String,
        #[arg(long)]
        format: String,
        #[arg(long)]
        other_format: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SnapshotAction {
    Create,
    Apply,
    Delete,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MachineCommand {
    /// Print what is known of the machine
    Info,
    /// Start it
    Start {
        /// A parameter that wins over the configuration, such as mem=1024 (may be repeated)
        #[arg(long = "param", value_name = "KEY=VALUE", value_parser = key_value)]
        params: Vec<(String, String)>,
        /// Its CPUs do not run yet
        #[arg(long)]
        paused: bool,
    },
    /// End it: by its guest, then QEMU, then a signal
    Stop {
        /// At once
        #[arg(long)]
        force: bool,
    },
    /// Press the power button
    Powerdown,
    /// Press the reset button
    Reset,
    /// Stop its CPUs
    Pause,
    /// Let its CPUs go on
    Resume,
    /// Let the guest suspend itself
    Suspend {
        #[arg(value_enum)]
        to: Option<Suspension>,
    },
    /// Wake a guest that is suspended to RAM
    Wakeup,
    /// Send a non-maskable interrupt
    Nmi,
    /// Run a command in the guest, and exit as it does
    Exec {
        /// What carries it [default: as the configuration says, else the guest's agent]
        #[arg(long, value_enum)]
        channel: Option<Channel>,
        /// Give it this command's standard input
        #[arg(long)]
        stdin: bool,
        /// The command and its arguments; one word alone is a line of shell
        #[arg(
            required = true,
            trailing_var_arg = true,
            allow_hyphen_values = true,
            value_name = "COMMAND"
        )]
        words: Vec<String>,
    },
    /// Print what a console has said
    Console {
        console: Option<String>,
        /// And what it will say, until the machine ends
        #[arg(long)]
        follow: bool,
    },
    /// Make a console this terminal's; Ctrl-] gives it back
    Attach { console: Option<String> },
    /// Make a shell in the guest this terminal's, by SSH; of a machine with shell_client = ssh
    Ssh,
    /// Type on a console: a line, unless --raw
    Type {
        text: String,
        #[arg(long, value_name = "NAME")]
        console: Option<String>,
        /// No newline is added
        #[arg(long)]
        raw: bool,
    },
    /// Wait until a console shows what a regular expression means
    Expect {
        pattern: String,
        #[arg(long, value_name = "NAME")]
        console: Option<String>,
        /// Only what is to come counts
        #[arg(long)]
        from_now: bool,
    },
    /// Copy a file into the guest
    Push {
        #[arg(value_parser = absolute)]
        host: PathBuf,
        guest: String,
    },
    /// Copy a file out of the guest
    Pull {
        guest: String,
        #[arg(value_parser = absolute)]
        host: PathBuf,
    },
    /// Send a command to the guest's agent
    Agent {
        command: String,
        /// A JSON object
        #[arg(value_parser = object)]
        arguments: Option<Value>,
    },
    /// Send a command to QEMU's monitor
    Qmp {
        command: String,
        /// A JSON object
        #[arg(value_parser = object)]
        arguments: Option<Value>,
    },
    /// Send a line to QEMU's human monitor
    Hmp {
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        line: Vec<String>,
    },
    /// Print the monitor's events since the machine's start
    Events {
        /// Only these
        names: Vec<String>,
        /// From this number on
        #[arg(long, value_name = "N")]
        since: Option<u64>,
        /// And those to come, until the machine ends
        #[arg(long)]
        follow: bool,
    },
    /// Wait for an event that comes, or came since the machine's start
    WaitEvent {
        name: String,
        /// From this number on
        #[arg(long, value_name = "N")]
        since: Option<u64>,
        /// Members its data must have, a JSON object
        #[arg(long = "match", value_name = "JSON", value_parser = object)]
        matching: Option<Value>,
    },
    /// Wait until QEMU has ended
    WaitExit,
    /// Wait until the machine is in a state of QEMU's, such as paused
    WaitStatus { status: String },
    /// Print what was found to be wrong with machine and guest
    Findings,
    /// Let findings of a kind be what the test wants
    Allow { finding: String },
    /// Plug a device in
    Plug {
        kind: DeviceKind,
        /// Its properties, such as size=64M bus=virtio_scsi id=disk2
        #[arg(value_name = "KEY=VALUE", value_parser = key_value)]
        properties: Vec<(String, String)>,
        /// Wait until the guest sees it
        #[arg(long)]
        guest: bool,
    },
    /// Unplug a device
    Unplug {
        id: String,
        /// Wait until the guest does not see it any more
        #[arg(long)]
        guest: bool,
    },
    /// List the devices that were plugged in
    Devices,
    /// Let the guest have so much of a virtio_mem device
    ResizeMemory {
        id: String,
        #[arg(value_parser = bytes)]
        size: u64,
    },
    /// Move it to another QEMU on this host
    Migrate {
        /// unix, tcp, exec, fd or file [default: as configured]
        transport: Option<String>,
        /// A capability of QEMU's migration (may be repeated)
        #[arg(long = "capability", value_name = "NAME")]
        capabilities: Vec<String>,
        /// Let the guest run there before all its memory is
        #[arg(long)]
        postcopy: bool,
        /// Longest the guest may stand still, in seconds
        #[arg(long, value_name = "SECONDS")]
        downtime_limit: Option<f64>,
        /// Bytes a second at most, such as 32M
        #[arg(long, value_name = "SIZE", value_parser = bytes)]
        max_bandwidth: Option<u64>,
        /// Print figures as it goes
        #[arg(long)]
        progress: bool,
    },
    /// Cancel a migration under way
    CancelMigration,
    /// Stop the machine and write its state to a file
    Save { file: String },
    /// Start it with the state of a file, its CPUs stopped
    Restore { file: String },
    /// Snapshots of memory and disks inside the disks
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Background jobs of QEMU
    #[command(subcommand)]
    Job(JobCommand),
    /// Write what the screen shows to a file
    Screendump { file: Option<String> },
    /// Press keys at once, such as ctrl alt delete
    Key {
        #[arg(required = true)]
        keys: Vec<String>,
        /// For so many seconds
        #[arg(long, value_name = "SECONDS")]
        hold: Option<f64>,
    },
    /// Print the address the guest has on a private network
    Address { nic: Option<String> },
    /// Print the port of this host that leads to one of the guest
    Port { port: u16 },
    /// Plug the cable of a card in, or pull it out
    Link { nic: String, state: Cable },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Suspension {
    Ram,
    Disk,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Channel {
    Serial,
    VirtioConsole,
    Agent,
    Ssh,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Cable {
    Up,
    Down,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum DeviceKind {
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

#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Make one
    Save { name: String },
    /// Go back to one
    Load { name: String },
    /// Remove one
    Delete { name: String },
    /// List them
    List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// Start one on a disk
    Start {
        kind: JobKind,
        disk: String,
        #[arg(long)]
        id: Option<String>,
        /// Where mirror and backup copy to
        #[arg(long, value_name = "PATH")]
        target: Option<String>,
        /// Bytes a second at most, such as 32M
        #[arg(long, value_name = "SIZE", value_parser = bytes)]
        speed: Option<u64>,
    },
    /// List them
    List,
    /// Wait until one has ended
    Wait {
        id: String,
        /// Only until it can be completed
        #[arg(long)]
        ready: bool,
    },
    /// Complete one that is ready
    Complete { id: String },
    /// Cancel one
    Cancel { id: String },
    /// Let one stand still
    Pause { id: String },
    /// Let one go on
    Resume { id: String },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum JobKind {
    Mirror,
    Backup,
    Commit,
    Stream,
}

/// Bytes, or a number with K, M, G or T behind it.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let size = ByteSize::parse(text, SizeUnit::B);
    size.map(|size| size.as_bytes())
        .ok_or_else(|| format!("'{text}' is no size such as 4096 or 64M"))
}

/// The test's directory is another than ours.
fn absolute(path: &str) -> Result<PathBuf, std::io::Error> {
    std::path::absolute(path)
}

fn object(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("a JSON object is wanted".to_owned()),
        Err(error) => Err(format!("a JSON object is wanted: {error}")),
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("KEY=VALUE is wanted".to_owned()),
    }
}

/// The word clap knows a value by, which is the interface's too.
pub(crate) fn word(value: &impl ValueEnum) -> String {
    value
        .to_possible_value()
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}
