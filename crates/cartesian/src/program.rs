//! The parsed configuration: an arena of nodes that share their continuations.
//!
//! Every `variants` block multiplies what stands before it. So a node's children are what was declared *before* it
//! (or, in a block's group node, the block's variants), a path from the last node to the first is one variant, and
//! the node before a block is the common child of all the block's variants.

use crate::lexer::Operator;
use crate::strings::{StrId, Strings};
use rustc_hash::FxHashMap;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(crate) struct $name(pub u32);
        impl $name {
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// A key of the dictionaries.
    KeyId
    /// A node of the graph.
    NodeId
    /// A list of statements.
    BodyId
    /// A filter: OR of AND of blocks.
    FilterId
    /// Labels that must be adjacent.
    BlockId
    /// What one label of a filter asks for.
    AtomId
    /// A label of a variant's name.
    LabelId
    /// A value with `${…}` in it.
    TemplateId
    /// The key expression of a `?=`, `?+=` or `?<=`.
    PatternId
}

/// A line of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Loc {
    pub source: u32,
    pub line: u32,
}

/// Text that a statement assigns: plain, or to be substituted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    Plain(StrId),
    Template(TemplateId),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Item {
    Set(KeyId, Value),
    Append(KeyId, Value),
    Prepend(KeyId, Value),
    Default(KeyId, Value),
    Match(Operator, PatternId, Value),
    Del(KeyId),
    Suffix(StrId),
    Only(FilterId),
    No(FilterId),
    Join(FilterId),
    Cond {
        filter: FilterId,
        negated: bool,
        body: BodyId,
    },
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Statement {
    pub loc: Loc,
    pub item: Item,
}

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub body: BodyId,
    pub labels: Vec<LabelId>,
    /// The variable of the `variants NAME` block this is an item of.
    pub var: Option<StrId>,
    pub children: Vec<NodeId>,
    /// The dependencies: each the dotted text of one block of the filter.
    pub dep: Vec<StrId>,
    /// The first variant of its block marked as default.
    pub default: bool,
    pub in_shortname: bool,
    /// Base name of the file that declares it, for the name maps.
    pub file: StrId,
    pub loc: Loc,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Label {
    pub var: Option<StrId>,
    pub name: StrId,
    /// `name` or `(var=name)`.
    pub long: StrId,
}

/// `name` matches whatever the variable; `(var=name)` only that variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Atom {
    pub var: Option<StrId>,
    pub name: StrId,
}

#[derive(Debug, Clone)]
pub(crate) struct Filter {
    /// OR of AND.
    pub words: Vec<Vec<BlockId>>,
    pub loc: Loc,
    /// The filter as written.
    pub text: StrId,
}

/// How a key bounds another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    Max,
    Min,
    Fixed,
}

#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub text: Box<str>,
    pub bound: Option<(Bound, KeyId)>,
}

/// A reference in a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reference {
    Key(KeyId),
    Name,
    ShortName,
    Dep,
    NameMap,
    ShortNameMap,
}

/// `before ${reference}`, and the raw text from the `${` on for when there is no such key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    pub before: StrId,
    pub reference: Reference,
    pub rest: StrId,
}

#[derive(Debug, Clone)]
pub(crate) struct Template {
    pub text: StrId,
    pub parts: Vec<Part>,
    pub tail: StrId,
}

#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// The path, or the label of appended text.
    pub name: String,
    /// Where it was included from.
    pub included_from: Option<Loc>,
}

pub(crate) const RESERVED: [&str; 5] = [
    "name",
    "shortname",
    "dep",
    "_short_name_map_file",
    "_name_map_file",
];

