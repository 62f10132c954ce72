//! A guest that is awaited and shows no sign of life.
//!
//! QEMU runs, nothing is found wrong, and what is awaited never comes: the guest's clock or the firmware stands still, or an interrupt was
//! lost. A guest that gets anywhere says something, reads or writes a disk, or does what QEMU has an event for. Nobody waits for one that
//! does none of these until the time for all its boot is over.

use std::convert::Infallible;
use std::fmt;
use std::fs;
use std::future::Future;
use std::sync::LazyLock;
use std::time::Duration;

use guest::GuestError;
use guest::console::{From, Reader};
use patience::Stopwatch;
use regex::Regex;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::VmError;
use crate::health::{FindingKind, Severity};
use crate::qmp::{QmpError, RunState};
use crate::watch::Watch;

/// For how long there may be no sign of life, as a base time. Under TCG that is 200 s, and what says something at all says it within 3 s.
const SILENCE: Duration = Duration::from_secs(20);

/// The most that [`SILENCE`] is stretched to, however slow and busy the host is.
const MOST: Duration = Duration::from_secs(600);

/// What share of the time an idle vCPU may want a processor: under TCG the interrupts of its timer, 250 a second, cost 3 to 9 %.
const IDLE: f64 = 0.15;

/// How often, and how long apart, a CPU that is stuck is looked at.
const GLANCES: u32 = 3;
const GLANCE: Duration = Duration::from_millis(100);
/// The top of a vCPU's stack, as QEMU's monitor prints it.
const STACK: &str = "x /64gx $rsp";
/// The interrupts that wait for a vCPU or are being served by it.
const LOCAL_INTERRUPTS: &str = "info lapic";
/// The same for the controllers of the board.
const INTERRUPTS: &str = "info pic";

#[expect(clippy::expect_used, reason = "a constant pattern, compiled by a test")]
static ANYTHING: LazyLock<Regex> = LazyLock::new(|| Regex::new("(?s).+").expect("valid"));

/// A vCPU as `info registers -a` prints it: its number, where it is, and whether it stands still there.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled by a test")]
static REGISTERS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"CPU#(\d+)\s[^#]*?\b[RE]IP=([0-9a-f]+)[^#]*?\bHLT=([01])").expect("valid")
});

impl Watch {
    /// As [`Watch::talk`], to a guest that has to come so far that it answers; it is found to be unwell when it shows no sign of life.
    pub(crate) async fn hear<T>(
        &self,
        awaited: &str,
        conversation: impl Future<Output = Result<T, GuestError>>,
    ) -> Result<T, VmError> {
        let either = async {
            tokio::select! {
                biased;
                said = conversation => said,
                never = self.find_silence() => match never {},
            }
        };
        self.talk(awaited, either).await
    }

