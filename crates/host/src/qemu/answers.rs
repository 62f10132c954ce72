//! QEMU's answers, and the capabilities they amount to.
//!
//! Formats: the QMP reference of `query-machines`, `query-qmp-schema`, …, of which only what is used is read, so that members that come and go
//! between releases do no harm; and the lines of `-device help`.

use std::collections::{BTreeMap, BTreeSet};

use machine::capabilities::{
    Capabilities, Command, DeviceType, MachineType, Schema, Type, Version,
};
use serde::Deserialize;

/// All that is asked.
pub(super) struct Answers {
    pub version: VersionInfo,
    pub target: Target,
    pub machines: Vec<Machine>,
    pub cpus: Vec<Name>,
    pub devices: Vec<Name>,
    pub objects: Vec<Name>,
    pub accelerators: Vec<Name>,
    pub options: Vec<CommandLineOption>,
    pub schema: Vec<Entity>,
    pub device_help: String,
}

#[derive(Deserialize)]
pub(super) struct VersionInfo {
    qemu: VersionTriple,
    #[serde(default)]
    package: String,
}

#[derive(Deserialize)]
struct VersionTriple {
    major: u32,
    minor: u32,
    micro: u32,
}

#[derive(Deserialize)]
pub(super) struct Target {
    arch: String,
}

