//! Jobs of `org.virt-test.vm`, and the snapshots that are made by them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use image::{ImageFormat, NewImage};
use machine::Device as Part;
use serde::Deserialize;
use serde_json::{Value, json};
use vm::qmp::RunState;
use vm::{JobEnd as End, JobInfo, Vm};

use crate::call::{Call, count, limit, number};
use crate::failure::Failure;
use crate::generated::vm::*;

/// Base time for a job unless a call says otherwise.
const LIMIT: Duration = Duration::from_secs(60);

/// Answer of `query-named-block-nodes`, what is of use here.
#[derive(Deserialize)]
struct Node {
    image: NodeImage,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct NodeImage {
    virtual_size: u64,
    #[serde(default)]
    snapshots: Vec<NodeSnapshot>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct NodeSnapshot {
    id: String,
    name: String,
    #[serde(default)]
    vm_state_size: u64,
}

impl Call<'_> {
    pub(crate) async fn vm_save_snapshot(
        &self,
        it: SaveSnapshotCall,
    ) -> Result<SaveSnapshotReply, Failure> {
        let vm = self.vm(&it.vm)?;
        self.snapshot_job(&vm, "snapshot-save", &it.name, it.timeout)
            .await?;
        Ok(SaveSnapshotReply {})
    }

    pub(crate) async fn vm_load_snapshot(
        &self,
        it: LoadSnapshotCall,
    ) -> Result<LoadSnapshotReply, Failure> {
        let vm = self.vm(&it.vm)?;
        let ran = vm.status().await? == RunState::Running;
        self.snapshot_job(&vm, "snapshot-load", &it.name, it.timeout)
            .await?;
        if ran {
            vm.wait_for_status(RunState::Running, limit(it.timeout, LIMIT)?)
                .await?;
        }
        Ok(LoadSnapshotReply {})
    }

    pub(crate) async fn vm_delete_snapshot(
        &self,
        it: DeleteSnapshotCall,
    ) -> Result<DeleteSnapshotReply, Failure> {
        let vm = self.vm(&it.vm)?;
        self.snapshot_job(&vm, "snapshot-delete", &it.name, it.timeout)
            .await?;
        Ok(DeleteSnapshotReply {})
    }

    async fn snapshot_job(
        &self,
        vm: &Vm,
        command: &str,
        tag: &str,
        timeout: Option<f64>,
    ) -> Result<(), Failure> {
        let disks = writable(vm).await?;
        let id = format!("{command}-{}", self.state.number());
        let mut arguments = json!({"job-id": id, "tag": tag, "devices": disks});
        if command != "snapshot-delete" {
            arguments["vmstate"] = json!(disks[0]);
        }
        let begun = vm.qmp().execute(command, arguments).await;
        begun.map_err(|error| Failure::from(error).at(vm.name()))?;
        Ok(vm.job(&id).succeed(limit(timeout, LIMIT)?).await?)
    }

    pub(crate) async fn vm_list_snapshots(
        &self,
        it: ListSnapshotsCall,
    ) -> Result<ListSnapshotsReply, Failure> {
        let vm = self.vm(&it.vm)?;
        let disks = writable(&vm).await?;
        let snapshots = node(&vm, &disks[0]).await?.image.snapshots.into_iter();
        let snapshots = snapshots.map(|snapshot| Snapshot {
            name: snapshot.name,
            id: snapshot.id,
            vm_state_size: number(snapshot.vm_state_size),
        });
        Ok(ListSnapshotsReply {
            snapshots: snapshots.collect(),
        })
    }

    pub(crate) async fn vm_start_job(&self, it: StartJobCall) -> Result<StartJobReply, Failure> {
        let vm = self.vm(&it.vm)?;
        let disks = disks(&vm).await;
        let Some(disk) = disks.iter().find(|disk| disk.id == it.disk) else {
            let known = disks.into_iter().map(|disk| disk.id).collect();
            return Err(Failure::not_found("disk", &it.disk, known).at(it.vm));
        };
        let device = disk.node_name();
        let id = it
            .id
            .unwrap_or_else(|| format!("job{}", self.state.number()));
        let mut arguments = json!({"job-id": id, "device": device});
        if let Some(speed) = it.speed {
            arguments["speed"] = json!(count("speed", speed)?);
        }
        let command = match it.kind {
            JobKind::Mirror => "blockdev-mirror",
            JobKind::Backup => "blockdev-backup",
            JobKind::Commit => "block-commit",
            JobKind::Stream => "block-stream",
        };
        let copies = matches!(it.kind, JobKind::Mirror | JobKind::Backup);
        let mut path = None;
        if copies {
            let target = it.target.unwrap_or_else(|| format!("{}-{id}.qcow2", it.vm));
            let target = self.path(&target);
            let size = node(&vm, &device).await?.image.virtual_size;
            arguments["target"] = json!(self.target(&vm, &id, &target, size).await?);
            arguments["sync"] = json!("full");
            path = Some(target);
        } else if it.target.is_some() {
            return Err(Failure::invalid("commit and stream have no target").at(it.vm));
        }
        let begun = vm.qmp().execute(command, arguments).await;
        begun.map_err(|error| Failure::from(error).at(it.vm))?;
        Ok(StartJobReply {
            id,
            path: path.map(|path: PathBuf| path.display().to_string()),
        })
    }

    /// Makes an image and gives it to the machine; returns the name of its node.
    async fn target(&self, vm: &Vm, job: &str, path: &Path, size: u64) -> Result<String, Failure> {
        let qcow2 = ImageFormat::Qcow2;
        self.test
            .qemu_img()?
            .create(path, &NewImage::blank(qcow2, size))
            .await?;
        let node = format!("{job}-target");
        let file = json!({"driver": "file", "filename": path});
        let arguments = json!({"driver": "qcow2", "node-name": node, "file": file});
        let added = vm.qmp().execute("blockdev-add", arguments).await;
        added.map_err(|error| Failure::from(error).at(vm.name()))?;
        Ok(node)
    }

    pub(crate) async fn vm_list_jobs(&self, it: ListJobsCall) -> Result<ListJobsReply, Failure> {
        let vm = self.vm(&it.vm)?;
        let jobs: Vec<JobInfo> = vm.qmp().query("query-jobs", json!({})).await?;
        let jobs = jobs.into_iter().map(|job| Job {
            id: job.id,
            kind: job.kind,
            status: job.status,
            progress: number(job.current_progress),
            total: number(job.total_progress),
            error: job.error,
        });
        Ok(ListJobsReply {
            jobs: jobs.collect(),
        })
    }

    pub(crate) async fn vm_wait_job(&self, it: WaitJobCall) -> Result<WaitJobReply, Failure> {
        let vm = self.vm(&it.vm)?;
        let base = limit(it.timeout, LIMIT)?;
        let job = known(&vm, &it.id).await?;
        if it.ready == Some(true) {
            job.wait_ready(base).await?;
            return Ok(WaitJobReply { end: None });
        }
        let end = match job.wait_end(base).await? {
            End::Succeeded => JobEnd::Succeeded,
            End::Cancelled => JobEnd::Cancelled,
            End::Failed { error } => {
                let kind = crate::generated::error::Kind::JobFailed { job: it.id.clone() };
                let message = format!("job \"{}\" of machine \"{}\" failed: {error}", it.id, it.vm);
                return Err(Failure::new(kind, vm::Blame::Machine, message).at(it.vm));
            }
        };
        Ok(WaitJobReply { end: Some(end) })
    }

    pub(crate) async fn vm_control_job(
        &self,
        it: ControlJobCall,
    ) -> Result<ControlJobReply, Failure> {
        let vm = self.vm(&it.vm)?;
        let job = known(&vm, &it.id).await?;
        match it.action {
            JobAction::Complete => job.complete().await?,
            JobAction::Cancel => job.cancel().await?,
            JobAction::Pause => job.pause().await?,
            JobAction::Resume => job.resume().await?,
        }
        Ok(ControlJobReply {})
    }
}

/// A job there is, or was: of one that there never was, nothing can be awaited.
async fn known<'vm>(vm: &'vm Vm, id: &'vm str) -> Result<vm::Job<'vm>, Failure> {
    let job = vm.job(id);
    if !job.history().is_empty() {
        return Ok(job);
    }
    let jobs: Vec<JobInfo> = vm.qmp().query("query-jobs", json!({})).await?;
    let known = jobs.into_iter().map(|job| job.id).collect();
    Err(Failure::not_found("job", id, known).at(vm.name()))
}

async fn disks(vm: &Vm) -> Vec<machine::Disk> {
    let plugged = vm.plugged().await.into_iter();
    let plugged = plugged.filter_map(|placed| match placed.device {
        Part::Disk(disk) => Some(disk),
        _ => None,
    });
    vm.spec().disks.iter().cloned().chain(plugged).collect()
}

/// Nodes of the disks that can be written to, one at least.
async fn writable(vm: &Vm) -> Result<Vec<String>, Failure> {
    let disks = disks(vm).await.into_iter();
    let nodes: Vec<String> = disks
        .filter(|disk| !disk.readonly)
        .map(|disk| disk.node_name())
        .collect();
    match nodes.is_empty() {
        false => Ok(nodes),
        true => {
            let message = format!(
                "machine \"{}\" has no disk to keep a snapshot in (hint: set images = stg, image_format = qcow2)",
                vm.name()
            );
            Err(Failure::invalid(message).at(vm.name()))
        }
    }
}

async fn node(vm: &Vm, name: &str) -> Result<Node, Failure> {
    let told = vm.qmp().execute("query-named-block-nodes", json!({})).await;
    let nodes = told.map_err(|error| Failure::from(error).at(vm.name()))?;
    let nodes = nodes.as_array().cloned().unwrap_or_default().into_iter();
    let mut found = nodes.filter(|node| node["node-name"] == *name);
    let node = found.next().unwrap_or(Value::Null);
    let node: Result<Node, _> = serde_json::from_value(node);
    node.map_err(|error| Failure::host(&format!("find block node {name}"), &error).at(vm.name()))
}
