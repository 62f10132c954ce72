//! A call under way, and what carries it out.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use harness::Test;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::{Mutex, watch};
use vm::Vm;

use crate::control::State;
use crate::failure::Failure;
use crate::wire;

/// Longest time limit that is taken, in seconds: a year.
const LONGEST_LIMIT: f64 = 365.0 * 86400.0;

/// A call under way.
pub(crate) struct Call<'a> {
    pub test: &'a Test,
    pub state: &'a State,
    /// Are many replies wanted?
    pub more: bool,
    pub writer: &'a Mutex<OwnedWriteHalf>,
    pub gone: watch::Receiver<bool>,
    /// Is there something to be put in order after the client has gone?
    pub lingers: AtomicBool,
}

impl Call<'_> {
    /// Sends a reply that is not the last. One to a client that has gone is lost; the call ends because of that anyway.
    pub(crate) async fn reply(&self, parameters: &impl Serialize) -> Result<(), Failure> {
        let message = wire::reply(parameters, true);
        let message = message.map_err(|error| Failure::host("write a reply", &error))?;
        let _ = self.writer.lock().await.write_all(&message).await;
        Ok(())
    }

    /// Returns when the client has gone; the call is then given some time to put things in order.
    pub(crate) async fn gone(&self) {
        self.lingers.store(true, Ordering::Relaxed);
        let mut gone = self.gone.clone();
        if gone.wait_for(|gone| *gone).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// A machine that has been started.
    pub(crate) fn vm(&self, name: &str) -> Result<Arc<Vm>, Failure> {
        if let Ok(vm) = self.test.vm(name) {
            return Ok(vm);
        }
        let machines = self.test.machines();
        let known: Vec<String> = machines.iter().map(|vm| vm.name().to_owned()).collect();
        Err(
            match self.test.machine_names().iter().any(|vm| vm == name) {
                true => Failure::not_found("running machine", name, known),
                false => Failure::not_found("machine", name, self.test.machine_names()),
            },
        )
    }

    /// A path of the caller's, which is relative to the test's directory.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.test.dir().join(path)
    }
}

/// A time limit as a base time.
pub(crate) fn limit(seconds: Option<f64>, default: Duration) -> Result<Duration, Failure> {
    match seconds {
        None => Ok(default),
        Some(seconds) if (0.0..=LONGEST_LIMIT).contains(&seconds) => {
            Ok(Duration::from_secs_f64(seconds))
        }
        Some(seconds) => Err(Failure::Parameter(
            "timeout".to_owned(),
            format!("{seconds} is no number of seconds from 0 to {LONGEST_LIMIT}"),
        )),
    }
}

/// A size or count, which cannot be less than nothing.
pub(crate) fn count(name: &str, number: i64) -> Result<u64, Failure> {
    let wrong = |_| Failure::Parameter(name.to_owned(), format!("{number} is less than 0"));
    number.try_into().map_err(wrong)
}

/// The other way round. What QEMU counts is less than 2⁶³.
pub(crate) fn number(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

/// Reads the parameters, has them dealt with, and writes the reply.
pub(crate) async fn carry_out<C, R, F>(
    parameters: Value,
    method: impl FnOnce(C) -> F,
) -> Result<Value, Failure>
where
    C: DeserializeOwned,
    R: Serialize,
    F: Future<Output = Result<R, Failure>> + Send,
{
    let parameters = read(parameters)?;
    let reply = Box::pin(method(parameters)).await?;
    serde_json::to_value(reply).map_err(|error| Failure::host("write a reply", &error))
}

fn read<C: DeserializeOwned>(parameters: Value) -> Result<C, Failure> {
    serde_path_to_error::deserialize(parameters).map_err(|error| {
        let message = error.inner().to_string();
        let path = error.path().to_string();
        // What is missing or unknown is not in the path, but named in the message.
        let named = message.split('`').nth(1);
        let parameter = match (path.as_str(), named) {
            (".", Some(named)) => named.to_owned(),
            (path, Some(named)) if message.starts_with("missing") => format!("{path}.{named}"),
            (path, _) => path.to_owned(),
        };
        Failure::Parameter(parameter, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated::vm::{PlugCall, StartCall};
    use serde_json::json;

    fn wrong<C: DeserializeOwned + std::fmt::Debug>(parameters: Value) -> String {
        match read::<C>(parameters).unwrap_err() {
            Failure::Parameter(parameter, _) => parameter,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        assert_eq!(wrong::<StartCall>(json!({})), "vm");
        assert_eq!(wrong::<StartCall>(json!({"vm": 7})), "vm");
        assert_eq!(
            wrong::<StartCall>(json!({"vm": "a", "pasued": true})),
            "pasued"
        );
        assert_eq!(
            wrong::<StartCall>(json!({"vm": "a", "params": {"mem": 1}})),
            "params.mem"
        );
        let device = |device: Value| wrong::<PlugCall>(json!({"vm": "a", "device": device}));
        assert_eq!(device(json!({"id": "d"})), "device.kind");
        assert_eq!(device(json!({"kind": "spoon"})), "device.kind");
        assert_eq!(
            device(json!({"kind": "disk", "size": "big"})),
            "device.size"
        );
    }

    #[test]
    fn what_is_optional_may_be_null_or_absent() {
        let absent: StartCall = read(json!({"vm": "a"})).unwrap();
        let null = read(json!({"vm": "a", "params": null, "paused": null})).unwrap();
        assert_eq!(absent, null);
    }

    #[test]
    fn limits_are_within_reason() {
        let second = Duration::from_secs(1);
        assert_eq!(limit(None, second).unwrap(), second);
        assert_eq!(limit(Some(0.5), second).unwrap(), second / 2);
        for seconds in [-1.0, f64::NAN, f64::INFINITY, 1e20] {
            assert!(limit(Some(seconds), second).is_err(), "{seconds}");
        }
    }
}
