//! What a QEMU binary can do, as plain data.
//!
//! The binary is asked (over QMP, see `host::qemu`), never its version number: distributions backport features and
//! leave others out. What is asked for and absent is a [`Missing`], whose text names the capability.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What one QEMU binary can do.
///
/// Sources: `query-version`, `query-target`, `query-machines`, `query-cpu-definitions`, `qom-list-types`,
/// `query-command-line-options`, `query-qmp-schema` and `-device help`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Release of QEMU.
    pub version: Version,
    /// The packager's version, as QEMU reports it; empty for a build from upstream sources.
    pub package: String,
    /// Architecture of the guest, as QEMU names it: `x86_64`, `aarch64`, …
    pub target: String,
    /// Machine types by full name.
    pub machines: BTreeMap<String, MachineType>,
    /// Device types by full name.
    pub devices: BTreeMap<String, DeviceType>,
    /// Types `-object` accepts.
    pub objects: BTreeSet<String>,
    /// Accelerators built in (`kvm`, `tcg`, …). Says nothing of the host, which may refuse.
    pub accelerators: BTreeSet<String>,
    /// Names `-cpu` accepts.
    pub cpus: BTreeSet<String>,
    /// Command-line options that `query-command-line-options` knows, each with its parameters.
    pub options: BTreeMap<String, BTreeSet<String>>,
    /// QMP commands, events and their types.
    pub schema: Schema,
}

/// A release of QEMU.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Version {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number.
    pub micro: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.micro)
    }
}

/// A machine type, as `query-machines` describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MachineType {
    /// Short name, such as `q35` for `pc-q35-7.2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Is it what QEMU starts when `-machine` is not given?
    #[serde(skip_serializing_if = "is_false")]
    pub is_default: bool,
    /// Will a later QEMU drop it?
    #[serde(skip_serializing_if = "is_false")]
    pub deprecated: bool,
    /// Most CPUs it takes.
    pub cpu_max: u32,
    /// Can CPUs be plugged while it runs?
    #[serde(skip_serializing_if = "is_false")]
    pub hotpluggable_cpus: bool,
    /// The id its own memory backend has, such as `pc.ram`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_ram_id: Option<String>,
    /// CPU it has when `-cpu` is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_cpu_type: Option<String>,
}

/// A device type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceType {
    /// Does `-device` accept it? Others only come with a machine.
    #[serde(skip_serializing_if = "is_false")]
    pub pluggable: bool,
    /// The bus it sits on (`PCI`, `virtio-bus`, `usb-bus`, …), if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bus: Option<String>,
    /// Other name `-device` accepts for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}

fn is_false(value: &bool) -> bool {
    !*value
}

/// What `query-qmp-schema` says, with types numbered by their place in [`Schema::types`].
///
/// Format: QEMU's "QAPI introspection". Type names are masked there, so types are reached by a path from a command or
/// an event: `migrate-set-capabilities.capabilities.capability`. Arrays are stepped through without a segment; a segment
/// `+case` chooses one branch of a union (`blockdev-add.+qcow2.discard-no-unref`), a plain one looks into all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Commands by name.
    pub commands: BTreeMap<String, Command>,
    /// Events by name, each with the type of its data.
    pub events: BTreeMap<String, usize>,
    /// Types, referred to by their place.
    pub types: Vec<Type>,
}

/// A QMP command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Type of the arguments.
    pub arguments: usize,
    /// Type of the answer.
    pub returns: usize,
    /// May it be sent with `exec-oob`?
    #[serde(default, skip_serializing_if = "is_false")]
    pub out_of_band: bool,
}

/// A type of the QMP schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Type {
    /// `string`, `int`, `boolean`, `null`, …
    #[serde(rename = "b")]
    Builtin(String),
    /// One of these words.
    #[serde(rename = "e")]
    Enum(Vec<String>),
    /// A list of that type.
    #[serde(rename = "a")]
    Array(usize),
    /// A value of one of these types.
    #[serde(rename = "t")]
    Alternate(Vec<usize>),
    /// Members, and what a union adds for each value of its tag.
    #[serde(rename = "o")]
    Object(BTreeMap<String, usize>, BTreeMap<String, usize>),
}

