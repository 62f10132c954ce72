//! What a configuration says, statement by statement, for tools: keys, filters, variants.

use crate::config::Config;
use crate::explain::{Place, statement_text};
use crate::graph::{children_first, has_bit};
use crate::lexer::Operator;
use crate::program::{BodyId, Item, KeyId, Program, Reference, Statement, Value};

/// A statement that changes keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Where it stands.
    pub place: Place,
    /// The key, or for the operators with `?` the expression that keys must match.
    pub key: String,
    /// The operator; none for `del`.
    pub operator: Option<Operator>,
    /// The value as written, without its quotes.
    pub value: String,
    /// The keys that the value refers to with `${…}`.
    pub references: Vec<String>,
}

/// What a filter is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FilterUse {
    /// `only`
    Only,
    /// `no`
    No,
    /// `join`
    Join,
    /// `filter:`
    Condition,
    /// `!filter:`
    NegativeCondition,
}

/// A filter of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterInfo {
    /// Where it stands.
    pub place: Place,
    /// What it is used for.
    pub used_for: FilterUse,
    /// The statement in normal form, such as `only a..b`.
    pub text: String,
    /// The labels it names that no variant has, each with the most similar one there is.
    pub unknown: Vec<(String, Option<String>)>,
    /// Whether any variant could match it if there were no filters, as far as single labels tell.
    pub can_match: bool,
}

/// A variant of a `variants` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariantInfo {
    /// Where it is declared.
    pub place: Place,
    /// Its name, with dots if it has several labels.
    pub name: String,
    /// The variable of its block, if the block has a name.
    pub variable: Option<String>,
    /// Whether it is the default of its block.
    pub default: bool,
}

impl Config {
    /// All keys assigned anywhere, in the order they were first read.
    pub fn keys(&self) -> Vec<&str> {
        let program = &self.compiled.program;
        let mut assigned = vec![false; program.keys.len()];
        for statement in program.bodies.iter().flatten() {
            if let Item::Set(key, _)
            | Item::Append(key, _)
            | Item::Prepend(key, _)
            | Item::Default(key, _) = statement.item
            {
                assigned[key.index()] = true;
            }
        }
        let keys = (0..program.keys.len()).filter(|&i| assigned[i]);
        keys.map(|i| program.key_text(KeyId(i as u32))).collect()
    }

    /// All statements that change keys.
    pub fn assignments(&self) -> impl Iterator<Item = Assignment> + '_ {
        let program = &self.compiled.program;
        let statements = program.bodies.iter().flatten();
        statements.filter_map(|statement| assignment(program, statement))
    }

    /// All filters: of `only`, `no`, `join` and conditions.
    pub fn filters(&self) -> Vec<FilterInfo> {
        let program = &self.compiled.program;
        let mut filters = Vec::new();
        for node in children_first(program) {
            self.body_filters(program.nodes[node.index()].body, &mut filters);
        }
        filters
    }

    fn body_filters(&self, body: BodyId, filters: &mut Vec<FilterInfo>) {
        let program = &self.compiled.program;
        for statement in &program.bodies[body.index()] {
            let (id, used_for) = match statement.item {
                Item::Only(id) => (id, FilterUse::Only),
                Item::No(id) => (id, FilterUse::No),
                Item::Join(id) => (id, FilterUse::Join),
                Item::Cond {
                    filter,
                    negated: false,
                    ..
                } => (filter, FilterUse::Condition),
                Item::Cond { filter, .. } => (filter, FilterUse::NegativeCondition),
                _ => continue,
            };
            let filter = &program.filters[id.index()];
            let unknown = unknown_labels(program, filter);
            let can_match = filter.words.iter().any(|word| {
                word.iter()
                    .flat_map(|block| &program.blocks[block.index()])
                    .all(|atom| self.exists(atom.0))
            });
            filters.push(FilterInfo {
                place: program.place_of(filter.loc),
                used_for,
                text: statement_text(program, statement),
                unknown,
                can_match,
            });
            if let Item::Cond { body, .. } = statement.item {
                self.body_filters(body, filters);
            }
        }
    }

    /// Whether a variant has the label an atom asks for.
    fn exists(&self, atom: u32) -> bool {
        let graph = &self.compiled.graph;
        let top = self.compiled.program.top;
        let own = &self.compiled.program.nodes[top.index()].labels;
        has_bit(graph.below_set(top), atom)
            || own
                .iter()
                .any(|label| graph.label_atoms[label.index()].contains(&atom))
    }

    /// All variants declared, in reading order.
    pub fn declared_variants(&self) -> Vec<VariantInfo> {
        let program = &self.compiled.program;
        let mut nodes: Vec<_> = program
            .nodes
            .iter()
            .filter(|node| !node.labels.is_empty())
            .collect();
        nodes.sort_by_key(|node| (node.loc.source, node.loc.line));
        nodes
            .into_iter()
            .map(|node| {
                let names = node
                    .labels
                    .iter()
                    .map(|label| program.text(program.labels[label.index()].name));
                VariantInfo {
                    place: program.place_of(node.loc),
                    name: names.collect::<Vec<_>>().join("."),
                    variable: node.var.map(|var| program.text(var).to_owned()),
                    default: node.default,
                }
            })
            .collect()
    }
}

