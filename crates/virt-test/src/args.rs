//! What can be typed.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use filter::Expression;
use params::{ByteSize, FromParam, Key, SizeUnit, Where};

use crate::partition::Partition;

/// Name of the hidden command which runs the accelerator probe's inner process.
pub const KVM_PROBE: &str = "__kvm-probe";

/// The guest meant where none is named.
const GUEST: &str = "tiny";

/// Tests of virtual machines: one command boots real guests and says PASS.
#[derive(Debug, Parser)]
#[command(name = "virt-test", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run tests (what is meant where no command is named)
    #[command(args_override_self = true)]
    Run(Box<RunArgs>),
    /// Migrate from each QEMU to each, in each way, and draw what came of it
    MigrateMatrix(MatrixArgs),
    /// Keep the machines of a variant at hand, for people and programs: prints VIRT_TEST_SOCKET=…, see docs/control.md
    #[command(args_override_self = true)]
    Serve(Box<ServeArgs>),
    /// Bring up a machine and make its console this terminal's, until it ends or Ctrl-] is typed; takes the options of run
    #[command(args_override_self = true)]
    Shell(Box<ShellArgs>),
    /// Machines that stay up until they are stopped
    #[command(subcommand)]
    Vm(VmCommand),
    /// Say what this host can do, and how to mend what it cannot
    Doctor(DoctorArgs),
    /// Build and find guests
    #[command(subcommand)]
    Guest(GuestCommand),
    /// Booted machines that are kept to be cloned: what there is, and making room
    #[command(subcommand)]
    Template(TemplateCommand),
    /// Understand a Cartesian configuration
    #[command(subcommand)]
    Config(config_tools::cli::ConfigCommand),
    /// Measure what virt-test costs, against the same done by hand
    Bench(BenchArgs),
    /// Options kept under a name in virt-test.toml
    #[command(subcommand)]
    Profile(ProfileCommand),
    /// Folders of tests in any language
    #[command(subcommand)]
    Provider(ProviderCommand),
    /// Install the host packages tests need
    Install(InstallArgs),
    /// The accelerator probe's inner process
    #[command(name = KVM_PROBE, hide = true)]
    KvmProbe,
}

#[derive(Debug, Args, Clone, Default)]
pub struct DataArgs {
    /// Where guests, packages and caches live [default: $VIRT_TEST_DATA_DIR or ~/.local/share/virt-test]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// QEMU binary meant to be tested
    #[arg(long, value_name = "PATH")]
    pub qemu: Option<PathBuf>,
    #[command(flatten)]
    pub data: DataArgs,
}

#[derive(Debug, Args)]
pub struct MatrixArgs {
    /// QEMU binary to go from and to; may be repeated [default: the one there is]
    #[arg(long, value_name = "PATH")]
    pub qemu: Vec<PathBuf>,
    /// Machine type: q35 or i440fx, which mean the newest version both have, or a version such as pc-q35-7.2, or pc-q35-* for all that one
    /// of the binaries has; may be repeated [default: q35 and i440fx]
    #[arg(long = "machine", value_name = "TYPE")]
    pub machines: Vec<String>,
    /// How the state travels: unix, tcp, fd, exec or file; may be repeated [default: all]
    #[arg(long = "transport", value_name = "NAME")]
    pub transports: Vec<String>,
    /// In which way: plain, multifd, postcopy, xbzrle, auto_converge, storage or mapped_ram; may be repeated [default: all]
    #[arg(long = "option", value_name = "NAME")]
    pub options: Vec<String>,
    /// A further line of Cartesian text, such as 'mem = 1024' (may be repeated)
    #[arg(long, value_name = "LINE")]
    pub extra: Vec<String>,
    /// Migrations at a time [default: one for each processor, as far as memory goes]
    #[arg(short = 'j', long, value_name = "N", value_parser = at_least_one)]
    pub jobs: Option<usize>,
    /// Accelerator
    #[arg(long, value_enum, value_name = "ACCEL")]
    pub accel: Option<Accel>,
    /// How often a migration that does not succeed is tried again
    #[arg(long, value_name = "N")]
    pub retries: Option<u32>,
    /// Stop after this time, such as 30m, whatever the speed of the host
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub run_timeout: Option<Duration>,
    /// Never install host packages: print the exact command instead
    #[arg(long)]
    pub no_install: bool,
    /// Say more
    #[arg(short = 'v', long)]
    pub verbose: bool,
    /// Where guests, packages and caches live [default: $VIRT_TEST_DATA_DIR or ~/.local/share/virt-test]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where results go [default: logs in the data directory]
    #[arg(long, value_name = "DIR")]
    pub logs_dir: Option<PathBuf>,
    /// Print the cells instead of running them
    #[arg(long, group = "instead")]
    pub list: bool,
    /// Print the lines of Cartesian text the options become
    #[arg(long, group = "instead")]
    pub show_config: bool,
}

