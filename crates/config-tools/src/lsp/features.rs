//! What the server answers, as functions of a project and a place in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use cartesian::Loader;
use lsp_types::{
    CompletionItem, CompletionItemKind, DocumentSymbol, Hover, HoverContents, Location,
    MarkupContent, MarkupKind, Position, Range, SymbolKind,
};
use params::{Key, Kind, Validator};

use super::text::{byte_column, range, uri_of};
use crate::index::{Entry, FileIndex, Label, Node, Span, substitutions, up_to};
use crate::line::{Statement, is_label_char, statement};
use crate::project::{Project, SourceFile};

/// Words that begin a statement.
const KEYWORDS: [(&str, &str); 8] = [
    (
        "variants:",
        "alternatives, each multiplying what came before",
    ),
    ("only ", "keep the variants that match"),
    ("no ", "drop the variants that match"),
    ("include ", "read another file here"),
    ("del ", "remove keys by name or pattern"),
    ("join ", "pair variants that match with each other"),
    ("suffix ", "end the keys set so far in this"),
    ("- ", "one alternative of `variants`"),
];

/// What stands at a place.
#[derive(Debug, PartialEq, Eq)]
enum Thing<'a> {
    Key(&'a str),
    Label(&'a Label),
    Include(&'a str),
}

/// The thing at `position` of `file` and the span of its text.
fn thing_at(file: &SourceFile, position: Position) -> Option<(Thing<'_>, Span)> {
    let line_number = position.line as usize;
    let line = file.line(line_number);
    let column = byte_column(line, position.character);
    let here = |span: &Span| span.contains(line_number, column);
    for node in file
        .index
        .nodes
        .iter()
        .filter(|node| node.span.line == line_number)
    {
        match &node.entry {
            Entry::Assign { key, .. } | Entry::Del { key } if here(&node.span) => {
                return Some((Thing::Key(key), node.span));
            }
            Entry::Variants { name: Some(name) } if here(&node.span) => {
                return Some((Thing::Key(name), node.span));
            }
            Entry::Include { path } if here(&node.span) => {
                return Some((Thing::Include(path), node.span));
            }
            Entry::Item { labels } => {
                if let Some(label) = labels.iter().find(|label| here(&label.span)) {
                    return Some((Thing::Label(label), label.span));
                }
            }
            Entry::Filter { alternatives, .. } => {
                let mut labels = alternatives
                    .iter()
                    .flat_map(|alternative| &alternative.labels);
                if let Some(label) = labels.find(|label| here(&label.span)) {
                    return Some((Thing::Label(label), label.span));
                }
            }
            _ => {}
        }
    }
    substitutions(line).find_map(|(start, name)| {
        let span = Span {
            line: line_number,
            start,
            end: start + name.len(),
        };
        here(&span).then_some((Thing::Key(name), span))
    })
}

/// What `label` matches: every item with that name, of that variable if it says one.
fn declarations<'p>(project: &'p Project, label: &Label) -> Vec<(usize, &'p Label)> {
    project
        .nodes()
        .filter_map(|(file, node)| match &node.entry {
            Entry::Item { labels } => Some((file, labels)),
            _ => None,
        })
        .flat_map(|(file, labels)| labels.iter().map(move |declared| (file, declared)))
        .filter(|(_, declared)| {
            declared.name == label.name
                && (label.variable.is_none() || label.variable == declared.variable)
        })
        .collect()
}

/// Every statement that sets `key`, in the order of the files.
fn assignments<'p>(
    project: &'p Project,
    key: &str,
) -> impl Iterator<Item = (usize, &'p Node, &'p str, &'p str)> {
    project
        .nodes()
        .filter_map(move |(file, node)| match &node.entry {
            Entry::Assign {
                key: set,
                op,
                value,
            } if set == key => Some((file, node, op.as_str(), value.as_str())),
            _ => None,
        })
}

fn location(project: &Project, file: usize, span: Span) -> Option<Location> {
    let file = project.files.get(file)?;
    Some(Location::new(
        uri_of(&file.path)?,
        range(file.line(span.line), span),
    ))
}

/// Where the thing at `position` of the project's root comes from.
pub(super) fn definition(
    project: &Project,
    loader: &dyn Loader,
    position: Position,
) -> Vec<Location> {
    let Some(root) = project.files.first() else {
        return Vec::new();
    };
    match thing_at(root, position) {
        None => Vec::new(),
        Some((Thing::Include(path), _)) => project
            .included(&root.path, path, loader)
            .and_then(|file| uri_of(&project.files[file].path))
            .map(|uri| Location::new(uri, Range::default()))
            .into_iter()
            .collect(),
        Some((Thing::Label(label), _)) => declarations(project, label)
            .into_iter()
            .filter_map(|(file, declared)| location(project, file, declared.span))
            .collect(),
        Some((Thing::Key(key), _)) => assignments(project, key)
            .filter_map(|(file, node, _, _)| location(project, file, node.span))
            .collect(),
    }
}

