//! Waiting for something of a machine, and no longer than it can still happen.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use guest::{Console, GuestError};
use host::deadlines::Deadlines;
use host::process::Process;
use patience::Stopwatch;

use crate::error::{LastWords, VmError};
use crate::exit::{Ended, ExitReport, STDERR_TAIL};
use crate::health::{Finding, Health};
use crate::lines::{Tail, last_lines};
use crate::qmp::{Qmp, QmpError};

/// Lines of console and firmware log in [`LastWords`].
const LAST_LINES: usize = 30;

/// How long the end of QEMU may take to be known once one of its channels was closed.
const CLOSING_LIMIT: Duration = Duration::from_secs(5);

/// What is known of a machine by all who wait for it: its handle, and its sessions.
pub(crate) struct Watch {
    pub(crate) name: String,
    pub(crate) process: Arc<Process>,
    pub(crate) qmp: Qmp,
    pub(crate) health: Health,
    pub(crate) ended: Ended,
    pub(crate) deadlines: Deadlines,
    pub(crate) firmware: Tail,
    /// Set once, when the channels are connected.
    pub(crate) consoles: OnceLock<BTreeMap<String, Console>>,
    /// Id of the console whose lines count as the guest's last words.
    pub(crate) main_console: Option<String>,
    /// Was the guest's kernel told to speak on a console? Then one that does not is not well.
    pub(crate) told_to_speak: bool,
    /// Has anybody logged in on that console?
    pub(crate) logged_in: AtomicBool,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.process.id();
        f.debug_struct("Watch")
            .field("name", &self.name)
            .field("process", &id)
            .finish_non_exhaustive()
    }
}

impl Watch {
    pub(crate) fn console(&self, id: &str) -> Option<&Console> {
        self.consoles.get()?.get(id)
    }

    pub(crate) fn is_logged_in(&self) -> bool {
        self.logged_in.load(Ordering::Relaxed)
    }

    /// Lets each console's text go on from where it was on the machine the guest has come from: whoever logs in finds what was
    /// said there.
    pub(crate) fn follow(&self, earlier: &Self) {
        for (id, console) in self.consoles.get().into_iter().flatten() {
            if let Some(earlier) = earlier.console(id) {
                console.follow(earlier);
            }
        }
    }

    /// Tells each console that the guest begins anew.
    pub(crate) fn restarted(&self) {
        for console in self.consoles.get().into_iter().flat_map(BTreeMap::values) {
            console.restarted();
        }
    }

    pub(crate) fn last_words(&self) -> LastWords {
        let console = self.main_console.as_deref().and_then(|id| self.console(id));
        LastWords {
            console: console.map_or_else(Vec::new, |c| last_lines(&c.history(), LAST_LINES)),
            firmware: self.firmware.lines(LAST_LINES),
            monitor: self.qmp.tail(),
            stderr: self.process.stderr_tail(STDERR_TAIL),
        }
    }

    pub(crate) fn limit(&self, base: Duration) -> Duration {
        self.deadlines.scaled(base)
    }

    /// Runs a future until it ends; not longer than `base`, stretched as the host is busy until the end, and not longer than the machine
    /// is alive and well.
    pub(crate) async fn wait<F: Future>(
        &self,
        awaited: &str,
        base: Duration,
        future: F,
    ) -> Result<F::Output, VmError> {
        let start = Stopwatch::start();
        let limit = || self.limit(base);
        match start.within(limit, self.while_well(awaited, future)).await {
            Some(output) => output,
            None => Err(self.timed_out(awaited, start.elapsed())),
        }
    }

    /// Talks to the guest as long as the machine is alive and well. The conversation has a limit of its own.
    pub(crate) async fn talk<T>(
        &self,
        awaited: &str,
        conversation: impl Future<Output = Result<T, GuestError>>,
    ) -> Result<T, VmError> {
        let error = match self.while_well(awaited, conversation).await? {
            Ok(output) => return Ok(output),
            Err(error) => error,
        };
        if error.is_closed() {
            self.why_closed(awaited).await?;
        }
        Err(self.guest_error(error))
    }

