//! Why variants are missing.

use crate::config::{Config, Options};
use crate::error::ConfigErrors;
use crate::explain::Place;
use crate::graph::Graph;
use crate::inspect::unknown_labels;
use crate::loader::MemoryLoader;
use crate::parser::Parser;
use crate::program::{FilterId, Item, Program};
use crate::walk::Walker;
use std::fmt;

/// A filter line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterLine {
    /// Where it stands.
    pub place: Place,
    /// The filter in normal form, such as `only a..b`.
    pub text: String,
}

impl fmt::Display for FilterLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
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
    /// How many of them the lines before it had left, unless they are too many to count.
    pub left_before: Option<u64>,
    /// Of all of them the one that the fewest lines remove, unless those are very many or it takes too long to find.
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
/// How many nodes are looked at in a search that is only to tell more: about a second's work.
const MAX_STEPS: u32 = 1_000_000;

impl Config {
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

    /// Whether any are left when only the first filters are applied. A join that cannot be named counts as none.
    fn any(&self, options: &Options, until: u32) -> bool {
        self.walker(options, until, 0).advance().unwrap_or(false)
    }

    /// How many are left when only the first filters are applied, unless that takes too long.
    fn left(&self, options: &Options, until: u32) -> Option<u64> {
        let mut walker = self.walker(options, until, 0);
        walker.relaxed.steps = MAX_STEPS;
        let count = walker.count_on().unwrap_or(0);
        (walker.relaxed.steps > 0).then_some(count)
    }

    /// None if there never was one.
    fn answer(&self) -> Option<Why> {
        let count = self.walker(self.options, u32::MAX, 0).count().unwrap_or(0);
        if count > 0 {
            return Some(Why::Selected {
                count,
                first: self.first_names(),
            });
        }
        let all = Options::default();
        if self.options.defaults && self.any(&all, u32::MAX) {
            return Some(Why::NotDefault);
        }
        if !self.any(&all, 0) {
            return None;
        }
        // More filters never leave more, so the line after which none is left can be found by halving.
        let (mut some, mut none) = (0, self.filters);
        while none - some > 1 {
            let middle = some + (none - some) / 2;
            if self.any(&all, middle) {
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
        let mut steps = MAX_STEPS;
        (1..=MAX_VIOLATIONS).find_map(|budget| {
            let mut walker = self.walker(&Options::default(), u32::MAX, budget);
            walker.relaxed.steps = steps;
            let found = walker.advance().unwrap_or(false);
            steps = walker.relaxed.steps;
            if !found {
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
    fn why_names_the_line_that_removed_the_last_one() {
        let config = config(
            "variants:\n  - a:\n  - b:\nvariants:\n  - x:\n    no a\n  - y:\nonly x\nno b\n",
        );
        let Why::Removed(removal) = config.why(&Options::default(), "a").unwrap() else {
            panic!()
        };
        assert_eq!(removal.by.text, "only x");
        assert_eq!(removal.by.place.line, 8);
        assert_eq!(removal.left_before, Some(1));
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