    /// Once the guest says that one of its CPUs is stuck, notes what the vCPUs do, and on what stack: for whoever has the kernel's symbols.
    pub(crate) async fn tell_where_it_is_stuck(&self) {
        self.health.found(FindingKind::SoftLockup).await;
        for _ in 0..GLANCES {
            if self.tell_what_it_does().await.is_err() {
                return;
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Notes where the vCPUs are and what interrupts wait for them.
    async fn tell_what_it_does(&self) -> Result<(), QmpError> {
        for place in places(&self.qmp.hmp("info registers -a").await?) {
            for look in [STACK, LOCAL_INTERRUPTS] {
                let arguments = json!({"command-line": look, "cpu-index": place.index});
                let told = self.qmp.query("human-monitor-command", arguments).await;
                let told: String = told?;
                tracing::warn!("vCPU {} {place}, {look}:\n{told}", place.index);
            }
        }
        let told = self.qmp.hmp(INTERRUPTS).await?;
        tracing::warn!("{INTERRUPTS}:\n{told}");
        Ok(())
    }

    /// Reports a guest without a sign of life, which ends all waits.
    async fn find_silence(&self) -> Infallible {
        let console = self.main_console.as_deref().and_then(|id| self.console(id));
        let mut spoken = console.is_some_and(|console| console.last_line().is_some());
        let mut ear = console.map(|console| console.reader(From::Now));
        loop {
            let start = Stopwatch::start();
            let Some(before) = self.still_silent(&mut ear, &mut spoken).await else {
                continue;
            };
            let Some(after) = self.still_silent(&mut ear, &mut spoken).await else {
                continue;
            };
            if after.signs != before.signs {
                continue;
            }
            let vcpus = after.work_since(&before);
            let idle = vcpus.iter().all(|vcpu| vcpu.busy.is_some_and(|b| b < IDLE));
            // One that is busy may be on its way, if its silence is not what nobody expects.
            if idle || (self.told_to_speak && !spoken) {
                let waited = start.elapsed();
                let summary = self.describe(waited, spoken, &vcpus).await;
                // One whose monitor fails has an end of its own.
                let _ = self.tell_what_it_does().await;
                self.health
                    .report(FindingKind::GuestSilent, Severity::Fatal, summary);
                return std::future::pending().await;
            }
        }
    }

    /// Listens for half of the time there is; what the machine was like then, if it has said nothing and runs.
    async fn still_silent(&self, ear: &mut Option<Reader>, spoken: &mut bool) -> Option<State> {
        let word = async {
            if let Some(ear) = ear
                && ear.expect(&ANYTHING, Duration::MAX).await.is_ok()
            {
                return;
            }
            // There is no console, or it is closed.
            std::future::pending().await
        };
        let limit = || self.limit(SILENCE).min(MOST) / 2;
        if Stopwatch::start().within(limit, word).await.is_some() {
            *spoken = true;
            return None;
        }
        // A monitor that does not answer has its own end.
        self.state().await.ok().flatten()
    }

    /// What shows that the guest gets anywhere; nothing while its CPUs are stopped.
    async fn state(&self) -> Result<Option<State>, QmpError> {
        if self.qmp.status().await?.status != RunState::Running {
            return Ok(None);
        }
        let disks: Value = self.qmp.query("query-blockstats", json!({})).await?;
        let cpus: Vec<CpuInfo> = self.qmp.query("query-cpus-fast", json!({})).await?;
        let process = self.process.id().pid;
        let vcpus = cpus.iter().map(|cpu| Vcpu {
            index: cpu.cpu_index,
            wanted: processor_time(process, cpu.thread_id),
            takes_turns: cpus
                .iter()
                .any(|other| other.thread_id == cpu.thread_id && other.cpu_index != cpu.cpu_index),
        });
        Ok(Some(State {
            signs: Signs {
                events: self.qmp.events().cursor().seq(),
                transfers: transfers(&disks),
            },
            vcpus: vcpus.collect(),
            at: Stopwatch::start(),
        }))
    }

    async fn describe(&self, waited: Duration, spoken: bool, vcpus: &[Work]) -> String {
        let registers = self.qmp.hmp("info registers -a").await.unwrap_or_default();
        let places = places(&registers);
        let vcpus: Vec<String> = vcpus
            .iter()
            .map(|work| {
                let place = places.iter().find(|place| place.index == work.index);
                match place {
                    Some(place) => format!("{work}, {place}"),
                    None => work.to_string(),
                }
            })
            .collect();
        let silent = match spoken {
            true => "has shown no sign of life for",
            false => "has never said a word, and shown no sign of life for",
        };
        let seconds = waited.as_secs_f64();
        format!("the guest {silent} {seconds:.0} s: {}", vcpus.join("; "))
    }
}

/// What a machine was like at a moment.
#[derive(Debug)]
struct State {
    signs: Signs,
    vcpus: Vec<Vcpu>,
    at: Stopwatch,
}

/// What changes when a guest gets anywhere.
#[derive(Debug, PartialEq, Eq)]
struct Signs {
    events: u64,
    transfers: u64,
}

#[derive(Debug)]
struct Vcpu {
    index: u64,
    /// For how long its thread has run, or wanted to, if the kernel says.
    wanted: Option<Duration>,
    /// Do others run on its thread, too?
    takes_turns: bool,
}

/// How busy a vCPU was between two moments: 1 is all the time.
#[derive(Debug, PartialEq)]
struct Work {
    index: u64,
    busy: Option<f64>,
    takes_turns: bool,
}

impl State {
    fn work_since(&self, before: &Self) -> Vec<Work> {
        let span = before.at.elapsed().as_secs_f64();
        let vcpus = self.vcpus.iter().map(|vcpu| {
            let earlier = before.vcpus.iter().find(|e| e.index == vcpu.index);
            let wanted = earlier.and_then(|earlier| vcpu.wanted?.checked_sub(earlier.wanted?));
            Work {
                index: vcpu.index,
                busy: wanted.map(|wanted| wanted.as_secs_f64() / span),
                takes_turns: vcpu.takes_turns,
            }
        });
        vcpus.collect()
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "vCPU {} ", self.index)?;
        match self.busy {
            Some(busy) if busy < IDLE => f.write_str("idle"),
            Some(busy) => {
                write!(f, "busy {:.0} % of the time", busy * 100.0)?;
                f.write_str(if self.takes_turns {
                    " with the others"
                } else {
                    ""
                })
            }
            None => f.write_str("idle or not"),
        }
    }
}

/// Where a vCPU is.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    index: u64,
    address: String,
    halted: bool,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let halted = if self.halted { "halted " } else { "" };
        write!(f, "{halted}at 0x{}", self.address)
    }
}

