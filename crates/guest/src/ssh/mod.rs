//! SSH by the host's own `ssh`, with nothing of its user's configuration: no keys, agents, known hosts or options of theirs.
//!
//! One process holds the connection (`ControlMaster` of `ssh_config(5)`); each command is another that joins it, so only the
//! first pays for a handshake. The guest's host key is not compared with anything: the connection goes to a port of the
//! host that leads into this guest and nowhere else, and a guest may have other keys at every boot.

mod copy;
mod key;
mod run;

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::RwLock;
use tokio::time::{sleep, timeout};

pub use key::SshKey;
pub(crate) use run::Running;

use crate::error::{Attempt, Cause, GuestError, LastLine};
use crate::secret::secret;

/// How long a server may take to greet, at first, before the connection is made anew; doubled up to [`MOST_PATIENCE`]. One that
/// began before the guest had a network may never come through.
const PATIENCE: Duration = Duration::from_secs(1);

const MOST_PATIENCE: Duration = Duration::from_secs(8);

/// How long is waited before a refused connection is tried again: a port that opens tells nobody.
const RETRY: Duration = Duration::from_millis(100);

/// The longest line a server may greet with.
const MAX_GREETING: u64 = 255;

/// What the process that holds the connection says when it has one.
const CONNECTED: &str = "connected";

/// The variable in which a password is given to [`ASKPASS`].
const PASSWORD: &str = "VIRT_TEST_SSH_PASSWORD";

/// The program that `ssh` asks for a password.
const ASKPASS: &str = "#!/bin/sh\nprintf '%s\\n' \"$VIRT_TEST_SSH_PASSWORD\"\n";

/// Where and as whom to log in by SSH.
#[derive(Clone)]
pub struct SshLogin {
    /// The server, as the host reaches it.
    pub address: SocketAddr,
    /// The account.
    pub user: String,
    /// The private key, where one is used.
    pub key: Option<PathBuf>,
    /// The password, for guests that demand one.
    pub password: Option<String>,
    /// A directory nobody else can read, for the connection's socket. Its path is short: a socket's has at most 107 bytes.
    pub directory: PathBuf,
    /// The client; `ssh` of `$PATH` unless told otherwise.
    pub program: PathBuf,
}

impl SshLogin {
    /// A login without key and password.
    pub fn new(
        address: SocketAddr,
        user: impl Into<String>,
        directory: impl Into<PathBuf>,
    ) -> Self {
        SshLogin {
            address,
            user: user.into(),
            key: None,
            password: None,
            directory: directory.into(),
            program: "ssh".into(),
        }
    }
}

impl fmt::Debug for SshLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SshLogin")
            .field("address", &self.address)
            .field("user", &self.user)
            .field("key", &self.key)
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

/// A connection to a guest's SSH server. Clones are the same connection; it ends with the last of them.
#[derive(Clone)]
pub struct Ssh {
    connection: Arc<Connection>,
}

struct Connection {
    login: SshLogin,
    socket: PathBuf,
    last_line: Option<LastLine>,
    /// Whether the server, hearing of the end of one command, closes the channel of another that is just being opened, as
    /// Dropbear before 2024.86 does.
    confuses_channels: bool,
    /// Held by every command that has ended, or is being killed, but whose channel may not be closed yet.
    parting: Arc<RwLock<()>>,
    /// Killed when dropped.
    _master: Child,
}

impl fmt::Debug for Ssh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ssh")
            .field("login", &self.connection.login)
            .finish_non_exhaustive()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The process removes its socket itself, but not when it is killed.
        let _ = std::fs::remove_file(&self.socket);
    }
}

impl Ssh {
    /// Waits for the guest's server and logs in. The guest may still be booting.
    ///
    /// # Errors
    /// When no server answers in time, the login is refused, or this host has no `ssh`.
    pub async fn connect(
        login: SshLogin,
        last_line: Option<LastLine>,
        limit: Duration,
    ) -> Result<Self, GuestError> {
        let tried = format!("log in by SSH as {}", login.user);
        let attempt = Attempt::new(tried, limit, last_line.clone());
        let mut complaint = String::new();
        loop {
            let server = wait_for_greeting(&login, &attempt, &complaint).await?;
            let socket = login.directory.join(format!("ssh-{:08x}", secret() as u32));
            let connecting = master(&login, &socket);
            let awaited = awaited("an SSH login", &complaint);
            match attempt.wait(&awaited, connecting).await? {
                Ok(process) => {
                    let connection = Connection {
                        login,
                        socket,
                        last_line,
                        confuses_channels: server.contains("dropbear"),
                        parting: Arc::default(),
                        _master: process,
                    };
                    return Ok(Ssh {
                        connection: Arc::new(connection),
                    });
                }
                Err(said) if is_refusal(&said) => {
                    return Err(attempt.fail(Cause::LoginRefused(said)));
                }
                // A server that is being started or stopped may hang up.
                Err(said) => complaint = said,
            }
            pause(&attempt, &complaint).await?;
        }
    }

    /// A command of this host that is a shell in the guest, on a terminal where there is one; with more words behind it, it runs these.
    /// It joins this connection and asks for nothing, and ends with it.
    #[must_use]
    pub fn command(&self) -> Vec<OsString> {
        let login = &self.connection.login;
        let mut command = vec![login.program.clone().into_os_string()];
        command.extend(words(login, &self.connection.socket));
        command.extend(JOIN.map(OsString::from));
        command.push(login.address.ip().to_string().into());
        command
    }

    fn attempt(&self, tried: impl Into<String>, limit: Duration) -> Attempt {
        Attempt::new(tried, limit, self.connection.last_line.clone())
    }
}

