//! The thread that starts processes.
//!
//! A parent-death signal (`PR_SET_PDEATHSIG`, `prctl(2)`) is sent when the *thread* that started the child ends, not the program. So
//! all children are started by one thread that lives as long as the program.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal, setsid};

type Job = Box<dyn FnOnce() + Send>;

/// Starts a process that dies with us, in a process group of its own.
pub(crate) fn spawn_supervised(mut command: Command) -> io::Result<Child> {
    command.process_group(0);
    spawn_dying_with_us(command)
}

/// Starts a process that dies with us, in a session, and so a process group, of its own.
pub(super) fn spawn_in_session(mut command: Command) -> io::Result<Child> {
    lead_session(&mut command);
    spawn_dying_with_us(command)
}

fn spawn_dying_with_us(mut command: Command) -> io::Result<Child> {
    let parent = getpid();
    let before_exec = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // Had we died before the line above, no signal would come.
        if getppid() == Some(parent) {
            Ok(())
        } else {
            Err(io::Error::from_raw_os_error(libc::ESRCH))
        }
    };
    // SAFETY: between fork and exec only system calls that are async-signal-safe are made, and nothing is allocated.
    unsafe { command.pre_exec(before_exec) };
    on_spawner_thread(move || command.spawn())?
}

/// Starts a process that outlives us, in a session of its own.
pub(super) fn spawn_detached(mut command: Command) -> io::Result<Child> {
    lead_session(&mut command);
    command.spawn()
}

fn lead_session(command: &mut Command) {
    // SAFETY: between fork and exec one system call is made that is async-signal-safe, and nothing is allocated.
    unsafe { command.pre_exec(|| setsid().map(drop).map_err(io::Error::from)) };
}

fn on_spawner_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (answer, answered) = mpsc::sync_channel(1);
    let job: Job = Box::new(move || {
        // Nobody waits for the answer only if the asking thread has died.
        let _ = answer.send(work());
    });
    let gone = || io::Error::other("the thread that starts processes has ended");
    sender()?.send(job).map_err(|_| gone())?;
    answered.recv().map_err(|_| gone())
}

fn sender() -> io::Result<Sender<Job>> {
    static SPAWNER: OnceLock<Mutex<Option<Sender<Job>>>> = OnceLock::new();
    let slot = SPAWNER.get_or_init(Mutex::default);
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(sender) = &*slot {
        return Ok(sender.clone());
    }
    let (sender, jobs) = mpsc::channel::<Job>();
    thread::Builder::new()
        .name("spawner".into())
        .spawn(move || jobs.into_iter().for_each(|job| job()))?;
    Ok(slot.insert(sender).clone())
}
