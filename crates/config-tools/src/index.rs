//! What stands where in one file: declarations, uses, includes, and the tree they form.
//!
//! Made from the lines alone, so that it also exists for a file that does not parse.

use crate::line::{
    Statement, Token, column_of, expand_tabs, filter_tokens, indent_of, is_label_char, statement,
};

/// A stretch of one line. Lines and columns count from 0, columns in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Span {
    pub(crate) line: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    pub(crate) fn contains(&self, line: usize, column: usize) -> bool {
        self.line == line && (self.start..=self.end).contains(&column)
    }
}

/// What a filter was written behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Only,
    No,
    Join,
    Condition,
    NegativeCondition,
    Dependency,
}

/// One label of a filter, as it is matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Label {
    /// The variable of `(VAR=VALUE)`.
    pub(crate) variable: Option<String>,
    pub(crate) name: String,
    pub(crate) span: Span,
}

/// Labels that must all be there: one alternative of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alternative {
    pub(crate) labels: Vec<Label>,
    pub(crate) span: Span,
}

/// What one statement is, with the places of its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// `variants NAME:`
    Variants { name: Option<String> },
    /// `- NAME:`, split at its dots; the filter of its dependencies follows as a `Filter`.
    Item { labels: Vec<Label> },
    /// A filter and its alternatives.
    Filter {
        used_as: Use,
        alternatives: Vec<Alternative>,
    },
    /// `KEY OP VALUE`
    Assign {
        key: String,
        op: String,
        value: String,
    },
    /// `del KEY`
    Del { key: String },
    /// `include PATH`
    Include { path: String },
}

/// One statement of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) entry: Entry,
    /// The part that names it: the key, the label, the path, the filter.
    pub(crate) span: Span,
    /// The statement that holds it, by position in [`FileIndex::nodes`].
    pub(crate) parent: Option<usize>,
    /// The last line that belongs to it.
    pub(crate) last_line: usize,
}

/// All statements of a file, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FileIndex {
    pub(crate) nodes: Vec<Node>,
}

impl FileIndex {
    /// Reads `text`.
    pub(crate) fn new(text: &str) -> Self {
        let mut builder = Builder::default();
        for (number, line) in text.lines().enumerate() {
            builder.line(number, line);
        }
        Self {
            nodes: builder.nodes,
        }
    }
}

#[derive(Debug, Default)]
struct Builder {
    nodes: Vec<Node>,
    /// Indentation of open blocks and the node each belongs to.
    open: Vec<(usize, usize)>,
}

impl Builder {
    fn line(&mut self, number: usize, line: &str) {
        let Some(statement) = statement(line) else {
            return;
        };
        if matches!(statement, Statement::Comment(_)) {
            return;
        }
        let indent = indent_of(line);
        while self.open.last().is_some_and(|&(open, _)| open >= indent) {
            self.open.pop();
        }
        let parent = self.open.last().map(|&(_, node)| node);
        for &(_, holder) in &self.open {
            self.nodes[holder].last_line = number;
        }
        let place = Place { number, line };
        if let Some(opener) = self.statement(&place, &statement, parent) {
            self.open.push((indent, opener));
        }
    }

