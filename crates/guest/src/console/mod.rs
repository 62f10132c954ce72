//! The serial console: everything a guest says, kept and made waitable.

mod clean;
mod files;
mod kernel;
mod log;
mod login;
mod reader;
mod running;
mod shell;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::sync::{Mutex as AsyncMutex, mpsc, watch};

pub use login::Login;
pub use reader::{ConsoleLine, Found, From, Lines, Reader};
pub(crate) use running::Running;
pub use shell::Shell;

use crate::error::{Attempt, Cause, GuestError, LastLine};
use clean::Cleaner;
use log::Log;

/// What is kept of a console.
#[derive(Debug, Clone)]
pub struct ConsoleOptions {
    /// The file every line is written to as it comes, with its time. Created anew.
    pub log: Option<PathBuf>,
    /// How many bytes of text are kept for [`Console::history`] and late readers.
    pub history: usize,
}

impl Default for ConsoleOptions {
    fn default() -> Self {
        ConsoleOptions {
            log: None,
            history: 1 << 20,
        }
    }
}

/// A piece of text as it came.
#[derive(Debug, Clone)]
struct Piece {
    at: SystemTime,
    text: Arc<str>,
}

/// What the pump fills and everybody reads.
struct Hub {
    history: String,
    /// Where in it the guest began anew.
    life: usize,
    limit: usize,
    taps: Vec<mpsc::UnboundedSender<Piece>>,
}

impl Hub {
    fn publish(&mut self, piece: &Piece) {
        self.history.push_str(&piece.text);
        // Cut only now and then: cutting moves all that is kept.
        if self.history.len() > self.limit * 2 {
            let cut = floor_boundary(&self.history, self.history.len() - self.limit);
            self.history.drain(..cut);
            self.life = self.life.saturating_sub(cut);
        }
        self.taps.retain(|tap| tap.send(piece.clone()).is_ok());
    }
}

type Output = Box<dyn AsyncWrite + Send + Unpin>;

struct Shared {
    hub: Mutex<Hub>,
    output: AsyncMutex<Output>,
    closed: watch::Receiver<bool>,
}

impl Shared {
    fn hub(&self) -> MutexGuard<'_, Hub> {
        // A panic while the lock is held leaves at worst a piece of text out.
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A guest's serial console. Clones are the same console.
///
/// A task reads it all the time from [`Console::start`] on, whether or not anybody waits for anything, so the guest never
/// blocks on it and nothing is lost to the log. The task ends when the other side closes.
#[derive(Clone)]
pub struct Console {
    shared: Arc<Shared>,
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console")
            .field("last_line", &self.last_line())
            .finish_non_exhaustive()
    }
}

