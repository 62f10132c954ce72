//! Where a value came from, and why a variant is missing.

use crate::config::{Config, Options};
use crate::error::{ConfigErrors, EvalError};
use crate::eval::{Engine, Observer};
use crate::graph::Graph;
use crate::loader::MemoryLoader;
use crate::parser::Parser;
use crate::program::{Bound, FilterId, Item, KeyId, Loc, NodeId, Program, Statement};
use crate::variant::{Origin, Variant};
use crate::walk::{Compiled, Walker};
use std::fmt;
use std::sync::Arc;

/// A line of a source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file, or the origin given to [`Parser::line`].
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

/// A filter line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterLine {
    /// Where it stands.
    pub place: Place,
    /// The filter in normal form, such as `only a..b`.
    pub text: String,
}

/// A variant that is missing, and all the lines that remove it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest {
    /// Its name.
    pub name: String,
    /// The lines, in reading order.
    pub filters: Vec<FilterLine>,
}

/// Why variants are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The line that removed the last of them, when the filters are applied in reading order.
    pub by: FilterLine,
    /// How many of them the lines before it had left.
    pub left_before: u64,
    /// Of all of them the one that the fewest lines remove, unless those are very many.
    pub nearest: Option<Nearest>,
}

/// What has become of the variants that a filter matches.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// They are there.
    Selected {
        /// How many.
        count: u64,
        /// The names of the first few.
        first: Vec<String>,
    },
    /// They have been removed.
    Removed(Removal),
    /// Another default variant was preferred to them.
    NotDefault,
    /// There never was one.
    Unknown {
        /// The labels asked for that no variant has, each with the most similar one there is.
        labels: Vec<(String, Option<String>)>,
    },
}

/// How many names [`Why::Selected`] gives.
const FIRST_NAMES: usize = 5;
/// How many removing lines of one variant are looked for.
const MAX_VIOLATIONS: u32 = 8;

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

    /// What has become of the variants that `filter` matches (as after `only`).
    ///
    /// # Errors
    ///
    /// `filter` is malformed.
    pub fn why(&self, options: &Options, filter: &str) -> Result<Why, ConfigErrors> {
        let mut parser = Parser::on(MemoryLoader::new(), self.compiled.program.clone());
        parser.line("filter", &format!("only {filter}"));
        let asked = parser.finish()?;
        let program = &asked.compiled.program;
        let unknown: Vec<_> = match program.filters.last() {
            Some(filter) => unknown_labels(program, filter),
            None => Vec::new(),
        };
        let graph = &asked.compiled.graph;
        let hard = graph.canonical.last().and_then(|&canonical| {
            graph
                .clauses
                .iter()
                .position(|clause| clause.literals == [(canonical, false)])
        });
        let question = Question {
            config: &asked,
            options,
            hard: hard.map_or(crate::graph::NONE, |i| i as u32),
            filters: self.compiled.program.filters.len() as u32,
        };
        Ok(question
            .answer()
            .unwrap_or(Why::Unknown { labels: unknown }))
    }

    /// Why there are no variants at all; none if there are some.
    pub fn why_empty(&self, options: &Options) -> Option<Why> {
        let question = Question {
            config: self,
            options,
            hard: crate::graph::NONE,
            filters: self.compiled.program.filters.len() as u32,
        };
        match question.answer() {
            Some(Why::Selected { .. }) => None,
            Some(why) => Some(why),
            // Without filters there is always a variant, unless a join finds nothing to join.
            None => {
                let program = &self.compiled.program;
                let joins = program
                    .bodies
                    .iter()
                    .flatten()
                    .filter_map(|s| match s.item {
                        Item::Join(filter) => Some(&program.filters[filter.index()]),
                        _ => None,
                    });
                Some(Why::Unknown {
                    labels: joins.flat_map(|f| unknown_labels(program, f)).collect(),
                })
            }
        }
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

/// "What has become of what the hard clause matches?"
struct Question<'q> {
    config: &'q Config,
    options: &'q Options,
    hard: u32,
    /// How many filters there are besides the hard clause's.
    filters: u32,
}

