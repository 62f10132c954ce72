//! Which of the configured tests are run: what the configuration itself cannot say.

use std::io::{self, Write};

use filter::{Expression, Subject};
use harness::{Plan, Planned, Selected};
use serde_json::json;

use crate::args::RunArgs;
use crate::exit::Status;
use crate::rerun::Earlier;
use crate::say;

/// Does the configuration alone say which tests there are?
pub fn is_all(args: &RunArgs) -> bool {
    args.filter.is_empty() && args.rerun.is_none() && args.schedule.partition.is_none()
}

/// Leaves what the options want of `plan`.
///
/// # Errors
/// The status where nothing is left, which has been told.
pub fn select(args: &RunArgs, earlier: Option<&Earlier>, plan: &mut Plan) -> Result<(), Status> {
    for filter in &args.filter {
        let before = plan.tests().len();
        plan.retain(|test| filter.matches(&Named(test)));
        if plan.is_empty() {
            return Err(none_matches(filter, before));
        }
    }
    if let Some(earlier) = earlier {
        plan.retain(|test| earlier.left.contains(test.name()));
        if plan.is_empty() {
            say::line("every test of that run has passed");
            return Err(Status::Passed);
        }
    }
    if let Some(partition) = &args.schedule.partition {
        partition.apply(plan);
        if plan.is_empty() {
            say::line("no test falls into this part");
            return Err(Status::Passed);
        }
    }
    Ok(())
}

fn none_matches(filter: &Expression, before: usize) -> Status {
    let filter = filter.as_str();
    say::error(
        format!("no test is selected: --filter '{filter}' means none of {before}"),
        &["virt-test run --list-tests prints the names it is compared with".to_owned()],
    );
    Status::Usage
}

/// Compared by all its labels, defaults included.
struct Named<'a>(&'a Planned);

impl Subject for Named<'_> {
    fn name(&self) -> &str {
        let Selected { full_name, .. } = &*self.0.variant;
        full_name
    }

    fn param(&self, key: &str) -> Option<&str> {
        self.0.params().value(key)
    }
}

/// Prints the names of the tests.
pub fn list(plan: &Plan) {
    for test in plan.tests() {
        say::line(test.name());
    }
}

/// Prints the tests, one JSON object a line.
pub fn list_json(plan: &Plan) {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for test in plan.tests() {
        let words = |key: &str| -> Vec<&str> {
            let value = test.params().value(key).unwrap_or_default();
            value.split_whitespace().collect()
        };
        let line = json!({
            "index": test.index,
            "name": test.name(),
            "full_name": test.variant.full_name,
            "type": test.params().get("type"),
            "tags": words("tags"),
            "machines": words("vms"),
            "exclusive": words("exclusive"),
            "dep": test.variant.dep,
        });
        if writeln!(out, "{line}").is_err() {
            // A reader that went away has what it wanted.
            return;
        }
    }
}
