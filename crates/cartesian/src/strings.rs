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
    pool: String,
    spans: Vec<(u32, u32)>,
    table: HashTable<u32>,
}

fn hash(text: &str) -> u64 {
    FxBuildHasher.hash_one(text)
}

impl Strings {
    pub fn intern(&mut self, text: &str) -> StrId {
        let Self { pool, spans, table } = self;
        let at = |id: u32| {
            let (start, len) = spans[id as usize];
            &pool[start as usize..(start + len) as usize]
        };
        let key = hash(text);
        if let Some(&id) = table.find(key, |&id| at(id) == text) {
            return StrId(id);
        }
        let id = spans.len() as u32;
        table.insert_unique(key, id, |&id| hash(at(id)));
        spans.push((pool.len() as u32, text.len() as u32));
        pool.push_str(text);
        StrId(id)
    }

    pub fn get(&self, id: StrId) -> &str {
        let (start, len) = self.spans[id.0 as usize];
        &self.pool[start as usize..(start + len) as usize]
    }

    pub fn find(&self, text: &str) -> Option<StrId> {
        self.table
            .find(hash(text), |&id| self.get(StrId(id)) == text)
            .map(|&id| StrId(id))
    }

    pub fn len(&self) -> usize {
        self.spans.len()
    }
}
