//! What will be run: the variants of the configuration, each checked before any machine starts.

use params::Params;

/// The tests of a run, in order.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    tests: Vec<Planned>,
}

/// One test of a plan.
#[derive(Debug, Clone)]
pub struct Planned {
    /// From 1.
    pub index: usize,
    /// Its name: the labels that tell it from the others.
    pub name: String,
    /// Its parameters.
    pub params: Params,
}

impl Plan {
    /// Adds a test.
    pub fn push(&mut self, name: String, params: Params) {
        let index = self.tests.len() + 1;
        self.tests.push(Planned {
            index,
            name,
            params,
        });
    }

    /// The tests, in order.
    pub fn tests(&self) -> &[Planned] {
        &self.tests
    }

    /// Is there nothing to run?
    pub fn is_empty(&self) -> bool {
        self.tests.is_empty()
    }

    /// The different values key `key` has in the tests, in order of appearance; a test without it is passed over.
    pub(crate) fn values(&self, key: &str) -> Vec<&str> {
        let mut values: Vec<&str> = Vec::new();
        for value in self.tests.iter().filter_map(|test| test.params.value(key)) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values
    }
}

impl Planned {
    /// Does the test start or may it start machines?
    pub fn has_machines(&self) -> bool {
        !self.params.objects("vms").is_empty()
    }
}