impl Schema {
    /// The types a path leads to; empty when a step of it does not exist.
    #[must_use]
    pub fn types_at(&self, path: &str) -> Vec<usize> {
        let mut steps = path.split('.');
        let name = steps.next().unwrap_or_default();
        let start = self.commands.get(name).map(|command| command.arguments);
        match start.or_else(|| self.events.get(name).copied()) {
            Some(start) => self.walk(start, steps),
            None => Vec::new(),
        }
    }

    /// As [`Schema::types_at`], but the path continues in the command's answer.
    #[must_use]
    pub fn answer_types_at(&self, path: &str) -> Vec<usize> {
        let mut steps = path.split('.');
        match self.commands.get(steps.next().unwrap_or_default()) {
            Some(command) => self.walk(command.returns, steps),
            None => Vec::new(),
        }
    }

    fn walk<'a>(&self, start: usize, steps: impl Iterator<Item = &'a str>) -> Vec<usize> {
        steps.fold(self.open(start), |types, step| {
            let mut found: Vec<usize> = types.iter().flat_map(|&id| self.step(id, step)).collect();
            found.sort_unstable();
            found.dedup();
            found
        })
    }

    fn step(&self, id: usize, step: &str) -> Vec<usize> {
        let Some(Type::Object(members, branches)) = self.types.get(id) else {
            return Vec::new();
        };
        if let Some(case) = step.strip_prefix('+') {
            return branches
                .get(case)
                .map_or_else(Vec::new, |&id| self.open(id));
        }
        let own = members.get(step).into_iter().flat_map(|&id| self.open(id));
        let nested = branches
            .values()
            .flat_map(|&branch| self.step(branch, step));
        own.chain(nested).collect()
    }

    /// Looks through arrays and alternates, which have no segment in a path.
    fn open(&self, id: usize) -> Vec<usize> {
        match self.types.get(id) {
            Some(Type::Array(item)) => self.open(*item),
            Some(Type::Alternate(choices)) => {
                choices.iter().flat_map(|&id| self.open(id)).collect()
            }
            Some(_) => vec![id],
            None => Vec::new(),
        }
    }
}

impl Capabilities {
    /// Is there such a device type that `-device` accepts, by its name or its alias?
    #[must_use]
    pub fn has_device(&self, name: &str) -> bool {
        match self.devices.get(name) {
            Some(device) => device.pluggable,
            None => self
                .devices
                .values()
                .any(|device| device.pluggable && device.alias.as_deref() == Some(name)),
        }
    }

    /// Is there such a machine type, by its name or its alias?
    #[must_use]
    pub fn has_machine(&self, name: &str) -> bool {
        self.resolve_machine(name).is_some()
    }

    /// The full name of a machine type: `q35` → `pc-q35-7.2`. A full name is returned as it is.
    #[must_use]
    pub fn resolve_machine(&self, name: &str) -> Option<&str> {
        if let Some((name, _)) = self.machines.get_key_value(name) {
            return Some(name);
        }
        let mut machines = self.machines.iter();
        machines
            .find(|(_, machine)| machine.alias.as_deref() == Some(name))
            .map(|(name, _)| name.as_str())
    }

    /// What is known of a machine type, by its name or its alias.
    #[must_use]
    pub fn machine(&self, name: &str) -> Option<&MachineType> {
        self.machines.get(self.resolve_machine(name)?)
    }

    /// The full name of the machine type QEMU starts when none is given.
    #[must_use]
    pub fn default_machine(&self) -> Option<&str> {
        self.machines
            .iter()
            .find(|(_, machine)| machine.is_default)
            .map(|(name, _)| name.as_str())
    }

    /// Does `-object` accept this type?
    #[must_use]
    pub fn has_object(&self, name: &str) -> bool {
        self.objects.contains(name)
    }

    /// Is this accelerator built in?
    #[must_use]
    pub fn has_accelerator(&self, name: &str) -> bool {
        self.accelerators.contains(name)
    }

    /// Does `-cpu` accept this name?
    #[must_use]
    pub fn has_cpu(&self, name: &str) -> bool {
        self.cpus.contains(name)
    }

    /// Is there such a QMP command?
    #[must_use]
    pub fn has_command(&self, name: &str) -> bool {
        self.schema.commands.contains_key(name)
    }