fn assignment(program: &Program, statement: &Statement) -> Option<Assignment> {
    let (key, operator, value) = match statement.item {
        Item::Set(key, value) => (program.key_text(key), Some(Operator::Set), Some(value)),
        Item::Append(key, value) => (program.key_text(key), Some(Operator::Append), Some(value)),
        Item::Prepend(key, value) => (program.key_text(key), Some(Operator::Prepend), Some(value)),
        Item::Default(key, value) => (program.key_text(key), Some(Operator::Default), Some(value)),
        Item::Match(op, pattern, value) => {
            let pattern = program.text(program.patterns[pattern.index()]);
            (pattern, Some(op), Some(value))
        }
        Item::Del(key) => (program.key_text(key), None, None),
        _ => return None,
    };
    let references = match value {
        Some(Value::Template(id)) => program.templates[id.index()]
            .parts
            .iter()
            .map(|part| match part.reference {
                Reference::Key(key) => program.key_text(key),
                Reference::Name => "name",
                Reference::ShortName => "shortname",
                Reference::Dep => "dep",
                Reference::NameMap => "_name_map_file",
                Reference::ShortNameMap => "_short_name_map_file",
            })
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    };
    Some(Assignment {
        place: program.place_of(statement.loc),
        key: key.to_owned(),
        operator,
        value: value
            .map_or("", |value| program.value_text(value))
            .to_owned(),
        references,
    })
}

/// The labels a filter asks for that no variant has.
pub(crate) fn unknown_labels(
    program: &Program,
    filter: &crate::program::Filter,
) -> Vec<(String, Option<String>)> {
    let mut unknown = Vec::new();
    for &block in filter.words.iter().flatten() {
        for &atom in &program.blocks[block.index()] {
            let atom = program.atoms[atom.index()];
            let known = program
                .labels
                .iter()
                .any(|l| l.name == atom.name && (atom.var.is_none() || atom.var == l.var));
            if known {
                continue;
            }
            let name = program.text(atom.name);
            let text = match atom.var {
                None => name.to_owned(),
                Some(var) => format!("({}={name})", program.text(var)),
            };
            let labels = program.labels.iter().map(|label| {
                let label = if atom.var.is_none() {
                    label.name
                } else {
                    label.long
                };
                program.text(label).to_owned()
            });
            let nearest = crate::suggest::nearest(&text, labels);
            unknown.push((text, nearest));
        }
    }
    unknown
}

#[cfg(test)]
mod tests {
    use crate::{MemoryLoader, Parser};

    #[test]
    fn filters_of_labels_nobody_has_are_known_to_match_nothing() {
        let mut parser = Parser::new(MemoryLoader::new());
        parser.text(
            "t",
            "a = ${b}\nvariants:\n  - x:\n  - y:\n    no z\nonly x, zz\nno x..w\n",
        );
        let config = parser.finish().unwrap();
        let filters: Vec<_> = config
            .filters()
            .into_iter()
            .map(|f| (f.text, f.can_match, f.unknown.len()))
            .collect();
        assert_eq!(
            filters,
            [
                ("no z".to_owned(), false, 1),
                ("only x, zz".to_owned(), true, 1),
                ("no x..w".to_owned(), false, 1),
            ]
        );
        let assignment = config.assignments().next().unwrap();
        assert_eq!(assignment.references, ["b"]);
        assert_eq!(config.keys(), ["a"]);
        let names: Vec<_> = config
            .declared_variants()
            .into_iter()
            .map(|v| v.name)
            .collect();
        assert_eq!(names, ["x", "y"]);
    }
}
