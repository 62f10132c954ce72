//! In which order tests are preferred, where there is a choice. Pure.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use params::Where;
use sha2::{Digest, Sha256};

use crate::plan::{Plan, Planned};

/// How long tests took when they last passed, in milliseconds, by name.
pub type Durations = BTreeMap<String, u64>;

/// In which order tests are preferred.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Order {
    /// As the configuration has them.
    #[default]
    AsGiven,
    /// Those first that keep others waiting longest: what nobody knows, then the longest, with all that needs it. That way nothing long is left
    /// for the end, when the other processors have nothing to do. How long a test takes that has not been run is what its `expected_time` says.
    LongestFirst(Durations),
    /// Any order, but the same for the same seed.
    Shuffled(String),
}

impl Order {
    /// The places of the tests of `plan` in this order, in this round. `needs` is [`Plan::needs`].
    pub(crate) fn of(&self, plan: &Plan, needs: &[Vec<usize>], round: usize) -> Vec<usize> {
        let mut places: Vec<usize> = (0..plan.tests().len()).collect();
        match self {
            Order::AsGiven => {}
            Order::LongestFirst(durations) => {
                let weights = weights(plan, needs, durations);
                let alike = alike(plan);
                places.sort_by_key(|&place| {
                    let weight = weights[place];
                    // What takes as long but for a factor of two may as well follow another of its machine, whose template is at hand.
                    let about = weight.checked_ilog2();
                    let alike = (weight < u64::MAX).then_some(alike[place]);
                    (Reverse(about), alike, Reverse(weight))
                });
            }
            Order::Shuffled(seed) => places.sort_by_cached_key(|&place| {
                let name = &plan.tests()[place].variant.full_name;
                Sha256::digest(format!("{seed}\0{round}\0{name}\0{place}"))
            }),
        }
        places
    }
}

/// For each test, the place of the first whose machines are described alike.
fn alike(plan: &Plan) -> Vec<usize> {
    let of_machines = |key: &&params::Key| !matches!(key.applies_to, Where::Run | Where::Test);
    let keys: Vec<_> = params::table::keys().filter(of_machines).collect();
    let mut first = HashMap::new();
    let tests = plan.tests().iter().enumerate();
    let tests = tests.map(|(place, test)| {
        let values = keys.iter().map(|key| test.params().value(key.name));
        *first.entry(values.collect::<Vec<_>>()).or_insert(place)
    });
    tests.collect()
}

