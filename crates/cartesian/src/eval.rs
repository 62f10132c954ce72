//! Running a variant's statements: from a path to a dictionary.
//!
//! Statements run from the node declared first to the one declared last. Values are numbers, not text: those of the
//! program, and those computed by substitution and appending, which are remembered from one variant to the next.

mod values;

use self::values::Recipe;
use crate::error::{BoundError, EvalError};
use crate::lexer::Operator;
use crate::patterns::Patterns;
use crate::pool::{Pool, ValueId};
use crate::program::{BodyId, Bound, FilterId, Item, KeyId, Loc, NodeId, Statement, Value};
use crate::strings::StrId;
use crate::walk::{Compiled, Walker};
use rustc_hash::FxHashMap;
use std::sync::Arc;

const ABSENT: ValueId = ValueId::ABSENT;

/// The keys and values of a variant, in order.
pub(crate) type Entries = Vec<(KeyId, ValueId)>;

/// Watches statements run, for explanations.
pub(crate) trait Observer {
    /// A statement has run; `keys` are those it changed.
    fn ran(&mut self, engine: &Engine, statement: &Statement, keys: &[KeyId]);
    /// Bounds have set a key.
    fn bounded(&mut self, engine: &Engine, by: KeyId, key: KeyId);
}

/// A key's value, and where in the order of keys it was set.
#[derive(Debug, Clone, Copy)]
struct Slot {
    value: ValueId,
    position: u32,
}

const EMPTY: Slot = Slot {
    value: ABSENT,
    position: 0,
};

/// Runs variants one after the other.
#[derive(Debug)]
pub(crate) struct Engine {
    pub pool: Pool,
    patterns: Patterns,
    slots: Vec<Slot>,
    order: Vec<KeyId>,
    /// The keys that bound others.
    bounding: Vec<(KeyId, Bound, KeyId)>,
    /// Suffixed keys that are set.
    suffixed: usize,
    recipes: FxHashMap<Recipe, ValueId>,
    /// Bytes computed for the current variant.
    variant_bytes: usize,
    scratch: String,
    part_values: Vec<ValueId>,
    touched: Vec<KeyId>,
    /// Whether `touched` is wanted.
    observed: bool,
    /// The conditions around the statement that runs, and its node; kept for observers.
    pub conditions: Vec<(FilterId, bool)>,
    pub node: NodeId,
    /// Whether every suffix stays part of its key.
    pub keep_suffixes: bool,
    /// The result, where suffixes have been resolved.
    pub entries: Entries,
}

/// The variant that is being run.
#[derive(Clone, Copy)]
struct Run<'w> {
    walker: &'w Walker,
    /// How many steps of the path, from its start, have not run yet.
    ahead: usize,
}

impl Engine {
    pub fn new(compiled: Arc<Compiled>) -> Self {
        let keys = &compiled.program.keys;
        let bounding = keys.iter().enumerate().filter_map(|(i, key)| {
            let (bound, target) = key.bound?;
            Some((KeyId(i as u32), bound, target))
        });
        Self {
            bounding: bounding.collect(),
            slots: vec![EMPTY; keys.len()],
            patterns: Patterns::new(compiled.program.patterns.len()),
            pool: Pool::new(compiled),
            order: Vec::new(),
            suffixed: 0,
            recipes: FxHashMap::default(),
            variant_bytes: 0,
            scratch: String::new(),
            part_values: Vec::new(),
            touched: Vec::new(),
            observed: false,
            conditions: Vec::new(),
            node: NodeId(0),
            keep_suffixes: false,
            entries: Vec::new(),
        }
    }

    /// Makes the current variant's dictionary in [`Self::entries`].
    pub fn run(
        &mut self,
        walker: &Walker,
        observer: Option<&mut dyn Observer>,
    ) -> Result<(), EvalError> {
        if self.pool.forget() {
            self.recipes.clear();
        }
        self.variant_bytes = 0;
        self.observed = observer.is_some();
        self.entries.clear();
        let mut entries = self.product(walker, observer)?;
        let suffixed = |&(key, _): &(KeyId, _)| !self.pool.key_parts(key).1.is_empty();
        if !self.pool.has_only_program_keys() && entries.iter().any(suffixed) {
            entries = crate::suffix::resolve(&mut self.pool, &entries, self.keep_suffixes);
        }
        self.entries = entries;
        Ok(())
    }

