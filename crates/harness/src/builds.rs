//! What tests are made of that must be built first: each `build_command` once, before all of them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use params::Params;

use crate::env::Env;
use crate::hooks::{Place, execute};
use crate::plan::Plan;
use crate::{Stop, TestResult};

/// Set by whoever knows it: the folder of the file in which the command stands.
const FOLDER: &str = "_build_folder";

/// A command and the folder it is run in.
type Build = (String, PathBuf);

/// What came of each.
#[derive(Debug, Default)]
pub(crate) struct Builds(BTreeMap<Build, TestResult>);

impl Builds {
    /// What came of the build of a test with these parameters; nothing where it needs none.
    pub(crate) fn outcome(&self, params: &Params) -> TestResult {
        match build_of(params).map(|build| self.0.get(&build)) {
            None => Ok(()),
            Some(Some(outcome)) => outcome.clone(),
            Some(None) => Err(Stop::error("what the test needs was not built")),
        }
    }
}

fn build_of(params: &Params) -> Option<Build> {
    let command = params.value("build_command")?.trim();
    let folder = params.get(FOLDER).unwrap_or(".");
    (!command.is_empty()).then(|| (command.to_owned(), folder.into()))
}

impl Env {
    /// Builds what the tests of `plan` need. A failure is that of the tests which have it.
    pub(crate) async fn prepare_builds(&mut self, plan: &Plan) {
        for test in plan.tests() {
            let Some(build) = build_of(test.params()) else {
                continue;
            };
            if self.builds.0.contains_key(&build) {
                continue;
            }
            self.step(&format!("building what tests need: {}", build.0));
            let outcome = self.build(&build, test.params()).await;
            self.builds.0.insert(build, outcome);
        }
    }

    async fn build(&self, (command, folder): &Build, params: &Params) -> TestResult {
        let limit: Duration = params.need("build_command_timeout")?;
        let place = Place {
            ledger: &self.ledger,
            dir: folder,
            file: &self.settings.run_dir.join("build_command.out"),
        };
        execute(
            place,
            "build_command",
            command,
            self.deadlines.scaled(limit),
        )
        .await
    }
}
