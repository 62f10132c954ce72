//! Process 1: sets the guest up, then turns one event loop.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::convert::Infallible;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::agent::{
    Agent, AgentError, ExitStatus, MACHINE_ID, Renewal, Renewer, Shutdown, Suspend, System,
};
use crate::cmdline::{Address, Options};
use crate::console::Console;
use crate::modules::{LIST, Modules};
use crate::port::{self, Port};
use crate::power::{self, PowerButton};
use crate::process::hear_signals;
use crate::uevent::{Heard, Uevent, Uevents};
use crate::{mounts, network, ssh};

/// The line on the console that says the agent is being served.
pub const READY: &str = "virt-test: ready";

/// Where programs are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How long shells wait for the agent's port, so that [`READY`] comes before the first prompt.
const PORT_GRACE: Duration = Duration::from_millis(500);

/// Why init could not start. Written without a derive: `crt-static` builds for the host cannot load procedural macros.
#[derive(Debug)]
pub enum InitError {
    /// Started by hand.
    NotInit,
    /// The kernel refused something without which there is no event loop.
    Setup {
        /// What was tried.
        what: &'static str,
        /// The kernel's reason.
        source: io::Error,
    },
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InitError::NotInit => f.write_str("not process 1: this program is the init of a guest"),
            InitError::Setup { what, source } => write!(f, "failed to {what}: {source}"),
        }
    }
}

impl std::error::Error for InitError {}

fn setup(what: &'static str) -> impl Fn(io::Error) -> InitError {
    move |source| InitError::Setup { what, source }
}

/// What the agent asks of the guest: shutdown is only noted, the event loop does it.
struct Guest {
    shutdown: Rc<Cell<Option<Shutdown>>>,
    renewer: Renewer,
}

impl System for Guest {
    fn shutdown(&mut self, how: Shutdown) {
        self.shutdown.set(Some(how));
    }

    fn suspend(&mut self, how: Suspend) -> Result<(), AgentError> {
        power::suspend(how)
    }

    fn renew(&mut self, renewal: &Renewal) -> Result<(), AgentError> {
        self.renewer.renew(renewal)
    }

    fn set_time(&mut self, nanoseconds: Option<i64>) -> Result<(), AgentError> {
        power::set_time(nanoseconds)
    }
}

/// Whose descriptor an epoll event is about.
mod token {
    pub const SIGNALS: u64 = 0;
    pub const UEVENTS: u64 = 1;
    pub const CHILDREN: u64 = 2;
    pub const PORT: u64 = 3;
    /// This and above: power buttons.
    pub const BUTTONS: u64 = 16;
}

struct Init {
    epoll: Epoll,
    signals: SignalFd,
    uevents: Uevents,
    options: Options,
    modules: Modules<'static>,
    agent: Agent,
    shutdown: Rc<Cell<Option<Shutdown>>>,
    ssh: Rc<RefCell<ssh::Server>>,
    port: Option<Port>,
    /// The device to be opened as the agent's port once nothing else is pending.
    port_found: Option<String>,
    buttons: HashMap<u64, PowerButton>,
    next_button: u64,
    /// Interfaces that were given their addresses: they may be found and announced as well.
    configured: HashSet<String>,
    consoles: Vec<Console>,
    /// While set, shells wait for the agent's port.
    port_deadline: Option<Instant>,
}

/// Runs init; returns only on failure.
///
/// # Errors
/// When this is not process 1 or the kernel lacks what the event loop needs.
pub fn run() -> Result<Infallible, InitError> {
    if !power::is_init() {
        return Err(InitError::NotInit);
    }
    mounts::mount_all();
    // SAFETY: no other thread exists that could read the environment meanwhile.
    unsafe { std::env::set_var("PATH", PATH) };
    let mut init = Init::new()?;
    init.boot();
    loop {
        init.turn().map_err(setup("wait for events"))?;
    }
}

