//! Variants and the iterators over them.

use crate::error::EvalError;
use crate::eval::Engine;
use crate::json::{self, JsonWriter};
use crate::names;
use crate::pool::Pool;
use crate::program::{KeyId, NodeId};
use crate::strings::StrId;
use crate::walk::{Compiled, Step, Walker};
use std::sync::Arc;

/// Where a variant comes from in the graph.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    Path(Box<[NodeId]>),
    Product(Box<[Origin]>),
}

impl Origin {
    fn of(walker: &Walker) -> Self {
        match walker.current_join() {
            None => Self::Path(walker.path.iter().map(|step| step.node).collect()),
            Some(join) => Self::Product(join.factors().map(Self::of).collect()),
        }
    }
}

/// One variant: its names and its dictionary.
///
/// It stands for itself: it does not borrow from the iterator and can be sent to other threads.
#[derive(Debug, Clone)]
pub struct Variant {
    pub(crate) compiled: Arc<Compiled>,
    pub(crate) origin: Origin,
    name: String,
    shortname: String,
    dep: Vec<String>,
    naming_path: Box<[Step]>,
    /// Key and value numbers in order; beyond the program's they mean `made_keys` and `computed`.
    entries: Box<[(u32, u32)]>,
    made_keys: Box<[Arc<str>]>,
    computed: Box<[Arc<str>]>,
}

impl Variant {
    pub(crate) fn new(walker: &Walker, engine: &Engine) -> Self {
        let compiled = walker.compiled.clone();
        let (program_keys, program_strings) = (
            compiled.program.keys.len() as u32,
            compiled.program.strings.len() as u32,
        );
        let mut made_keys: Vec<Arc<str>> = Vec::new();
        let mut computed: Vec<Arc<str>> = Vec::new();
        let entries = engine.entries.iter().map(|&(key, value)| {
            let key = if key.0 < program_keys {
                key.0
            } else {
                made_keys.push(engine.pool.key_text(key).into());
                program_keys + made_keys.len() as u32 - 1
            };
            let value = match Pool::program_string(value) {
                Some(id) => id.0,
                None => {
                    computed.extend(engine.pool.computed(value).cloned());
                    program_strings + computed.len() as u32 - 1
                }
            };
            (key, value)
        });
        let entries = entries.collect();
        let named = names::naming_walker(walker);
        let (name, shortname) = walker.names();
        Self {
            origin: Origin::of(walker),
            name: name.to_owned(),
            shortname: shortname.to_owned(),
            dep: names::dependencies(&compiled.program, &named.path, &named.name),
            naming_path: named.path.as_slice().into(),
            entries,
            made_keys: made_keys.into(),
            computed: computed.into(),
            compiled,
        }
    }

    /// All labels, outermost first, `(variable=name)` where the variable has a name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The labels without variables and without those of default variants.
    pub fn shortname(&self) -> &str {
        &self.shortname
    }

    /// The variants this one depends on.
    pub fn dep(&self) -> &[String] {
        &self.dep
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no key is set.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn key_text(&self, key: u32) -> &str {
        let program = &self.compiled.program;
        match (key as usize).checked_sub(program.keys.len()) {
            None => program.key_text(KeyId(key)),
            Some(i) => &self.made_keys[i],
        }
    }

    fn value_text(&self, value: u32) -> &str {
        let strings = &self.compiled.program.strings;
        match (value as usize).checked_sub(strings.len()) {
            None => strings.get(StrId(value)),
            Some(i) => &self.computed[i],
        }
    }

    /// Keys and values, in the order in which the keys were first set.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.entries
            .iter()
            .map(|&(key, value)| (self.key_text(key), self.value_text(value)))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        match self.compiled.program.find_key(key) {
            Some(KeyId(id)) => self
                .entries
                .iter()
                .find(|&&(key, _)| key == id)
                .map(|&(_, value)| self.value_text(value)),
            None => self
                .iter()
                .find(|&(name, _)| name == key)
                .map(|(_, value)| value),
        }
    }

    /// Appends the variant as a JSON object; see [`Current::write_json`].
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let mut maps = (self.name_map(), self.short_name_map());
        maps.0.sort_unstable();
        maps.1.sort_unstable();
        let special = json::Special {
            name: &self.name,
            shortname: &self.shortname,
            dep: &self.dep,
            maps: (!maps.0.is_empty()).then_some(&maps),
        };
        json::write_object(out, self.iter(), &special);
    }

    /// For each file (its base name, `<string>` for text without a file) that declares labels of this variant, those
    /// labels as in [`Self::name`]. In the order in which the files add theirs. The reserved key `_name_map_file`.
    pub fn name_map(&self) -> Vec<(String, String)> {
        self.map(false)
    }

    /// As [`Self::name_map`], with the labels' names alone. The reserved key `_short_name_map_file`.
    pub fn short_name_map(&self) -> Vec<(String, String)> {
        self.map(true)
    }

    fn map(&self, short: bool) -> Vec<(String, String)> {
        let program = &self.compiled.program;
        let map = names::name_map(program, &self.naming_path, short);
        map.into_iter()
            .map(|(file, name)| (program.text(file).to_owned(), name))
            .collect()
    }
}