#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub strings: Strings,
    pub sources: Vec<Source>,
    pub nodes: Vec<Node>,
    pub bodies: Vec<Vec<Statement>>,
    pub labels: Vec<Label>,
    pub atoms: Vec<Atom>,
    pub blocks: Vec<Vec<AtomId>>,
    pub filters: Vec<Filter>,
    pub keys: Vec<Key>,
    pub templates: Vec<Template>,
    pub patterns: Vec<StrId>,
    /// Where the longest paths begin.
    pub top: NodeId,
    key_ids: FxHashMap<StrId, KeyId>,
    label_ids: FxHashMap<(Option<StrId>, StrId), LabelId>,
    atom_ids: FxHashMap<Atom, AtomId>,
    block_ids: FxHashMap<Vec<AtomId>, BlockId>,
    pattern_ids: FxHashMap<StrId, PatternId>,
    template_ids: FxHashMap<StrId, TemplateId>,
}

impl Program {
    pub fn new() -> Self {
        let mut program = Self {
            strings: Strings::default(),
            sources: Vec::new(),
            nodes: Vec::new(),
            bodies: Vec::new(),
            labels: Vec::new(),
            atoms: Vec::new(),
            blocks: Vec::new(),
            filters: Vec::new(),
            keys: Vec::new(),
            templates: Vec::new(),
            patterns: Vec::new(),
            top: NodeId(0),
            key_ids: FxHashMap::default(),
            label_ids: FxHashMap::default(),
            atom_ids: FxHashMap::default(),
            block_ids: FxHashMap::default(),
            pattern_ids: FxHashMap::default(),
            template_ids: FxHashMap::default(),
        };
        let empty = program.strings.intern("");
        program.top = program.node(empty, Loc::default());
        program
    }

    pub fn text(&self, id: StrId) -> &str {
        self.strings.get(id)
    }

    pub fn key_text(&self, key: KeyId) -> &str {
        &self.keys[key.index()].text
    }

    pub fn find_key(&self, name: &str) -> Option<KeyId> {
        self.key_ids.get(&self.strings.find(name)?).copied()
    }

    /// `file:line` of a place.
    pub fn place(&self, loc: Loc) -> String {
        match self.sources.get(loc.source as usize) {
            Some(source) => format!("{}:{}", source.name, loc.line),
            None => format!("?:{}", loc.line),
        }
    }

    pub fn place_of(&self, loc: Loc) -> crate::Place {
        let source = self.sources.get(loc.source as usize);
        crate::Place {
            source: source.map_or_else(|| "?".to_owned(), |source| source.name.clone()),
            line: loc.line as usize,
        }
    }

    pub fn node(&mut self, file: StrId, loc: Loc) -> NodeId {
        let body = self.body();
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push(Node {
            body,
            labels: Vec::new(),
            var: None,
            children: Vec::new(),
            dep: Vec::new(),
            default: false,
            in_shortname: false,
            file,
            loc,
        });
        id
    }

    pub fn body(&mut self) -> BodyId {
        let id = BodyId(self.bodies.len() as u32);
        self.bodies.push(Vec::new());
        id
    }

    pub fn key(&mut self, name: &str) -> KeyId {
        let name_id = self.strings.intern(name);
        if let Some(&id) = self.key_ids.get(&name_id) {
            return id;
        }
        let id = KeyId(self.keys.len() as u32);
        self.key_ids.insert(name_id, id);
        self.keys.push(Key {
            text: name.into(),
            bound: None,
        });
        let bound = [
            ("_max", Bound::Max),
            ("_min", Bound::Min),
            ("_fixed", Bound::Fixed),
        ]
        .into_iter()
        .find(|(suffix, _)| name.ends_with(suffix));
        if let Some((suffix, bound)) = bound {
            // The bounded key ends at the first occurrence of the suffix, not at the last.
            let target = name.find(suffix).map_or(name, |at| &name[..at]);
            if !RESERVED.contains(&target) {
                let target = self.key(target);
                self.keys[id.index()].bound = Some((bound, target));
            }
        }
        id
    }