    /// The dictionary of a path, or of a product of paths, suffixes not yet resolved.
    fn product(
        &mut self,
        walker: &Walker,
        mut observer: Option<&mut dyn Observer>,
    ) -> Result<Entries, EvalError> {
        let Some(join) = walker.current_join() else {
            let mut entries = std::mem::take(&mut self.entries);
            self.run_path(walker, observer)?;
            entries.clear();
            for (i, &key) in self.order.iter().enumerate() {
                let slot = self.slots[key.index()];
                if slot.value != ABSENT && slot.position == i as u32 {
                    entries.push((key, slot.value));
                }
            }
            return Ok(entries);
        };
        let mut result: Entries = Vec::new();
        let mut places: FxHashMap<KeyId, usize> = FxHashMap::default();
        for factor in join.factors() {
            let observer = observer.as_mut().map(|o| &mut **o as &mut dyn Observer);
            for (key, value) in self.product(factor, observer)? {
                let place = *places.entry(key).or_insert(result.len());
                match result.get_mut(place) {
                    Some(entry) => entry.1 = value,
                    None => result.push((key, value)),
                }
            }
        }
        Ok(result)
    }

    fn run_path(
        &mut self,
        walker: &Walker,
        mut observer: Option<&mut dyn Observer>,
    ) -> Result<(), EvalError> {
        for &key in &self.order {
            self.slots[key.index()].value = ABSENT;
        }
        self.order.clear();
        self.suffixed = 0;
        let compiled = self.pool.compiled.clone();
        for (ahead, step) in walker.path.iter().enumerate().rev() {
            let body = compiled.program.nodes[step.node.index()].body;
            self.node = step.node;
            self.conditions.clear();
            let run = Run { walker, ahead };
            self.run_body(&compiled, run, body, false, &mut observer)?;
        }
        self.apply_bounds(walker, &mut observer)
    }