/// The names of a variant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VariantName {
    /// See [`Variant::name`].
    pub name: String,
    /// See [`Variant::shortname`].
    pub shortname: String,
}

/// Iterates over all variants, each made when it is asked for.
///
/// After an error there are no more. For the least work per variant use [`Variants::advance`] with
/// [`Variants::current`], which borrow instead of copying.
#[derive(Debug)]
pub struct Variants {
    walker: Walker,
    engine: Engine,
    json: Option<JsonWriter>,
    done: bool,
}

impl Variants {
    pub(crate) fn new(walker: Walker) -> Self {
        Self {
            engine: Engine::new(walker.compiled.clone()),
            walker,
            json: None,
            done: false,
        }
    }

    /// Makes the next variant the current one; false when there is none.
    ///
    /// # Errors
    ///
    /// The variant's dictionary cannot be made; there are no more variants after it.
    pub fn advance(&mut self) -> Result<bool, EvalError> {
        if self.done {
            return Ok(false);
        }
        self.done = true;
        if !self.walker.advance()? {
            return Ok(false);
        }
        self.engine.run(&self.walker, None)?;
        self.done = false;
        Ok(true)
    }

    /// Lets every suffix (`suffix NAME`) stay part of its key, even where it makes no difference.
    pub fn keep_suffixes(&mut self) {
        self.engine.keep_suffixes = true;
    }

    /// The variant that [`Self::advance`] has last gone to.
    pub fn current(&mut self) -> Current<'_> {
        Current { variants: self }
    }
}

impl Iterator for Variants {
    type Item = Result<Variant, EvalError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.advance() {
            Ok(true) => Some(Ok(Variant::new(&self.walker, &self.engine))),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

/// The current variant of [`Variants`], borrowed.
#[derive(Debug)]
pub struct Current<'v> {
    variants: &'v mut Variants,
}

impl Current<'_> {
    /// See [`Variant::name`].
    pub fn name(&self) -> &str {
        self.variants.walker.names().0
    }

    /// See [`Variant::shortname`].
    pub fn shortname(&self) -> &str {
        self.variants.walker.names().1
    }

    /// Keys and values, in the order in which the keys were first set.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        let pool = &self.variants.engine.pool;
        self.variants
            .engine
            .entries
            .iter()
            .map(|&(key, value)| (pool.key_text(key), pool.text(value)))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter()
            .find(|&(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// Appends the variant as a JSON object on one line, keys sorted, without a line end: all keys, and `name`,
    /// `shortname`, `dep` (a list), `_name_map_file` and `_short_name_map_file` (objects).
    pub fn write_json(&mut self, out: &mut Vec<u8>) {
        let Variants {
            walker,
            engine,
            json,
            ..
        } = &mut *self.variants;
        json.get_or_insert_with(|| JsonWriter::new(&engine.pool))
            .write(walker, engine, out);
    }

    /// The variant on its own.
    pub fn to_variant(&self) -> Variant {
        Variant::new(&self.variants.walker, &self.variants.engine)
    }
}

/// Iterates over the names of all variants; no dictionaries are made.
#[derive(Debug)]
pub struct Names {
    walker: Walker,
    done: bool,
}

impl Names {
    pub(crate) fn new(walker: Walker) -> Self {
        Self {
            walker,
            done: false,
        }
    }

    /// Makes the next variant the current one; false when there is none.
    ///
    /// # Errors
    ///
    /// A joined variant cannot be named; there are no more variants after it.
    pub fn advance(&mut self) -> Result<bool, EvalError> {
        if self.done {
            return Ok(false);
        }
        self.done = true;
        let found = self.walker.advance()?;
        self.done = !found;
        Ok(found)
    }

    /// The current variant's name.
    pub fn name(&self) -> &str {
        self.walker.names().0
    }

    /// The current variant's short name.
    pub fn shortname(&self) -> &str {
        self.walker.names().1
    }

    /// For each file that declares labels of the current variant, those labels; see [`Variant::short_name_map`].
    pub fn short_name_map(&self) -> Vec<(String, String)> {
        let named = names::naming_walker(&self.walker);
        let program = &self.walker.compiled.program;
        let map = names::name_map(program, &named.path, true);
        let mut map: Vec<_> = map
            .into_iter()
            .map(|(file, name)| (program.text(file).to_owned(), name))
            .collect();
        map.sort_unstable();
        map
    }
}

impl Iterator for Names {
    type Item = Result<VariantName, EvalError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.advance() {
            Ok(true) => Some(Ok(VariantName {
                name: self.name().to_owned(),
                shortname: self.shortname().to_owned(),
            })),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}
