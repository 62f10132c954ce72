//! How a machine ended, and the task that finds out.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use host::process::{Exit, Process};
use tokio::sync::watch;

use crate::crash::{Crash, Crashable};
use crate::health::{FindingKind, Health, Severity};
use crate::qmp::{Cursor, Qmp, ShutdownReason};

/// Bytes of QEMU's stderr kept in a report.
pub(crate) const STDERR_TAIL: u64 = 4096;

/// How long QEMU's last messages may take to arrive after it ended. They are in the socket by then.
const DRAIN_LIMIT: Duration = Duration::from_secs(2);

/// How a machine ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExitReport {
    /// Status or signal of the QEMU process.
    pub exit: Exit,
    /// What its last `SHUTDOWN` event said, if there was one.
    pub shutdown: Option<ShutdownReason>,
    /// End of its stderr.
    pub stderr: String,
    /// How long it ran.
    pub uptime: Duration,
    /// What is known of the fault, if it was one that ended it.
    pub crash: Option<Crash>,
}

impl ExitReport {
    /// Did QEMU end by itself, successfully, after it said that it would?
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.exit.success() && self.shutdown.is_some()
    }
}

impl fmt::Display for ExitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} after {:.1} s", self.exit, self.uptime.as_secs_f64())?;
        match &self.shutdown {
            Some(reason) => write!(f, ", {reason}")?,
            None => f.write_str(", without a SHUTDOWN event")?,
        }
        match self.stderr.trim_end() {
            "" => Ok(()),
            stderr => write!(f, "; its stderr: {stderr}"),
        }
    }
}

/// Who wants to know how the machine ended.
pub(crate) type Ended = watch::Receiver<Option<Arc<ExitReport>>>;

/// Waits for QEMU's end, reports it to `health`, then publishes it.
pub(crate) async fn supervise(
    process: Arc<Process>,
    qmp: Qmp,
    health: Health,
    crashable: Crashable,
    start: Instant,
    ended: watch::Sender<Option<Arc<ExitReport>>>,
) {
    let exit = match process.wait().await {
        Ok(exit) => exit,
        Err(error) => {
            health.report(FindingKind::QemuExit, Severity::Fatal, error.to_string());
            return;
        }
    };
    let uptime = start.elapsed();
    let events = qmp.events();
    // The monitor is closed by now; this only waits for what it said before to be read.
    let _ = events
        .wait(Cursor::START, "last", DRAIN_LIMIT, |_| false)
        .await;
    let mut all = events.since(Cursor::START).into_iter().rev();
    let shutdown = all.find(|event| event.name == "SHUTDOWN");
    let mut report = ExitReport {
        exit,
        shutdown: shutdown.map(|event| ShutdownReason::from_event(&event.data)),
        stderr: process.stderr_tail(STDERR_TAIL),
        uptime,
        crash: None,
    };
    let (kind, severity) = if exit.is_crash() {
        (FindingKind::QemuCrash, Severity::Fatal)
    } else if report.is_clean() {
        (FindingKind::QemuExit, Severity::Note)
    } else {
        (FindingKind::QemuExit, Severity::Fatal)
    };
    // Whoever waits is told at once; what a debugger makes of it takes a second or two.
    health.report(kind, severity, format!("QEMU {report}"));
    if exit.is_crash() {
        report.crash = Some(crashable.examine(exit).await);
    }
    ended.send_replace(Some(Arc::new(report)));
}