    /// The keys that are set, in order.
    fn live_keys(&self) -> impl Iterator<Item = KeyId> + '_ {
        self.order
            .iter()
            .enumerate()
            .filter(|&(i, key)| {
                let slot = self.slots[key.index()];
                slot.value != ABSENT && slot.position == i as u32
            })
            .map(|(_, &key)| key)
    }

    pub fn value(&self, key: KeyId) -> ValueId {
        self.slots[key.index()].value
    }

    /// The value of a key, if it is set.
    pub fn get(&self, key: KeyId) -> Option<ValueId> {
        self.slots
            .get(key.index())
            .map(|slot| slot.value)
            .filter(|&v| v != ABSENT)
    }

    fn set(&mut self, key: KeyId, value: ValueId) {
        let slot = &mut self.slots[key.index()];
        if slot.value == ABSENT {
            slot.position = self.order.len() as u32;
            self.order.push(key);
        }
        slot.value = value;
        if self.observed {
            self.touched.push(key);
        }
    }

    fn remove(&mut self, key: KeyId) {
        if self.slots[key.index()].value != ABSENT {
            self.slots[key.index()].value = ABSENT;
            if self.observed {
                self.touched.push(key);
            }
        }
    }

    fn run_body(
        &mut self,
        compiled: &Arc<Compiled>,
        run: Run<'_>,
        body: BodyId,
        in_condition: bool,
        observer: &mut Option<&mut dyn Observer>,
    ) -> Result<(), EvalError> {
        for statement in &compiled.program.bodies[body.index()] {
            match statement.item {
                // The commonest by far.
                Item::Set(key, Value::Plain(value)) => self.set(key, value.into()),
                Item::Only(_) | Item::No(_) => continue,
                Item::Join(_) if !in_condition => continue,
                Item::Join(_) => {
                    return Err(EvalError::JoinInCondition {
                        place: compiled.program.place(statement.loc),
                    });
                }
                Item::Cond {
                    filter,
                    negated,
                    body,
                } => {
                    if compiled.graph.matches(filter, &run.walker.matched) != negated {
                        self.conditions.push((filter, negated));
                        self.run_body(compiled, run, body, true, observer)?;
                        self.conditions.pop();
                    }
                    continue;
                }
                _ => self.run_statement(compiled, run, statement)?,
            }
            if let Some(observer) = observer {
                let touched = std::mem::take(&mut self.touched);
                observer.ran(self, statement, &touched);
                self.touched = touched;
                self.touched.clear();
            }
        }
        Ok(())
    }

    fn run_statement(
        &mut self,
        compiled: &Arc<Compiled>,
        run: Run<'_>,
        statement: &Statement,
    ) -> Result<(), EvalError> {
        let loc = statement.loc;
        match statement.item {
            Item::Set(key, value) => {
                let value = self.substitute(compiled, run, value, key, loc)?;
                self.set(key, value);
            }
            Item::Append(key, value) | Item::Prepend(key, value) => {
                let value = self.substitute(compiled, run, value, key, loc)?;
                let old = self.get(key);
                let append = matches!(statement.item, Item::Append(..));
                let value = self.joined(old, value, append, key, loc)?;
                self.set(key, value);
            }
            Item::Default(key, value) => {
                if self.get(key).is_none() {
                    let value = self.substitute(compiled, run, value, key, loc)?;
                    self.set(key, value);
                }
            }
            Item::Match(op, pattern, value) => {
                let keys = self.matching(pattern, loc)?;
                let about = keys.first().copied().unwrap_or(KeyId(0));
                let value = self.substitute(compiled, run, value, about, loc)?;
                for key in keys {
                    let old = Some(self.value(key));
                    let value = match op {
                        Operator::MatchAppend => self.joined(old, value, true, key, loc)?,
                        Operator::MatchPrepend => self.joined(old, value, false, key, loc)?,
                        _ => value,
                    };
                    self.set(key, value);
                }
            }
            Item::Del(key) => {
                self.remove(key);
                if self.suffixed > 0 {
                    let name = compiled.program.key_text(key);
                    let same: Vec<_> = self
                        .live_keys()
                        .filter(|&k| self.pool.key_text(k) == name)
                        .collect();
                    for key in same {
                        self.remove(key);
                        self.suffixed -= 1;
                    }
                }
            }
            Item::Suffix(suffix) => self.apply_suffix(suffix),
            Item::Only(_) | Item::No(_) | Item::Join(_) | Item::Cond { .. } => {}
        }
        Ok(())
    }

    fn matching(
        &mut self,
        pattern: crate::program::PatternId,
        loc: Loc,
    ) -> Result<Vec<KeyId>, EvalError> {
        let keys: Vec<KeyId> = self.live_keys().collect();
        self.patterns
            .matching(&self.pool, pattern, keys)
            .map_err(|reason| {
                let program = self.pool.program();
                EvalError::Pattern {
                    place: program.place(loc),
                    pattern: program.text(program.patterns[pattern.index()]).to_owned(),
                    reason,
                }
            })
    }

    fn apply_suffix(&mut self, suffix: StrId) {
        let keys: Vec<KeyId> = self.live_keys().collect();
        let values: Vec<ValueId> = keys.iter().map(|&key| self.value(key)).collect();
        for &key in &keys {
            self.slots[key.index()].value = ABSENT;
        }
        self.order.clear();
        self.suffixed = keys.len();
        for (key, value) in keys.into_iter().zip(values) {
            let key = self.pool.with_suffix(key, suffix);
            if key.index() >= self.slots.len() {
                self.slots.resize(key.index() + 1, EMPTY);
            }
            self.set(key, value);
        }
    }

    /// `_min`, `_max` and `_fixed`, all compared with the values before any of them is applied.
    fn apply_bounds(
        &mut self,
        walker: &Walker,
        observer: &mut Option<&mut dyn Observer>,
    ) -> Result<(), EvalError> {
        let slots = &self.slots;
        let mut bounds: Vec<(KeyId, Bound, KeyId)> = self
            .bounding
            .iter()
            .filter(|(key, ..)| slots[key.index()].value != ABSENT)
            .copied()
            .collect();
        bounds.sort_unstable_by_key(|(key, ..)| slots[key.index()].position);
        let mut changes = Vec::new();
        for (key, bound, target) in bounds {
            let limit = self.value(key);
            let apply = match (bound, self.get(target)) {
                (Bound::Fixed, _) | (_, None) => true,
                (bound, Some(value)) => {
                    let (value, limit) = (self.pool.text(value), self.pool.text(limit));
                    let order = crate::bounds::compare(value, limit).map_err(|culprit| {
                        EvalError::Bound(Box::new(BoundError {
                            key: self.pool.key_text(target).to_owned(),
                            value: value.to_owned(),
                            bound_key: self.pool.key_text(key).to_owned(),
                            bound: limit.to_owned(),
                            culprit: culprit.to_owned(),
                            variant: walker.names().0.to_owned(),
                        }))
                    })?;
                    match bound {
                        Bound::Max => order.is_gt(),
                        _ => order.is_lt(),
                    }
                }
            };
            if apply {
                changes.push((key, target, limit));
            }
        }
        for (by, key, value) in changes {
            self.set(key, value);
            if let Some(observer) = observer {
                observer.bounded(self, by, key);
            }
        }
        self.touched.clear();
        Ok(())
    }
}
