//! What virt-test does, done by hand: the same QEMU command line, and nothing around it.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::io::{FdFlags, fcntl_setfd};
use serde_json::{Value, json};

use super::{LIMIT, Problem};

/// Starts the machine as a person would, and asks its shell what the boot test asks.
pub(super) fn boot(script: &Path) -> Result<Duration, Problem> {
    let start = Instant::now();
    let mut child = Command::new(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| format!("failed to run {}: {e}", script.display()))?;
    let outcome = answer(&mut child, start);
    // It is ours, and its work is done, whatever came of it.
    let _ = child.kill();
    let _ = child.wait();
    Ok(outcome?)
}

fn answer(child: &mut Child, start: Instant) -> Result<Duration, String> {
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err("the machine started by hand has no terminal".into());
    };
    let (sender, chunks) = mpsc::channel();
    std::thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = output.read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    let mut seen = String::new();
    let mut asked = false;
    loop {
        let chunk = chunks
            .recv_timeout(LIMIT.saturating_sub(start.elapsed()))
            .map_err(|error| match error {
                RecvTimeoutError::Timeout => {
                    format!("the machine started by hand did not answer; it said: {seen}")
                }
                RecvTimeoutError::Disconnected => {
                    format!("the machine started by hand ended; it said: {seen}")
                }
            })?;
        seen.push_str(&String::from_utf8_lossy(&chunk));
        // A shell may ask the terminal for the cursor's place right after its prompt.
        let last_line = seen.rsplit('\n').next().unwrap_or_default();
        if !asked && last_line.contains("# ") {
            asked = true;
            seen.clear();
            input
                .write_all(b"echo $((6 * 7))\n")
                .map_err(|e| format!("failed to ask the machine: {e}"))?;
        } else if asked && seen.lines().any(|line| line.trim() == "42") {
            return Ok(start.elapsed());
        }
    }
}

/// A clone of a template as QEMU's command line has it.
pub(super) struct Clone {
    env: Vec<(String, String)>,
    argv: Vec<String>,
    /// Where its template is.
    pub(super) template: PathBuf,
}

impl Clone {
    /// Reads the command line of a machine that was cloned.
    pub(super) fn read(command: &Path) -> Result<Self, Problem> {
        let text = std::fs::read_to_string(command)
            .map_err(|e| format!("failed to read {}: {e}", command.display()))?;
        let mut argv = shell_words::split(&text.replace("\\\n", " "))
            .map_err(|e| format!("{} is no command line: {e}", command.display()))?;
        let name = |word: &str| word.split_once('=').map(|(name, _)| name.to_owned());
        let is_variable = |word: &&String| name(word).is_some_and(|name| !name.contains('/'));
        let variables = argv.iter().take_while(is_variable).count();
        let variables = argv.drain(..variables).collect::<Vec<_>>();
        let variables = variables.iter().filter_map(|word| word.split_once('='));
        // How virt-test sets QEMU's heap up is part of what is measured.
        let variables = variables.filter(|(name, _)| *name != "GLIBC_TUNABLES");
        let env = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let env = env.collect();
        let object = argv.iter().flat_map(|word| word.split(','));
        let ram = object
            .filter_map(|part| part.strip_prefix("mem-path="))
            .next();
        let template = ram.and_then(|ram| Path::new(ram).parent());
        let template = template
            .ok_or_else(|| format!("{} is no clone by shared memory", command.display()))?;
        Ok(Self {
            env,
            template: template.to_owned(),
            argv,
        })
    }