/// What is known about the thing at `position` of the project's root.
pub(super) fn hover(project: &Project, loader: &dyn Loader, position: Position) -> Option<Hover> {
    let root = project.files.first()?;
    let (thing, span) = thing_at(root, position)?;
    let text = match thing {
        Thing::Key(key) => key_card(project, key),
        Thing::Label(label) => label_card(project, label),
        Thing::Include(path) => match project.included(&root.path, path, loader) {
            Some(file) => format!("`{}`", project.files[file].path),
            None => format!("`{path}` cannot be read"),
        },
    };
    Some(Hover {
        contents: HoverContents::Markup(MarkupContent {
            kind: MarkupKind::Markdown,
            value: text,
        }),
        range: Some(range(root.line(span.line), span)),
    })
}

/// The declaration of `key`, seen through the objects the project names.
pub(super) fn declaration(project: &Project, key: &str) -> Option<&'static Key> {
    let objects = crate::lint::objects(project);
    Validator::new(&[], objects).declaration(key)
}

/// The most places a card lists.
const MOST_PLACES: usize = 12;

fn key_card(project: &Project, key: &str) -> String {
    let mut card = format!("**`{key}`**");
    // Writing to a String cannot fail.
    match declaration(project, key) {
        Some(declared) => {
            let _ = write!(card, " — {}", declared.kind);
            if let Some(default) = declared.default {
                let _ = write!(card, ", default `{default}`");
            }
            let _ = write!(card, ", of the {}", declared.applies_to.singular());
            let _ = write!(card, "\n\n{}", declared.doc);
        }
        None => card.push_str(" is not a key of the framework"),
    }
    let places: Vec<_> = assignments(project, key).collect();
    if !places.is_empty() {
        card.push_str("\n\nSet in:\n");
    }
    for (file, node, op, value) in places.iter().take(MOST_PLACES) {
        let _ = write!(
            card,
            "\n- `{op} {value}` {}:{}",
            project.files[*file].path,
            node.span.line + 1
        );
        let holders = holders(&project.files[*file].index, node);
        if !holders.is_empty() {
            let _ = write!(card, " in {holders}");
        }
    }
    if places.len() > MOST_PLACES {
        let _ = write!(card, "\n- … and {} more", places.len() - MOST_PLACES);
    }
    card
}

/// The variants and conditions a statement stands in, outermost first.
fn holders(index: &FileIndex, node: &Node) -> String {
    let mut names = Vec::new();
    let mut next = node.parent;
    while let Some(holder) = next.and_then(|position| index.nodes.get(position)) {
        match &holder.entry {
            Entry::Item { labels } => {
                let labels: Vec<_> = labels.iter().map(|label| label.name.as_str()).collect();
                names.push(format!("`{}`", labels.join(".")));
            }
            Entry::Filter { .. } => names.push("a condition".to_owned()),
            _ => {}
        }
        next = holder.parent;
    }
    names.reverse();
    names.join(" › ")
}

fn label_card(project: &Project, label: &Label) -> String {
    let places = declarations(project, label);
    let mut card = match &label.variable {
        Some(variable) => format!("**`({variable}={})`**", label.name),
        None => format!("**`{}`**", label.name),
    };
    if places.is_empty() {
        card.push_str(" — no variant has this name");
        return card;
    }
    card.push_str(" — variant, declared in:\n");
    for (file, declared) in places.iter().take(MOST_PLACES) {
        let file = &project.files[*file];
        let _ = write!(card, "\n- {}:{}", file.path, declared.span.line + 1);
    }
    if places.len() > MOST_PLACES {
        let _ = write!(card, "\n- … and {} more", places.len() - MOST_PLACES);
    }
    card
}

/// What may be typed at `position` of the project's root.
pub(super) fn completion(project: &Project, position: Position) -> Vec<CompletionItem> {
    let Some(root) = project.files.first() else {
        return Vec::new();
    };
    let line = root.line(position.line as usize);
    let typed = up_to(line, byte_column(line, position.character));
    if let Some((_, name)) = typed.rsplit_once("${")
        && !name.contains('}')
    {
        return keys(project);
    }
    let trimmed = typed.trim_start();
    if trimmed.starts_with('#') || trimmed.starts_with("//") {
        return Vec::new();
    }
    match statement(&format!("{trimmed}.")) {
        Some(Statement::Filter { .. }) => labels(project),
        Some(Statement::Item { deps, .. }) if !deps.is_empty() => labels(project),
        Some(Statement::Assign { key, .. }) => values(project, key),
        Some(Statement::Item { .. } | Statement::Include(_) | Statement::Variants { .. }) => {
            Vec::new()
        }
        _ if trimmed.starts_with("- ") => Vec::new(),
        _ if trimmed.starts_with('!') || trimmed.contains(|c| !is_label_char(c)) => labels(project),
        _ => {
            let mut items = keywords();
            items.extend(keys(project));
            items.extend(labels(project));
            items
        }
    }
}