    pub fn label(&mut self, var: Option<StrId>, name: &str) -> LabelId {
        let name_id = self.strings.intern(name);
        if let Some(&id) = self.label_ids.get(&(var, name_id)) {
            return id;
        }
        let long = match var {
            None => name_id,
            Some(var) => {
                let long = format!("({}={name})", self.text(var));
                self.strings.intern(&long)
            }
        };
        let id = LabelId(self.labels.len() as u32);
        self.labels.push(Label {
            var,
            name: name_id,
            long,
        });
        self.label_ids.insert((var, name_id), id);
        id
    }

    pub fn atom(&mut self, var: Option<&str>, name: &str) -> AtomId {
        let var = var.map(|var| self.strings.intern(var));
        let name = self.strings.intern(name);
        let atom = Atom { var, name };
        *self.atom_ids.entry(atom).or_insert_with(|| {
            self.atoms.push(atom);
            AtomId(self.atoms.len() as u32 - 1)
        })
    }

    /// The atoms that a label satisfies.
    pub fn atoms_of(&self, label: LabelId) -> impl Iterator<Item = AtomId> + '_ {
        let Label { var, name, .. } = self.labels[label.index()];
        let plain = Atom { var: None, name };
        let named = var.map(|_| Atom { var, name });
        [Some(plain), named]
            .into_iter()
            .flatten()
            .filter_map(|atom| self.atom_ids.get(&atom).copied())
    }

    pub fn block(&mut self, atoms: Vec<AtomId>) -> BlockId {
        if let Some(&id) = self.block_ids.get(&atoms) {
            return id;
        }
        let id = BlockId(self.blocks.len() as u32);
        self.blocks.push(atoms.clone());
        self.block_ids.insert(atoms, id);
        id
    }

    pub fn pattern(&mut self, text: &str) -> PatternId {
        let text = self.strings.intern(text);
        *self.pattern_ids.entry(text).or_insert_with(|| {
            self.patterns.push(text);
            PatternId(self.patterns.len() as u32 - 1)
        })
    }

    pub fn value(&mut self, text: &str) -> Value {
        let id = self.strings.intern(text);
        if memchr::memchr(b'$', text.as_bytes()).is_none() {
            return Value::Plain(id);
        }
        if let Some(&template) = self.template_ids.get(&id) {
            return Value::Template(template);
        }
        let mut parts = Vec::new();
        let mut from = 0;
        while let Some((start, name, end)) = next_reference(text, from) {
            let reference = match name {
                "name" => Reference::Name,
                "shortname" => Reference::ShortName,
                "dep" => Reference::Dep,
                "_name_map_file" => Reference::NameMap,
                "_short_name_map_file" => Reference::ShortNameMap,
                key => Reference::Key(self.key(key)),
            };
            parts.push(Part {
                before: self.strings.intern(&text[from..start]),
                reference,
                rest: self.strings.intern(&text[start..]),
            });
            from = end;
        }
        if parts.is_empty() {
            return Value::Plain(id);
        }
        let tail = self.strings.intern(&text[from..]);
        let template = TemplateId(self.templates.len() as u32);
        self.templates.push(Template {
            text: id,
            parts,
            tail,
        });
        self.template_ids.insert(id, template);
        Value::Template(template)
    }

    /// A value as written (after unquoting).
    pub fn value_text(&self, value: Value) -> &str {
        match value {
            Value::Plain(id) => self.text(id),
            Value::Template(id) => self.text(self.templates[id.index()].text),
        }
    }
}

/// The next `${…}` at or after `from`: where it starts, what is named (at least one character), where it ends.
fn next_reference(text: &str, from: usize) -> Option<(usize, &str, usize)> {
    let start = from + text[from..].find("${")?;
    let name_start = start + 2;
    let first = text[name_start..].chars().next()?;
    let search = name_start + first.len_utf8();
    let end = search + text[search..].find('}')?;
    Some((start, &text[name_start..end], end + 1))
}
