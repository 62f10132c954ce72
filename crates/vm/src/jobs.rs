//! Jobs: what QEMU does in the background, awaited by its events (`JobInfo` and `JOB_STATUS_CHANGE` of QEMU's QAPI reference).

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::VmError;
use crate::qmp::{Cursor, Event, QmpError};
use crate::vm::Vm;

/// A background job of a machine, such as `blockdev-mirror`, `snapshot-save` or `block-stream`, by its id.
///
/// The events of a job are looked for from its creation on, so that nothing is missed, however late it is asked.
#[derive(Debug, Clone, Copy)]
pub struct Job<'vm> {
    vm: &'vm Vm,
    id: &'vm str,
    /// The place where the job's events begin.
    from: Cursor,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEnd {
    /// It did what it was to do.
    Succeeded,
    /// It was cancelled.
    Cancelled,
    /// It failed.
    Failed {
        /// QEMU's words.
        error: String,
    },
}

/// Answer of `query-jobs`, a job's part of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct JobInfo {
    /// Id.
    pub id: String,
    /// Kind, such as `mirror` (`JobType`).
    #[serde(rename = "type")]
    pub kind: String,
    /// State, such as `running` (`JobStatus`).
    pub status: String,
    /// How far it has come, in units of its own that may change while it runs.
    pub current_progress: u64,
    /// How far it has to go, in the same units.
    pub total_progress: u64,
    /// Why it failed, once it has.
    #[serde(default)]
    pub error: Option<String>,
}

const STATUS_CHANGE: &str = "JOB_STATUS_CHANGE";
/// What QEMU says of a cancelled job that has no error of its own (`strerror(ECANCELED)`).
const CANCELLED: &str = "Operation canceled";

impl Vm {
    /// The newest job of that id, running, ended or dismissed. It must have been started on the control monitor.
    #[must_use]
    pub fn job<'vm>(&'vm self, id: &'vm str) -> Job<'vm> {
        let events = self.qmp().events().since(Cursor::START);
        let created = |event: &&Event| is_change(event, id) && event.data["status"] == "created";
        let newest = events.iter().rfind(created);
        let from = newest.map_or(Cursor::START, Cursor::at);
        Job { vm: self, id, from }
    }
}

fn is_change(event: &Event, id: &str) -> bool {
    event.name == STATUS_CHANGE && event.data["id"] == id
}