impl Init {
    fn new() -> Result<Self, InitError> {
        let mut mask = SigSet::empty();
        for signal in [
            Signal::SIGCHLD,
            Signal::SIGUSR1,
            Signal::SIGUSR2,
            Signal::SIGTERM,
            Signal::SIGINT,
            Signal::SIGHUP,
        ] {
            mask.add(signal);
        }
        mask.thread_block()
            .map_err(|error| setup("block signals")(error.into()))?;
        let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
            .map_err(|error| setup("open a signal descriptor")(error.into()))?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)
            .map_err(|error| setup("open an epoll descriptor")(error.into()))?;
        let uevents = Uevents::open().map_err(setup("subscribe to device events"))?;
        let shutdown = Rc::new(Cell::new(None));
        let mut options = Options::parse(&fs::read_to_string("/proc/cmdline").unwrap_or_default());
        let (key, password) = (options.ssh_key.take(), options.ssh_password.take());
        let ssh = Rc::new(RefCell::new(ssh::Server::new(key, password)));
        let agent = new_agent(&shutdown, &ssh).map_err(setup("start the agent"))?;
        if options.hostname.is_empty() {
            options.hostname = image_hostname();
        }
        let consoles = options
            .consoles
            .iter()
            .map(|name| Console::new(name))
            .collect();
        let init = Init {
            epoll,
            signals,
            uevents,
            options,
            modules: Modules::parse(fs::read_to_string(LIST).unwrap_or_default().leak()),
            agent,
            shutdown,
            ssh,
            port: None,
            port_found: None,
            buttons: HashMap::new(),
            next_button: token::BUTTONS,
            configured: HashSet::new(),
            consoles,
            port_deadline: None,
        };
        for (fd, token) in [
            (init.signals.as_fd(), token::SIGNALS),
            (init.uevents.as_fd(), token::UEVENTS),
            (init.agent.as_fd(), token::CHILDREN),
        ] {
            init.watch(fd, token, EpollFlags::EPOLLIN)
                .map_err(setup("watch a descriptor"))?;
        }
        Ok(init)
    }

    fn watch(&self, fd: BorrowedFd<'_>, token: u64, flags: EpollFlags) -> io::Result<()> {
        Ok(self.epoll.add(fd, EpollEvent::new(flags, token))?)
    }

    fn boot(&mut self) {
        power::take_ctrl_alt_del();
        let _ = nix::unistd::sethostname(&self.options.hostname);
        let _ = network::up("lo");
        if let Err(error) = name_machine() {
            say(&format!("virt-test: failed to write {MACHINE_ID}: {error}"));
        }
        let present = self.modules.scan_devices();
        self.load_modules(&present);
        self.find_devices();
        // Devices that appeared while modules were loaded have queued events: these bring the next modules in.
        self.hear_uevents();
        if self.options.late_cpus
            && let Err(error) = bring_up_cpus()
        {
            say(&format!("virt-test: failed to bring up all CPUs: {error}"));
        }
        if self.port.is_none() && has_virtio_console() {
            self.port_deadline = Some(Instant::now() + PORT_GRACE);
        }
        self.tend_consoles();
        if let Err(error) = self.ssh.borrow_mut().start() {
            say(&format!(
                "virt-test: failed to start the SSH server: {error}"
            ));
        }
    }

    fn turn(&mut self) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); 16];
        let count = match self.epoll.wait(&mut events, self.timeout()) {
            Ok(count) => count,
            Err(nix::errno::Errno::EINTR) => 0,
            Err(error) => return Err(error.into()),
        };
        for event in &events[..count] {
            match event.data() {
                token::SIGNALS => self.hear_signals(),
                token::UEVENTS => self.hear_uevents(),
                token::CHILDREN => self.agent.process_children(),
                token::PORT => self.serve_port(),
                button => self.hear_button(button),
            }
        }
        if let Some(how) = self.shutdown.take() {
            return Err(power::go_down(how));
        }
        self.tend_consoles();
        Ok(())
    }

    /// Until the next thing that happens by itself.
    fn timeout(&self) -> EpollTimeout {
        let next = self
            .consoles
            .iter()
            .filter_map(Console::wake_at)
            .chain(self.port_deadline)
            .min();
        let Some(next) = next else {
            return EpollTimeout::NONE;
        };
        let left = next.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        EpollTimeout::try_from(left).unwrap_or(EpollTimeout::MAX)
    }

    fn load_modules(&mut self, aliases: &[String]) {
        self.modules.load(aliases, |path, error| {
            say(&format!(
                "virt-test: failed to load {}: {error}",
                path.display()
            ));
        });
    }

    /// Takes up devices that are there already: drivers built into the kernel, or events lost.
    fn find_devices(&mut self) {
        for device in port::scan() {
            self.port_appeared(&device);
        }
        for device in PowerButton::scan() {
            self.input_appeared(&device);
        }
        for interface in network::scan() {
            self.network_appeared(&interface);
        }
    }

    fn hear_signals(&mut self) {
        while let Ok(Some(signal)) = self.signals.read_signal() {
            // What busybox's halt, poweroff and reboot send; SIGINT is Ctrl-Alt-Del.
            let how = match Signal::try_from(signal.ssi_signo as i32) {
                Ok(Signal::SIGUSR1) => Shutdown::Halt,
                Ok(Signal::SIGUSR2) => Shutdown::PowerOff,
                Ok(Signal::SIGTERM | Signal::SIGINT) => Shutdown::Reboot,
                Ok(Signal::SIGHUP) => {
                    self.restart_agent();
                    continue;
                }
                _ => continue,
            };
            self.shutdown.set(Some(how));
        }
        self.reap();
    }

    fn reap(&mut self) {
        // Programs of the agent first end in its own hands, by their process descriptors.
        self.agent.process_children();
        loop {
            match waitpid(Pid::from_raw(-1), Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) | Err(_) => return,
                Ok(status) => {
                    if let Some((pid, status)) = ExitStatus::from_wait(status) {
                        self.agent.child_exited(pid, status);
                        self.consoles.iter_mut().any(|console| console.exited(pid));
                    }
                }
            }
        }
    }

    fn hear_uevents(&mut self) {
        loop {
            match self.uevents.next() {
                Heard::Event(event) => self.uevent(&event),
                Heard::Overrun => {
                    let present = self.modules.scan_devices();
                    self.load_modules(&present);
                    self.find_devices();
                }
                Heard::Nothing => break,
            }
        }
        self.open_port();
    }

    fn uevent(&mut self, event: &Uevent) {
        if event.action == "remove" {
            return self.removed(event);
        }
        if let Some(alias) = &event.modalias
            && event.action == "add"
        {
            self.load_modules(std::slice::from_ref(alias));
        }
        let device = event.devname.as_deref();
        match (event.subsystem.as_str(), device) {
            ("virtio-ports", Some(device)) => self.port_appeared(device),
            ("input", Some(device)) => {
                self.input_appeared(device.strip_prefix("input/").unwrap_or(device));
            }
            ("net", _) if event.action == "add" => {
                self.network_appeared(event.interface.as_deref().unwrap_or_default());
            }
            // Hot-plugged processors and memory are of no use before they are switched on.
            ("cpu", _) if event.action == "add" => {
                let _ = fs::write(format!("/sys{}/online", event.devpath), "1");
            }
            ("memory", _) if event.action == "add" => {
                let _ = fs::write(format!("/sys{}/state", event.devpath), "online");
            }
            _ => {}
        }
    }

    fn removed(&mut self, event: &Uevent) {
        if let Some(interface) = &event.interface {
            self.configured.remove(interface);
        }
        let Some(device) = event.devname.as_deref() else {
            return;
        };
        if self.port.as_ref().is_some_and(|port| port.device == device) {
            self.port = None;
            self.agent.reset();
            // Another port may have had the same name all along.
            for device in port::scan() {
                self.port_appeared(&device);
            }
        }
        let input = device.strip_prefix("input/").unwrap_or(device);
        self.buttons.retain(|_, button| button.device() != input);
    }

    fn port_appeared(&mut self, device: &str) {
        let Some(name) = port::name(device) else {
            return;
        };
        port::link(device, &name);
        if name != port::NAME || self.port.is_some() {
            return;
        }
        self.port_found = Some(device.to_string());
    }

    /// Begins to serve the agent. Only when every device known so far has its driver: who hears the agent may at once
    /// press the power button or look for a disk.
    fn open_port(&mut self) {
        self.resume();
        let Some(device) = self.port_found.take() else {
            return;
        };
        let Ok(port) = Port::open(&device) else {
            return;
        };
        let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLET;
        if self.watch(port.as_fd(), token::PORT, flags).is_err() {
            return;
        }
        self.port = Some(port);
        self.port_deadline = None;
        say(READY);
        self.serve_port();
    }

    /// As restarting its service does elsewhere: the port is closed and opened again, and what the old agent had
    /// open or running is not known to the new one.
    fn restart_agent(&mut self) {
        self.port_found = self.port.take().map(|port| port.device);
        match new_agent(&self.shutdown, &self.ssh) {
            Ok(agent) => self.agent = agent,
            Err(error) => return say(&format!("virt-test: failed to restart the agent: {error}")),
        }
        let children = self.watch(self.agent.as_fd(), token::CHILDREN, EpollFlags::EPOLLIN);
        if let Err(error) = children {
            say(&format!(
                "virt-test: programs of the agent are not heard: {error}"
            ));
        }
        self.open_port();
    }

    /// Takes up a suspended guest as soon as its swap device is there; tried once.
    fn resume(&mut self) {
        let device = &mut self.options.resume;
        if !device.is_empty() && fs::exists(&*device).unwrap_or(false) {
            power::resume(&std::mem::take(device));
        }
    }

    fn serve_port(&mut self) {
        if let Some(port) = &mut self.port {
            port.serve(&mut self.agent);
        }
    }

    fn input_appeared(&mut self, device: &str) {
        let known = self
            .buttons
            .values()
            .any(|button| button.device() == device);
        if known || !device.starts_with("event") {
            return;
        }
        let Some(button) = PowerButton::open(device) else {
            return;
        };
        let token = self.next_button;
        if self
            .watch(button.as_fd(), token, EpollFlags::EPOLLIN)
            .is_ok()
        {
            self.next_button += 1;
            self.buttons.insert(token, button);
        }
    }

    fn hear_button(&mut self, token: u64) {
        if let Some(button) = self.buttons.get_mut(&token)
            && button.pressed()
        {
            say("virt-test: power button pressed");
            self.shutdown.set(Some(Shutdown::PowerOff));
        }
    }

    fn network_appeared(&mut self, interface: &str) {
        let card = network::hardware_address(interface);
        let Some(address) = self.options.address_of(interface, &card) else {
            return;
        };
        if !self.configured.insert(interface.to_string()) {
            return;
        }
        match address {
            Address::None => {}
            Address::Static { .. } => {
                if let Err(error) = network::configure(interface, address) {
                    say(&format!(
                        "virt-test: failed to configure {interface}: {error}"
                    ));
                }
            }
            Address::Dhcp => {
                let _ = network::up(interface);
                // Reaped with everybody else; without busybox there is simply no address.
                let mut client = Command::new("/bin/busybox");
                client
                    .args(["udhcpc", "-b", "-S", "-i", interface])
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null());
                let _ = hear_signals(&mut client).spawn();
            }
        }
    }

    fn tend_consoles(&mut self) {
        match self.port_deadline {
            Some(deadline) if Instant::now() < deadline => return,
            _ => self.port_deadline = None,
        }
        for console in &mut self.consoles {
            console.tend(&self.options.hostname);
        }
    }
}

