//! Computing values: substitution and appending, within limits.

use super::{ABSENT, Engine, Entries, Run};
use crate::error::EvalError;
use crate::pool::ValueId;
use crate::program::{KeyId, Loc, Part, Reference, TemplateId, Value};
use crate::walk::Compiled;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// What a computed value was made from.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) enum Recipe {
    Joined(ValueId, ValueId),
    /// A template with up to three values; absent ones mark the end.
    Template(TemplateId, [ValueId; 3]),
    LongTemplate(TemplateId, Box<[ValueId]>),
}

impl Engine {
    /// Counts computed bytes against the limits.
    fn check_length(&mut self, length: usize, key: KeyId, loc: Loc) -> Result<(), EvalError> {
        let limits = self.pool.compiled.limits;
        self.variant_bytes += length;
        let limit = if length > limits.value_bytes {
            limits.value_bytes
        } else if self.variant_bytes > limits.variant_bytes {
            limits.variant_bytes
        } else {
            return Ok(());
        };
        Err(EvalError::TooLong {
            place: self.pool.program().place(loc),
            key: self.pool.key_text(key).to_owned(),
            limit,
        })
    }

    /// Old value and new one, one after the other.
    pub(super) fn joined(
        &mut self,
        old: Option<ValueId>,
        new: ValueId,
        append: bool,
        key: KeyId,
        loc: Loc,
    ) -> Result<ValueId, EvalError> {
        let Some(old) = old else { return Ok(new) };
        let (first, second) = if append { (old, new) } else { (new, old) };
        let length = self.pool.text(first).len() + self.pool.text(second).len();
        self.check_length(length, key, loc)?;
        let recipe = Recipe::Joined(first, second);
        if let Some(&value) = self.recipes.get(&recipe) {
            return Ok(value);
        }
        self.scratch.clear();
        self.scratch.push_str(self.pool.text(first));
        self.scratch.push_str(self.pool.text(second));
        let value = self.pool.add(&self.scratch);
        self.recipes.insert(recipe, value);
        Ok(value)
    }

    /// The value with its references resolved, up to the first that names no key: the rest stays as written.
    pub(super) fn substitute(
        &mut self,
        compiled: &Arc<Compiled>,
        run: Run<'_>,
        value: Value,
        key: KeyId,
        loc: Loc,
    ) -> Result<ValueId, EvalError> {
        let id = match value {
            Value::Plain(id) => return Ok(id.into()),
            Value::Template(id) => id,
        };
        let template = &compiled.program.templates[id.index()];
        let plain = self.suffixed == 0
            && template
                .parts
                .iter()
                .all(|part| matches!(part.reference, Reference::Key(_)));
        if !plain {
            return self.substitute_special(compiled, run, id, key, loc);
        }
        let mut values = std::mem::take(&mut self.part_values);
        values.clear();
        for part in &template.parts {
            let Reference::Key(key) = part.reference else {
                break;
            };
            match self.get(key) {
                Some(value) => values.push(value),
                None => break,
            }
        }
        let recipe = if values.len() > 3 {
            Recipe::LongTemplate(id, values.as_slice().into())
        } else {
            let mut few = [ABSENT; 3];
            few[..values.len()].copy_from_slice(&values);
            Recipe::Template(id, few)
        };
        let result = match self.recipes.get(&recipe) {
            Some(&value) => {
                let length = self.pool.text(value).len();
                self.check_length(length, key, loc).map(|()| value)
            }
            None => self
                .expand(compiled, id, &values, key, loc)
                .inspect(|&value| {
                    self.recipes.insert(recipe, value);
                }),
        };
        self.part_values = values;
        result
    }

    fn expand(
        &mut self,
        compiled: &Arc<Compiled>,
        id: TemplateId,
        values: &[ValueId],
        key: KeyId,
        loc: Loc,
    ) -> Result<ValueId, EvalError> {
        let program = &compiled.program;
        let template = &program.templates[id.index()];
        let rest = match template.parts.get(values.len()) {
            Some(part) => [program.text(part.before), program.text(part.rest)],
            None => [program.text(template.tail), ""],
        };
        let resolved = template.parts.iter().zip(values);
        let length: usize = resolved
            .clone()
            .map(|(part, &v)| program.text(part.before).len() + self.pool.text(v).len())
            .sum::<usize>()
            + rest[0].len()
            + rest[1].len();
        self.check_length(length, key, loc)?;
        self.scratch.clear();
        for (part, &value) in resolved {
            self.scratch.push_str(program.text(part.before));
            self.scratch.push_str(self.pool.text(value));
        }
        self.scratch.push_str(rest[0]);
        self.scratch.push_str(rest[1]);
        Ok(self.pool.add(&self.scratch))
    }

    /// Substitution where names of the variant or suffixed keys are involved. Not remembered.
    fn substitute_special(
        &mut self,
        compiled: &Arc<Compiled>,
        run: Run<'_>,
        id: TemplateId,
        key: KeyId,
        loc: Loc,
    ) -> Result<ValueId, EvalError> {
        let entries: Entries = self.live_keys().map(|key| (key, self.value(key))).collect();
        let flat = if self.suffixed > 0 {
            crate::suffix::resolve(&mut self.pool, &entries, self.keep_suffixes)
        } else {
            entries
        };
        let flat: FxHashMap<KeyId, ValueId> = flat.into_iter().collect();
        let parts: &[Part] = &compiled.program.templates[id.index()].parts;
        let mut values = Vec::new();
        for part in parts {
            let value = match part.reference {
                Reference::Key(key) => flat.get(&key).copied(),
                special => {
                    let text = crate::names::special(compiled, run.walker, run.ahead, special);
                    match text {
                        None => None,
                        Some(text) => {
                            self.check_length(text.len(), key, loc)?;
                            Some(self.pool.add(&text))
                        }
                    }
                }
            };
            match value {
                Some(value) => values.push(value),
                None => break,
            }
        }
        self.expand(compiled, id, &values, key, loc)
    }
}
