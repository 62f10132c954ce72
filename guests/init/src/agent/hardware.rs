//! Processors, memory blocks, disks and file systems of the guest, read from `/sys` and `/proc`.

use std::fs;
use std::path::Path;

use nix::sys::statvfs::statvfs;
use serde_json::{Value, json};

use super::args::Args;
use super::error::AgentError;
use super::info::read;

const CPU_DIR: &str = "/sys/devices/system/cpu";
const MEMORY_DIR: &str = "/sys/devices/system/memory";

/// The numbers N of the entries `<prefix>N` of a folder, in order.
fn numbered(folder: &str, prefix: &str) -> Vec<u64> {
    let mut numbers: Vec<u64> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            name.to_str()?.strip_prefix(prefix)?.parse().ok()
        })
        .collect();
    numbers.sort_unstable();
    numbers
}

fn is_on(path: &str) -> Option<bool> {
    Some(fs::read_to_string(path).ok()?.trim() == "1")
}

pub fn vcpus(args: &Args) -> Result<Value, AgentError> {
    args.finish()?;
    let cpus = numbered(CPU_DIR, "cpu").into_iter().map(|id| {
        let switch = format!("{CPU_DIR}/cpu{id}/online");
        let online = is_on(&switch);
        json!({"logical-id": id, "online": online.unwrap_or(true), "can-offline": online.is_some()})
    });
    Ok(cpus.collect())
}

pub fn set_vcpus(mut args: Args) -> Result<Value, AgentError> {
    let cpus = args.objects("vcpus")?;
    args.finish()?;
    let mut changed = 0;
    for mut cpu in cpus {
        let id = cpu.int("logical-id")?;
        let online = cpu.boolean("online")?;
        cpu.take("can-offline");
        cpu.finish()?;
        let switch = format!("{CPU_DIR}/cpu{id}/online");
        // A processor without a switch is always on.
        let current = is_on(&switch).unwrap_or(true);
        if current != online {
            let outcome = fs::write(&switch, if online { "1" } else { "0" });
            if let Err(error) = outcome {
                // The schema: an error only when not even the first could be changed.
                if changed == 0 {
                    return Err(AgentError::system(
                        format!("failed to write {switch}"),
                        &error,
                    ));
                }
                break;
            }
        } else if !Path::new(&format!("{CPU_DIR}/cpu{id}")).exists() {
            if changed == 0 {
                return Err(AgentError::generic(format!("there is no processor {id}")));
            }
            break;
        }
        changed += 1;
    }
    Ok(json!(changed))
}

pub fn memory_blocks(args: &Args) -> Result<Value, AgentError> {
    args.finish()?;
    let blocks = numbered(MEMORY_DIR, "memory").into_iter().map(|index| {
        let state = read(&format!("{MEMORY_DIR}/memory{index}/state")).unwrap_or_default();
        let removable = is_on(&format!("{MEMORY_DIR}/memory{index}/removable"));
        json!({
            "phys-index": index,
            "online": state.trim() == "online",
            "can-offline": removable.unwrap_or(false),
        })
    });
    Ok(blocks.collect())
}

pub fn set_memory_blocks(mut args: Args) -> Result<Value, AgentError> {
    let blocks = args.objects("mem-blks")?;
    args.finish()?;
    let mut replies = Vec::new();
    for mut block in blocks {
        let index = block.int("phys-index")?;
        let online = block.boolean("online")?;
        block.take("can-offline");
        block.finish()?;
        let path = format!("{MEMORY_DIR}/memory{index}/state");
        let wanted = if online { "online" } else { "offline" };
        let response = match fs::read_to_string(&path) {
            Err(_) => "not-found",
            Ok(state) if state.trim() == wanted => "success",
            Ok(_) => match fs::write(&path, wanted) {
                Ok(()) => "success",
                Err(_) => "operation-failed",
            },
        };
        replies.push(json!({"phys-index": index, "response": response}));
    }
    Ok(Value::Array(replies))
}

pub fn memory_block_info(args: &Args) -> Result<Value, AgentError> {
    args.finish()?;
    let text = read(&format!("{MEMORY_DIR}/block_size_bytes"))?;
    let size = u64::from_str_radix(text.trim(), 16)
        .map_err(|_| AgentError::generic("failed to read the size of memory blocks"))?;
    Ok(json!({"size": size}))
}

pub fn disks(args: &Args) -> Result<Value, AgentError> {
    args.finish()?;
    let mut disks = Vec::new();
    let mut names: Vec<_> = fs::read_dir("/sys/class/block")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        // As in qemu-ga: RAM disks are no disks, loops and empty devices neither.
        .filter(|name| !name.starts_with("ram") && !name.starts_with("loop"))
        .collect();
    names.sort();
    for name in names {
        let folder = format!("/sys/class/block/{name}");
        let size = fs::read_to_string(format!("{folder}/size")).unwrap_or_default();
        if size.trim() == "0" {
            continue;
        }
        let partition = Path::new(&format!("{folder}/partition")).exists();
        let parent = partition
            .then(|| fs::canonicalize(&folder).ok())
            .flatten()
            .and_then(|path| Some(format!("/dev/{}", path.parent()?.file_name()?.to_str()?)));
        disks.push(json!({
            "name": format!("/dev/{name}"),
            "partition": partition,
            "dependencies": parent.into_iter().collect::<Vec<_>>(),
        }));
    }
    Ok(Value::Array(disks))
}

pub fn filesystems(args: &Args) -> Result<Value, AgentError> {
    args.finish()?;
    let table = read("/proc/self/mountinfo")?;
    Ok(mounts_of_devices(&table)
        .into_iter()
        .map(|mount| {
            let mut entry = json!({
                "name": mount.device.rsplit('/').next(),
                "mountpoint": mount.point,
                "type": mount.kind,
                "disk": [],
            });
            if let Ok(usage) = statvfs(mount.point) {
                let unit = usage.fragment_size();
                entry["total-bytes"] =
                    json!((usage.blocks() - usage.blocks_free() + usage.blocks_available()) * unit);
                entry["total-bytes-privileged"] = json!(usage.blocks() * unit);
                entry["used-bytes"] = json!((usage.blocks() - usage.blocks_free()) * unit);
            }
            entry
        })
        .collect())
}

struct Mount<'a> {
    device: &'a str,
    point: &'a str,
    kind: &'a str,
}

/// The mounts of mountinfo (proc(5)) that have a device behind them.
fn mounts_of_devices(table: &str) -> Vec<Mount<'_>> {
    table
        .lines()
        .filter_map(|line| {
            let (mount, source) = line.split_once(" - ")?;
            let point = mount.split(' ').nth(4)?;
            let mut source = source.split(' ');
            let kind = source.next()?;
            let device = source.next()?;
            device.starts_with("/dev/").then_some(Mount {
                device,
                point,
                kind,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mounts_of_devices_are_file_systems() {
        let table = "22 1 0:21 / /proc rw,nosuid shared:1 - proc proc rw\n\
                     23 1 252:1 / /mnt/a rw,relatime - ext4 /dev/vda1 rw\n";
        let mounts = mounts_of_devices(table);
        assert_eq!(mounts.len(), 1);
        assert_eq!(
            (mounts[0].device, mounts[0].point, mounts[0].kind),
            ("/dev/vda1", "/mnt/a", "ext4")
        );
    }

    #[test]
    fn the_first_processor_is_there_and_on() {
        let cpus = vcpus(&Args::default()).unwrap();
        assert_eq!(cpus[0]["logical-id"], 0);
        assert_eq!(cpus[0]["online"], true);
    }
}
