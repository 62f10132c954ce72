//! The test that runs, and what it ends with.

use std::any::Any;
use std::error::Error as StdError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;

use crate::asked::Asked;
use crate::client::{Client, SOCKET};
use crate::error::{Error, Result};
use crate::generated::Verdict;
use crate::vm::Vm;

/// What the function of a test returns.
pub type TestResult = std::result::Result<(), Box<dyn StdError>>;

/// The test that runs, or the session of `virt-test serve`.
#[derive(Debug, Clone)]
pub struct Test {
    client: Client,
}

impl Test {
    /// Finds virt-test by the environment.
    ///
    /// # Errors
    /// [`Error::NoSocket`], [`Error::Connect`].
    pub fn connect() -> Result<Self> {
        let socket = std::env::var_os(SOCKET).filter(|socket| !socket.is_empty());
        Self::connect_to(socket.ok_or(Error::NoSocket)?)
    }

    /// Finds virt-test at a socket.
    ///
    /// # Errors
    /// [`Error::Connect`].
    pub fn connect_to(socket: impl AsRef<Path>) -> Result<Self> {
        let client = Client::connect(socket.as_ref())?;
        Ok(Self { client })
    }

    pub(crate) fn ask(&self, method: &'static str) -> Asked {
        Asked::new(&self.client, method)
    }

    /// The machine of a name. Nothing is asked of virt-test yet.
    #[must_use]
    pub fn vm(&self, name: impl Into<String>) -> Vm {
        Vm::new(&self.client, name)
    }

    /// The machine that a test with one machine uses.
    ///
    /// # Errors
    /// [`Error`]; also where the configuration has no machine.
    pub fn main_vm(&self) -> Result<Vm> {
        match self.info()?.main_vm {
            Some(name) => Ok(self.vm(name)),
            None => Err(Error::error(
                "the configuration has no machine (hint: set vms and main_vm)",
            )),
        }
    }

    /// Does a part of the test and tells how that went. If it fails, so will the test in the end. Was it passed?
    ///
    /// # Errors
    /// [`Error`] where it could not be told.
    pub fn part<E: Into<Box<dyn StdError>>>(
        &self,
        name: impl Into<String>,
        part: impl FnOnce() -> std::result::Result<(), E>,
    ) -> Result<bool> {
        let (verdict, reason) = judge(caught(part));
        let told = self.subtest(name, verdict);
        match reason {
            Some(reason) => told.reason(reason),
            None => told,
        }
        .call()?;
        Ok(verdict == Verdict::Pass)
    }

    /// Sets the verdict that is not PASS; the first counts.
    fn say(&self, verdict: Verdict, reason: &str) -> Result<()> {
        let mut asked = self.ask(match verdict {
            Verdict::Skip => "org.virt-test.test.Skip",
            Verdict::Error => "org.virt-test.test.Error",
            _ => "org.virt-test.test.Fail",
        });
        asked.put("reason", reason);
        asked.nothing()
    }

    /// Tells virt-test and the user what came of it. Returns the exit status.
    pub(crate) fn conclude(&self, outcome: TestResult) -> u8 {
        let last_words = outcome.as_ref().err().and_then(|error| {
            let call = error.downcast_ref::<Error>()?.call()?;
            call.last_words.clone()
        });
        let (verdict, reason) = judge(outcome);
        let Some(reason) = reason else { return 0 };
        say(&format!("{verdict:?}: {reason}"));
        last_words.iter().for_each(|words| say(words));
        match self.say(verdict, &reason) {
            Ok(()) if verdict == Verdict::Skip => 0,
            Ok(()) => 1,
            Err(error) => {
                say(&error.to_string());
                1
            }
        }
    }
}

#[expect(clippy::print_stderr, reason = "it is the program of a test")]
fn say(line: &str) {
    eprintln!("{line}");
}

/// A whole test: connects, runs the function, tells virt-test the verdict, and gives the program's exit status.
///
/// What the function returns, or panics with, is the verdict: that of an [`Error`] of this crate, such as SKIP where QEMU lacks what was
/// asked for, else FAIL.
pub fn main<E: Into<Box<dyn StdError>>>(
    body: impl FnOnce(&Test) -> std::result::Result<(), E>,
) -> ExitCode {
    match Test::connect() {
        Ok(test) => test.conclude(caught(|| body(&test))).into(),
        Err(error) => {
            say(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// A panic has been shown already; here it is a failure like others.
fn caught<E: Into<Box<dyn StdError>>>(
    body: impl FnOnce() -> std::result::Result<(), E>,
) -> TestResult {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(outcome) => outcome.map_err(Into::into),
        Err(panic) => Err(Error::fail(words(&*panic)).into()),
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked").to_owned()
}

/// The verdict of an outcome, and the reason where it is none to be glad of.
fn judge(outcome: TestResult) -> (Verdict, Option<String>) {
    match outcome {
        Ok(()) => (Verdict::Pass, None),
        Err(error) => {
            let ours = error.downcast_ref::<Error>();
            let verdict = ours.map_or(Verdict::Fail, Error::verdict);
            (verdict, Some(error.to_string()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_test_is_its_verdict() {
        let unsupported = Error::answered(
            "org.virt-test.error.Unsupported".to_owned(),
            serde_json::json!({"message": "no NUMA", "verdict": "skip"}),
        );
        for (error, verdict, reason) in [
            (unsupported.into(), Verdict::Skip, "no NUMA"),
            (Error::skip("no disk").into(), Verdict::Skip, "no disk"),
            (Error::error("broken").into(), Verdict::Error, "broken"),
            (Box::<dyn StdError>::from("wrong"), Verdict::Fail, "wrong"),
        ] {
            assert_eq!(judge(Err(error)), (verdict, Some(reason.to_owned())));
        }
        assert_eq!(judge(Ok(())), (Verdict::Pass, None));
        let panicked = caught(|| -> Result<()> { panic!("{} is odd", 1) });
        assert_eq!(
            judge(panicked),
            (Verdict::Fail, Some("1 is odd".to_owned()))
        );
    }
}