impl Question<'_> {
    fn walker(&self, options: &Options, until: u32, budget: u32) -> Walker {
        let mut walker = self.config.walker(options);
        walker.relaxed.until = until;
        walker.relaxed.budget = budget;
        walker.relaxed.hard = self.hard;
        walker
    }

    /// How many are left when only the first filters are applied. A join that cannot be named counts as none.
    fn left(&self, options: &Options, until: u32) -> u64 {
        self.walker(options, until, 0).count().unwrap_or(0)
    }

    /// None if there never was one.
    fn answer(&self) -> Option<Why> {
        let count = self.left(self.options, u32::MAX);
        if count > 0 {
            return Some(Why::Selected {
                count,
                first: self.first_names(),
            });
        }
        let all = Options::default();
        if self.options.defaults && self.left(&all, u32::MAX) > 0 {
            return Some(Why::NotDefault);
        }
        if self.left(&all, 0) == 0 {
            return None;
        }
        // More filters never leave more, so the line after which none is left can be found by halving.
        let (mut some, mut none) = (0, self.filters);
        while none - some > 1 {
            let middle = some + (none - some) / 2;
            if self.left(&all, middle) > 0 {
                some = middle;
            } else {
                none = middle;
            }
        }
        let program = &self.config.compiled.program;
        let graph = &self.config.compiled.graph;
        Some(Why::Removed(Removal {
            by: filter_line(program, graph, FilterId(some)),
            left_before: self.left(&all, some),
            nearest: self.nearest(),
        }))
    }

    fn first_names(&self) -> Vec<String> {
        let mut walker = self.walker(self.options, u32::MAX, 0);
        let mut names = Vec::new();
        while names.len() < FIRST_NAMES && walker.advance().unwrap_or(false) {
            names.push(walker.names().0.to_owned());
        }
        names
    }

    fn nearest(&self) -> Option<Nearest> {
        (1..=MAX_VIOLATIONS).find_map(|budget| {
            let mut walker = self.walker(&Options::default(), u32::MAX, budget);
            if !walker.advance().unwrap_or(false) {
                return None;
            }
            let program = &self.config.compiled.program;
            let graph = &self.config.compiled.graph;
            let mut filters: Vec<FilterId> = Vec::new();
            for step in &walker.path {
                let range = graph.node_origins(step.node);
                for origin in &graph.origins[range.start as usize..range.end as usize] {
                    if walker.violations.contains(&origin.clause) {
                        filters.push(origin.filter);
                    }
                }
            }
            filters.sort_unstable();
            filters.dedup();
            Some(Nearest {
                name: walker.names().0.to_owned(),
                filters: filters
                    .into_iter()
                    .map(|filter| filter_line(program, graph, filter))
                    .collect(),
            })
        })
    }
}

fn filter_line(program: &Program, graph: &Graph, id: FilterId) -> FilterLine {
    let filter = &program.filters[id.index()];
    let only = graph.origins.iter().find(|origin| origin.filter == id);
    let text = program.text(filter.text);
    FilterLine {
        place: program.place_of(filter.loc),
        text: match only {
            Some(origin) if origin.only => format!("only {text}"),
            Some(_) => format!("no {text}"),
            None => format!("{text}:"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn why_names_the_line_that_removed_the_last_one() {
        let config = config(
            "variants:\n  - a:\n  - b:\nvariants:\n  - x:\n    no a\n  - y:\nonly x\nno b\n",
        );
        let Why::Removed(removal) = config.why(&Options::default(), "a").unwrap() else {
            panic!()
        };
        assert_eq!(removal.by.text, "only x");
        assert_eq!(removal.by.place.line, 8);
        assert_eq!(removal.left_before, 1);
        let nearest = removal.nearest.unwrap();
        assert_eq!(nearest.name, "x.a");
        assert_eq!(nearest.filters[0].text, "no a");
        assert_eq!(nearest.filters.len(), 1);
    }

    #[test]
    fn why_empty_names_the_line_that_emptied_the_set() {
        let config = config("variants:\n  - a:\n  - b:\nno a\nonly a\n");
        let Some(Why::Removed(removal)) = config.why_empty(&Options::default()) else {
            panic!()
        };
        assert_eq!(
            (removal.by.text.as_str(), removal.by.place.line),
            ("only a", 5)
        );
    }

    #[test]
    fn why_suggests_for_a_label_that_does_not_exist() {
        let config = config("variants:\n  - fedora:\n  - b:\n");
        let why = config.why(&Options::default(), "fedoar").unwrap();
        assert_eq!(
            why,
            Why::Unknown {
                labels: vec![("fedoar".into(), Some("fedora".into()))]
            }
        );
        let why = config.why(&Options::default(), "b").unwrap();
        assert!(matches!(why, Why::Selected { count: 1, .. }));
    }
}