/// One of `query-cpus-fast`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct CpuInfo {
    cpu_index: u64,
    thread_id: u64,
}

fn places(registers: &str) -> Vec<Place> {
    let vcpus = REGISTERS.captures_iter(registers).filter_map(|vcpu| {
        Some(Place {
            index: vcpu[1].parse().ok()?,
            address: vcpu[2].to_owned(),
            halted: &vcpu[3] == "1",
        })
    });
    vcpus.collect()
}

/// Requests served by all the disks, as `query-blockstats` counts them.
fn transfers(disks: &Value) -> u64 {
    let counted = |disk: &Value| {
        ["rd_operations", "wr_operations"]
            .iter()
            .filter_map(|counter| disk["stats"][counter].as_u64())
            .sum::<u64>()
    };
    disks.as_array().into_iter().flatten().map(counted).sum()
}

/// For how long a thread has run and has waited for a processor: the first two numbers of its `schedstat`, in nanoseconds.
fn processor_time(process: u32, thread: u64) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{process}/task/{thread}/schedstat")).ok()?;
    let mut numbers = text.split_ascii_whitespace().map(str::parse::<u64>);
    let (run, waited) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    Some(Duration::from_nanos(run.checked_add(waited)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_each_vcpu_is_and_whether_it_is_halted_is_read_from_the_human_monitor() {
        let printed = "\r\nCPU#0\r\nRAX=0000000000000000 RBX=0000000000000000\r\nRIP=ffffffff81a17a0b RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1\r\n\
            ES =0000 0000000000000000\r\n\r\nCPU#1\r\nEAX=00000000 EBX=00000000\r\nEIP=000fd09a EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0\r\n";
        let expected = [(0, "ffffffff81a17a0b", true), (1, "000fd09a", false)];
        let expected = expected.map(|(index, address, halted)| Place {
            index,
            address: address.to_owned(),
            halted,
        });
        assert_eq!(places(printed), expected);
        let words: Vec<String> = places(printed).iter().map(ToString::to_string).collect();
        assert_eq!(words, ["halted at 0xffffffff81a17a0b", "at 0x000fd09a"]);
        assert_eq!(places("info registers: unknown"), []);
    }

    #[test]
    fn what_any_disk_did_is_a_sign_of_life() {
        let disk = |reads: u64, writes: u64| json!({"device": "d", "stats": {"rd_operations": reads, "wr_operations": writes, "rd_bytes": 512}});
        assert_eq!(transfers(&json!([])), 0);
        assert_eq!(transfers(&json!([disk(3, 4), disk(10, 0)])), 17);
    }

    #[test]
    fn a_thread_that_works_is_told_from_one_that_sleeps() {
        let thread = u64::from(std::process::id());
        let Some(before) = processor_time(std::process::id(), thread) else {
            println!("this kernel does not say how long a thread has run");
            return;
        };
        let after = processor_time(std::process::id(), thread).unwrap();
        assert!(after >= before);
        assert_eq!(processor_time(std::process::id(), u64::MAX), None);
    }

    #[test]
    fn how_busy_a_vcpu_was_is_said_in_words() {
        let shown = |busy, takes_turns| {
            let work = Work {
                index: 1,
                busy,
                takes_turns,
            };
            work.to_string()
        };
        let work = |busy| shown(busy, false);
        assert_eq!(work(Some(0.01)), "vCPU 1 idle");
        assert_eq!(work(Some(0.984)), "vCPU 1 busy 98 % of the time");
        assert_eq!(work(None), "vCPU 1 idle or not");
        assert_eq!(
            shown(Some(0.984), true),
            "vCPU 1 busy 98 % of the time with the others"
        );
    }
}