#[derive(Deserialize)]
pub(super) struct Name {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Machine {
    name: String,
    alias: Option<String>,
    #[serde(default)]
    is_default: bool,
    #[serde(default)]
    deprecated: bool,
    cpu_max: u32,
    #[serde(default)]
    hotpluggable_cpus: bool,
    default_ram_id: Option<String>,
    default_cpu_type: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct CommandLineOption {
    option: String,
    parameters: Vec<Name>,
}

/// An entry of the schema: a command, an event or a type.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Entity {
    name: String,
    meta_type: String,
    json_type: Option<String>,
    #[serde(default)]
    values: Vec<String>,
    element_type: Option<String>,
    #[serde(default)]
    members: Vec<Member>,
    #[serde(default)]
    variants: Vec<Variant>,
    arg_type: Option<String>,
    ret_type: Option<String>,
    #[serde(default)]
    allow_oob: bool,
}

/// A member of an object has both, of an enumeration a name, of an alternate a type.
#[derive(Deserialize)]
struct Member {
    name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Variant {
    case: String,
    #[serde(rename = "type")]
    kind: String,
}

/// What the answers amount to.
///
/// # Errors
/// A text naming what does not fit together.
pub(super) fn capabilities(answers: Answers) -> Result<Capabilities, String> {
    let VersionInfo { qemu, package } = answers.version;
    let accelerator = |name: Name| name.name.strip_suffix("-accel").map(str::to_owned);
    let option = |option: CommandLineOption| (option.option, names(option.parameters));
    Ok(Capabilities {
        version: Version {
            major: qemu.major,
            minor: qemu.minor,
            micro: qemu.micro,
        },
        package,
        target: answers.target.arch,
        machines: answers.machines.into_iter().map(machine).collect(),
        devices: devices(answers.devices, &answers.device_help),
        objects: names(answers.objects),
        accelerators: answers
            .accelerators
            .into_iter()
            .filter_map(accelerator)
            .collect(),
        cpus: names(answers.cpus),
        options: answers.options.into_iter().map(option).collect(),
        schema: schema(answers.schema)?,
    })
}

fn names(list: Vec<Name>) -> BTreeSet<String> {
    list.into_iter().map(|entry| entry.name).collect()
}

fn machine(machine: Machine) -> (String, MachineType) {
    let kind = MachineType {
        alias: machine.alias,
        is_default: machine.is_default,
        deprecated: machine.deprecated,
        cpu_max: machine.cpu_max,
        hotpluggable_cpus: machine.hotpluggable_cpus,
        default_ram_id: machine.default_ram_id,
        default_cpu_type: machine.default_cpu_type,
    };
    (machine.name, kind)
}

/// The device types there are, with what `-device help` says of those it accepts.
fn devices(types: Vec<Name>, help: &str) -> BTreeMap<String, DeviceType> {
    let mut devices: BTreeMap<String, DeviceType> = types
        .into_iter()
        .map(|kind| (kind.name, DeviceType::default()))
        .collect();
    devices.extend(help.lines().filter_map(device_line));
    devices
}

/// `name "virtio-blk-pci", bus PCI, alias "virtio-blk", desc "…"`, all but the name optional.
fn device_line(line: &str) -> Option<(String, DeviceType)> {
    let (name, rest) = line.strip_prefix("name \"")?.split_once('"')?;
    // A description is free text and stands last.
    let facts = rest.split(", desc \"").next().unwrap_or_default();
    let mut device = DeviceType {
        pluggable: true,
        ..DeviceType::default()
    };
    for fact in facts.split(", ") {
        if let Some(bus) = fact.strip_prefix("bus ") {
            device.bus = Some(bus.to_owned());
        } else if let Some(alias) = fact.strip_prefix("alias \"") {
            device.alias = Some(alias.trim_end_matches('"').to_owned());
        }
    }
    Some((name.to_owned(), device))
}

fn schema(entities: Vec<Entity>) -> Result<Schema, String> {
    let is_type = |entity: &&Entity| !matches!(entity.meta_type.as_str(), "command" | "event");
    let ids: BTreeMap<&str, usize> = entities
        .iter()
        .filter(is_type)
        .enumerate()
        .map(|(id, entity)| (entity.name.as_str(), id))
        .collect();
    let id = |name: &Option<String>| {
        let name = name.as_deref().unwrap_or_default();
        ids.get(name)
            .copied()
            .ok_or_else(|| format!("its schema refers to type '{name}', which is not in it"))
    };
    let mut schema = Schema::default();
    for entity in &entities {
        match entity.meta_type.as_str() {
            "command" => {
                let (arguments, returns) = (id(&entity.arg_type)?, id(&entity.ret_type)?);
                let command = Command {
                    arguments,
                    returns,
                    out_of_band: entity.allow_oob,
                };
                schema.commands.insert(entity.name.clone(), command);
            }
            "event" => {
                schema
                    .events
                    .insert(entity.name.clone(), id(&entity.arg_type)?);
            }
            _ => schema.types.push(type_of(entity, id)?),
        }
    }
    Ok(schema)
}

fn type_of(
    entity: &Entity,
    id: impl Fn(&Option<String>) -> Result<usize, String>,
) -> Result<Type, String> {
    let named = |member: &Member| member.name.clone();
    Ok(match entity.meta_type.as_str() {
        "enum" if entity.members.is_empty() => Type::Enum(entity.values.clone()),
        "enum" => Type::Enum(entity.members.iter().filter_map(named).collect()),
        "array" => Type::Array(id(&entity.element_type)?),
        "alternate" => Type::Alternate(
            entity
                .members
                .iter()
                .map(|member| id(&member.kind))
                .collect::<Result<_, _>>()?,
        ),
        "object" => {
            let member =
                |member: &Member| Ok((member.name.clone().unwrap_or_default(), id(&member.kind)?));
            let members = entity
                .members
                .iter()
                .map(member)
                .collect::<Result<_, String>>()?;
            let variant =
                |variant: &Variant| Ok((variant.case.clone(), id(&Some(variant.kind.clone()))?));
            Type::Object(
                members,
                entity
                    .variants
                    .iter()
                    .map(variant)
                    .collect::<Result<_, String>>()?,
            )
        }
        // A kind of type that a later QEMU adds has no members we could look into.
        _ => Type::Builtin(entity.json_type.clone().unwrap_or_default()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_of_a_device_are_read_around_its_description() {
        let device = |line| device_line(line).unwrap();
        let (name, virtio) = device(
            "name \"virtio-blk-pci\", bus PCI, alias \"virtio-blk\", desc \"a, alias \"x\"\"",
        );
        assert_eq!(name, "virtio-blk-pci");
        assert!(virtio.pluggable);
        assert_eq!(
            (virtio.bus.as_deref(), virtio.alias.as_deref()),
            (Some("PCI"), Some("virtio-blk"))
        );
        let (name, bare) = device("name \"loader\", desc \"Generic Loader\"");
        assert_eq!(
            (name.as_str(), bare.bus, bare.alias),
            ("loader", None, None)
        );
        assert_eq!(device_line("Storage devices:"), None);
        assert_eq!(device_line(""), None);
    }

    #[test]
    fn types_that_help_does_not_list_are_known_but_not_pluggable() {
        let types = ["cfi.pflash01", "nvme"]
            .map(|name| Name { name: name.into() })
            .into();
        let devices = devices(types, "Storage devices:\nname \"nvme\", bus PCI\n");
        assert!(devices["nvme"].pluggable);
        assert!(!devices["cfi.pflash01"].pluggable);
    }

    #[test]
    fn a_schema_is_read_whatever_order_its_types_are_in() {
        let text = r#"[
            {"name": "add", "meta-type": "command", "arg-type": "2", "ret-type": "1", "allow-oob": true},
            {"name": "GONE", "meta-type": "event", "arg-type": "1"},
            {"name": "1", "meta-type": "object", "members": []},
            {"name": "2", "meta-type": "object", "members": [{"name": "how", "type": "3"}, {"name": "names", "type": "[str]", "default": null}],
             "tag": "how", "variants": [{"case": "fast", "type": "5"}]},
            {"name": "3", "meta-type": "enum", "values": ["fast", "slow"], "members": [{"name": "fast"}, {"name": "slow"}]},
            {"name": "[str]", "meta-type": "array", "element-type": "str"},
            {"name": "str", "meta-type": "builtin", "json-type": "string"},
            {"name": "5", "meta-type": "object", "members": [{"name": "speed", "type": "6"}]},
            {"name": "6", "meta-type": "alternate", "members": [{"type": "str"}, {"type": "7"}]},
            {"name": "7", "meta-type": "enum", "values": ["full"]},
            {"name": "8", "meta-type": "novelty"}
        ]"#;
        let schema = schema(serde_json::from_str(text).unwrap()).unwrap();
        let caps = Capabilities {
            schema,
            ..Capabilities::default()
        };
        assert!(caps.has_command("add") && caps.schema.commands["add"].out_of_band);
        assert!(caps.has_event("GONE") && !caps.has_event("add"));
        assert!(caps.command_has_arg("add", "names"));
        assert!(caps.command_has_arg("add", "+fast.speed"));
        assert!(caps.enum_has("add.how", "slow"));
        assert!(caps.enum_has("add.speed", "full"));
    }

    #[test]
    fn a_schema_with_a_dangling_type_is_refused_by_name() {
        let text = r#"[{"name": "x", "meta-type": "event", "arg-type": "77"}]"#;
        let error = schema(serde_json::from_str(text).unwrap()).unwrap_err();
        assert!(error.contains("'77'"), "{error}");
    }
}
