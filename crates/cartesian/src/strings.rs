//! Interned text: equal strings have one id, so they compare and hash as a number.

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use std::hash::BuildHasher;

/// An interned string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct StrId(pub u32);

/// All the text of a configuration, each distinct string once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Strings {
    texts: Vec<Box<str>>,
    table: HashTable<u32>,
}

fn hash(text: &str) -> u64 {
    FxBuildHasher.hash_one(text)
}

impl Strings {
    pub fn intern(&mut self, text: &str) -> StrId {
        let Self { texts, table } = self;
        let key = hash(text);
        if let Some(&id) = table.find(key, |&id| &*texts[id as usize] == text) {
            return StrId(id);
        }
        let id = texts.len() as u32;
        table.insert_unique(key, id, |&id| hash(&texts[id as usize]));
        texts.push(text.into());
        StrId(id)
    }

    pub fn get(&self, id: StrId) -> &str {
        &self.texts[id.0 as usize]
    }

    pub fn find(&self, text: &str) -> Option<StrId> {
        self.table
            .find(hash(text), |&id| &*self.texts[id as usize] == text)
            .map(|&id| StrId(id))
    }

    pub fn len(&self) -> usize {
        self.texts.len()
    }
}