    /// Adds the statement, and returns the node that the lines below it belong to.
    fn statement(
        &mut self,
        place: &Place<'_>,
        statement: &Statement<'_>,
        parent: Option<usize>,
    ) -> Option<usize> {
        match *statement {
            Statement::Comment(_) | Statement::Other(_) => None,
            Statement::Variants { head, .. } => {
                let name = head
                    .split(|c| !is_label_char(c))
                    .next()
                    .filter(|name| !name.is_empty());
                let entry = Entry::Variants {
                    name: name.map(str::to_owned),
                };
                Some(self.add(entry, place.span(name.unwrap_or(head)), parent))
            }
            Statement::Item { name, deps, .. } => {
                let variable = parent.and_then(|parent| match &self.nodes[parent].entry {
                    Entry::Variants { name } => name.clone(),
                    _ => None,
                });
                let labels = place.item_labels(name, variable);
                let item = self.add(Entry::Item { labels }, place.span(name), parent);
                if !deps.is_empty() {
                    self.filter(place, Use::Dependency, deps, Some(item));
                }
                Some(item)
            }
            Statement::Filter { word, filter } => {
                let used_as = match word {
                    "only" => Use::Only,
                    "no" => Use::No,
                    _ => Use::Join,
                };
                self.filter(place, used_as, filter, parent);
                None
            }
            Statement::Include(path) => {
                let entry = Entry::Include {
                    path: path.to_owned(),
                };
                self.add(entry, place.span(path), parent);
                None
            }
            Statement::Word { word: "del", name } => {
                let key = name.split('#').next().unwrap_or_default().trim();
                let entry = Entry::Del {
                    key: key.to_owned(),
                };
                self.add(entry, place.span(key), parent);
                None
            }
            Statement::Word { .. } => None,
            Statement::Condition {
                negative,
                filter,
                rest,
            } => {
                let used_as = if negative {
                    Use::NegativeCondition
                } else {
                    Use::Condition
                };
                let condition = self.filter(place, used_as, filter, parent);
                if let Some(inner) = crate::line::statement(rest) {
                    self.statement(place, &inner, Some(condition));
                }
                Some(condition)
            }
            Statement::Assign { key, op, value } => {
                let entry = Entry::Assign {
                    key: key.to_owned(),
                    op: op.to_owned(),
                    value: unquoted(value).to_owned(),
                };
                self.add(entry, place.span(key), parent);
                None
            }
        }
    }

    fn filter(
        &mut self,
        place: &Place<'_>,
        used_as: Use,
        filter: &str,
        parent: Option<usize>,
    ) -> usize {
        let alternatives = place.alternatives(filter);
        let uncommented = filter.split('#').next().unwrap_or_default().trim_end();
        let entry = Entry::Filter {
            used_as,
            alternatives,
        };
        self.add(entry, place.span(uncommented), parent)
    }

    fn add(&mut self, entry: Entry, span: Span, parent: Option<usize>) -> usize {
        self.nodes.push(Node {
            entry,
            span,
            parent,
            last_line: span.line,
        });
        self.nodes.len() - 1
    }
}

/// The value without the quotes around it.
pub(crate) fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if value.len() >= 2
            && let Some(inner) = value.strip_prefix(quote)
            && let Some(inner) = inner.strip_suffix(quote)
        {
            return inner;
        }
    }
    value
}

/// A line, to turn its slices into spans.
struct Place<'a> {
    number: usize,
    line: &'a str,
}

impl Place<'_> {
    fn span(&self, part: &str) -> Span {
        let start = column_of(self.line, part).min(self.line.len());
        Span {
            line: self.number,
            start,
            end: start + part.len(),
        }
    }

    fn item_labels(&self, name: &str, variable: Option<String>) -> Vec<Label> {
        name.split('.')
            .filter(|label| !label.is_empty())
            .map(|label| Label {
                variable: variable.clone(),
                name: label.to_owned(),
                span: self.span(label),
            })
            .collect()
    }

    fn alternatives(&self, filter: &str) -> Vec<Alternative> {
        let mut alternatives = Vec::new();
        let mut labels: Vec<Label> = Vec::new();
        for token in filter_tokens(filter) {
            match token {
                Token::Label(text) => labels.push(Label {
                    variable: None,
                    name: text.to_owned(),
                    span: self.span(text),
                }),
                Token::Group(text) => labels.push(self.group(text)),
                Token::Dots(_) | Token::Other(_) => {}
                Token::Comma | Token::White => close(&mut alternatives, &mut labels),
                Token::Comment(_) => break,
            }
        }
        close(&mut alternatives, &mut labels);
        alternatives
    }

    fn group(&self, text: &str) -> Label {
        let inner = text.trim_start_matches('(').trim_end_matches(')');
        let (variable, name) = match inner.split_once('=') {
            Some((variable, name)) => (Some(variable.trim().to_owned()), name),
            None => (None, inner),
        };
        Label {
            variable,
            name: unquoted(name.trim()).to_owned(),
            span: self.span(text),
        }
    }
}