/// How long each test takes, and the longest chain of those that wait for it. A test nobody knows outweighs all those that are known; where
/// none is, those that say how long they take come before the others.
fn weights(plan: &Plan, needs: &[Vec<usize>], durations: &Durations) -> Vec<u64> {
    let recalled = |test: &Planned| durations.get(test.name()).copied();
    let unknown = match plan.tests().iter().any(|test| recalled(test).is_some()) {
        true => u64::MAX,
        false => 0,
    };
    let own = |place: usize| {
        let test = &plan.tests()[place];
        let expected = || test.params().read::<Duration>("expected_time").ok()?;
        let expected = || Some(u64::try_from(expected()?.as_millis()).unwrap_or(u64::MAX));
        recalled(test).or_else(expected).unwrap_or(unknown)
    };
    let mut weights: Vec<u64> = (0..needs.len()).map(own).collect();
    // What a test adds to those it needs spreads one link of the longest chain at a time; tests that need one another have no longest chain.
    for _ in 0..needs.len() {
        let mut changed = false;
        for (place, needed) in needs.iter().enumerate() {
            for &needed in needed {
                let weight = own(needed).saturating_add(weights[place]);
                changed |= weight > weights[needed];
                weights[needed] = weights[needed].max(weight);
            }
        }
        if !changed {
            break;
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Selected;

    fn plan(tests: &[(&str, &[&str])]) -> Plan {
        let mut plan = Plan::default();
        for (name, dep) in tests {
            plan.push(Selected {
                name: (*name).to_owned(),
                full_name: (*name).to_owned(),
                dep: dep.iter().map(|&dep| dep.to_owned()).collect(),
                ..Selected::default()
            });
        }
        plan
    }

    fn names(order: &Order, plan: &Plan) -> Vec<String> {
        let places = order.of(plan, &plan.needs(), 1);
        places
            .into_iter()
            .map(|place| plan.tests()[place].name().to_owned())
            .collect()
    }

    fn durations(of: &[(&str, u64)]) -> Order {
        Order::LongestFirst(of.iter().map(|&(name, ms)| (name.to_owned(), ms)).collect())
    }

    #[test]
    fn what_nobody_knows_comes_first_and_then_the_longest() {
        let plan = plan(&[("short", &[]), ("long", &[]), ("new", &[]), ("newer", &[])]);
        let order = durations(&[("short", 1), ("long", 9)]);
        assert_eq!(names(&order, &plan), ["new", "newer", "long", "short"]);
        assert_eq!(
            names(&Order::AsGiven, &plan),
            ["short", "long", "new", "newer"]
        );
    }

    #[test]
    fn before_the_first_run_a_test_takes_as_long_as_it_says() {
        let mut plan = plan(&[("short", &[]), ("other", &[])]);
        for (name, seconds) in [("long", "60"), ("longer", "200")] {
            plan.push(Selected {
                name: name.to_owned(),
                params: [("expected_time", seconds)].into(),
                ..Selected::default()
            });
        }
        let first = names(&durations(&[]), &plan);
        assert_eq!(first, ["longer", "long", "short", "other"]);
        // What has been measured counts more, and a test that says nothing may take any time.
        let later = names(&durations(&[("longer", 5), ("short", 2)]), &plan);
        assert_eq!(later, ["other", "long", "longer", "short"]);
    }

    #[test]
    fn of_tests_that_take_about_as_long_those_of_one_machine_follow_one_another() {
        let mut plan = Plan::default();
        for (name, smp) in [
            ("a", "1"),
            ("b", "2"),
            ("c", "1"),
            ("d", "2"),
            ("long", "2"),
        ] {
            plan.push(Selected {
                name: name.to_owned(),
                params: [("smp", smp)].into(),
                ..Selected::default()
            });
        }
        let order = durations(&[("a", 100), ("b", 99), ("c", 98), ("d", 97), ("long", 400)]);
        assert_eq!(names(&order, &plan), ["long", "a", "c", "b", "d"]);
    }

    #[test]
    fn what_keeps_others_waiting_comes_before_what_is_longer() {
        let plan = plan(&[
            ("long", &[]),
            ("last", &["middle"]),
            ("middle", &["first"]),
            ("first", &[]),
        ]);
        let order = durations(&[("long", 9), ("last", 5), ("middle", 3), ("first", 2)]);
        assert_eq!(names(&order, &plan), ["first", "long", "middle", "last"]);
    }

    #[test]
    fn tests_that_need_one_another_are_put_in_some_order() {
        let plan = plan(&[("a", &["b"]), ("b", &["a"])]);
        assert_eq!(names(&durations(&[("a", 1), ("b", 1)]), &plan).len(), 2);
    }

    #[test]
    fn a_seed_shuffles_the_same_way_every_time() {
        let names_of: Vec<String> = (0..20).map(|n| format!("t{n}")).collect();
        let tests: Vec<(&str, &[&str])> = names_of.iter().map(|name| (&**name, &[][..])).collect();
        let plan = plan(&tests);
        let shuffled = |seed: &str| names(&Order::Shuffled(seed.to_owned()), &plan);
        assert_eq!(shuffled("1"), shuffled("1"));
        assert_ne!(shuffled("1"), shuffled("2"));
        assert_ne!(shuffled("1"), names_of);
        let order = Order::Shuffled("1".to_owned());
        let [one, two] = [1, 2].map(|round| order.of(&plan, &plan.needs(), round));
        assert_ne!(one, two, "each round has an order of its own");
    }
}
