//! Where a value came from, and why a variant is missing.

use crate::config::Config;
use crate::error::EvalError;
use crate::eval::{Engine, Observer};
use crate::program::{Bound, FilterId, Item, KeyId, Loc, NodeId, Program, Statement};
use crate::variant::{Origin, Variant};
use crate::walk::{Compiled, Walker};
use std::fmt;
use std::sync::Arc;

/// A line of a source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file, or the origin given to [`crate::Parser::line`].
    pub source: String,
    /// Line number, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.line)
    }
}

/// One statement's effect on a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where the statement stands.
    pub place: Place,
    /// The statement, in normal form.
    pub statement: String,
    /// Its operator: one of [`crate::Operator`]'s, `del`, `suffix`, `_min`, `_max` or `_fixed`.
    pub operator: &'static str,
    /// The key changed; with `suffix` it may differ from the one asked for.
    pub key: String,
    /// The variant (label) in which the statement stands, if in one.
    pub variant: Option<String>,
    /// The conditions around it, outermost first, such as `Linux:` or `!qcow2:`.
    pub conditions: Vec<String>,
    /// The value before.
    pub before: Option<String>,
    /// The value after; none if the statement removed the key.
    pub after: Option<String>,
    /// Whether the final value still contains what this statement did.
    pub in_force: bool,
}

impl Config {
    /// Every statement that changed a key of a variant, in the order in which they ran.
    ///
    /// # Errors
    ///
    /// The variant's dictionary cannot be made.
    pub fn explain(&self, variant: &Variant, key: &str) -> Result<Vec<Change>, EvalError> {
        let mut trace = Trace {
            key: key.to_owned(),
            changes: Vec::new(),
        };
        replay(&variant.compiled, &variant.origin, &mut trace)?;
        let mut changes = trace.changes;
        for change in changes.iter_mut().rev() {
            change.in_force = true;
            if !matches!(change.operator, "+=" | "<=" | "?+=" | "?<=" | "suffix") {
                break;
            }
        }
        Ok(changes)
    }
}

/// Runs a variant again under observation.
fn replay(
    compiled: &Arc<Compiled>,
    origin: &Origin,
    observer: &mut dyn Observer,
) -> Result<(), EvalError> {
    match origin {
        Origin::Path(nodes) => {
            let walker = Walker::replay(compiled.clone(), nodes);
            Engine::new(compiled.clone()).run(&walker, Some(observer))
        }
        Origin::Product(factors) => factors
            .iter()
            .try_for_each(|factor| replay(compiled, factor, observer)),
    }
}

/// Collects the changes of one key.
struct Trace {
    key: String,
    changes: Vec<Change>,
}

impl Trace {
    /// Whether a key is the one asked for, or came from it by `suffix`, or is called like it afterwards.
    fn concerns(&self, engine: &Engine, key: KeyId) -> bool {
        let pool = &engine.pool;
        let (base, suffixes) = pool.key_parts(key);
        if pool.key_text(key) == self.key || pool.key_text(base) == self.key {
            return true;
        }
        let reversed = suffixes.iter().rev().map(|&s| pool.program().text(s));
        !suffixes.is_empty()
            && std::iter::once(pool.key_text(base))
                .chain(reversed)
                .collect::<String>()
                == self.key
    }

    fn add(
        &mut self,
        engine: &Engine,
        key: KeyId,
        loc: Loc,
        statement: String,
        operator: &'static str,
    ) {
        let program = engine.pool.program();
        let before = self.changes.last().and_then(|change| change.after.clone());
        let node = &program.nodes[engine.node.index()];
        let conditions = engine.conditions.iter().map(|&(filter, negated)| {
            let text = program.text(program.filters[filter.index()].text);
            format!("{}{text}:", if negated { "!" } else { "" })
        });
        self.changes.push(Change {
            place: program.place_of(loc),
            statement,
            operator,
            key: engine.pool.key_text(key).to_owned(),
            variant: variant_around(program, engine.node, node.loc),
            conditions: conditions.collect(),
            before,
            after: engine.get(key).map(|v| engine.pool.text(v).to_owned()),
            in_force: false,
        });
    }
}

impl Observer for Trace {
    fn ran(&mut self, engine: &Engine, statement: &Statement, keys: &[KeyId]) {
        for &key in keys {
            if self.concerns(engine, key) {
                let program = engine.pool.program();
                let text = statement_text(program, statement);
                self.add(engine, key, statement.loc, text, operator(statement));
            }
        }
    }

