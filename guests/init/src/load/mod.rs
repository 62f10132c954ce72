//! `tiny-load`: work whose results can be checked, to run while something is done to the machine.
//!
//! ```text
//! tiny-load start [--memory MIB] [--disk DEVICE:MIB] [--ping ADDRESS]     returns once it has begun
//! tiny-load stop                                                          checks everything and prints what came of it as JSON
//! ```
//!
//! Memory and disk are written round after round with what depends on place and round, and every round checks the one before, so
//! a page or block that was lost, or is of another time, is found. A clock watch keeps the longest gap between two readings, and
//! pings the longest silence.

mod clock;
mod disk;
mod memory;
mod ping;

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;
use serde_json::{Map, Value, json};

/// The name it is called by.
pub const NAME: &str = "tiny-load";

const PID: &str = "/run/tiny-load.pid";
const REPORT: &str = "/run/tiny-load.json";
const BEGUN: &str = "begun";

/// Words of a page.
const WORDS: usize = 512;

/// A page of memory, or a part of a disk, at an address a disk can be read to directly.
#[derive(Clone)]
#[repr(C, align(4096))]
struct Page([u64; WORDS]);

impl Page {
    const ZERO: Self = Self([0; WORDS]);

    /// What stands at a place in a round.
    fn fill(&mut self, place: u64, round: u64) {
        let mut word = first_word(place, round);
        for slot in &mut self.0 {
            *slot = word;
            word = word.wrapping_add(STEP);
        }
    }