#[derive(Debug, Subcommand)]
pub enum GuestCommand {
    /// Build a guest, unless what went into it has not changed
    Build {
        #[arg(default_value = GUEST)]
        name: String,
        /// Build it even so
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        data: DataArgs,
    },
    /// List the guests and whether they are built
    List {
        #[command(flatten)]
        data: DataArgs,
    },
    /// Print the directory of a built guest
    Path {
        #[arg(default_value = GUEST)]
        name: String,
        #[command(flatten)]
        data: DataArgs,
    },
}

#[derive(Debug, Subcommand)]
pub enum TemplateCommand {
    /// List the templates, the last used first
    List {
        #[command(flatten)]
        print: PrintArgs,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Remove templates that no run is using [default: as each run does by itself, to 4G of those used in the last 14 days]
    Prune {
        /// All of them
        #[arg(long, conflicts_with_all = ["older_than", "max_size"])]
        all: bool,
        /// What no run has used for this time, such as 12h or 7d
        #[arg(long, value_name = "TIME", value_parser = seconds)]
        older_than: Option<Duration>,
        /// What is beyond this size in sum, such as 512M or 2G; the longest unused goes first
        #[arg(long, value_name = "SIZE", value_parser = mebibytes)]
        max_size: Option<ByteSize>,
        #[command(flatten)]
        print: PrintArgs,
        #[command(flatten)]
        data: DataArgs,
    },
}

#[derive(Debug, Args, Clone, Copy, Default)]
pub struct PrintArgs {
    /// What is printed: lines for people, or one JSON object a line
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub message_format: MessageFormat,
}

#[derive(Debug, Subcommand)]
pub enum ProfileCommand {
    /// Print the names of the profiles
    List,
    /// Print the options a profile stands for
    Show { name: String },
    /// Print the JSON Schema of virt-test.toml
    Schema,
}

#[derive(Debug, Subcommand)]
pub enum ProviderCommand {
    /// List the folders of tests that virt-test.toml names, or these, and their tests
    List {
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
    /// Make a folder of tests that work, one in shell, one in Python and one in Rust
    New {
        /// The folder; its last part is the provider's name
        #[arg(value_name = "NAME")]
        path: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct InstallArgs {
    /// Never install: print the exact command instead
    #[arg(long)]
    pub no_install: bool,
}

#[derive(Debug, Args)]
pub struct BenchArgs {
    /// What to measure [default: everything]
    #[arg(value_enum, value_name = "MEASURE")]
    pub measures: Vec<Measure>,
    /// Clones made in a row by `forks`
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub forks: usize,
    /// Runs of each side of a comparison
    #[arg(short = 'n', long, default_value_t = 5)]
    pub runs: usize,
    /// QEMU binary to use
    #[arg(long, value_name = "PATH")]
    pub qemu: Option<PathBuf>,
    #[command(flatten)]
    pub data: DataArgs,
}

/// What `bench` can measure, see docs/bench.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Measure {
    /// A boot test against the same by hand
    Boot,
    /// How soon a clone answers, against one made by hand and against booting
    Clone,
    /// Fresh machines a second
    Rate,
    /// Memory of 16 clones
    Memory,
    /// What many clones leave behind
    Forks,
    /// Listing the tests
    List,
    /// Tests that do nothing
    Noop,
    /// A test that is a program which does nothing
    Executable,
    /// The usual tests one and two at a time
    Suite,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Accel {
    /// Decide by running code
    Auto,
    /// Hardware
    Kvm,
    /// Emulation
    Tcg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Flaky {
    /// PASS
    Pass,
    /// FAIL
    Fail,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum MessageFormat {
    /// For people
    #[default]
    Human,
    /// For programs: the events of docs/results.md, or the tests that are listed
    Json,
}

/// Each option of the first three groups becomes one line of Cartesian text, see `options.rs`.
#[derive(Debug, Args, Default)]
pub struct RunArgs {
    /// Executables to run as tests, and folders of them, instead of the tests that come along
    #[arg(value_name = "PATH", conflicts_with_all = ["config", "rerun"])]
    pub paths: Vec<PathBuf>,
    /// Type of test: kvm or qemu
    #[arg(
        short = 't',
        long = "type",
        value_name = "TYPE",
        help_heading = "Selection"
    )]
    pub test_type: Option<String>,
    /// Tests to run, separated by spaces
    #[arg(long, value_name = "NAMES", help_heading = "Selection")]
    pub tests: Option<String>,
    /// Tests to leave out, separated by spaces
    #[arg(long, value_name = "NAMES", help_heading = "Selection")]
    pub no: Option<String>,
    /// Only tests which need this very type of machine
    #[arg(long, help_heading = "Selection")]
    pub type_specific: bool,
    /// Guest to use, such as JeOS.tiny.x86_64
    #[arg(short = 'g', long, value_name = "GUEST", help_heading = "Selection")]
    pub guest_os: Option<String>,
    /// Run this Cartesian configuration instead of the one that comes along
    #[arg(short = 'c', long, value_name = "FILE", help_heading = "Selection")]
    pub config: Option<PathBuf>,
    /// A further folder of tests in any language, see docs/tests-in-any-language.md (may be repeated)
    #[arg(long, value_name = "PATH", conflicts_with_all = ["config", "rerun"], help_heading = "Selection")]
    pub provider: Vec<PathBuf>,
    /// Options kept under this name in virt-test.toml [default: default, where there is one]; what is typed wins
    #[arg(short = 'P', long, value_name = "NAME", help_heading = "Selection")]
    pub profile: Option<String>,
    /// Only tests an expression means, such as 'boot & param(mem >= 1G) - tag(slow)' (may be repeated: all must hold)
    #[arg(
        short = 'E',
        long,
        value_name = "EXPRESSION",
        help_heading = "Selection"
    )]
    pub filter: Vec<Expression>,
    /// Only what did not pass, or was not run, in an earlier run: latest, or the run's directory; its options hold
    #[arg(
        long,
        value_name = "RUN",
        num_args = 0..=1,
        default_missing_value = "latest",
        conflicts_with = "config",
        help_heading = "Selection"
    )]
    pub rerun: Option<PathBuf>,
    /// Never install host packages: print the exact command instead
    #[arg(long, help_heading = "Set-up")]
    pub no_install: bool,
    /// A further line of Cartesian text, such as 'mem = 1024' (may be repeated)
    #[arg(long, value_name = "LINE", help_heading = "Selection")]
    pub extra: Vec<String>,