    /// Is there such a QMP event?
    #[must_use]
    pub fn has_event(&self, name: &str) -> bool {
        self.schema.events.contains_key(name)
    }

    /// Does the command take this argument? `argument` may be a path into it, see [`Schema`].
    #[must_use]
    pub fn command_has_arg(&self, command: &str, argument: &str) -> bool {
        self.has_command(command)
            && !self
                .schema
                .types_at(&format!("{command}.{argument}"))
                .is_empty()
    }

    /// Can memory lie in a file that is only read, while the guest writes? Otherwise QEMU may change a file whose memory is not
    /// shared, namely where the guest gives memory back.
    #[must_use]
    pub fn has_private_memory_files(&self) -> bool {
        self.command_has_arg("object-add", "+memory-backend-file.rom")
    }

    /// Does the enumeration at this path, see [`Schema`], have this word?
    /// `enum_has("migrate-set-capabilities.capabilities.capability", "multifd")`.
    #[must_use]
    pub fn enum_has(&self, path: &str, word: &str) -> bool {
        self.schema.types_at(path).into_iter().any(
            |id| matches!(self.schema.types.get(id), Some(Type::Enum(words)) if words.iter().any(|known| known == word)),
        )
    }

    /// Is there such a command-line option (`sandbox`, without a dash)?
    #[must_use]
    pub fn has_option(&self, name: &str) -> bool {
        self.options.contains_key(name)
    }

    /// Does the command-line option take this parameter?
    #[must_use]
    pub fn option_has_parameter(&self, option: &str, parameter: &str) -> bool {
        self.options
            .get(option)
            .is_some_and(|parameters| parameters.contains(parameter))
    }

    /// Is what is needed there?
    ///
    /// # Errors
    /// [`Missing`], naming the capability and the QEMU that lacks it.
    pub fn require(&self, need: &Need) -> Result<(), Missing> {
        let met = match need {
            Need::Device(name) => self.has_device(name),
            Need::Machine(name) => self.has_machine(name),
            Need::Object(name) => self.has_object(name),
            Need::Accelerator(name) => self.has_accelerator(name),
            Need::Cpu(name) => self.has_cpu(name),
            Need::Command(name) => self.has_command(name),
            Need::Event(name) => self.has_event(name),
            Need::Argument { command, argument } => self.command_has_arg(command, argument),
            Need::Word { path, word } => self.enum_has(path, word),
            Need::Option(name) => self.has_option(name),
        };
        if met {
            Ok(())
        } else {
            Err(Missing {
                need: need.clone(),
                target: self.target.clone(),
                version: self.version,
            })
        }
    }
}

/// One thing a test may need of QEMU. Written `kind:name`, see [`Need::from_str`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Need {
    /// `device:virtio-mem-pci`
    Device(String),
    /// `machine:q35`
    Machine(String),
    /// `object:iothread`
    Object(String),
    /// `accel:kvm`
    Accelerator(String),
    /// `cpu:EPYC`
    Cpu(String),
    /// `command:blockdev-reopen`
    Command(String),
    /// `event:MEMORY_DEVICE_SIZE_CHANGE`
    Event(String),
    /// `argument:migrate-set-parameters.multifd-channels`
    Argument {
        /// QMP command.
        command: String,
        /// Its argument, or a path into it.
        argument: String,
    },
    /// `word:migrate-set-capabilities.capabilities.capability=mapped-ram`
    Word {
        /// Where the enumeration is, see [`Schema`].
        path: String,
        /// What it must have.
        word: String,
    },
    /// `option:sandbox`
    Option(String),
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Need::Device(name) => write!(f, "device:{name}"),
            Need::Machine(name) => write!(f, "machine:{name}"),
            Need::Object(name) => write!(f, "object:{name}"),
            Need::Accelerator(name) => write!(f, "accel:{name}"),
            Need::Cpu(name) => write!(f, "cpu:{name}"),
            Need::Command(name) => write!(f, "command:{name}"),
            Need::Event(name) => write!(f, "event:{name}"),
            Need::Argument { command, argument } => write!(f, "argument:{command}.{argument}"),
            Need::Word { path, word } => write!(f, "word:{path}={word}"),
            Need::Option(name) => write!(f, "option:{name}"),
        }
    }
}

