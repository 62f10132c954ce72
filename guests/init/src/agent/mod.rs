//! The QEMU guest agent protocol: what `qemu-ga` speaks, spoken by the tiny guest's init.
//!
//! The source of every command and reply is QEMU's `qga/qapi-schema.json`. An [`Agent`] does no I/O on its channel: bytes
//! received go in through [`Agent::receive`], replies come out of [`Agent::output`]. Programs started by `guest-exec`
//! run beside it; [`Agent::process_children`] moves their output whenever the agent's descriptor is readable.

mod args;
mod error;
mod exec;
mod file;
mod framing;
mod hardware;
mod info;
mod network;
mod renew;

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use serde_json::{Map, Value, json};

pub use args::Args;
pub use error::{AgentError, Class, reason};
pub use exec::{ExitStatus, MAX_OUTPUT};
pub use framing::MAX_MESSAGE;
pub use renew::{MACHINE_ID, Renewal, Renewer};

use exec::Execs;
use file::Files;
use framing::{Frame, Framing};

/// How the guest is to go down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// Power off.
    PowerOff,
    /// Stop the processor, leave the power on.
    Halt,
    /// Restart.
    Reboot,
}

/// How the guest is to sleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspend {
    /// ACPI S3.
    Ram,
    /// ACPI S4.
    Disk,
    /// S4 with the memory kept powered.
    Hybrid,
}

/// What the agent asks of the machine it runs on, kept apart so that a test does not shut down the host.
pub trait System {
    /// Takes the machine down, now or soon after.
    fn shutdown(&mut self, how: Shutdown);
    /// Sleeps; returns after the machine woke up.
    fn suspend(&mut self, how: Suspend) -> Result<(), AgentError>;
    /// Becomes a machine of its own after being cloned, see [`Renewal`].
    fn renew(&mut self, _: &Renewal) -> Result<(), AgentError> {
        Err(AgentError::generic("this is no guest that was cloned"))
    }
    /// Sets the clock to nanoseconds since the epoch, or from the hardware clock.
    fn set_time(&mut self, nanoseconds: Option<i64>) -> Result<(), AgentError>;
}

type Handler = fn(&mut Agent, Args) -> Result<Value, AgentError>;

/// A command of the protocol.
struct Command {
    name: &'static str,
    /// Whether success is answered at all (`success-response` in the schema).
    answers: bool,
    run: Handler,
}

const fn command(name: &'static str, run: Handler) -> Command {
    Command {
        name,
        answers: true,
        run,
    }
}

const fn silent(name: &'static str, run: Handler) -> Command {
    Command {
        name,
        answers: false,
        run,
    }
}

const COMMANDS: &[Command] = &[
    command(SYNC_DELIMITED, Agent::sync),
    command("guest-sync", Agent::sync),
    command("guest-ping", |_, args| done(&args)),
    command("guest-info", Agent::info),
    command("guest-exec", |agent, args| agent.execs.start(args)),
    command("guest-exec-status", |agent, args| agent.execs.status(args)),
    command("guest-file-open", |agent, args| agent.files.open(args)),
    command("guest-file-close", |agent, args| agent.files.close(args)),
    command("guest-file-read", |agent, args| agent.files.read(args)),
    command("guest-file-write", |agent, args| agent.files.write(args)),
    command("guest-file-seek", |agent, args| agent.files.seek(args)),
    command("guest-file-flush", |agent, args| agent.files.flush(args)),
    command("guest-get-osinfo", |_, args| info::osinfo(&args)),
    command("guest-get-host-name", |_, args| info::host_name(&args)),
    command("guest-get-time", |_, args| info::time(&args)),
    command("guest-set-time", Agent::set_time),
    command("guest-get-timezone", |_, args| info::timezone(&args)),
    command("guest-get-users", |_, args| info::users(&args)),
    command("guest-get-load", |_, args| info::load(&args)),
    command("guest-get-cpustats", |_, args| info::cpu_stats(&args)),
    command("guest-get-vcpus", |_, args| hardware::vcpus(&args)),
    command("guest-set-vcpus", |_, args| hardware::set_vcpus(args)),
    command("guest-get-memory-blocks", |_, args| {
        hardware::memory_blocks(&args)
    }),
    command("guest-set-memory-blocks", |_, args| {
        hardware::set_memory_blocks(args)
    }),
    command("guest-get-memory-block-info", |_, args| {
        hardware::memory_block_info(&args)
    }),
    command("guest-get-disks", |_, args| hardware::disks(&args)),
    command("guest-get-fsinfo", |_, args| hardware::filesystems(&args)),
    command("guest-network-get-interfaces", |_, args| {
        network::interfaces(&args)
    }),
    command("__org.virt-test_renew", Agent::renew),
    silent("guest-shutdown", Agent::shutdown),
    silent("guest-suspend-ram", |agent, args| {
        agent.suspend(&args, Suspend::Ram)
    }),
    silent("guest-suspend-disk", |agent, args| {
        agent.suspend(&args, Suspend::Disk)
    }),
    silent("guest-suspend-hybrid", |agent, args| {
        agent.suspend(&args, Suspend::Hybrid)
    }),
];

const SYNC_DELIMITED: &str = "guest-sync-delimited";

/// The agent, without its channel.
pub struct Agent {
    system: Box<dyn System>,
    framing: Framing,
    output: VecDeque<u8>,
    execs: Execs,
    files: Files,
}

impl Agent {
    /// An agent that acts on `system`.
    ///
    /// # Errors
    /// When the kernel gives no epoll descriptor.
    pub fn new(system: Box<dyn System>) -> io::Result<Self> {
        Ok(Agent {
            system,
            framing: Framing::default(),
            output: VecDeque::new(),
            execs: Execs::new()?,
            files: Files::default(),
        })
    }

