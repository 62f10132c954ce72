//! The table of all keys the framework reads, by section.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::key::Key;

mod devices;
mod exec;
mod guest;
mod hotplug;
mod machine;
mod migration;
mod network;
mod selection;
mod storage;
mod test;

/// Keys that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// Its heading in the reference.
    pub title: &'static str,
    /// What its keys are about, in Markdown.
    pub doc: &'static str,
    /// Its keys, in the order of the reference.
    pub keys: &'static [Key],
}

/// Every section, in the order of the reference.
pub const SECTIONS: &[Section] = &[
    selection::SECTION,
    test::SECTION,
    exec::SECTION,
    machine::SECTION,
    machine::CPU,
    machine::MEMORY,
    machine::BOOT,
    storage::SECTION,
    storage::CDROMS,
    network::SECTION,
    devices::SECTION,
    devices::MONITORS,
    migration::SECTION,
    hotplug::SECTION,
    guest::SECTION,
    guest::FILES,
    guest::POWER,
    guest::TROUBLE,
];

/// Every key, in the order of the reference.
pub fn keys() -> impl Iterator<Item = &'static Key> + Clone {
    SECTIONS.iter().flat_map(|section| section.keys)
}

/// The declaration of exactly this key; an object's suffix is not looked through.
pub fn lookup(name: &str) -> Option<&'static Key> {
    static BY_NAME: LazyLock<HashMap<&'static str, &'static Key>> =
        LazyLock::new(|| keys().map(|key| (key.name, key)).collect());
    BY_NAME.get(name).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::value::check;

    #[test]
    fn every_key_is_declared_once() {
        let mut seen = HashSet::new();
        for key in keys() {
            assert!(seen.insert(key.name), "{} is declared twice", key.name);
        }
    }

    #[test]
    fn every_default_is_a_value_its_key_allows() {
        for key in keys() {
            if let Some(default) = key.default {
                assert_eq!(check(default, key), Ok(()), "{}", key.name);
            }
        }
    }

    #[test]
    fn every_key_says_what_it_does_in_a_sentence() {
        for key in keys() {
            assert!(key.doc.ends_with('.'), "{}: {:?}", key.name, key.doc);
        }
    }

    #[test]
    fn no_other_name_is_itself_a_key() {
        for key in keys() {
            for also in key.also {
                assert!(lookup(also).is_none(), "{also}, other name of {}", key.name);
            }
        }
    }
}
