//! What will be run: the variants of the configuration, each checked before any machine starts, once or several times.

use std::sync::Arc;

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
    /// The variant it is.
    pub variant: Arc<Selected>,
    /// Which time the variant is run, from 1, where it is run more than once.
    pub round: Option<usize>,
}

/// A variant of the configuration that was selected.
#[derive(Debug, Clone, Default)]
pub struct Selected {
    /// Its name: the labels that tell it from the others.
    pub name: String,
    /// All its labels.
    pub full_name: String,
    /// Labels of what must have passed before: every other test that has them one after the other in its full name.
    pub dep: Vec<String>,
    /// Its parameters.
    pub params: Params,
}

impl Plan {
    /// Adds a test.
    pub fn push(&mut self, variant: Selected) {
        self.tests.push(Planned {
            index: self.tests.len() + 1,
            variant: Arc::new(variant),
            round: None,
        });
    }

    /// The tests of round `round`, from 1, with indexes that follow those of the rounds before.
    pub(crate) fn round(&self, round: usize) -> impl Iterator<Item = Planned> {
        let before = (round - 1) * self.tests.len();
        self.tests.iter().map(move |test| Planned {
            index: before + test.index,
            round: Some(round),
            ..test.clone()
        })
    }

    /// Leaves out the tests that `keep` does not want; the others are counted anew.
    pub fn retain(&mut self, mut keep: impl FnMut(&Planned) -> bool) {
        self.tests.retain(|test| keep(test));
        for (place, test) in self.tests.iter_mut().enumerate() {
            test.index = place + 1;
        }
    }

    /// The tests, in order.
    pub fn tests(&self) -> &[Planned] {
        &self.tests
    }

    /// Is there nothing to run?
    pub fn is_empty(&self) -> bool {
        self.tests.is_empty()
    }

    /// For each test, the places of those that must have passed before. What is not part of the plan is not waited for:
    /// it may have been run long ago.
    pub fn needs(&self) -> Vec<Vec<usize>> {
        let needs = self.tests.iter().enumerate().map(|(place, test)| {
            let needed = |other: &Planned| {
                let dep = test.variant.dep.iter();
                dep.into_iter()
                    .any(|labels| has_labels(&other.variant.full_name, labels))
            };
            if test.variant.dep.is_empty() {
                return Vec::new();
            }
            let others = self.tests.iter().enumerate();
            others
                .filter(|&(other, test)| other != place && needed(test))
                .map(|(other, _)| other)
                .collect()
        });
        needs.collect()
    }

    /// The different values key `key` has in the tests, in order of appearance; a test without it is passed over.
    pub(crate) fn values(&self, key: &str) -> Vec<&str> {
        let mut values: Vec<&str> = Vec::new();
        for value in self
            .tests
            .iter()
            .filter_map(|test| test.params().value(key))
        {
            if !value.is_empty() && !values.contains(&value) {
                values.push(value);
            }
        }
        values
    }
}

impl Planned {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.variant.name
    }

    /// Its parameters.
    pub fn params(&self) -> &Params {
        &self.variant.params
    }

    /// Does the test start or may it start machines?
    pub fn has_machines(&self) -> bool {
        !self.params().objects("vms").is_empty()
    }
}

/// Has `name` these labels, one after the other?
fn has_labels(name: &str, labels: &str) -> bool {
    format!(".{name}.").contains(&format!(".{labels}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(tests: &[(&str, &[&str])]) -> Plan {
        let mut plan = Plan::default();
        for (name, dep) in tests {
            plan.push(Selected {
                name: (*name).to_owned(),
                full_name: format!("kvm.{name}"),
                dep: dep.iter().map(|&dep| dep.to_owned()).collect(),
                ..Selected::default()
            });
        }
        plan
    }

    #[test]
    fn what_a_test_needs_is_found_by_its_labels_wherever_it_stands() {
        let plan = plan(&[
            ("fedora.boot", &["kvm.fedora.install", "not.selected"]),
            ("fedora.install", &["kvm.fedora.install"]),
            ("fedora.install.again", &[]),
            ("fedora.installed", &[]),
            ("debian.install", &[]),
        ]);
        assert_eq!(plan.needs()[0], [1, 2]);
        assert_eq!(
            plan.needs()[1],
            [2],
            "a test that fits its own dependency does not wait for itself"
        );
    }

    #[test]
    fn rounds_follow_one_another() {
        let plan = plan(&[("boot", &[]), ("install", &[])]);
        let rounds = (1..=2).flat_map(|round| plan.round(round));
        let tests: Vec<_> = rounds
            .map(|test| (test.index, test.name().to_owned(), test.round))
            .collect();
        let expected = [
            (1, "boot", 1),
            (2, "install", 1),
            (3, "boot", 2),
            (4, "install", 2),
        ];
        let expected = expected.map(|(index, name, round)| (index, name.to_owned(), Some(round)));
        assert_eq!(tests, expected);
    }

    #[test]
    fn tests_that_are_left_are_counted_anew() {
        let mut plan = plan(&[("boot", &[]), ("install", &[]), ("reboot", &[])]);
        plan.retain(|test| test.name() != "boot");
        let tests: Vec<_> = plan
            .tests()
            .iter()
            .map(|test| (test.index, test.name()))
            .collect();
        assert_eq!(tests, [(1, "install"), (2, "reboot")]);
    }
}