/// A need that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is no capability (hint: write device:NAME, machine:NAME, object:NAME, accel:NAME, cpu:NAME, command:NAME, \
     event:NAME, option:NAME, argument:COMMAND.ARGUMENT or word:COMMAND.ARGUMENT=WORD)"
)]
pub struct NeedError(String);

impl FromStr for Need {
    type Err = NeedError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || NeedError(text.to_owned());
        let (kind, name) = text.trim().split_once(':').ok_or_else(error)?;
        if name.is_empty() {
            return Err(error());
        }
        let owned = name.to_owned();
        Ok(match kind {
            "device" => Need::Device(owned),
            "machine" => Need::Machine(owned),
            "object" => Need::Object(owned),
            "accel" => Need::Accelerator(owned),
            "cpu" => Need::Cpu(owned),
            "command" => Need::Command(owned),
            "event" => Need::Event(owned),
            "option" => Need::Option(owned),
            "argument" => {
                let (command, argument) = name.split_once('.').ok_or_else(error)?;
                Need::Argument {
                    command: command.to_owned(),
                    argument: argument.to_owned(),
                }
            }
            "word" => {
                let (path, word) = name.split_once('=').ok_or_else(error)?;
                Need::Word {
                    path: path.to_owned(),
                    word: word.to_owned(),
                }
            }
            _ => return Err(error()),
        })
    }
}

/// A capability that a QEMU does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("QEMU {version} ({target}) has no {need}", need = describe(need))]
pub struct Missing {
    /// What was needed.
    pub need: Need,
    /// Architecture of the guest.
    pub target: String,
    /// Release of QEMU.
    pub version: Version,
}

