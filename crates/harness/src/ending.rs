//! What a test has put off until it is over.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// Things that are put off. What a test cannot do itself any more when its time is up is done here. Clones are the same.
#[derive(Default, Clone)]
pub(crate) struct PutOff(Arc<Mutex<Vec<Put>>>);

impl fmt::Debug for PutOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PutOff")
    }
}

impl PutOff {
    fn lock(&self) -> MutexGuard<'_, Vec<Put>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what was put off, the last first.
    pub(crate) async fn carry_out(&self) -> Vec<Ending> {
        let mut endings = Vec::new();
        loop {
            // The next is taken when its turn has come: one may put off another.
            let next = self.lock().pop();
            match next {
                Some(put) => endings.push(put.await),
                None => return endings,
            }
        }
    }
}

impl Test {
    /// Has `ending` done when the test is over, whatever its outcome, time-out and interruption included, before its machines are taken
    /// down. What is put off last is done first. Of a test that is ended from without, its own function goes on meanwhile, and not after
    /// that.
    pub fn at_the_end(&self, ending: impl Future<Output = Ending> + Send + 'static) {
        self.put_off.lock().push(Box::pin(ending));
    }
}

/// Adds what came of what was put off.
pub(crate) fn settle(test: &Test, mut outcome: TestResult, endings: Vec<Ending>) -> TestResult {
    for Ending { warnings, details } in endings {
        for warning in warnings {
            test.warn(warning);
        }
        outcome = outcome.map_err(|stop| details.into_iter().fold(stop, Stop::detail));
    }
    outcome
}