    fn bounded(&mut self, engine: &Engine, by: KeyId, key: KeyId) {
        if self.concerns(engine, key) {
            let program = engine.pool.program();
            let name = program.key_text(by);
            let value = engine.get(by).map_or("", |v| engine.pool.text(v));
            let operator = match program.keys[by.index()].bound {
                Some((Bound::Max, _)) => "_max",
                Some((Bound::Min, _)) => "_min",
                _ => "_fixed",
            };
            let loc = last_assignment(program, by).unwrap_or_default();
            self.add(engine, key, loc, format!("{name} = {value}"), operator);
        }
    }
}

/// The label of the variant a statement's node belongs to, if it belongs to one.
fn variant_around(program: &Program, node: NodeId, loc: Loc) -> Option<String> {
    let labels = &program.nodes[node.index()].labels;
    if labels.is_empty() {
        // The part of a variant before its inner `variants` has no labels of its own.
        return program
            .nodes
            .iter()
            .find(|other| other.loc == loc && !other.labels.is_empty())
            .filter(|_| node != NodeId(0))
            .map(|other| joined_labels(program, &other.labels));
    }
    Some(joined_labels(program, labels))
}

fn joined_labels(program: &Program, labels: &[crate::program::LabelId]) -> String {
    let names = labels
        .iter()
        .map(|label| program.text(program.labels[label.index()].long));
    names.collect::<Vec<_>>().join(".")
}

fn last_assignment(program: &Program, key: KeyId) -> Option<Loc> {
    let statements = program.bodies.iter().flatten();
    statements
        .filter(|statement| match statement.item {
            Item::Set(k, _) | Item::Append(k, _) | Item::Prepend(k, _) | Item::Default(k, _) => {
                k == key
            }
            _ => false,
        })
        .map(|statement| statement.loc)
        .next_back()
}

/// A statement in normal form.
pub(crate) fn statement_text(program: &Program, statement: &Statement) -> String {
    let assign = |key: &str, op: &str, value| {
        format!("{key} {op} {}", program.value_text(value))
            .trim_end()
            .to_owned()
    };
    let filter = |word: &str, filter: FilterId| {
        let text = program.text(program.filters[filter.index()].text);
        format!("{word} {text}")
    };
    match statement.item {
        Item::Set(key, value) => assign(program.key_text(key), "=", value),
        Item::Append(key, value) => assign(program.key_text(key), "+=", value),
        Item::Prepend(key, value) => assign(program.key_text(key), "<=", value),
        Item::Default(key, value) => assign(program.key_text(key), "~=", value),
        Item::Match(op, pattern, value) => {
            let pattern = program.text(program.patterns[pattern.index()]);
            assign(pattern, op.as_str(), value)
        }
        Item::Del(key) => format!("del {}", program.key_text(key)),
        Item::Suffix(suffix) => format!("suffix {}", program.text(suffix)),
        Item::Only(f) => filter("only", f),
        Item::No(f) => filter("no", f),
        Item::Join(f) => filter("join", f),
        Item::Cond {
            filter, negated, ..
        } => {
            let text = program.text(program.filters[filter.index()].text);
            format!("{}{text}:", if negated { "!" } else { "" })
        }
    }
}

fn operator(statement: &Statement) -> &'static str {
    match statement.item {
        Item::Set(..) => "=",
        Item::Append(..) => "+=",
        Item::Prepend(..) => "<=",
        Item::Default(..) => "~=",
        Item::Match(op, ..) => op.as_str(),
        Item::Del(_) => "del",
        Item::Suffix(_) => "suffix",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryLoader, Options, Parser};

    fn config(text: &str) -> Config {
        let mut parser = Parser::new(MemoryLoader::new());
        parser.text("t", text);
        parser.finish().unwrap()
    }

    #[test]
    fn explain_tells_every_change_and_which_are_in_force() {
        let config = config(
            "mem = 1\nvariants:\n  - a:\n    mem = 2\n    mem += 3\n    b:\n      mem += 4\nvariants:\n  - b:\nother = x\n",
        );
        let variant = config
            .variants(&Options::default())
            .next()
            .unwrap()
            .unwrap();
        let changes = config.explain(&variant, "mem").unwrap();
        let seen: Vec<_> = changes
            .iter()
            .map(|c| {
                (
                    c.place.line,
                    c.statement.as_str(),
                    c.after.as_deref(),
                    c.in_force,
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                (1, "mem = 1", Some("1"), false),
                (4, "mem = 2", Some("2"), true),
                (5, "mem += 3", Some("23"), true),
                (7, "mem += 4", Some("234"), true),
            ]
        );
        assert_eq!(changes[3].conditions, ["b:"]);
        assert_eq!(changes[1].variant.as_deref(), Some("a"));
        assert_eq!(changes[0].variant, None);
    }
}