    /// QEMU binary to test
    #[arg(
        long,
        visible_alias = "qemu-bin",
        value_name = "PATH",
        help_heading = "Machine"
    )]
    pub qemu: Option<PathBuf>,
    /// qemu-img binary to use
    #[arg(long, value_name = "PATH", help_heading = "Machine")]
    pub qemu_img: Option<PathBuf>,
    /// QEMU binary on the destination of migrations
    #[arg(
        long,
        visible_alias = "qemu-dst-bin",
        value_name = "PATH",
        help_heading = "Machine"
    )]
    pub dst_qemu: Option<PathBuf>,
    /// Machine type: q35, i440fx, or a version of one such as pc-q35-7.2
    #[arg(long, value_name = "TYPE", help_heading = "Machine")]
    pub machine_type: Option<String>,
    /// Virtual CPUs
    #[arg(long, value_name = "N", help_heading = "Machine")]
    pub smp: Option<u32>,
    /// Memory, MiB
    #[arg(short = 'm', long, value_name = "MIB", help_heading = "Machine")]
    pub mem: Option<u32>,
    /// Format of disk images: qcow2 or raw
    #[arg(long, value_name = "FORMAT", help_heading = "Machine")]
    pub image_type: Option<String>,
    /// Bus of disks: virtio_blk, virtio_scsi, ide, ahci, nvme or usb
    #[arg(long, value_name = "BUS", help_heading = "Machine")]
    pub disk_bus: Option<String>,
    /// Model of network cards: virtio_net, e1000, e1000e or rtl8139
    #[arg(long, value_name = "MODEL", help_heading = "Machine")]
    pub nic_model: Option<String>,
    /// Network behind the cards: user or none
    #[arg(long, value_name = "TYPE", help_heading = "Machine")]
    pub nettype: Option<String>,
    /// Accelerator
    #[arg(long, value_enum, value_name = "ACCEL", help_heading = "Machine")]
    pub accel: Option<Accel>,

    /// How often a test that does not pass is tried again
    #[arg(long, value_name = "N", help_heading = "Running")]
    pub retries: Option<u32>,
    /// Verdict of a test that passes only when it is tried again
    #[arg(long, value_enum, value_name = "VERDICT", help_heading = "Running")]
    pub flaky: Option<Flaky>,
    /// How long a test may take on an idle host with KVM, such as 60 or 2m
    #[arg(long, value_name = "TIME", help_heading = "Running")]
    pub test_timeout: Option<String>,
    /// After which time, likewise, it is told that a test still runs
    #[arg(long, value_name = "TIME", help_heading = "Running")]
    pub slow_after: Option<String>,
    #[command(flatten)]
    pub schedule: ScheduleArgs,

    /// Keep the disk images of tests
    #[arg(short = 'k', long, help_heading = "After a test")]
    pub keep_image: bool,
    /// Leave guests running, and say how to reach them
    #[arg(long, help_heading = "After a test")]
    pub keep_guest_running: bool,

    /// Say more
    #[arg(short = 'v', long, help_heading = "Output")]
    pub verbose: bool,
    /// What is printed: lines for people, or one JSON object a line, as it happens
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        default_value_t,
        help_heading = "Output"
    )]
    pub message_format: MessageFormat,
    /// Where guests, packages and caches live [default: $VIRT_TEST_DATA_DIR or ~/.local/share/virt-test]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub data_dir: Option<PathBuf>,
    /// Where results go [default: logs in the data directory]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub logs_dir: Option<PathBuf>,

    /// List the tests instead of running them; with -v, also what each asserts
    #[arg(long, help_heading = "Instead of running", group = "instead")]
    pub list_tests: bool,
    /// List the guests instead of running tests
    #[arg(long, help_heading = "Instead of running", group = "instead")]
    pub list_guests: bool,
    /// Print the lines of Cartesian text the options become
    #[arg(long, help_heading = "Instead of running", group = "instead")]
    pub show_config: bool,
}