fn new_agent(
    shutdown: &Rc<Cell<Option<Shutdown>>>,
    ssh: &Rc<RefCell<ssh::Server>>,
) -> io::Result<Agent> {
    let guest = Guest {
        shutdown: Rc::clone(shutdown),
        renewer: Renewer::new(Rc::clone(ssh)),
    };
    Agent::new(Box::new(guest))
}

/// Gives the system the machine-id of one that is started for the first time, machine-id(5), unless it has one.
fn name_machine() -> io::Result<()> {
    if fs::exists(MACHINE_ID)? {
        return Ok(());
    }
    let id = fs::read_to_string("/proc/sys/kernel/random/uuid")?;
    fs::write(MACHINE_ID, id.replace('-', ""))
}

/// The name the image was given.
fn image_hostname() -> String {
    let name = fs::read_to_string("/etc/hostname").unwrap_or_default();
    match name.trim() {
        "" => "tiny".to_string(),
        name => name.to_string(),
    }
}

/// Brings up the CPUs that are there and not online.
fn bring_up_cpus() -> io::Result<()> {
    let numbered = fs::read_dir("/sys/devices/system/cpu")?
        .flatten()
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.strip_prefix("cpu")?.parse();
            Some((number.ok()?, entry.path().join("online")))
        });
    let cpus: BTreeMap<u32, PathBuf> = numbered.collect();
    for online in cpus.values() {
        // The first has no such file: it cannot be offline.
        if fs::read_to_string(online).is_ok_and(|state| state.trim() == "0") {
            fs::write(online, "1")?;
        }
    }
    Ok(())
}

/// Whether there is a virtio console device (virtio specification, device id 3), on which ports may still appear.
fn has_virtio_console() -> bool {
    fs::read_dir("/sys/bus/virtio/devices")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| fs::read_to_string(entry.path().join("modalias")).ok())
        .any(|alias| alias.starts_with("virtio:d00000003v"))
}

/// A line on the kernel's console.
fn say(line: &str) {
    // Nobody to tell if the console itself fails.
    let _ = writeln!(io::stderr(), "{line}");
}
