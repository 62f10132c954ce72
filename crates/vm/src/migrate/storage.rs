//! Disks that go along: what is on them is mirrored over NBD into images of the destination's own while the guest works, and let go of
//! when the guest stands still and both are the same.
//!
//! Sources: `docs/interop/live-block-operations` of QEMU's source ("QMP invocation for live storage migration with drive-mirror + NBD"), and
//! `nbd-server-start`, `block-export-add`, `blockdev-mirror` of its QAPI reference.

use std::path::{Path, PathBuf};
use std::time::Duration;

use machine::{Device, Disk, ImageFormat, MachineSpec, Need};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Cause;
use crate::error::VmError;
use crate::jobs::JobEnd;
use crate::vm::Vm;

/// A disk that goes along with its machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedDisk {
    /// Its id.
    pub disk: String,
    /// The image it goes to: as large as the disk, and of no contents that matter.
    pub image: PathBuf,
    /// Format of that image, which need not be that of the disk's.
    pub format: ImageFormat,
}

/// A disk of the source that is copied to the destination, and what was made for that at the source.
#[derive(Debug)]
pub(super) struct Mirror {
    job: String,
    /// The destination's image as a block node of the source.
    node: String,
}

#[derive(Deserialize)]
struct BlockNode {
    #[serde(default, rename = "node-name")]
    name: String,
    image: NodeImage,
}

#[derive(Deserialize)]
struct NodeImage {
    #[serde(rename = "virtual-size")]
    size: u64,
}

/// Makes the disks those of the destination.
pub(super) fn redirect(spec: &mut MachineSpec, moved: &[MovedDisk]) -> Result<(), Cause> {
    for moved in moved {
        let disk = disk_of(spec, &moved.disk).ok_or_else(|| unknown(&moved.disk))?;
        disk.path.clone_from(&moved.image);
        disk.format = moved.format.clone();
    }
    Ok(())
}

fn disk_of<'a>(spec: &'a mut MachineSpec, id: &str) -> Option<&'a mut Disk> {
    let plugged = spec.plugged.iter_mut();
    let plugged = plugged.filter_map(|placed| match &mut placed.device {
        Device::Disk(disk) => Some(disk),
        _ => None,
    });
    spec.disks
        .iter_mut()
        .chain(plugged)
        .find(|disk| disk.id == id)
}

fn unknown(disk: &str) -> Cause {
    Cause::Invalid {
        what: format!("the machine has no disk {disk} that could go along"),
        hint: "name a disk of the machine by its id".to_owned(),
    }
}

fn node_of(disk: &str) -> String {
    Disk::new(disk, "", ImageFormat::Raw).node_name()
}

/// Do both QEMUs have what it takes?
pub(super) fn check(source: &Vm, destination: &Vm) -> Result<(), Cause> {
    let command = |name: &str| Need::Command(name.to_owned());
    for name in ["blockdev-mirror", "block-job-cancel"] {
        source.capabilities().require(&command(name))?;
    }
    for name in ["nbd-server-start", "block-export-add", "nbd-server-stop"] {
        destination.capabilities().require(&command(name))?;
    }
    Ok(())
}

/// The destination lets the source write to its images.
pub(super) async fn serve(vm: &Vm, socket: &Path, moved: &[MovedDisk]) -> Result<(), VmError> {
    let address = json!({"type": "unix", "data": {"path": socket}});
    command(vm, "nbd-server-start", json!({"addr": address})).await?;
    for moved in moved {
        let export = json!({
            "type": "nbd",
            "id": format!("migrate-{}", moved.disk),
            "node-name": node_of(&moved.disk),
            "name": moved.disk,
            "writable": true,
        });
        command(vm, "block-export-add", export).await?;
    }
    Ok(())
}

/// It does so no more.
pub(super) async fn stop_serving(vm: &Vm) -> Result<(), VmError> {
    command(vm, "nbd-server-stop", json!({})).await
}

