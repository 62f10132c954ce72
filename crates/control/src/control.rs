//! The socket of a test, and who may speak there.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use harness::{Stop, Test, TestResult};
use host::deadlines::Deadlines;
use host::ledger::Scratch;
use rustix::process::{Resource, Rlimit, geteuid, getrlimit, setrlimit};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tracing::{debug, warn};

use crate::connection;
use crate::methods::Sessions;
use crate::wire::Room;

/// Descriptors we want to be allowed at least; a client takes one, or two while it waits.
const DESCRIPTORS: u64 = 16_384;

/// Memory for messages that are under way, in bytes.
const ROOM: usize = 256 << 20;

/// Base time for which a message waits for room that others have.
const PATIENCE: Duration = Duration::from_secs(2);

/// After the host had no descriptor left for a client.
const BREATH: Duration = Duration::from_millis(100);

/// The socket by which other programs hold the machines of a test. It goes when this is dropped.
pub struct Control<'t> {
    test: &'t Test,
    listener: UnixListener,
    socket: PathBuf,
    state: State,
    _directory: Scratch,
}

/// What clients share.
pub(crate) struct State {
    pub sessions: Sessions,
    /// For long messages.
    pub room: Room,
    /// Is this a session of a user's, rather than a test?
    pub is_session: bool,
    said: Mutex<Option<Stop>>,
    ended: watch::Sender<bool>,
    numbers: AtomicU64,
}

impl State {
    fn new(deadlines: Deadlines) -> Self {
        Self {
            sessions: Sessions::default(),
            room: Room::new(ROOM, deadlines.without_guests().scaled(PATIENCE)),
            is_session: false,
            said: Mutex::default(),
            ended: watch::Sender::default(),
            numbers: AtomicU64::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Stop>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number no other has, for names.
    pub(crate) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// What the test is to end with; the first counts.
    pub(crate) fn say(&self, stop: Stop) {
        self.lock().get_or_insert(stop);
    }

    pub(crate) fn end(&self) {
        self.ended.send_replace(true);
    }
}

impl<'t> Control<'t> {
    /// Binds the socket of a test in a private directory of its own.
    ///
    /// # Errors
    /// ERROR where the host does not let us.
    pub fn open(test: &'t Test) -> TestResult<Self> {
        allow_descriptors();
        let directory = test.scratch("control")?;
        let socket = directory.path().join("control.sock");
        let bind = || {
            let listener = UnixListener::bind(&socket)?;
            fs::set_permissions(&socket, Permissions::from_mode(0o600))?;
            Ok(listener)
        };
        let listener = bind().map_err(|error: io::Error| {
            Stop::error(format!("failed to listen at {}: {error}", socket.display()))
        })?;
        Ok(Self {
            test,
            listener,
            socket,
            state: State::new(test.deadlines()),
            _directory: directory,
        })
    }

    /// The same for a user who wants machines and no test: [`Control::ended`] tells when that is over.
    ///
    /// # Errors
    /// As [`Control::open`].
    pub fn open_session(test: &'t Test) -> TestResult<Self> {
        let mut control = Self::open(test)?;
        control.state.is_session = true;
        Ok(control)
    }

    /// Where it listens.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// What a program needs in its environment to find it.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        vec![("VIRT_TEST_SOCKET", self.socket.clone().into_os_string())]
    }

    /// Answers whoever connects until `work` has come to its end, and gives that. What is under way then is cancelled.
    pub async fn serve_while<F: Future>(&self, work: F) -> F::Output {
        tokio::select! {
            biased;
            output = work => output,
            never = self.serve() => match never {},
        }
    }

    /// What a client said that the test is to end with, if one did.
    #[must_use]
    pub fn said(&self) -> Option<Stop> {
        self.state.lock().clone()
    }

    /// Returns when a client has ended the session.
    pub async fn ended(&self) {
        let mut ended = self.state.ended.subscribe();
        // The sender is ours.
        let _ = ended.wait_for(|ended| *ended).await;
    }

    async fn serve(&self) -> std::convert::Infallible {
        let mut clients = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) if may_speak(&stream) => {
                        clients.push(connection::serve(stream, self.test, &self.state));
                    }
                    Ok(_) => {}
                    Err(error) => {
                        warn!("failed to take a client: {error}");
                        // The client stays in the queue. Others have to go on meanwhile, and may make room.
                        let mut breath = std::pin::pin!(tokio::time::sleep(BREATH));
                        loop {
                            tokio::select! {
                                () = &mut breath => break,
                                Some(()) = clients.next(), if !clients.is_empty() => {}
                            }
                        }
                    }
                },
                Some(()) = clients.next(), if !clients.is_empty() => {}
            }
        }
    }
}

/// Is it the user whose test this is, or root? The directory keeps others out already, unless somebody opened it.
fn may_speak(stream: &UnixStream) -> bool {
    let peer = stream.peer_cred();
    match peer.as_ref().map(|peer| peer.uid()) {
        Ok(uid) if uid == 0 || uid == geteuid().as_raw() => true,
        Ok(uid) => {
            warn!("user {uid} was refused at the control socket");
            false
        }
        Err(error) => {
            debug!("a client had gone before it was asked who it is: {error}");
            false
        }
    }
}

/// A thousand clients need more descriptors than a process is allowed by default.
fn allow_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit
        .maximum
        .map_or(DESCRIPTORS, |most| most.min(DESCRIPTORS));
    if limit.current.is_some_and(|now| now < wanted) {
        let raised = Rlimit {
            current: Some(wanted),
            ..limit
        };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            debug!("no more than {:?} descriptors: {error}", limit.current);
        }
    }
}