impl Job<'_> {
    /// How it is; nothing when it has been dismissed, by somebody or by itself.
    ///
    /// # Errors
    /// [`VmError::Monitor`].
    pub async fn info(&self) -> Result<Option<JobInfo>, VmError> {
        let jobs = self.vm.qmp().query::<Vec<JobInfo>>("query-jobs", json!({}));
        let jobs = self.told("ask for the jobs of", jobs.await).await?;
        Ok(jobs.into_iter().find(|job| job.id == self.id))
    }

    /// Waits until it is ready to be completed, as `mirror` and `commit` of an active layer become.
    ///
    /// # Errors
    /// [`VmError::Job`] when it ends instead; [`VmError`].
    pub async fn wait_ready(&self, base: Duration) -> Result<(), VmError> {
        let awaited = format!("readiness of job \"{}\"", self.id);
        match self.status(&awaited, base, &["ready", "standby"]).await? {
            Some(_) => Ok(()),
            None => {
                let end = self.end().await?;
                Err(self.ended(&awaited, &end))
            }
        }
    }

    /// Waits until it has ended, and dismisses it unless it does so by itself.
    ///
    /// # Errors
    /// [`VmError`]. A job that failed is no error here: see [`Job::succeed`].
    pub async fn wait_end(&self, base: Duration) -> Result<JobEnd, VmError> {
        let awaited = format!("end of job \"{}\"", self.id);
        self.status(&awaited, base, &[]).await?;
        let end = self.end().await?;
        if self.info().await?.is_some() {
            self.command("job-dismiss").await?;
        }
        Ok(end)
    }

    /// As [`Job::wait_end`], but any other end than success is an error.
    ///
    /// # Errors
    /// [`VmError::Job`] when it failed or was cancelled; [`VmError`].
    pub async fn succeed(&self, base: Duration) -> Result<(), VmError> {
        match self.wait_end(base).await? {
            JobEnd::Succeeded => Ok(()),
            end => Err(self.ended("its success", &end)),
        }
    }

    /// Lets a job that is ready come to its end: `job-complete`.
    ///
    /// # Errors
    /// [`VmError::Monitor`].
    pub async fn complete(&self) -> Result<(), VmError> {
        self.command("job-complete").await
    }

    /// Cancels it: `job-cancel`. It ends some time later.
    ///
    /// # Errors
    /// [`VmError::Monitor`].
    pub async fn cancel(&self) -> Result<(), VmError> {
        self.command("job-cancel").await
    }

    /// Holds it up: `job-pause`.
    ///
    /// # Errors
    /// [`VmError::Monitor`].
    pub async fn pause(&self) -> Result<(), VmError> {
        self.command("job-pause").await
    }

    /// Lets it go on: `job-resume`.
    ///
    /// # Errors
    /// [`VmError::Monitor`].
    pub async fn resume(&self) -> Result<(), VmError> {
        self.command("job-resume").await
    }

    /// The states it has been in so far, in order.
    #[must_use]
    pub fn history(&self) -> Vec<String> {
        let events = self.vm.qmp().events().since(self.from);
        let changes = events.iter().filter(|event| is_change(event, self.id));
        changes.map(|event| text(&event.data["status"])).collect()
    }

    /// Waits for one of the states, and returns it; nothing when the job ended without.
    async fn status(
        &self,
        awaited: &str,
        base: Duration,
        wanted: &[&str],
    ) -> Result<Option<String>, VmError> {
        let found = |event: &Event| {
            let status = event.data["status"].as_str().unwrap_or_default();
            is_change(event, self.id)
                && (wanted.contains(&status) || matches!(status, "concluded" | "null"))
        };
        let change = self
            .vm
            .wait_for_event_that(self.from, awaited, base, found)
            .await?;
        let status = text(&change.data["status"]);
        Ok(Some(status).filter(|status| wanted.contains(&status.as_str())))
    }

    /// How it ended, from what is left of it.
    async fn end(&self) -> Result<JobEnd, VmError> {
        if let Some(info) = self.info().await?
            && info.status == "concluded"
        {
            return Ok(match info.error {
                None => JobEnd::Succeeded,
                Some(error) if error == CANCELLED => JobEnd::Cancelled,
                Some(error) => JobEnd::Failed { error },
            });
        }
        // It dismissed itself. A block job has told how it ended; any other, whether it was aborting.
        let events = self.vm.qmp().events().since(self.from);
        for event in events.iter().filter(|e| e.data["device"] == self.id) {
            match (event.name.as_str(), event.data.get("error")) {
                ("BLOCK_JOB_CANCELLED", _) => return Ok(JobEnd::Cancelled),
                ("BLOCK_JOB_COMPLETED", None) => return Ok(JobEnd::Succeeded),
                ("BLOCK_JOB_COMPLETED", Some(error)) => {
                    return Ok(JobEnd::Failed { error: text(error) });
                }
                _ => {}
            }
        }
        if self.history().iter().any(|status| status == "aborting") {
            let error = "it was aborted and dismissed, and no event says why".to_owned();
            return Ok(JobEnd::Failed { error });
        }
        Ok(JobEnd::Succeeded)
    }

    async fn command(&self, command: &str) -> Result<(), VmError> {
        let done = self.vm.qmp().execute(command, json!({"id": self.id})).await;
        self.told(&format!("{command} \"{}\" of", self.id), done)
            .await
            .map(drop)
    }

    async fn told<T>(&self, verb: &str, result: Result<T, QmpError>) -> Result<T, VmError> {
        self.vm.watch.told(verb, result).await
    }

    fn ended(&self, awaited: &str, end: &JobEnd) -> VmError {
        VmError::Job {
            vm: self.vm.name().to_owned(),
            id: self.id.to_owned(),
            awaited: awaited.to_owned(),
            end: match end {
                JobEnd::Succeeded => "ended".to_owned(),
                JobEnd::Cancelled => "was cancelled".to_owned(),
                JobEnd::Failed { error } => format!("failed: {error}"),
            },
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