/// The options of a run say which machines; the variant is that of `boot` where none is named.
#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    pub run: RunArgs,
    /// The name under which virt-test vm keeps it
    #[arg(long, value_name = "NAME", hide = true)]
    pub name: Option<String>,
    /// Run this with VIRT_TEST_SOCKET in its environment, and end with it
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// The same; `--tests` names the variant.
#[derive(Debug, Args)]
pub struct ShellArgs {
    #[command(flatten)]
    pub run: RunArgs,
}

#[derive(Debug, Subcommand)]
pub enum VmCommand {
    /// Bring up the machines of a variant and leave them running; takes the options of run, and prints the name
    #[command(args_override_self = true)]
    Start(Box<StartArgs>),
    /// List them
    List {
        #[command(flatten)]
        print: PrintArgs,
    },
    /// Run a command in the guest, such as: virt-test vm exec vm -- uname -r
    Exec {
        #[command(flatten)]
        of: Named,
        /// Options of vt's exec, the command and its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
    /// Make the console this terminal's; Ctrl-] gives it back
    Console {
        #[command(flatten)]
        of: Named,
    },
    /// Make a shell in the guest this terminal's, or run a command in it, by SSH; of a machine started with --extra 'shell_client = ssh'
    Ssh {
        #[command(flatten)]
        of: Named,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
    /// A command of QEMU's monitor, such as: virt-test vm qmp vm query-status
    Qmp {
        #[command(flatten)]
        of: Named,
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
    /// Write what its graphics card shows to a file; of a machine started with --extra 'vga = std'
    Screenshot {
        #[command(flatten)]
        of: Named,
        file: Option<PathBuf>,
    },
    /// Print its socket, for vt and for programs: VIRT_TEST_SOCKET=$(virt-test vm socket vm) vt vm1 reset
    Socket {
        #[command(flatten)]
        of: Named,
    },
    /// End them
    Stop {
        #[arg(required_unless_present = "all", value_name = "NAME")]
        names: Vec<String>,
        /// All there are
        #[arg(long)]
        all: bool,
    },
}

#[derive(Debug, Args)]
pub struct StartArgs {
    /// The name it is kept under [default: vm, or vm2, vm3, … where that is taken]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    #[command(flatten)]
    pub run: RunArgs,
}

#[derive(Debug, Args)]
pub struct Named {
    /// The name it was started under; NAME/MACHINE where there are several machines
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// How tests are run: the runner's own, nothing a test could know of.
#[derive(Debug, Args, Default)]
pub struct ScheduleArgs {
    /// Tests at a time [default: one for each processor, as far as memory goes]
    #[arg(short = 'j', long, value_name = "N", value_parser = at_least_one, help_heading = "Running")]
    pub jobs: Option<usize>,
    /// Memory guests may take at a time, such as 4G [default: most of what is available]
    #[arg(long, value_name = "SIZE", value_parser = mebibytes, help_heading = "Running")]
    pub mem_budget: Option<ByteSize>,
    /// Machines that are started before a test wants a clone like the last one, which it then gets in half the time
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Running")]
    pub prepared: usize,
    /// Run all tests N times, one round after the other
    #[arg(
        long,
        value_name = "N",
        value_parser = at_least_one,
        help_heading = "Running",
        group = "rounds"
    )]
    pub repeat: Option<usize>,
    /// Run each test N times, all at once as far as memory goes
    #[arg(
        long,
        value_name = "N",
        value_parser = at_least_one,
        help_heading = "Running",
        group = "rounds"
    )]
    pub stress: Option<usize>,
    /// Run all tests again and again until one fails
    #[arg(long, help_heading = "Running", group = "rounds")]
    pub until_fail: bool,
    /// Run the tests in any order, but the same for the same seed
    #[arg(
        long,
        value_name = "SEED",
        num_args = 0..=1,
        default_missing_value = "",
        help_heading = "Running"
    )]
    pub shuffle: Option<String>,
    /// Run only one part of the tests, such as hash:1/4 or slice:1/4; what depends on one another stays together
    #[arg(long, value_name = "PART", help_heading = "Running")]
    pub partition: Option<Partition>,
    /// Begin no more tests after one that fails
    #[arg(long, help_heading = "Running", conflicts_with = "max_fail")]
    pub fail_fast: bool,
    /// Begin no more tests after N that fail
    #[arg(long, value_name = "N", value_parser = at_least_one, help_heading = "Running")]
    pub max_fail: Option<usize>,
    /// Stop the run after this time, such as 30m, whatever the speed of the host
    #[arg(long, value_name = "TIME", value_parser = seconds, help_heading = "Running")]
    pub run_timeout: Option<Duration>,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a whole number from 1 on is wanted".to_owned()),
        Ok(number) => Ok(number),
    }
}

fn mebibytes(text: &str) -> Result<ByteSize, String> {
    ByteSize::parse(text, SizeUnit::M)
        .ok_or_else(|| "a size such as 512M or 4G is wanted".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let declared = Key::seconds("run_timeout", Where::Run, "");
    Duration::from_param(text, Some(&declared))
        .ok()
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "a time such as 90 (seconds), 30m or 2h is wanted".to_owned())
}
