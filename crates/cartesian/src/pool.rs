//! Values and keys by number: those of the program, and those made while running.

use crate::program::{KeyId, Program};
use crate::strings::StrId;
use crate::walk::Compiled;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// A value: a string of the program, or a computed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ValueId(u32);

const COMPUTED: u32 = 1 << 31;
impl ValueId {
    /// No value.
    pub const ABSENT: Self = Self(u32::MAX);
}
/// Computed values are forgotten between variants when they hold this many bytes.
const COMPUTED_BYTES: usize = 2 << 20;

impl From<StrId> for ValueId {
    fn from(id: StrId) -> Self {
        Self(id.0)
    }
}

/// A key made while running, beyond those of the program.
#[derive(Debug)]
enum MadeKey {
    /// A key that a `suffix` has been applied to.
    Suffixed {
        base: KeyId,
        suffixes: Vec<StrId>,
        /// Key and suffixes in the order they came, which patterns see.
        joined: Arc<str>,
    },
    /// A key without structure.
    Plain(Arc<str>),
}

/// Text and computed text, by number.
#[derive(Debug)]
pub(crate) struct Pool {
    pub compiled: Arc<Compiled>,
    computed: Vec<Arc<str>>,
    computed_bytes: usize,
    /// How often computed values have been forgotten.
    pub generation: u64,
    made_keys: Vec<MadeKey>,
    suffixed_ids: FxHashMap<(KeyId, StrId), KeyId>,
    plain_ids: FxHashMap<Arc<str>, KeyId>,
}

impl Pool {
    pub fn new(compiled: Arc<Compiled>) -> Self {
        Self {
            compiled,
            computed: Vec::new(),
            computed_bytes: 0,
            generation: 0,
            made_keys: Vec::new(),
            suffixed_ids: FxHashMap::default(),
            plain_ids: FxHashMap::default(),
        }
    }

    /// Forgets computed values if they have become too many; tells whether it has.
    pub fn forget(&mut self) -> bool {
        let forget = self.computed_bytes > COMPUTED_BYTES;
        if forget {
            self.computed.clear();
            self.computed_bytes = 0;
            self.generation += 1;
        }
        forget
    }

    /// Whether all keys are the program's.
    pub fn has_only_program_keys(&self) -> bool {
        self.made_keys.is_empty()
    }

    pub fn program(&self) -> &Program {
        &self.compiled.program
    }

    pub fn text(&self, value: ValueId) -> &str {
        if value.0 & COMPUTED == 0 {
            self.program().text(StrId(value.0))
        } else {
            &self.computed[(value.0 & !COMPUTED) as usize]
        }
    }

    /// The text itself, if the value is computed.
    pub fn computed(&self, value: ValueId) -> Option<&Arc<str>> {
        (value.0 & COMPUTED != 0).then(|| &self.computed[(value.0 & !COMPUTED) as usize])
    }

    /// The string of the program, if the value is one.
    pub fn program_string(value: ValueId) -> Option<StrId> {
        (value.0 & COMPUTED == 0).then_some(StrId(value.0))
    }

    pub fn add(&mut self, text: &str) -> ValueId {
        self.computed_bytes += text.len() + 32;
        self.computed.push(text.into());
        ValueId(COMPUTED | (self.computed.len() as u32 - 1))
    }

    fn made_key(&self, key: KeyId) -> Option<&MadeKey> {
        key.index()
            .checked_sub(self.program().keys.len())
            .map(|i| &self.made_keys[i])
    }

    fn next_key(&self) -> KeyId {
        KeyId((self.program().keys.len() + self.made_keys.len()) as u32)
    }

    /// The key as patterns see it.
    pub fn key_text(&self, key: KeyId) -> &str {
        match self.made_key(key) {
            None => self.program().key_text(key),
            Some(MadeKey::Suffixed { joined, .. }) => joined,
            Some(MadeKey::Plain(text)) => text,
        }
    }

    /// The key without suffixes, and the suffixes.
    pub fn key_parts(&self, key: KeyId) -> (KeyId, &[StrId]) {
        match self.made_key(key) {
            Some(MadeKey::Suffixed { base, suffixes, .. }) => (*base, suffixes),
            _ => (key, &[]),
        }
    }

    pub fn with_suffix(&mut self, key: KeyId, suffix: StrId) -> KeyId {
        if let Some(&id) = self.suffixed_ids.get(&(key, suffix)) {
            return id;
        }
        let (base, suffixes) = self.key_parts(key);
        let mut suffixes = suffixes.to_vec();
        suffixes.push(suffix);
        let joined = format!("{}{}", self.key_text(key), self.program().text(suffix));
        let id = self.next_key();
        self.made_keys.push(MadeKey::Suffixed {
            base,
            suffixes,
            joined: joined.into(),
        });
        self.suffixed_ids.insert((key, suffix), id);
        id
    }

    /// The key of a text, made if the program has none of that name.
    pub fn plain_key(&mut self, text: &str) -> KeyId {
        if let Some(key) = self.program().find_key(text) {
            return key;
        }
        if let Some(&id) = self.plain_ids.get(text) {
            return id;
        }
        let id = self.next_key();
        let text: Arc<str> = text.into();
        self.made_keys.push(MadeKey::Plain(text.clone()));
        self.plain_ids.insert(text, id);
        id
    }
}