fn item(label: &str, kind: CompletionItemKind, detail: Option<String>) -> CompletionItem {
    CompletionItem {
        label: label.to_owned(),
        kind: Some(kind),
        detail,
        ..CompletionItem::default()
    }
}

fn keywords() -> Vec<CompletionItem> {
    KEYWORDS
        .iter()
        .map(|(word, what)| item(word, CompletionItemKind::KEYWORD, Some((*what).to_owned())))
        .collect()
}

fn keys(project: &Project) -> Vec<CompletionItem> {
    let mut found: BTreeMap<&str, Option<&Key>> = params::table::keys()
        .map(|key| (key.name, Some(key)))
        .collect();
    for (_, node) in project.nodes() {
        match &node.entry {
            Entry::Assign { key, op, .. } if !op.starts_with('?') => {
                found.entry(key).or_default();
            }
            Entry::Variants { name: Some(name) } => {
                found.entry(name).or_default();
            }
            _ => {}
        }
    }
    found
        .into_iter()
        .map(|(name, key)| {
            let detail = key.map(|key| key.kind.to_string());
            let mut item = item(name, CompletionItemKind::PROPERTY, detail);
            item.documentation = key.map(|key| {
                lsp_types::Documentation::MarkupContent(MarkupContent {
                    kind: MarkupKind::Markdown,
                    value: key.doc.to_owned(),
                })
            });
            item
        })
        .collect()
}

fn labels(project: &Project) -> Vec<CompletionItem> {
    let names: BTreeSet<&str> = project
        .nodes()
        .filter_map(|(_, node)| match &node.entry {
            Entry::Item { labels } => Some(labels),
            _ => None,
        })
        .flatten()
        .map(|label| label.name.as_str())
        .collect();
    names
        .into_iter()
        .map(|name| item(name, CompletionItemKind::ENUM_MEMBER, None))
        .collect()
}

/// The words `key` allows.
fn values(project: &Project, key: &str) -> Vec<CompletionItem> {
    let words: &[&str] = match declaration(project, key).map(|declared| declared.kind) {
        Some(Kind::Bool) => &["yes", "no"],
        Some(Kind::Enum(words) | Kind::Open(words) | Kind::Set(words)) => words,
        _ => &[],
    };
    words
        .iter()
        .map(|word| item(word, CompletionItemKind::VALUE, None))
        .collect()
}

/// The tree of variants, conditions and keys of a file.
pub(super) fn symbols(file: &SourceFile) -> Vec<DocumentSymbol> {
    let nodes = &file.index.nodes;
    let mut below: Vec<Vec<DocumentSymbol>> = nodes.iter().map(|_| Vec::new()).collect();
    let mut outermost = Vec::new();
    // A statement comes before those it holds, so from the end every tree is complete when met.
    for (position, node) in nodes.iter().enumerate().rev() {
        let mut children = std::mem::take(&mut below[position]);
        children.reverse();
        let Some(symbol) = symbol(file, node, children) else {
            continue;
        };
        match node.parent {
            Some(parent) => below[parent].push(symbol),
            None => outermost.push(symbol),
        }
    }
    outermost.reverse();
    outermost
}

fn symbol(file: &SourceFile, node: &Node, children: Vec<DocumentSymbol>) -> Option<DocumentSymbol> {
    let line = file.line(node.span.line);
    let text = line.get(node.span.start..node.span.end).unwrap_or_default();
    let (name, kind, detail) = match &node.entry {
        Entry::Variants { name: None } => ("variants".to_owned(), SymbolKind::ENUM, None),
        Entry::Variants { name: Some(name) } => {
            (format!("variants {name}"), SymbolKind::ENUM, None)
        }
        Entry::Item { .. } => (text.to_owned(), SymbolKind::ENUM_MEMBER, None),
        Entry::Filter { used_as, .. } => match used_as {
            crate::index::Use::Condition => (format!("{text}:"), SymbolKind::NAMESPACE, None),
            crate::index::Use::NegativeCondition => {
                (format!("!{text}:"), SymbolKind::NAMESPACE, None)
            }
            _ => return None,
        },
        Entry::Assign { key, op, value } => (
            key.clone(),
            SymbolKind::PROPERTY,
            Some(format!("{op} {value}")),
        ),
        Entry::Include { path } => (format!("include {path}"), SymbolKind::FILE, None),
        Entry::Del { .. } => return None,
    };
    if name.is_empty() {
        return None;
    }
    let selection_range = range(line, node.span);
    let last = file.line(node.last_line);
    let end = range(
        last,
        Span {
            line: node.last_line,
            start: last.len(),
            end: last.len(),
        },
    )
    .end;
    #[expect(
        deprecated,
        reason = "the field must be given until the crate drops it"
    )]
    Some(DocumentSymbol {
        name,
        detail,
        kind,
        tags: None,
        deprecated: None,
        range: Range::new(Position::new(node.span.line as u32, 0), end),
        selection_range,
        children: Some(children),
    })
}