    /// Passes on what a monitor command came to; `verb` is what was to be done with the machine.
    pub(crate) async fn told<T>(
        &self,
        verb: &str,
        result: Result<T, QmpError>,
    ) -> Result<T, VmError> {
        match result {
            Ok(value) => Ok(value),
            Err(source) => {
                if matches!(source, QmpError::Closed { .. }) {
                    self.why_closed(&format!("answer to \"{verb}\"")).await?;
                }
                Err(self.monitor_error(verb, source))
            }
        }
    }

    /// A channel closes as QEMU ends; how it ended is the better answer, and on its way.
    async fn why_closed(&self, awaited: &str) -> Result<(), VmError> {
        let end = self.while_well(awaited, std::future::pending::<()>());
        tokio::time::timeout(CLOSING_LIMIT, end)
            .await
            .unwrap_or(Ok(()))
    }

    pub(crate) fn guest_error(&self, source: GuestError) -> VmError {
        VmError::Guest {
            vm: self.name.clone(),
            source: Box::new(source),
            last_words: Box::new(self.last_words()),
        }
    }

    async fn while_well<F: Future>(&self, awaited: &str, future: F) -> Result<F::Output, VmError> {
        let start = Instant::now();
        let report = tokio::select! {
            biased;
            output = future => return Ok(output),
            finding = self.health.fatal() => return Err(self.unwell(awaited, start.elapsed(), finding)),
            report = self.exit() => report,
        };
        // What ended it was found before that was published, but maybe after it was looked for here.
        Err(match self.health.is_fatal() {
            Some(finding) => self.unwell(awaited, start.elapsed(), finding),
            None => VmError::Ended {
                vm: self.name.clone(),
                awaited: awaited.to_string(),
                waited: start.elapsed(),
                exit: Box::new(report),
                last_words: Box::new(self.last_words()),
            },
        })
    }

    /// Returns when the machine has ended.
    pub(crate) async fn exit(&self) -> ExitReport {
        let mut ended = self.ended.clone();
        let report = ended.wait_for(Option::is_some).await;
        let report = report.ok().and_then(|report| report.as_deref().cloned());
        match report {
            Some(report) => report,
            // The supervisor could not find out and has reported why.
            None => std::future::pending().await,
        }
    }

    /// Waits for the end of QEMU, however it comes; ends early when something else is fatally wrong.
    pub(crate) async fn wait_exit(&self, base: Duration) -> Result<ExitReport, VmError> {
        let awaited = "end of QEMU";
        let start = Stopwatch::start();
        let end = async {
            tokio::select! {
                biased;
                report = self.exit() => Ok(report),
                finding = self.fatal_but_exit() => Err(self.unwell(awaited, start.elapsed(), finding)),
            }
        };
        let ended = start.within(|| self.limit(base), end).await;
        ended.unwrap_or_else(|| Err(self.timed_out(awaited, start.elapsed())))
    }

    pub(crate) async fn fatal_but_exit(&self) -> Finding {
        match self.health.fatal().await {
            finding if finding.is_end() => std::future::pending().await,
            finding => finding,
        }
    }

    pub(crate) fn unwell(&self, awaited: &str, waited: Duration, finding: Finding) -> VmError {
        VmError::Unwell {
            vm: self.name.clone(),
            awaited: awaited.to_string(),
            waited,
            finding: Box::new(finding),
            last_words: Box::new(self.last_words()),
        }
    }

    pub(crate) fn timed_out(&self, awaited: &str, waited: Duration) -> VmError {
        VmError::Wait {
            vm: self.name.clone(),
            awaited: awaited.to_string(),
            waited,
            last_words: Box::new(self.last_words()),
        }
    }

    pub(crate) fn monitor_error(&self, verb: &str, source: QmpError) -> VmError {
        VmError::Monitor {
            vm: self.name.clone(),
            verb: verb.to_owned(),
            source: Box::new(source),
            last_words: Box::new(self.last_words()),
        }
    }
}