    fn holds(&self, place: u64, round: u64) -> bool {
        let mut word = first_word(place, round);
        self.0.iter().all(|&slot| {
            let same = slot == word;
            word = word.wrapping_add(STEP);
            same
        })
    }
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Spread so that a word of one page tells it from any other page and round (SplitMix64's finisher).
fn first_word(place: u64, round: u64) -> u64 {
    let mut word = (place << 32).wrapping_add(round).wrapping_add(STEP);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// What is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Work {
    memory_mib: Option<usize>,
    disk: Option<(String, usize)>,
    ping: Option<Ipv4Addr>,
}

impl Work {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut work = Self::default();
        while let Some(option) = words.next() {
            let value = words
                .next()
                .ok_or_else(|| format!("{option} needs a value"))?;
            let wrong = || format!("{option} cannot be {value}");
            match option.as_str() {
                "--memory" => work.memory_mib = Some(value.parse().map_err(|_| wrong())?),
                "--disk" => {
                    let (device, mib) = value.rsplit_once(':').ok_or_else(wrong)?;
                    work.disk = Some((device.to_string(), mib.parse().map_err(|_| wrong())?));
                }
                "--ping" => work.ping = Some(value.parse().map_err(|_| wrong())?),
                _ => return Err(format!("there is no option {option}")),
            }
        }
        Ok(work)
    }
}

/// Runs the command; `words` are its arguments. Returns whether everything was well.
///
/// # Errors
/// What could not be done, in words.
pub fn run(mut words: impl Iterator<Item = String>) -> Result<bool, String> {
    match words.next().as_deref() {
        Some("start") => start(words.collect()).map(|()| true),
        Some("stop") => stop(),
        Some("run") => work(&Work::parse(words)?).map(|()| true),
        _ => Err("say start or stop".to_string()),
    }
}

fn failed<E: std::fmt::Display>(what: &str) -> impl Fn(E) -> String {
    move |error| format!("failed to {what}: {error}")
}

/// Leaves the work running behind, and returns when it has begun.
fn start(options: Vec<String>) -> Result<(), String> {
    Work::parse(options.iter().cloned())?;
    let _ = fs::remove_file(REPORT);
    let mut child = Command::new("/proc/self/exe")
        .arg0(NAME)
        .arg("run")
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(failed("begin"))?;
    let mut said = String::new();
    if let Some(output) = child.stdout.take() {
        BufReader::new(output)
            .read_line(&mut said)
            .map_err(failed("hear from the work"))?;
    }
    match said.trim() {
        BEGUN => Ok(()),
        why => Err(why.to_string()),
    }
}

fn stop() -> Result<bool, String> {
    let pid = fs::read_to_string(PID).map_err(failed("find the work"))?;
    let pid = Pid::from_raw(pid.trim().parse().map_err(failed("find the work"))?);
    kill(pid, Signal::SIGTERM).map_err(failed("stop the work"))?;
    // No child of ours, so it cannot be waited for; it checks all it wrote first.
    while kill(pid, None) != Err(Errno::ESRCH) {
        thread::sleep(std::time::Duration::from_millis(5));
    }
    let _ = fs::remove_file(PID);
    let report = fs::read_to_string(REPORT).map_err(failed("read what came of the work"))?;
    let mut out = io::stdout();
    out.write_all(report.as_bytes()).map_err(failed("print"))?;
    let report: Value =
        serde_json::from_str(&report).map_err(failed("read what came of the work"))?;
    Ok(report["bad"] == 0)
}

/// What a piece of work came to: what it says of itself, and how many things were wrong.
type Outcome = (Map<String, Value>, u64);

/// A piece of work: told when all are ready, and that it is to stop.
type Piece = (&'static str, JoinHandle<Result<Outcome, String>>);

fn work(work: &Work) -> Result<(), String> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    signals.thread_block().map_err(failed("block signals"))?;
    fs::write(PID, std::process::id().to_string()).map_err(failed("write down the process"))?;
    let stop = Arc::new(AtomicBool::new(false));
    let pieces = begin(work, &stop);
    let mut out = io::stdout();
    let pieces = match pieces {
        Ok(pieces) => pieces,
        Err(why) => {
            let _ = writeln!(out, "{why}");
            return Err(why);
        }
    };
    let _ = writeln!(out, "{BEGUN}");
    // Whoever started us is gone by the next word.
    let _ = signals.wait();
    stop.store(true, Ordering::Relaxed);
    let mut report = Map::new();
    let mut all_bad = 0;
    for (name, piece) in pieces {
        let outcome = piece.join().unwrap_or_else(|_| Err("panicked".to_string()));
        let (mut said, bad) = outcome.unwrap_or_else(|error| {
            let mut said = Map::new();
            said.insert("error".to_string(), json!(error));
            (said, 1)
        });
        said.insert("bad".to_string(), json!(bad));
        all_bad += bad;
        report.insert(name.to_string(), Value::Object(said));
    }
    report.insert("bad".to_string(), json!(all_bad));
    let next = format!("{REPORT}.next");
    fs::write(&next, Value::Object(report).to_string()).map_err(failed("write the report"))?;
    fs::rename(&next, REPORT).map_err(failed("write the report"))
}

fn begin(work: &Work, stop: &Arc<AtomicBool>) -> Result<Vec<Piece>, String> {
    let mut pieces: Vec<Piece> = Vec::new();
    if let Some(mib) = work.memory_mib {
        let (memory, stop) = (memory::Memory::new(mib), Arc::clone(stop));
        pieces.push(("memory", thread::spawn(move || Ok(memory.work(&stop)))));
    }
    if let Some((device, mib)) = &work.disk {
        let (disk, stop) = (disk::Disk::new(device, *mib)?, Arc::clone(stop));
        pieces.push(("disk", thread::spawn(move || disk.work(&stop))));
    }
    if let Some(address) = work.ping {
        let (ping, stop) = (ping::Ping::new(address)?, Arc::clone(stop));
        pieces.push(("ping", thread::spawn(move || ping.work(&stop))));
    }
    let stop = Arc::clone(stop);
    pieces.push(("clock", thread::spawn(move || clock::watch(&stop))));
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Work, String> {
        Work::parse(text.split_whitespace().map(str::to_string))
    }

    #[test]
    fn options_are_read_and_mistakes_named() {
        let work = parse("--memory 8 --disk /dev/vda:16 --ping 10.0.2.2").unwrap();
        assert_eq!(work.disk, Some(("/dev/vda".to_string(), 16)));
        assert_eq!(work.ping, Some(Ipv4Addr::new(10, 0, 2, 2)));
        for wrong in ["--memory", "--memory much", "--disk /dev/vda", "--fast yes"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_page_of_another_place_or_round_is_told_and_so_is_one_wrong_bit() {
        let mut page = Page::ZERO;
        page.fill(3, 7);
        assert!(page.holds(3, 7));
        assert!(!page.holds(3, 6) && !page.holds(4, 7));
        page.0[WORDS - 1] ^= 1;
        assert!(!page.holds(3, 7));
    }
}