fn describe(need: &Need) -> String {
    match need {
        Need::Device(name) => format!("device {name}"),
        Need::Machine(name) => format!("machine type {name}"),
        Need::Object(name) => format!("object type {name}"),
        Need::Accelerator(name) => format!("accelerator {name}"),
        Need::Cpu(name) => format!("CPU model {name}"),
        Need::Command(name) => format!("QMP command {name}"),
        Need::Event(name) => format!("QMP event {name}"),
        Need::Argument { command, argument } => {
            format!("argument {argument} of QMP command {command}")
        }
        Need::Word { path, word } => format!("value {word} at {path} in its QMP schema"),
        Need::Option(name) => format!("command-line option -{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names<T: Copy>(pairs: &[(&str, T)]) -> BTreeMap<String, T> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value))
            .collect()
    }

    /// `add(node: array of {driver, +file: {filename, aio: on|off}, +null: {}})`, answering `{id}`; event `GONE {id}`.
    fn sample() -> Capabilities {
        let types = vec![
            Type::Object(BTreeMap::new(), BTreeMap::new()),
            Type::Builtin("string".into()),
            Type::Enum(vec!["file".into(), "null".into()]),
            Type::Object(names(&[("driver", 2)]), names(&[("file", 4), ("null", 0)])),
            Type::Object(names(&[("filename", 1), ("aio", 7)]), BTreeMap::new()),
            Type::Array(3),
            Type::Object(names(&[("node", 5)]), BTreeMap::new()),
            Type::Alternate(vec![8, 1]),
            Type::Enum(vec!["on".into(), "off".into()]),
            Type::Object(names(&[("id", 1)]), BTreeMap::new()),
        ];
        let add = Command {
            arguments: 6,
            returns: 9,
            out_of_band: true,
        };
        let machine = MachineType {
            alias: Some("q35".into()),
            cpu_max: 288,
            ..MachineType::default()
        };
        let pc = MachineType {
            is_default: true,
            cpu_max: 255,
            ..MachineType::default()
        };
        let blk = DeviceType {
            pluggable: true,
            bus: Some("PCI".into()),
            alias: Some("virtio-blk".into()),
        };
        Capabilities {
            version: Version {
                major: 7,
                minor: 2,
                micro: 22,
            },
            target: "x86_64".into(),
            machines: BTreeMap::from([
                ("pc-q35-7.2".into(), machine),
                ("pc-i440fx-7.2".into(), pc),
            ]),
            devices: BTreeMap::from([
                ("virtio-blk-pci".into(), blk),
                ("ICH9-LPC".into(), DeviceType::default()),
            ]),
            options: BTreeMap::from([("sandbox".into(), BTreeSet::from(["enable".into()]))]),
            schema: Schema {
                commands: names(&[("add", add)]),
                events: names(&[("GONE", 9)]),
                types,
            },
            ..Capabilities::default()
        }
    }

    #[test]
    fn machines_are_found_by_name_and_by_alias() {
        let caps = sample();
        assert_eq!(caps.resolve_machine("q35"), Some("pc-q35-7.2"));
        assert_eq!(caps.resolve_machine("pc-q35-7.2"), Some("pc-q35-7.2"));
        assert_eq!(caps.resolve_machine("virt"), None);
        assert_eq!(
            caps.machine("q35").map(|machine| machine.cpu_max),
            Some(288)
        );
        assert_eq!(caps.default_machine(), Some("pc-i440fx-7.2"));
    }

    #[test]
    fn a_device_counts_only_if_the_command_line_accepts_it() {
        let caps = sample();
        assert!(caps.has_device("virtio-blk-pci"));
        assert!(caps.has_device("virtio-blk"));
        assert!(!caps.has_device("ICH9-LPC"));
        assert!(!caps.has_device("nvme"));
    }

    #[test]
    fn arguments_are_reached_through_arrays_unions_and_alternates() {
        let caps = sample();
        assert!(caps.command_has_arg("add", "node"));
        assert!(caps.command_has_arg("add", "node.filename"));
        assert!(caps.command_has_arg("add", "node.+file.filename"));
        assert!(!caps.command_has_arg("add", "node.+null.filename"));
        assert!(!caps.command_has_arg("add", "node.+nbd"));
        assert!(!caps.command_has_arg("add", "nodes"));
        assert!(!caps.command_has_arg("GONE", "id"));
        assert!(caps.enum_has("add.node.driver", "null"));
        assert!(caps.enum_has("add.node.aio", "off"));
        assert!(!caps.enum_has("add.node.driver", "nbd"));
        assert!(!caps.enum_has("add.node.filename", "null"));
        assert!(!caps.schema.types_at("GONE.id").is_empty());
        assert!(!caps.schema.answer_types_at("add.id").is_empty());
        assert!(caps.schema.answer_types_at("add.node").is_empty());
    }

    #[test]
    fn what_is_missing_is_named() {
        let caps = sample();
        let reason = |need: &str| match caps.require(&need.parse().unwrap()) {
            Ok(()) => None,
            Err(missing) => Some(missing.to_string()),
        };
        assert_eq!(reason("device:virtio-blk-pci"), None);
        assert_eq!(reason("option:sandbox"), None);
        assert_eq!(
            reason("device:nvme").as_deref(),
            Some("QEMU 7.2.22 (x86_64) has no device nvme")
        );
        assert_eq!(
            reason("argument:add.speed").as_deref(),
            Some("QEMU 7.2.22 (x86_64) has no argument speed of QMP command add")
        );
        assert_eq!(
            reason("word:add.node.driver=nbd").as_deref(),
            Some("QEMU 7.2.22 (x86_64) has no value nbd at add.node.driver in its QMP schema")
        );
    }

    #[test]
    fn a_need_reads_back_as_it_was_written() {
        for text in [
            "device:nvme",
            "machine:q35",
            "object:iothread",
            "accel:kvm",
            "cpu:EPYC",
            "command:quit",
            "event:STOP",
            "argument:a.b.c",
            "word:a.b=c",
            "option:sandbox",
        ] {
            assert_eq!(text.parse::<Need>().unwrap().to_string(), text);
        }
        for text in ["", "nvme", "device:", "bus:pci", "argument:a", "word:a.b"] {
            assert!(text.parse::<Need>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_type_outside_the_table_leads_nowhere() {
        let mut caps = sample();
        caps.schema.types.truncate(6);
        assert!(!caps.command_has_arg("add", "node"));
    }

    #[test]
    fn versions_compare_as_numbers() {
        let of = |major, minor| Version {
            major,
            minor,
            micro: 0,
        };
        assert!(of(10, 0) > of(7, 2));
        assert!(of(7, 10) > of(7, 2));
    }
}
