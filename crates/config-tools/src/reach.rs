//! Which labels can stand in one name together.
//!
//! Of the items of one `variants` a variant has exactly one, so two labels exclude each other when
//! every pair of their declarations sits in different items of a common `variants`. That is enough
//! to say of some filters that they cannot match; of the others nothing is said.

use std::collections::BTreeMap;

use cartesian::Loader;

use crate::index::{Alternative, Entry, Label, Use};
use crate::project::{Place, Project};

/// The items a statement sits in, each with the `variants` it is an item of.
type Path = Vec<(u32, u32)>;

/// A filter, where it stands, and which items hold it.
#[derive(Debug)]
pub(crate) struct PlacedFilter<'p> {
    pub(crate) place: Place,
    pub(crate) used_as: Use,
    pub(crate) alternatives: &'p [Alternative],
    path: Path,
}

/// Why an alternative of a filter cannot match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Dead {
    /// No variant has this label.
    Undeclared { label: Label },
    /// These two labels exclude each other.
    Exclusive { first: Label, second: Label },
    /// The label excludes the variant the filter stands in.
    Outside { label: Label },
}

/// Where every label is declared, include by include.
#[derive(Debug, Default)]
pub(crate) struct Reach<'p> {
    declared: BTreeMap<&'p str, Vec<Declared<'p>>>,
    pub(crate) filters: Vec<PlacedFilter<'p>>,
}

#[derive(Debug)]
struct Declared<'p> {
    variable: Option<&'p str>,
    path: Path,
}

/// Statements beyond this many (files included often count often) are not looked at, and then
/// nothing is said at all.
const MOST_STATEMENTS: usize = 2_000_000;
/// Pairs of declarations compared for one pair of labels before they are taken to go together.
const MOST_PAIRS: usize = 100_000;

impl<'p> Reach<'p> {
    /// Walks `project` from its root as the parser does. `None` when it is too large to tell.
    pub(crate) fn new(project: &'p Project, loader: &dyn Loader) -> Option<Self> {
        let mut walk = Walk {
            project,
            loader,
            reach: Self::default(),
            blocks: 0,
            statements: 0,
            chain: Vec::new(),
        };
        walk.file(0, &mut Vec::new())?;
        Some(walk.reach)
    }

    /// Whether any variant has `label`.
    pub(crate) fn is_declared(&self, label: &Label) -> bool {
        self.declarations(label).next().is_some()
    }

    /// Every label that is declared.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &'p str> {
        self.declared.keys().copied()
    }

    fn declarations<'s>(&'s self, label: &'s Label) -> impl Iterator<Item = &'s Declared<'p>> {
        self.declared
            .get(label.name.as_str())
            .into_iter()
            .flatten()
            .filter(|declared| match &label.variable {
                Some(variable) => declared.variable == Some(variable),
                None => true,
            })
    }

    /// Why `alternative` of `filter` cannot match; `None` when it may.
    pub(crate) fn dead(
        &self,
        filter: &PlacedFilter<'_>,
        alternative: &Alternative,
    ) -> Option<Dead> {
        let labels = &alternative.labels;
        if let Some(label) = labels.iter().find(|label| !self.is_declared(label)) {
            return Some(Dead::Undeclared {
                label: label.clone(),
            });
        }
        // A dependency names another variant, so it is not bound to where it stands.
        let here = filter.used_as != Use::Dependency;
        if here
            && let Some(label) = labels.iter().find(|label| {
                self.declarations(label)
                    .all(|declared| excludes(&declared.path, &filter.path))
            })
        {
            return Some(Dead::Outside {
                label: label.clone(),
            });
        }
        for (position, first) in labels.iter().enumerate() {
            for second in &labels[position + 1..] {
                if self.exclusive(first, second) {
                    return Some(Dead::Exclusive {
                        first: first.clone(),
                        second: second.clone(),
                    });
                }
            }
        }
        None
    }

    fn exclusive(&self, first: &Label, second: &Label) -> bool {
        let pairs = self.declarations(first).flat_map(|one| {
            self.declarations(second)
                .map(move |other| (&one.path, &other.path))
        });
        for (count, (one, other)) in pairs.enumerate() {
            if count >= MOST_PAIRS || !excludes(one, other) {
                return false;
            }
        }
        true
    }
}

/// Whether the two sit in different items of one `variants`.
fn excludes(one: &Path, other: &Path) -> bool {
    one.iter()
        .any(|(block, item)| other.iter().any(|(b, i)| block == b && item != i))
}

struct Walk<'p, 'l> {
    project: &'p Project,
    loader: &'l dyn Loader,
    reach: Reach<'p>,
    blocks: u32,
    statements: usize,
    /// Files being read, to end cycles.
    chain: Vec<usize>,
}

impl<'p> Walk<'p, '_> {
    fn file(&mut self, file: usize, path: &mut Path) -> Option<()> {
        if self.chain.contains(&file) {
            return Some(());
        }
        self.chain.push(file);
        let nodes = &self.project.files[file].index.nodes;
        // The path inside each node of this file, so that its children find it.
        let mut inside: Vec<Path> = Vec::with_capacity(nodes.len());
        let mut block_of: Vec<u32> = Vec::with_capacity(nodes.len());
        for (position, node) in nodes.iter().enumerate() {
            self.statements += 1;
            if self.statements > MOST_STATEMENTS {
                return None;
            }
            let holder = node.parent.map_or(&*path, |parent| &inside[parent]);
            let mut here = holder.clone();
            let mut block = 0;
            match &node.entry {
                Entry::Variants { .. } => {
                    self.blocks += 1;
                    block = self.blocks;
                }
                Entry::Item { labels } => {
                    if let Some(parent) = node.parent {
                        here.push((block_of[parent], position as u32));
                    }
                    for label in labels {
                        self.reach
                            .declared
                            .entry(&label.name)
                            .or_default()
                            .push(Declared {
                                variable: label.variable.as_deref(),
                                path: here.clone(),
                            });
                    }
                }
                Entry::Filter {
                    used_as,
                    alternatives,
                } => self.reach.filters.push(PlacedFilter {
                    place: Place {
                        file,
                        span: node.span,
                    },
                    used_as: *used_as,
                    alternatives,
                    path: here.clone(),
                }),
                Entry::Include { path: include } => {
                    let from = &self.project.files[file].path;
                    if let Some(included) = self.project.included(from, include, self.loader) {
                        self.file(included, &mut here.clone())?;
                    }
                }
                Entry::Assign { .. } | Entry::Del { .. } => {}
            }
            inside.push(here);
            block_of.push(block);
        }
        self.chain.pop();
        Some(())
    }
}
