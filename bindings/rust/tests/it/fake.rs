//! A server that says what a test wants it to.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use virt_test_client::{Test, Value};

/// Sends a message.
pub type Say<'a> = &'a mut dyn FnMut(Value);

pub struct Fake {
    pub test: Test,
    seen: Arc<Mutex<Seen>>,
    /// Gets a word for each connection that the client has closed.
    pub gone: Receiver<()>,
    _directory: tempfile::TempDir,
}

#[derive(Default)]
struct Seen {
    calls: Vec<Value>,
    connections: usize,
}

impl Fake {
    /// Answers each call as `answer` does; one it says nothing to stays open, and after a null it hangs up.
    pub fn new(answer: impl Fn(&Value, Say<'_>) + Send + Sync + 'static) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("socket");
        let listener = UnixListener::bind(&socket).unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (tell, gone) = channel();
        let (ours, answer) = (Arc::clone(&seen), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                ours.lock().unwrap().connections += 1;
                let (seen, answer, tell) = (Arc::clone(&ours), Arc::clone(&answer), tell.clone());
                thread::spawn(move || serve(stream.unwrap(), &seen, &*answer, &tell));
            }
        });
        Self {
            test: Test::connect_to(&socket).unwrap(),
            seen,
            gone,
            _directory: directory,
        }
    }

    /// Answers everything with the same.
    pub fn always(message: Value) -> Self {
        Self::new(move |_, say| say(message.clone()))
    }

    pub fn calls(&self) -> Vec<Value> {
        self.seen.lock().unwrap().calls.clone()
    }

    pub fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }
}

fn serve(
    stream: UnixStream,
    seen: &Mutex<Seen>,
    answer: &dyn Fn(&Value, Say<'_>),
    gone: &Sender<()>,
) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    let mut open = true;
    while open {
        let mut message = Vec::new();
        if !matches!(reader.read_until(0, &mut message), Ok(1..)) {
            break;
        }
        let call: Value = serde_json::from_slice(&message[..message.len() - 1]).unwrap();
        seen.lock().unwrap().calls.push(call.clone());
        answer(&call, &mut |reply| {
            open &= !reply.is_null();
            let message = format!("{reply}\0").into_bytes();
            // In two pieces: what is received at a time is no message.
            let (one, two) = message.split_at(message.len() / 2);
            if open && writer.write_all(one).is_ok() {
                let _ = writer.write_all(two);
            }
        });
    }
    let _ = gone.send(());
}
