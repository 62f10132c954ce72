//! One part of the tests, so that several hosts share the whole: every test is in exactly one part.

use std::str::FromStr;

use harness::Plan;
use sha2::{Digest, Sha256};

/// Which part of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    by: By,
    /// From 1.
    part: u64,
    parts: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// By name: a test stays in its part whatever the others are.
    Hash,
    /// By turns: the parts are of one size.
    Slice,
}

impl FromStr for Partition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("'{text}' is no part: hash:1/4 and slice:1/4 are the first of four");
        let (by, rest) = text.split_once(':').ok_or_else(wrong)?;
        let by = match by {
            "hash" => By::Hash,
            "slice" | "count" => By::Slice,
            _ => return Err(wrong()),
        };
        let (part, parts) = rest.split_once('/').ok_or_else(wrong)?;
        let number = |text: &str| text.parse::<u64>().map_err(|_| wrong());
        let (part, parts) = (number(part)?, number(parts)?);
        if part == 0 || part > parts {
            return Err(format!("there is no part {part} of {parts}"));
        }
        Ok(Self { by, part, parts })
    }
}

impl Partition {
    /// Leaves only this part. What depends on one another goes where the first of it goes.
    pub fn apply(&self, plan: &mut Plan) {
        let heads = heads(&plan.needs());
        let in_part: Vec<bool> = heads
            .iter()
            .map(|&head| {
                let turn = match self.by {
                    By::Hash => hash(&plan.tests()[head].variant.full_name),
                    By::Slice => heads[..head]
                        .iter()
                        .enumerate()
                        .filter(|(place, head)| place == *head)
                        .count() as u64,
                };
                turn % self.parts == self.part - 1
            })
            .collect();
        plan.retain(|test| in_part[test.index - 1]);
    }
}

/// For each test, the first of those it depends on, or that depend on it, or on those, and so on.
fn heads(needs: &[Vec<usize>]) -> Vec<usize> {
    let mut heads: Vec<usize> = (0..needs.len()).collect();
    loop {
        let mut changed = false;
        for (place, needed) in needs.iter().enumerate() {
            for &needed in needed {
                let head = heads[place].min(heads[needed]);
                changed |= heads[place] != head || heads[needed] != head;
                heads[place] = head;
                heads[needed] = head;
            }
        }
        if !changed {
            return heads;
        }
    }
}

/// The same on every host and in every version.
fn hash(name: &str) -> u64 {
    let digest = Sha256::digest(name);
    digest
        .iter()
        .take(8)
        .fold(0, |hash, &byte| hash << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use harness::Selected;

    use super::*;

    fn plan() -> Plan {
        let mut plan = Plan::default();
        for n in 0..40 {
            plan.push(Selected {
                name: format!("t{n}"),
                full_name: format!("t{n}"),
                dep: if n % 10 == 9 {
                    vec![format!("t{}", n - 5)]
                } else {
                    Vec::new()
                },
                ..Selected::default()
            });
        }
        plan
    }

    fn part(text: &str) -> Vec<String> {
        let mut plan = plan();
        text.parse::<Partition>().unwrap().apply(&mut plan);
        plan.tests()
            .iter()
            .map(|test| test.name().to_owned())
            .collect()
    }

    #[test]
    fn every_test_is_in_one_part_with_what_it_depends_on() {
        for by in ["hash", "slice"] {
            let parts: Vec<Vec<String>> = (1..=4).map(|n| part(&format!("{by}:{n}/4"))).collect();
            let all: BTreeSet<&String> = parts.iter().flatten().collect();
            assert_eq!(all.len(), 40, "{by}");
            assert_eq!(parts.iter().map(Vec::len).sum::<usize>(), 40, "{by}");
            assert!(parts.iter().all(|part| part.len() >= 4), "{by}: {parts:?}");
            for part in &parts {
                for n in [9, 19, 29, 39] {
                    let (one, other) = (format!("t{n}"), format!("t{}", n - 5));
                    assert_eq!(part.contains(&one), part.contains(&other), "{by}");
                }
            }
        }
        assert_eq!(part("slice:1/1").len(), 40);
    }

    #[test]
    fn a_part_that_there_is_not_is_refused() {
        for wrong in [
            "hash", "hash:1", "hash:0/4", "hash:5/4", "hash:a/4", "by:1/4", "hash:1/0",
        ] {
            assert!(wrong.parse::<Partition>().is_err(), "{wrong}");
        }
    }
}
