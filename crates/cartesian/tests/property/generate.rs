//! Random configurations, small enough to multiply out and dense enough that filters bite.

use crate::model::{Atom, Filter, Item, Stmt};

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick(&mut self, items: &[&'static str]) -> &'static str {
        items[self.below(items.len())]
    }
}

const NAMES: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];
const VARS: [&str; 2] = ["v", "w"];
const KEYS: [&str; 5] = ["k1", "k2", "k3", "other", "k1_x"];
const PLAIN_OPS: [&str; 4] = ["=", "+=", "<=", "~="];
const MATCH_OPS: [&str; 3] = ["?=", "?+=", "?<="];
/// Paths that a configuration may have before filtering.
const MAX_PATHS: usize = 300;

pub struct Generator {
    pub random: Random,
    paths: usize,
    include: bool,
    suffixes: bool,
}

impl Generator {
    pub fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let suffixes = random.chance(25);
        Self {
            random,
            paths: 1,
            include: false,
            suffixes,
        }
    }

    pub fn config(&mut self) -> Vec<Stmt> {
        let groups = 1 + self.random.below(4);
        let mut config = Vec::new();
        for _ in 0..groups {
            self.statements(&mut config, 2, 0);
            let group = self.variants(0);
            config.push(group);
        }
        self.statements(&mut config, 4, 0);
        if self.random.chance(10) {
            let mut filter = self.filter(true);
            filter.truncate(2);
            config.push(Stmt::Join(filter));
        }
        config
    }

    fn statements(&mut self, out: &mut Vec<Stmt>, at_most: usize, depth: usize) {
        for _ in 0..self.random.below(at_most + 1) {
            let stmt = self.statement(depth, false);
            out.push(stmt);
        }
    }

    fn statement(&mut self, depth: usize, in_condition: bool) -> Stmt {
        match self.random.below(100) {
            0..40 => self.assignment(),
            40..45 => Stmt::Del(self.random.pick(&KEYS).to_owned()),
            45..60 => Stmt::Only(self.filter(true)),
            60..73 => Stmt::No(self.filter(true)),
            73..76 if self.suffixes => Stmt::Suffix(self.random.pick(&["_x", "_y"]).to_owned()),
            76..79 if !in_condition && !self.include && depth < 2 => {
                self.include = true;
                let mut body = Vec::new();
                self.statements(&mut body, 2, depth + 1);
                if self.random.chance(50) {
                    let group = self.variants(depth + 1);
                    body.push(group);
                }
                Stmt::Include(body)
            }
            _ if depth > 2 => self.assignment(),
            _ => {
                let count = 1 + self.random.below(2);
                let body = (0..count).map(|_| self.statement(depth + 1, true));
                let body = body.collect();
                Stmt::Cond {
                    filter: self.filter(false),
                    negated: self.random.chance(35),
                    body,
                }
            }
        }
    }

    fn assignment(&mut self) -> Stmt {
        let value = match self.random.below(8) {
            0 => "${k1}".to_owned(),
            1 => "x${k2}y${k1_x}".to_owned(),
            2 => "${k3}${none}${k1}".to_owned(),
            3 => "${v}".to_owned(),
            n => n.to_string(),
        };
        if self.random.chance(20) {
            let key = self.random.pick(&["k1", "k2", "k.*", "k1.*", "other"]);
            let op = self.random.pick(&MATCH_OPS);
            return Stmt::Assign {
                key: key.to_owned(),
                op,
                value,
            };
        }
        Stmt::Assign {
            key: self.random.pick(&KEYS).to_owned(),
            op: self.random.pick(&PLAIN_OPS),
            value,
        }
    }

    fn variants(&mut self, depth: usize) -> Stmt {
        let room = (MAX_PATHS / self.paths).max(1);
        let wanted = match self.random.below(10) {
            0 => 8 + self.random.below(4),
            _ => 1 + self.random.below(4),
        };
        let count = wanted.min(room);
        let before = self.paths;
        let mut total = 0;
        let var = self
            .random
            .chance(35)
            .then(|| self.random.pick(&VARS).to_owned());
        let mut items = Vec::new();
        for _ in 0..count {
            self.paths = before;
            let mut body = Vec::new();
            self.statements(&mut body, 2, depth + 1);
            if depth < 2 && self.random.chance(20) {
                let group = self.variants(depth + 1);
                body.push(group);
                self.statements(&mut body, 1, depth + 1);
            }
            total += self.paths;
            let labels = 1 + usize::from(self.random.chance(15));
            items.push(Item {
                labels: (0..labels).map(|_| self.name()).collect(),
                default: self.random.chance(20),
                dep: if self.random.chance(10) {
                    self.filter(true)
                } else {
                    Vec::new()
                },
                body,
            });
        }
        self.paths = total;
        Stmt::Variants { var, items }
    }

    fn name(&mut self) -> String {
        self.random.pick(&NAMES).to_owned()
    }

    fn filter(&mut self, with_variables: bool) -> Filter {
        let words = 1 + self.random.below(3);
        (0..words)
            .map(|_| {
                let blocks = 1 + usize::from(self.random.chance(30));
                (0..blocks)
                    .map(|_| {
                        let atoms = match self.random.below(10) {
                            0..7 => 1,
                            7..9 => 2,
                            _ => 3,
                        };
                        (0..atoms).map(|_| self.atom(with_variables)).collect()
                    })
                    .collect()
            })
            .collect()
    }

    fn atom(&mut self, with_variables: bool) -> Atom {
        let var =
            (with_variables && self.random.chance(20)).then(|| self.random.pick(&VARS).to_owned());
        (var, self.name())
    }
}