impl Mirror {
    /// Begins to copy a disk, and to write to both images what the guest writes.
    pub(super) async fn begin(vm: &Vm, socket: &Path, disk: &str) -> Result<Self, VmError> {
        let mirror = Self {
            job: format!("migrate-{disk}"),
            node: format!("migrate-{disk}"),
        };
        let server = json!({"type": "unix", "path": socket});
        let node =
            json!({"driver": "nbd", "node-name": mirror.node, "server": server, "export": disk});
        command(vm, "blockdev-add", node).await?;
        let job = json!({
            "job-id": mirror.job,
            "device": node_of(disk),
            "target": mirror.node,
            "sync": "full",
        });
        if let Err(error) = command(vm, "blockdev-mirror", job).await {
            // The first error is the one to tell.
            let _ = mirror.forget_node(vm).await;
            return Err(error);
        }
        Ok(mirror)
    }

    /// Waits until both images are the same, but for what the guest writes just now.
    pub(super) async fn wait_ready(&self, vm: &Vm, limit: Duration) -> Result<(), VmError> {
        vm.job(&self.job).wait_ready(limit).await
    }

    /// Ends it while the guest stands still: then both images are the same, and the source keeps its own.
    pub(super) async fn settle(&self, vm: &Vm, limit: Duration) -> Result<(), VmError> {
        command(vm, "block-job-cancel", json!({"device": self.job})).await?;
        vm.job(&self.job).succeed(limit).await?;
        self.forget_node(vm).await
    }

    /// Lets it end wherever it is. The destination's image is of no use then.
    pub(super) async fn cancel(&self, vm: &Vm) -> Result<(), VmError> {
        let now = json!({"device": self.job, "force": true});
        command(vm, "block-job-cancel", now).await
    }

    /// Waits until it has ended that way, or by itself.
    pub(super) async fn abandon(&self, vm: &Vm, limit: Duration) -> Result<JobEnd, VmError> {
        // It may have failed by itself.
        let _ = self.cancel(vm).await;
        let end = vm.job(&self.job).wait_end(limit).await?;
        self.forget_node(vm).await?;
        Ok(end)
    }

    async fn forget_node(&self, vm: &Vm) -> Result<(), VmError> {
        command(vm, "blockdev-del", json!({"node-name": self.node})).await
    }
}

async fn command(vm: &Vm, command: &str, arguments: Value) -> Result<(), VmError> {
    let told = vm.qmp().execute(command, arguments).await;
    let verb = format!("{command} for the disks of");
    vm.watch.told(&verb, told).await.map(drop)
}

impl Vm {
    /// Size in bytes that the guest sees of a disk.
    ///
    /// # Errors
    /// [`VmError::Monitor`]; [`VmError::NoDisk`] when there is none of that id.
    pub async fn disk_size(&self, disk: &str) -> Result<u64, VmError> {
        let nodes = self
            .qmp()
            .query::<Vec<BlockNode>>("query-named-block-nodes", json!({"flat": true}))
            .await;
        let nodes = self.watch.told("ask for the disks of", nodes).await?;
        let wanted = node_of(disk);
        let node = nodes.into_iter().find(|node| node.name == wanted);
        node.map(|node| node.image.size)
            .ok_or_else(|| VmError::NoDisk {
                vm: self.name().to_owned(),
                disk: disk.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_goes_along_is_another_file_of_the_same_machine() {
        let mut spec = MachineSpec::new("vm1");
        spec.disks
            .push(Disk::new("one", "/here/one", ImageFormat::Qcow2));
        spec.disks
            .push(Disk::new("two", "/here/two", ImageFormat::Qcow2));
        let moved = MovedDisk {
            disk: "two".to_owned(),
            image: "/there/two".into(),
            format: ImageFormat::Raw,
        };
        redirect(&mut spec, std::slice::from_ref(&moved)).unwrap();
        let paths: Vec<_> = spec.disks.iter().map(|disk| disk.path.clone()).collect();
        assert_eq!(paths, [Path::new("/here/one"), Path::new("/there/two")]);
        assert_eq!(spec.disks[1].format, ImageFormat::Raw);
        let nowhere = MovedDisk {
            disk: "three".to_owned(),
            ..moved
        };
        let error = redirect(&mut spec, &[nowhere]).unwrap_err().to_string();
        assert!(error.contains("no disk three"), "{error}");
    }
}
