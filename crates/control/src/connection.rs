//! One client: its calls, one after the other.

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use harness::Test;
use serde_json::{Value, json};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::{Mutex, watch};
use tracing::debug;
use vm::Blame;

use crate::call::Call;
use crate::control::State;
use crate::failure::Failure;
use crate::generated::{self, error::Kind};
use crate::service;
use crate::wire::{self, Messages, Next, Request, Room};

/// Base time for a call to put things in order after its client has gone.
const GRACE: Duration = Duration::from_secs(10);

/// Answers a client until it goes, or says what nobody can understand.
pub(crate) async fn serve(stream: UnixStream, test: &Test, state: &State) {
    let (reader, writer) = stream.into_split();
    let writer = Mutex::new(writer);
    let mut messages = Messages::new(reader, &state.room);
    loop {
        let message = match messages.next().await {
            Ok(Next::Message(message)) => message,
            Ok(Next::TooLong) => {
                let most = wire::LONGEST >> 20;
                let failure = Failure::invalid(format!(
                    "the message is longer than {most} MiB (hint: name a file)"
                ));
                return part(&writer, &failure).await;
            }
            Ok(Next::NoRoom) => return part(&writer, &no_room(&state.room)).await,
            Ok(Next::End) | Err(_) => return,
        };
        let (request, _room) = match message.request() {
            Ok(request) => request,
            Err(error) => {
                let failure = Failure::invalid(format!("this is no call of varlink: {error}"));
                return part(&writer, &failure).await;
            }
        };
        let Request {
            method,
            parameters,
            oneway,
            more,
        } = request;
        let oneway = oneway.unwrap_or(false);
        let (tell, gone) = watch::channel(false);
        let call = Call {
            test,
            state,
            more: more.unwrap_or(false) && !oneway,
            writer: &writer,
            gone,
            lingers: AtomicBool::new(false),
        };
        let parameters = parameters.unwrap_or_else(|| json!({}));
        let mut work = std::pin::pin!(carry_out(&call, &method, parameters));
        let outcome = tokio::select! {
            biased;
            outcome = &mut work => outcome,
            // Who wants no answer need not wait for one.
            () = hung_up(messages.stream()), if !oneway => {
                debug!("a client has gone during {method}");
                tell.send_replace(true);
                if call.lingers.load(Ordering::Relaxed) {
                    let grace = test.deadlines().scaled(GRACE);
                    let _ = tokio::time::timeout(grace, work).await;
                }
                return;
            }
        };
        if oneway {
            continue;
        }
        let answer = match &outcome {
            Ok(parameters) => wire::reply(parameters, false),
            Err(failure) => error(failure),
        };
        let Ok(answer) = answer else { return };
        if writer.lock().await.write_all(&answer).await.is_err() {
            return;
        }
    }
}

async fn carry_out(call: &Call<'_>, method: &str, parameters: Value) -> Result<Value, Failure> {
    if let Some(outcome) = service::dispatch(method, &parameters) {
        return outcome;
    }
    match generated::dispatch(call, method, parameters).await {
        Some(outcome) => outcome,
        None => Err(service::unknown(method)),
    }
}

fn error(failure: &Failure) -> Result<Vec<u8>, serde_json::Error> {
    let (name, parameters) = failure.told();
    wire::error(&name, &parameters)
}

fn no_room(room: &Room) -> Failure {
    let most = room.size() >> 20;
    let message = format!(
        "the messages of all clients that are under way take {most} MiB already, and none of them comes to its end \
         (hint: name files rather than sending what is in them)"
    );
    Failure::new(Kind::HostFailed {}, Blame::Host, message)
}

/// Says a last word.
async fn part(writer: &Mutex<OwnedWriteHalf>, failure: &Failure) {
    if let Ok(message) = error(failure) {
        // It may have gone already.
        let _ = writer.lock().await.write_all(&message).await;
    }
}

/// Returns when the other side has closed its end of the socket, rather than only said that it will send no more.
async fn hung_up(stream: &UnixStream) {
    let watched = || -> io::Result<_> {
        let copy = stream.as_fd().try_clone_to_owned()?;
        // A hang-up is told whatever is asked for, and nobody sends urgent data here.
        // SAFETY: an `OwnedFd` is the same open descriptor until it is dropped, and `AsyncFd` owns it.
        Ok(unsafe { AsyncFd::register_with_interest(copy, Interest::PRIORITY) }?)
    };
    match watched() {
        Ok(watched) => {
            let _ = watched.ready(Interest::PRIORITY).await;
        }
        Err(error) => {
            debug!("whether a client goes cannot be seen: {error}");
            std::future::pending().await
        }
    }
}