impl Console {
    /// Starts reading a console.
    ///
    /// # Errors
    /// When the log cannot be created.
    pub fn start<S>(stream: S, options: ConsoleOptions) -> Result<Self, GuestError>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let log = match options.log {
            None => None,
            Some(path) => Some(Log::create(&path).map_err(|source| {
                Attempt::new("create the console's log", Duration::ZERO, None)
                    .fail(Cause::LocalFile { path, source })
            })?),
        };
        let (input, output) = split(stream);
        let (close, closed) = watch::channel(false);
        let shared = Arc::new(Shared {
            hub: Mutex::new(Hub {
                history: String::new(),
                life: 0,
                limit: options.history.max(1),
                taps: Vec::new(),
            }),
            output: AsyncMutex::new(boxed(output)),
            closed,
        });
        tokio::spawn(pump(input, Arc::clone(&shared), log, close));
        Ok(Console { shared })
    }

    /// The last line that is not blank, finished or not.
    pub fn last_line(&self) -> Option<String> {
        let hub = self.shared.hub();
        let line = hub
            .history
            .lines()
            .rev()
            .find(|line| !line.trim().is_empty())?;
        Some(line.trim_end().to_string())
    }

    /// [`Console::last_line`] for the errors of others.
    pub fn last_line_handle(&self) -> LastLine {
        let console = self.clone();
        Arc::new(move || console.last_line())
    }

    /// The text so far, as much of it as is kept.
    pub fn history(&self) -> String {
        self.shared.hub().history.clone()
    }

    /// Puts the text of another connection to the same console before its own: the guest has moved from there to here. Who
    /// reads already is not told of it.
    pub fn follow(&self, earlier: &Console) {
        if Arc::ptr_eq(&self.shared, &earlier.shared) {
            return;
        }
        let (earlier, life) = {
            let earlier = earlier.shared.hub();
            (earlier.history.clone(), earlier.life)
        };
        let mut hub = self.shared.hub();
        hub.life = match hub.life {
            0 => life,
            own => own + earlier.len(),
        };
        hub.history.insert_str(0, &earlier);
    }

    /// Notes that the guest has begun anew, as after a reset: whoever logs in does not look for a shell of before.
    pub fn restarted(&self) {
        let mut hub = self.shared.hub();
        hub.life = hub.history.len();
    }

    /// A reader of the text from its kept beginning or from now on.
    pub fn reader(&self, from: From) -> Reader {
        Reader::new(self.clone(), from)
    }

    /// Every line from the kept beginning on. None is lost, so somebody has to take them.
    pub fn lines(&self) -> Lines {
        Lines::new(self)
    }

    /// Writes to the console.
    ///
    /// # Errors
    /// When the guest does not take it in time or the channel is closed.
    pub async fn send(&self, bytes: &[u8], limit: Duration) -> Result<(), GuestError> {
        let attempt = self.attempt("write to the console", limit);
        self.send_within(&attempt, bytes).await
    }

    /// Resolves when the other side has closed the console.
    pub async fn closed(&self) {
        let mut closed = self.shared.closed.clone();
        // An error means the pump is gone, which is the same.
        let _ = closed.wait_for(|closed| *closed).await;
    }

    fn attempt(&self, tried: impl Into<String>, limit: Duration) -> Attempt {
        Attempt::new(tried, limit, Some(self.last_line_handle()))
    }

    async fn send_within(&self, attempt: &Attempt, bytes: &[u8]) -> Result<(), GuestError> {
        let write = async {
            let mut output = self.shared.output.lock().await;
            output.write_all(bytes).await?;
            Ok(output.flush().await?)
        };
        attempt.wait("the guest to take input", write).await
    }

    /// What is there already, and the pieces that will come, without a gap between them.
    fn tap(&self, from: From) -> (String, mpsc::UnboundedReceiver<Piece>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut hub = self.shared.hub();
        let before = match from {
            From::Start => hub.history.clone(),
            From::Restart => hub.history[hub.life..].to_string(),
            From::Now => String::new(),
        };
        // After the end nobody would ever let go of the sender.
        if !*self.shared.closed.borrow() {
            hub.taps.push(sender);
        }
        (before, receiver)
    }
}

/// The last place at or before `at` where a text may be cut.
fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

fn boxed<S: AsyncRead + AsyncWrite + Send + 'static>(output: WriteHalf<S>) -> Output {
    Box::new(output)
}

/// Reads the console to its end.
async fn pump<S: AsyncRead + AsyncWrite>(
    mut input: ReadHalf<S>,
    shared: Arc<Shared>,
    mut log: Option<Log>,
    close: watch::Sender<bool>,
) {
    let mut cleaner = Cleaner::default();
    let mut buffer = vec![0; 16 << 10];
    loop {
        let count = match input.read(&mut buffer).await {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        let text = cleaner.feed(&buffer[..count]);
        if text.is_empty() {
            continue;
        }
        let piece = Piece {
            at: SystemTime::now(),
            text: text.into(),
        };
        if let Some(log) = &mut log {
            log.write(&piece);
        }
        shared.hub().publish(&piece);
    }
    let mut hub = shared.hub();
    close.send_replace(true);
    hub.taps.clear();
}