    /// From the start of QEMU to the first answer of the guest's agent.
    pub(super) fn answers(&self) -> Result<Duration, Problem> {
        let directory = tempfile::tempdir().map_err(|e| format!("no directory: {e}"))?;
        let mut argv = self.argv.clone();
        let mut listeners = Vec::new();
        let mut channels = Vec::new();
        for word in &mut argv {
            if let Some(rest) = word.strip_prefix("socket,id=") {
                let id = rest.split(',').next().unwrap_or_default().to_owned();
                let (listener, stream) = channel(&directory.path().join(&id))?;
                *word = format!(
                    "socket,id={id},server=on,wait=off,fd={}",
                    listener.as_raw_fd()
                );
                channels.push((id, stream));
                listeners.push(listener);
            } else if let Some((id, file)) = disk(word) {
                let own = directory.path().join(&id);
                let kept = self.template.join(format!("disk-{id}"));
                std::fs::copy(&kept, &own)
                    .map_err(|e| format!("failed to copy {}: {e}", kept.display()))?;
                *word = word.replace(&file, &own.to_string_lossy());
            }
        }
        let mut stream = |id: &str| {
            let place = channels.iter().position(|(channel, _)| channel == id);
            let place = place.ok_or_else(|| format!("the machine has no channel {id}"));
            place.map(|place| channels.swap_remove(place).1)
        };
        let (mut monitor, mut agent) = (Lines::new(stream("qmp")?), Lines::new(stream("agent")?));
        let state = std::fs::File::open(self.template.join("state"))
            .map_err(|e| format!("failed to open the template: {e}"))?;
        inherit(&state)?;
        let (program, arguments) = argv.split_first().ok_or("no command line".to_owned())?;
        let start = Instant::now();
        let mut child = Command::new(program)
            .args(arguments)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("failed to run {program}: {e}"))?;
        let answered = clone_up(&mut monitor, &mut agent, state.as_raw_fd());
        let took = start.elapsed();
        let _ = child.kill();
        let _ = child.wait();
        answered.map_err(|e| format!("the clone made by hand failed: {e}"))?;
        Ok(took)
    }
}

fn clone_up(monitor: &mut Lines, agent: &mut Lines, state: i32) -> Result<(), std::io::Error> {
    monitor.line()?;
    monitor.ask(&json!({"execute": "qmp_capabilities"}))?;
    let capabilities = ["events", "x-ignore-shared"]
        .map(|capability| json!({"capability": capability, "state": true}));
    monitor.ask(&json!({"execute": "migrate-set-capabilities", "arguments": {"capabilities": capabilities}}))?;
    monitor.ask(
        &json!({"execute": "migrate-incoming", "arguments": {"uri": format!("fd:{state}")}}),
    )?;
    monitor.until(|event| event["data"]["status"] == "completed")?;
    monitor.ask(&json!({"execute": "cont"}))?;
    agent.ask(&json!({"execute": "guest-ping"}))
}

/// The id of a disk and the file it is in, of a node for a file that its machine may write to.
fn disk(word: &str) -> Option<(String, String)> {
    let rest = word.strip_prefix("driver=file,node-name=")?;
    let (node, rest) = rest.split_once(",filename=")?;
    let file = rest.split(',').next()?;
    let writable = rest.contains("read-only=off");
    writable.then(|| Some((node.strip_suffix("-file")?.to_owned(), file.to_owned())))?
}

fn channel(path: &Path) -> Result<(UnixListener, UnixStream), Problem> {
    let failed = |e: std::io::Error| format!("failed to make {}: {e}", path.display());
    let listener = UnixListener::bind(path).map_err(failed)?;
    inherit(&listener)?;
    let stream = UnixStream::connect(path).map_err(failed)?;
    stream.set_read_timeout(Some(LIMIT)).map_err(failed)?;
    Ok((listener, stream))
}

/// Lets a descriptor stay open in QEMU.
fn inherit(descriptor: &impl std::os::fd::AsFd) -> Result<(), Problem> {
    let set = fcntl_setfd(descriptor, FdFlags::empty());
    set.map_err(|e| format!("failed to hand a descriptor over: {e}").into())
}

/// JSON, a line each.
struct Lines(BufReader<UnixStream>);

impl Lines {
    fn new(stream: UnixStream) -> Self {
        Self(BufReader::new(stream))
    }

    fn line(&mut self) -> std::io::Result<Value> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_str(&line)?)
    }

    fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> std::io::Result<()> {
        loop {
            let line = self.line()?;
            if line.get("error").is_some() {
                return Err(std::io::Error::other(line.to_string()));
            }
            if wanted(&line) {
                return Ok(());
            }
        }
    }

    fn ask(&mut self, request: &Value) -> std::io::Result<()> {
        self.0
            .get_mut()
            .write_all(format!("{request}\n").as_bytes())?;
        self.until(|line| line.get("return").is_some())
    }
}
