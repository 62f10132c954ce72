//! What becomes of keys that `suffix` has been applied to.

use crate::eval::Entries;
use crate::pool::{Pool, ValueId};
use crate::program::KeyId;
use rustc_hash::FxHashMap;

/// Resolves suffixed keys: the suffix is dropped where it makes no difference, else it becomes part of the key.
///
/// With `keep`, every suffix becomes part of its key. Otherwise
/// a suffixed key goes away if the key itself is there with the same value; it loses its suffixes if all keys made of
/// the same one have the same value; else its name is the key and its suffixes, the last one first.
pub(crate) fn resolve(pool: &mut Pool, entries: &Entries, keep: bool) -> Entries {
    let plain: FxHashMap<KeyId, ValueId> = entries.iter().copied().collect();
    let mut all_equal: FxHashMap<KeyId, (ValueId, bool)> = FxHashMap::default();
    for &(key, value) in entries {
        let (base, _) = pool.key_parts(key);
        let (first, equal) = all_equal.entry(base).or_insert((value, true));
        *equal &= same(pool, *first, value);
    }
    let mut out = Ordered::new(entries);
    for &(key, value) in entries {
        let (base, suffixes) = pool.key_parts(key);
        if suffixes.is_empty() {
            continue;
        }
        if !keep && plain.get(&base).is_some_and(|&v| same(pool, v, value)) {
            out.remove(key);
            continue;
        }
        let new = if !keep && all_equal.get(&base).is_some_and(|&(_, equal)| equal) {
            base
        } else {
            let mut name = pool.key_text(base).to_owned();
            for &suffix in suffixes.iter().rev() {
                name.push_str(pool.program().text(suffix));
            }
            pool.plain_key(&name)
        };
        if let Some(value) = out.remove(key) {
            out.set(new, value);
        }
    }
    out.entries()
}

fn same(pool: &Pool, a: ValueId, b: ValueId) -> bool {
    a == b || pool.text(a) == pool.text(b)
}

/// A dictionary that keeps the order in which keys came.
struct Ordered {
    slots: Vec<Option<(KeyId, ValueId)>>,
    places: FxHashMap<KeyId, usize>,
}

impl Ordered {
    fn new(entries: &Entries) -> Self {
        Self {
            slots: entries.iter().copied().map(Some).collect(),
            places: entries
                .iter()
                .enumerate()
                .map(|(i, &(key, _))| (key, i))
                .collect(),
        }
    }

    fn remove(&mut self, key: KeyId) -> Option<ValueId> {
        let place = self.places.remove(&key)?;
        self.slots[place].take().map(|(_, value)| value)
    }

    fn set(&mut self, key: KeyId, value: ValueId) {
        match self.places.get(&key) {
            Some(&place) => self.slots[place] = Some((key, value)),
            None => {
                self.places.insert(key, self.slots.len());
                self.slots.push(Some((key, value)));
            }
        }
    }

    fn entries(self) -> Entries {
        self.slots.into_iter().flatten().collect()
    }
}
