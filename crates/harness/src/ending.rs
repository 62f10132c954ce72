//! What a test has put off until it is over.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use crate::{Stop, Test, TestResult};

/// What came of something that was put off until a test was over.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Ending {
    /// What deserves a look even if the test has passed.
    pub warnings: Vec<String>,
    /// What is told beside the reason if it has not.
    pub details: Vec<String>,
}

type Put = Pin<Box<dyn Future<Output = Ending> + Send>>;

/// Things that are put off. What a test cannot do itself any more when its time is up is done here.
#[derive(Default)]
pub(crate) struct PutOff(Mutex<Vec<Put>>);

impl fmt::Debug for PutOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PutOff")
    }
}

impl PutOff {
    fn take(&self) -> Vec<Put> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Test {
    /// Has `ending` done when the test is over, whatever its outcome, time-out and interruption included, before its machines are taken
    /// down. What is put off last is done first.
    pub fn at_the_end(&self, ending: impl Future<Output = Ending> + Send + 'static) {
        let mut put_off = self
            .put_off
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        put_off.push(Box::pin(ending));
    }
}

/// Does what was put off.
pub(crate) async fn settle(test: &mut Test, mut outcome: TestResult) -> TestResult {
    for ending in test.put_off.take().into_iter().rev() {
        let Ending { warnings, details } = ending.await;
        for warning in warnings {
            test.warn(warning);
        }
        outcome = outcome.map_err(|stop| details.into_iter().fold(stop, Stop::detail));
    }
    outcome
}
