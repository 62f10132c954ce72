//! The running program: its output heard, its end awaited or brought about, and what it leaves.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use harness::{Ending, Stop, chain};
use host::deadlines::Deadlines;
use host::ledger::Ledger;
use host::process::{Exit, Process, Signal, Spec, Survivor};
use rustix::pipe::{PipeFlags, pipe_with};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::OnceCell;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tracing::{Instrument, info, warn};

/// Lines of output that are told with a bad end, and the most bytes of each.
const TOLD: usize = 20;
const TOLD_WIDTH: usize = 400;

/// Most of the output that goes to the log, in bytes; the whole of it has a file of its own.
const LOGGED: usize = 1 << 20;

/// How long what the program has left running may take to end by itself.
const STRAGGLE: Duration = Duration::from_secs(2);

/// How often what is left is killed: it may start itself anew.
const ROUNDS: usize = 10;

/// How long the rest of the output may take when all that was found has ended: somebody else may hold its pipe.
const DRAIN: Duration = Duration::from_secs(1);

/// A program that was started.
pub(crate) struct Child {
    /// What it is called where it is spoken of.
    pub name: String,
    pub process: Arc<Process>,
    mark: (&'static str, String),
    deadlines: Deadlines,
    heard: Arc<Mutex<Heard>>,
    listeners: tokio::sync::Mutex<Vec<JoinHandle<()>>>,
    finished: OnceCell<Finished>,
}

/// How the program ended.
pub(crate) struct Finished {
    pub exit: Exit,
    /// What it had left running, which has been ended.
    pub left: Vec<Survivor>,
}

/// Where its output goes.
struct Heard {
    file: File,
    path: PathBuf,
    logged: usize,
    last: VecDeque<String>,
}

impl Child {
    /// Starts what `spec` describes, and listens to its output, which goes to the log and the file `output`. The lines of its standard
    /// output also come out of the receiver, if `lines` are wanted; only then is standard error heard apart.
    pub(crate) fn start(
        spec: Spec,
        name: String,
        mark: (&'static str, String),
        (ledger, deadlines): (&Ledger, Deadlines),
        output: &Path,
        lines: bool,
    ) -> Result<(Self, Option<UnboundedReceiver<String>>), Stop> {
        let failed = |error: &dyn std::error::Error| {
            Stop::error(format!("failed to run {name}: {}", chain(error)))
        };
        let heard = File::create(output).map(|file| Heard {
            file,
            path: output.to_owned(),
            logged: 0,
            last: VecDeque::new(),
        });
        let heard = Arc::new(Mutex::new(heard.map_err(|e| failed(&e))?));
        let (out, theirs) = pipe().map_err(|e| failed(&e))?;
        let mut ours = vec![out];
        let error_end = match lines {
            true => {
                let (out, theirs) = pipe().map_err(|e| failed(&e))?;
                ours.push(out);
                theirs
            }
            // Through one pipe, so that both stay in order.
            false => theirs.try_clone().map_err(|e| failed(&e))?,
        };
        let spec = spec.session().fd(theirs, 1).fd(error_end, 2);
        let process = Process::spawn(spec, ledger).map_err(|e| failed(&e))?;
        let (sender, receiver) = unbounded_channel();
        let mut senders = [lines.then_some(sender), None].into_iter();
        let listeners = ours.into_iter().map(|pipe| {
            let listening = listen(pipe, Arc::clone(&heard), senders.next().flatten());
            tokio::spawn(listening.in_current_span())
        });
        let child = Self {
            listeners: tokio::sync::Mutex::new(listeners.collect()),
            name,
            process: Arc::new(process),
            mark,
            deadlines,
            heard,
            finished: OnceCell::new(),
        };
        Ok((child, lines.then_some(receiver)))
    }

    /// Waits for its end, ends what it leaves, and has heard all it said. Whoever else wants that meanwhile waits along.
    pub(crate) async fn finish(&self) -> Result<&Finished, Stop> {
        self.finished.get_or_try_init(|| self.to_its_end()).await
    }

    async fn to_its_end(&self) -> Result<Finished, Stop> {
        let failed = |error: &dyn std::error::Error| Stop::error(chain(error));
        self.process.ended().await.map_err(|e| failed(&e))?;
        let left = self.end_survivors().await;
        let exit = self.process.wait().await.map_err(|e| failed(&e))?;
        let mut listeners = self.listeners.lock().await;
        for listener in listeners.iter_mut() {
            let drain = self.deadlines.without_guests().scaled(DRAIN);
            if tokio::time::timeout(drain, &mut *listener).await.is_err() {
                listener.abort();
            }
        }
        listeners.clear();
        Ok(Finished { exit, left })
    }

    /// Ends what is still there of it when its test is over: SIGTERM to its group, and after `grace` SIGKILL. Tells what it said last.
    pub(crate) async fn end(self: Arc<Self>, grace: Duration) -> Ending {
        let mut ending = Ending::default();
        if self.finished.initialized() {
            return ending;
        }
        let name = &self.name;
        let told = match self.ladder(grace).await {
            Ok(told) => told,
            Err(stop) => stop.reason,
        };
        ending.details.push(format!("{name} {told}"));
        match self.finish().await {
            Ok(finished) => ending.details.extend(finished.left_behind(name)),
            Err(stop) => ending.warnings.push(stop.reason),
        }
        ending.details.extend(self.last_output());
        ending
    }

    async fn ladder(&self, grace: Duration) -> Result<String, Stop> {
        let failed = |error: host::process::WaitError| Stop::error(chain(&error));
        let grace = self.deadlines.scaled(grace);
        self.process.signal_group(Signal::TERM).map_err(failed)?;
        // One that is stopped would not hear of it.
        self.process.signal_group(Signal::CONT).map_err(failed)?;
        if let Ok(ended) = tokio::time::timeout(grace, self.process.ended()).await {
            ended.map_err(failed)?;
            return Ok("ended after SIGTERM".to_owned());
        }
        self.process.kill().map_err(failed)?;
        Ok(format!(
            "did not end within {:.1} s of SIGTERM and was killed (exec_grace, stretched by the host's speed)",
            grace.as_secs_f64()
        ))
    }

    /// Ends what the program has left running; returns what did not end by itself.
    async fn end_survivors(&self) -> Vec<Survivor> {
        let mark = (self.mark.0, &*self.mark.1);
        let mut ended = Vec::new();
        // Those that go may leave others.
        let straggling = self.deadlines.without_guests().start(STRAGGLE);
        let mut rounds = 0;
        while rounds < ROUNDS {
            let left = self.process.survivors(mark);
            if left.is_empty() {
                return ended;
            }
            if !straggling.expired() {
                let all_gone = async {
                    for survivor in &left {
                        // One that cannot be waited for is killed when its time is up.
                        if survivor.ended().await.is_err() {
                            std::future::pending::<()>().await;
                        }
                    }
                };
                // Looked for anew in either case: some may have gone, others have come.
                let _ = tokio::time::timeout(straggling.remaining(), all_gone).await;
                continue;
            }
            rounds += 1;
            for survivor in left {
                if let Err(error) = survivor.kill() {
                    warn!("{}", chain(&error));
                }
                if !ended.contains(&survivor) {
                    ended.push(survivor);
                }
            }
        }
        ended
    }

    /// The last lines of its output, as a detail; none where it said nothing.
    pub(crate) fn last_output(&self) -> Option<String> {
        let heard = lock(&self.heard);
        let lines: Vec<&str> = heard.last.iter().map(String::as_str).collect();
        (!lines.is_empty()).then(|| format!("last output:\n{}", lines.join("\n")))
    }

    /// The last line of its output that says something.
    pub(crate) fn last_line(&self) -> Option<String> {
        let heard = lock(&self.heard);
        let mut lines = heard.last.iter().rev().map(|line| line.trim());
        lines.find(|line| !line.is_empty()).map(str::to_owned)
    }
}

impl Finished {
    /// What is said of processes the program left.
    pub(crate) fn left_behind(&self, name: &str) -> Option<String> {
        let left: Vec<String> = self
            .left
            .iter()
            .map(|left| format!("{} (pid {})", left.name, left.id.pid))
            .collect();
        (!left.is_empty()).then(|| {
            format!(
                "{name} left running, and was relieved of: {}",
                left.join(", ")
            )
        })
    }
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(pipe_with(PipeFlags::CLOEXEC)?)
}

fn lock(heard: &Mutex<Heard>) -> std::sync::MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hears a pipe to its end.
async fn listen(pipe: OwnedFd, heard: Arc<Mutex<Heard>>, lines: Option<UnboundedSender<String>>) {
    let mut pipe = match Receiver::from_owned_fd(pipe) {
        Ok(pipe) => pipe,
        Err(error) => {
            warn!("failed to hear the output of the test: {error}");
            return;
        }
    };
    let mut rest = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = match pipe.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(count) => count,
        };
        lock(&heard).keep(&buffer[..count]);
        for piece in buffer[..count].split_inclusive(|&byte| byte == b'\n') {
            rest.extend_from_slice(piece);
            // A line without an end is cut where it becomes too long to be kept.
            if piece.ends_with(b"\n") || rest.len() > LOGGED {
                tell(&rest, &heard, lines.as_ref());
                rest.clear();
            }
        }
    }
    if !rest.is_empty() {
        tell(&rest, &heard, lines.as_ref());
    }
}

fn tell(line: &[u8], heard: &Mutex<Heard>, lines: Option<&UnboundedSender<String>>) {
    let line = String::from_utf8_lossy(line);
    let line = line.trim_end_matches(['\n', '\r']);
    lock(heard).line(line);
    if let Some(lines) = lines {
        // Nobody listens any more where the test is over.
        let _ = lines.send(line.to_owned());
    }
}

impl Heard {
    fn keep(&mut self, bytes: &[u8]) {
        // A full disk fails what matters elsewhere.
        let _ = self.file.write_all(bytes);
    }

    fn line(&mut self, line: &str) {
        let before = self.logged;
        self.logged += line.len() + 1;
        if self.logged <= LOGGED {
            info!(target: "output", "{line}");
        } else if before <= LOGGED {
            info!(target: "output", "… (all of it is in {})", self.path.display());
        }
        if self.last.len() == TOLD {
            self.last.pop_front();
        }
        let cut = line
            .char_indices()
            .map(|(at, _)| at)
            .find(|&at| at >= TOLD_WIDTH);
        self.last.push_back(match cut {
            Some(cut) => format!("{}…", &line[..cut]),
            None => line.to_owned(),
        });
    }
}