fn close(alternatives: &mut Vec<Alternative>, labels: &mut Vec<Label>) {
    if let (Some(first), Some(last)) = (labels.first(), labels.last()) {
        let span = Span {
            end: last.span.end,
            ..first.span
        };
        alternatives.push(Alternative {
            labels: std::mem::take(labels),
            span,
        });
    }
}

/// The keys that `value` reads by `${…}`, each with its offset in `value`.
pub(crate) fn substitutions(value: &str) -> impl Iterator<Item = (usize, &str)> {
    value.match_indices("${").filter_map(|(at, _)| {
        let name = &value[at + 2..];
        Some((at + 2, &name[..name.find('}')?]))
    })
}

/// The text of a line up to `column`, for a look at what is being typed.
pub(crate) fn up_to(line: &str, column: usize) -> String {
    let mut column = column.min(line.len());
    while !line.is_char_boundary(column) {
        column -= 1;
    }
    expand_tabs(&line[..column])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
include base.cfg
variants image:
    - qcow2:
        size = 1G
        only (os=linux)..a.b, c
    - @raw.thin: qcow2
        a, b: x = ${size}-${y}
            z += 2
last = \"1\"
";

    #[test]
    fn statements_form_a_tree() {
        let index = FileIndex::new(TEXT);
        let parents: Vec<_> = index.nodes.iter().map(|node| node.parent).collect();
        assert_eq!(
            parents,
            [
                None,    // include
                None,    // variants
                Some(1), // - qcow2
                Some(2), // size
                Some(2), // only
                Some(1), // - raw.thin
                Some(5), // its dependency
                Some(5), // a, b:
                Some(7), // x
                Some(7), // z
                None,    // last
            ]
        );
        assert_eq!(index.nodes[1].last_line, 7);
        assert_eq!(index.nodes[5].last_line, 7);
    }

    #[test]
    fn items_of_a_named_variants_carry_its_name() {
        let index = FileIndex::new(TEXT);
        let Entry::Item { labels } = &index.nodes[5].entry else {
            panic!("an item");
        };
        let labels: Vec<_> = labels
            .iter()
            .map(|label| {
                (
                    label.variable.as_deref(),
                    label.name.as_str(),
                    label.span.start,
                )
            })
            .collect();
        assert_eq!(
            labels,
            [(Some("image"), "raw", 7), (Some("image"), "thin", 11)]
        );
    }

    #[test]
    fn alternatives_of_a_filter_have_labels_with_places() {
        let index = FileIndex::new(TEXT);
        let Entry::Filter { alternatives, .. } = &index.nodes[4].entry else {
            panic!("a filter");
        };
        let shown: Vec<String> = alternatives
            .iter()
            .flat_map(|alternative| &alternative.labels)
            .map(|label| {
                let text = TEXT.lines().nth(label.span.line).unwrap();
                format!(
                    "{:?} {} `{}`",
                    label.variable,
                    label.name,
                    &text[label.span.start..label.span.end]
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "Some(\"os\") linux `(os=linux)`",
                "None a `a`",
                "None b `b`",
                "None c `c`",
            ]
        );
        assert_eq!(alternatives.len(), 2);
    }

    #[test]
    fn values_lose_their_quotes_and_name_what_they_read() {
        let index = FileIndex::new(TEXT);
        let values: Vec<_> = index
            .nodes
            .iter()
            .filter_map(|node| match &node.entry {
                Entry::Assign { value, .. } => Some(value.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(values, ["1G", "${size}-${y}", "2", "1"]);
        assert_eq!(
            substitutions(values[1]).collect::<Vec<_>>(),
            [(2, "size"), (10, "y")]
        );
        assert_eq!(substitutions("${unclosed").count(), 0);
    }
}