fn awaited(what: &str, complaint: &str) -> String {
    match complaint {
        "" => what.to_owned(),
        said => format!("{what}; ssh said: {said}"),
    }
}

/// Whether trying again is of no use.
fn is_refusal(said: &str) -> bool {
    said.contains("Permission denied") || said.contains("Too many authentication failures")
}

/// Waits a little before the next try.
async fn pause(attempt: &Attempt, complaint: &str) -> Result<(), GuestError> {
    if attempt.left() <= RETRY {
        sleep(attempt.left()).await;
        return Err(attempt.timed_out(awaited("an SSH server", complaint)));
    }
    sleep(RETRY).await;
    Ok(())
}

/// Connects until a server greets, and gives its greeting: much cheaper than letting `ssh` try.
async fn wait_for_greeting(
    login: &SshLogin,
    attempt: &Attempt,
    complaint: &str,
) -> Result<String, GuestError> {
    let mut patience = PATIENCE;
    loop {
        match timeout(patience.min(attempt.left()), greeting(login.address)).await {
            Ok(Ok(server)) if server.starts_with("SSH-") => return Ok(server),
            Ok(Ok(_) | Err(_)) => {}
            Err(_) => patience = (patience * 2).min(MOST_PATIENCE),
        }
        pause(attempt, complaint).await?;
    }
}

/// What the server at an address says first: a line with its protocol's and its own version, see RFC 4253, section 4.2.
async fn greeting(address: SocketAddr) -> io::Result<String> {
    let stream = TcpStream::connect(address).await?.take(MAX_GREETING);
    let mut greeting = Vec::new();
    BufReader::new(stream)
        .read_until(b'\n', &mut greeting)
        .await?;
    Ok(String::from_utf8_lossy(&greeting).into_owned())
}

/// The words of an `ssh` that knows only what it is told here.
fn words(login: &SshLogin, socket: &std::path::Path) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["-F".into(), "none".into(), "-S".into(), socket.into()];
    for option in [
        "LogLevel=ERROR",
        "ControlPersist=no",
        "ForwardAgent=no",
        "ForwardX11=no",
        "IdentityAgent=none",
        "IdentitiesOnly=yes",
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        "GlobalKnownHostsFile=/dev/null",
        "UpdateHostKeys=no",
        "NumberOfPasswordPrompts=1",
    ] {
        words.extend(["-o".into(), option.into()]);
    }
    words.extend(["-l".into(), login.user.clone().into()]);
    words
}

/// Only ever through the connection there is.
const JOIN: [&str; 4] = ["-o", "ControlMaster=no", "-o", "ProxyCommand=false"];

/// An `ssh` for a program, not for a terminal.
fn ssh(login: &SshLogin, socket: &std::path::Path) -> Command {
    let mut command = Command::new(&login.program);
    command
        .args(["-T", "-o", "EscapeChar=none"])
        .args(words(login, socket))
        .env_remove("SSH_AUTH_SOCK")
        .env_remove("DISPLAY")
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// The process that holds the connection.
fn master_command(login: &SshLogin, socket: &std::path::Path) -> Result<Command, Cause> {
    let mut command = ssh(login, socket);
    command
        .args(["-N", "-o", "ControlMaster=yes"])
        .args(["-o", "PermitLocalCommand=yes"])
        .args(["-o", &format!("LocalCommand=echo {CONNECTED}")])
        .args(["-p", &login.address.port().to_string()]);
    if let Some(key) = &login.key {
        command.arg("-i").arg(key);
    }
    let methods = match (&login.key, &login.password) {
        (Some(_), Some(_)) => "publickey,password,keyboard-interactive",
        (Some(_), None) => "publickey",
        (None, Some(_)) => "password,keyboard-interactive",
        (None, None) => "none",
    };
    command.args(["-o", &format!("PreferredAuthentications={methods}")]);
    match &login.password {
        None => command.args(["-o", "BatchMode=yes"]),
        Some(password) => command
            .env("SSH_ASKPASS", askpass(login)?)
            .env("SSH_ASKPASS_REQUIRE", "force")
            .env(PASSWORD, password),
    };
    command.arg(login.address.ip().to_string());
    Ok(command)
}

/// Starts the process that holds the connection and waits until it has one; otherwise gives what it said.
async fn master(
    login: &SshLogin,
    socket: &std::path::Path,
) -> Result<Result<Child, String>, Cause> {
    let mut process = spawn(&mut master_command(login, socket)?)?;
    let mut lines = BufReader::new(piped(process.stdout.take())?).lines();
    if lines.next_line().await?.as_deref() == Some(CONNECTED) {
        return Ok(Ok(process));
    }
    let mut said = String::new();
    piped(process.stderr.take())?
        .read_to_string(&mut said)
        .await?;
    process.wait().await?;
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    Ok(Err(last.unwrap_or("nothing").trim().to_owned()))
}

fn spawn(command: &mut Command) -> Result<Child, Cause> {
    command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Cause::NoProgram {
            program: "ssh",
            package: "openssh-client",
        },
        _ => Cause::Io(error),
    })
}

/// A stream of a process that was started with it.
fn piped<T>(stream: Option<T>) -> Result<T, Cause> {
    stream.ok_or_else(|| Cause::Ssh("a stream is missing".to_owned()))
}

/// Makes the program that tells `ssh` the password from its environment.
fn askpass(login: &SshLogin) -> Result<PathBuf, Cause> {
    use std::os::unix::fs::PermissionsExt;
    let path = login.directory.join("askpass");
    let made = std::fs::write(&path, ASKPASS)
        .and_then(|()| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)));
    match made {
        Ok(()) => Ok(path),
        Err(source) => Err(Cause::LocalFile { path, source }),
    }
}
