//! `debug.log`: one of the run, one of each test.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Span, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

type SharedFile = Arc<Mutex<File>>;

/// Writes `HH:MM:SS.mmm LEVEL target| message` to the run's log, and to that of the test whose span the event is in.
pub struct DebugLog {
    run: SharedFile,
    tests: Arc<Mutex<Vec<(u64, SharedFile)>>>,
}

/// Opens the logs of tests. Cheap to clone.
#[derive(Clone)]
pub struct TestLogs {
    tests: Arc<Mutex<Vec<(u64, SharedFile)>>>,
}

impl DebugLog {
    /// Creates the run's log.
    ///
    /// # Errors
    /// Those of creating a file.
    pub fn create(path: &Path) -> io::Result<(Self, TestLogs)> {
        let run = Arc::new(Mutex::new(File::create(path)?));
        let tests = Arc::new(Mutex::new(Vec::new()));
        Ok((
            Self {
                run,
                tests: Arc::clone(&tests),
            },
            TestLogs { tests },
        ))
    }
}

impl TestLogs {
    /// Logs of no run, for tests of the harness.
    pub fn none() -> Self {
        Self {
            tests: Arc::default(),
        }
    }

    /// Opens the log of test `index`; what is logged within the span returned goes there too.
    ///
    /// # Errors
    /// Those of creating a file.
    pub fn open(&self, index: usize, path: &Path) -> io::Result<Span> {
        let file = Arc::new(Mutex::new(File::create(path)?));
        self.lock().push((index as u64, file));
        Ok(tracing::info_span!("test", test_index = index as u64))
    }

    /// Closes the log of test `index`.
    pub fn close(&self, index: usize) {
        self.lock().retain(|(open, _)| *open != index as u64);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(u64, SharedFile)>> {
        self.tests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Kept with a span: the index of the test it belongs to.
struct TestIndex(u64);

#[derive(Default)]
struct Fields {
    message: String,
    others: String,
    test_index: Option<u64>,
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "test_index" {
            self.test_index = Some(value);
        } else {
            self.record_debug(field, &value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string cannot fail.
        let _ = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.others, " {}={value:?}", field.name())
        };
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for DebugLog {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let (Some(index), Some(span)) = (fields.test_index, context.span(id)) {
            span.extensions_mut().insert(TestIndex(index));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let line = format!(
            "{} {:5} {}| {}{}\n",
            jiff::Zoned::now().strftime("%H:%M:%S%.3f"),
            metadata.level().as_str(),
            metadata.target(),
            fields.message,
            fields.others,
        );
        append(&self.run, &line);
        let index = context.event_scope(event).and_then(|mut scope| {
            scope.find_map(|span| span.extensions().get::<TestIndex>().map(|index| index.0))
        });
        if let Some(index) = index {
            let tests = self.tests.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, file)) = tests.iter().find(|(open, _)| *open == index) {
                append(file, &line);
            }
        }
    }
}

/// A log that cannot be written must not fail a test; a full disk fails what matters elsewhere.
fn append(file: &SharedFile, line: &str) {
    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = file.write_all(line.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn a_test_logs_to_its_own_file_and_to_that_of_the_run() {
        let dir = tempfile::tempdir().unwrap();
        let (layer, logs) = DebugLog::create(&dir.path().join("run.log")).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::info!("before");
            let span = logs.open(7, &dir.path().join("test.log")).unwrap();
            span.in_scope(|| {
                tracing::info_span!("inner").in_scope(|| tracing::info!(vm = "vm1", "inside"))
            });
            logs.close(7);
        });
        let run = std::fs::read_to_string(dir.path().join("run.log")).unwrap();
        let test = std::fs::read_to_string(dir.path().join("test.log")).unwrap();
        assert!(
            run.contains("| before\n") && run.contains("| inside vm=\"vm1\"\n"),
            "{run}"
        );
        assert!(
            !test.contains("before") && test.contains("| inside vm=\"vm1\"\n"),
            "{test}"
        );
    }
}