    /// Takes what arrived on the channel; replies are appended to the output.
    pub fn receive(&mut self, bytes: &[u8]) {
        let mut framing = std::mem::take(&mut self.framing);
        framing.feed(bytes, |frame| match frame {
            Frame::Message(text) => self.answer(&text),
            Frame::Garbage(why) => self.reply(&error_reply(&AgentError::generic(why))),
        });
        self.framing = framing;
    }

    /// Replies that are still to be sent; the channel removes from the front what it could write.
    pub fn output(&mut self) -> &mut VecDeque<u8> {
        &mut self.output
    }

    /// The other side went away: its half message and the replies it never read are dropped.
    pub fn reset(&mut self) {
        self.framing.reset();
        self.output.clear();
    }

    /// Moves output and exit statuses of the programs that run; never blocks.
    pub fn process_children(&mut self) {
        self.execs.process();
    }

    /// Tells the exit status of a process that somebody else reaped; false when it is not the agent's.
    pub fn child_exited(&mut self, pid: i32, status: ExitStatus) -> bool {
        self.execs.exited(pid, status)
    }

    fn answer(&mut self, text: &[u8]) {
        let request = match serde_json::from_slice::<Value>(text) {
            Ok(request) => request,
            Err(error) => {
                let why = format!("JSON parse error, {error}");
                return self.reply(&error_reply(&AgentError::generic(why)));
            }
        };
        let id = request.get("id").cloned();
        let (command, outcome) = match parse_request(request) {
            Ok((command, args)) => (Some(command), (command.run)(self, args)),
            Err(error) => (None, Err(error)),
        };
        let mut reply = match outcome {
            Ok(_) if command.is_some_and(|command| !command.answers) => return,
            Ok(value) => Map::from_iter([("return".to_string(), value)]),
            Err(error) => error_reply(&error),
        };
        if let Some(id) = id {
            reply.insert("id".to_string(), id);
        }
        if command.is_some_and(|command| command.name == SYNC_DELIMITED) {
            self.output.push_back(0xff);
        }
        self.reply(&reply);
    }

    fn reply(&mut self, reply: &Map<String, Value>) {
        // Writing to memory cannot fail, and a `Map` of JSON values always has a JSON form.
        let _ = serde_json::to_writer(&mut self.output, reply);
        self.output.push_back(b'\n');
    }

    fn sync(&mut self, mut args: Args) -> Result<Value, AgentError> {
        let id = args.int("id")?;
        args.finish()?;
        Ok(json!(id))
    }

    fn info(&mut self, args: Args) -> Result<Value, AgentError> {
        args.finish()?;
        let commands: Vec<Value> = COMMANDS
            .iter()
            .map(|command| {
                json!({"name": command.name, "enabled": true, "success-response": command.answers})
            })
            .collect();
        Ok(json!({"version": env!("CARGO_PKG_VERSION"), "supported_commands": commands}))
    }

    fn shutdown(&mut self, mut args: Args) -> Result<Value, AgentError> {
        let mode = args.string_opt("mode")?;
        args.finish()?;
        let how = match mode.as_deref() {
            None | Some("powerdown") => Shutdown::PowerOff,
            Some("halt") => Shutdown::Halt,
            Some("reboot") => Shutdown::Reboot,
            Some(_) => {
                return Err(AgentError::generic(
                    "Invalid parameter 'mode', expected: halt, powerdown or reboot",
                ));
            }
        };
        self.system.shutdown(how);
        Ok(Value::Null)
    }

    fn suspend(&mut self, args: &Args, how: Suspend) -> Result<Value, AgentError> {
        args.finish()?;
        self.system.suspend(how)?;
        Ok(Value::Null)
    }

    fn renew(&mut self, args: Args) -> Result<Value, AgentError> {
        self.system.renew(&Renewal::read(args)?)?;
        Ok(json!({}))
    }

    fn set_time(&mut self, mut args: Args) -> Result<Value, AgentError> {
        let nanoseconds = args.int_opt("time")?;
        args.finish()?;
        self.system.set_time(nanoseconds)?;
        Ok(json!({}))
    }
}

impl AsFd for Agent {
    /// Readable while [`Agent::process_children`] has something to do.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.execs.as_fd()
    }
}

fn done(args: &Args) -> Result<Value, AgentError> {
    args.finish()?;
    Ok(json!({}))
}

fn error_reply(error: &AgentError) -> Map<String, Value> {
    let body = json!({"class": error.class.name(), "desc": error.desc});
    Map::from_iter([("error".to_string(), body)])
}

/// Checks the envelope of a request as QEMU's `qmp_dispatch` does.
fn parse_request(request: Value) -> Result<(&'static Command, Args), AgentError> {
    let Value::Object(members) = request else {
        return Err(AgentError::generic("QMP input must be a JSON object"));
    };
    let mut name = None;
    let mut args = Map::new();
    for (member, value) in members {
        match (member.as_str(), value) {
            ("execute", Value::String(text)) => name = Some(text),
            ("execute", _) => {
                return Err(AgentError::generic(
                    "QMP input member 'execute' must be a string",
                ));
            }
            ("arguments", Value::Object(members)) => args = members,
            ("arguments", _) => {
                return Err(AgentError::generic(
                    "QMP input member 'arguments' must be an object",
                ));
            }
            ("id", _) => {}
            _ => {
                return Err(AgentError::generic(format!(
                    "QMP input member '{member}' is unexpected"
                )));
            }
        }
    }
    let name = name.ok_or_else(|| AgentError::generic("QMP input lacks member 'execute'"))?;
    COMMANDS
        .iter()
        .find(|command| command.name == name)
        .map(|command| (command, Args::new(args)))
        .ok_or_else(|| AgentError::command_not_found(&name))
}
