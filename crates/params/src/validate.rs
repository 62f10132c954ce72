//! A dictionary compared with what its keys are declared to be.

use std::collections::BTreeSet;
use std::fmt;

use crate::dict::{Params, objects_in};
use crate::key::{Key, Kind};
use crate::table;
use crate::value;

/// What is wrong with one key. The caller, who knows where the key was set, adds the position.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The key as it stands in the configuration.
    pub key: String,
    /// Its value.
    pub value: String,
    /// What is wrong with it.
    pub reason: Reason,
}

/// The two ways a key can be wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Nothing declares it.
    UnknownKey {
        /// The declared key that was probably meant.
        did_you_mean: Option<String>,
    },
    /// The value is not what the declaration wants.
    WrongValue {
        /// What the value should have been; reads well after "expected".
        expected: String,
    },
}

impl Problem {
    /// What could be done about it.
    pub fn hint(&self) -> Option<String> {
        match &self.reason {
            Reason::UnknownKey { did_you_mean } => did_you_mean
                .as_ref()
                .map(|close| format!("did you mean `{close}`?")),
            Reason::WrongValue { .. } => None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::UnknownKey { .. } => write!(f, "unknown key `{}`", self.key),
            Reason::WrongValue { expected } => {
                write!(f, "`{} = {}`: expected {expected}", self.key, self.value)
            }
        }
    }
}

/// Every problem of `params`, ordered by key. Declarations of [`Params::declarations`] count.
pub fn validate(params: &Params) -> Vec<Problem> {
    let validator = Validator::new(params.declarations(), objects_of(params));
    params
        .iter()
        .filter_map(|(key, value)| validator.problem(key, value))
        .collect()
}

/// Keys the language itself makes, which are not for a table: names, dependencies and internals.
fn is_exempt(key: &str) -> bool {
    key.starts_with('_') || matches!(key, "name" | "shortname" | "dep")
}

/// All names that `params` gives to objects, defaults included.
fn objects_of(params: &Params) -> BTreeSet<String> {
    let mut objects = BTreeSet::new();
    let lists: Vec<&Key> = table::keys()
        .chain(params.declarations())
        .filter(|key| matches!(key.kind, Kind::Objects(_)))
        .collect();
    for list in &lists {
        objects.extend(
            objects_in(list.default.unwrap_or_default())
                .into_iter()
                .map(str::to_owned),
        );
    }
    for (key, value) in params.iter() {
        // `nics_vm1` names objects just as `nics` does.
        let names_objects = lists.iter().any(|list| {
            key.strip_prefix(list.name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        });
        if names_objects {
            objects.extend(objects_in(value).into_iter().map(str::to_owned));
        }
    }
    objects
}

/// Compares keys and values with the declarations, for a known set of object names.
///
/// [`validate`] is the short way for one dictionary; this is for those who collect the names of
/// objects from a whole configuration.
#[derive(Debug, Clone)]
pub struct Validator {
    own: &'static [Key],
    objects: BTreeSet<String>,
}

impl Validator {
    /// A validator for keys of the framework and of `own`, either possibly ending in `_` and one
    /// of `objects`.
    pub fn new(own: &'static [Key], objects: BTreeSet<String>) -> Self {
        Self { own, objects }
    }

    /// The declaration of `key`, whatever objects it ends in.
    pub fn declaration(&self, key: &str) -> Option<&'static Key> {
        if let Some(declared) = self.exact(key) {
            return Some(declared);
        }
        self.without_object(key)
            .find_map(|general| self.declaration(general))
    }

    fn exact(&self, key: &str) -> Option<&'static Key> {
        self.own
            .iter()
            .find(|declared| declared.name == key)
            .or_else(|| table::lookup(key))
    }

    /// `key` without the object at its end, longest object first.
    fn without_object<'k>(&self, key: &'k str) -> impl Iterator<Item = &'k str> {
        key.match_indices('_')
            .filter(|&(at, _)| at > 0 && self.objects.contains(&key[at + 1..]))
            .map(|(at, _)| &key[..at])
    }

    /// What is wrong with `key = value`, if anything is.
    pub fn problem(&self, key: &str, value: &str) -> Option<Problem> {
        if is_exempt(key) {
            return None;
        }
        // The language's own `KEY_min`, `KEY_max` and `KEY_fixed` bound a key.
        let bounded = ["_min", "_max", "_fixed"]
            .iter()
            .find_map(|suffix| key.strip_suffix(suffix));
        let declared = self
            .declaration(key)
            .or_else(|| bounded.and_then(|key| self.declaration(key)));
        let reason = match declared {
            Some(declared) => Reason::WrongValue {
                expected: value::check(value, declared).err()?,
            },
            None => Reason::UnknownKey {
                did_you_mean: self.suggest(key),
            },
        };
        Some(Problem {
            key: key.to_owned(),
            value: value.to_owned(),
            reason,
        })
    }

    /// The declared key that `key` probably meant, with the object it ended in.
    pub fn suggest(&self, key: &str) -> Option<String> {
        let own = self.own;
        suggest_among(key, || table::keys().chain(own)).or_else(|| {
            self.without_object(key).find_map(|general| {
                let close = suggest_among(general, || table::keys().chain(own))?;
                Some(format!("{close}{}", &key[general.len()..]))
            })
        })
    }
}

/// The key of the framework that `key` probably meant.
pub fn suggest(key: &str) -> Option<String> {
    suggest_among(key, table::keys)
}

fn suggest_among<'k, I: Iterator<Item = &'k Key>>(
    key: &str,
    keys: impl Fn() -> I,
) -> Option<String> {
    keys()
        .find(|declared| declared.also.contains(&key))
        .map(|declared| declared.name)
        .or_else(|| closest(key, keys().map(|declared| declared.name)))
        .map(str::to_owned)
}

/// The word nearest to `text`, if it is near enough to be a slip of the fingers: one change in a
/// short word, two in a long one. Of words equally near, the first.
pub fn closest<'w>(text: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let length = text.chars().count();
    let mut best: Option<(usize, &str)> = None;
    for word in words {
        let other = word.chars().count();
        let near = match length.min(other) {
            0..=2 => 0,
            3..=6 => 1,
            _ => 2,
        };
        if length.abs_diff(other) > near || word == text || letters_beyond(text, word) > near {
            continue;
        }
        let distance = strsim::osa_distance(text, word);
        if distance <= near && best.is_none_or(|(best, _)| distance < best) {
            best = Some((distance, word));
        }
    }
    best.map(|(_, word)| word)
}

/// How many letters of `text` have no partner in `word`, give or take letters that share a bucket:
/// never more than the distance of the two, and much cheaper.
fn letters_beyond(text: &str, word: &str) -> usize {
    let mut counts = [0_i16; 32];
    for byte in text.bytes() {
        counts[usize::from(byte & 31)] += 1;
    }
    for byte in word.bytes() {
        counts[usize::from(byte & 31)] -= 1;
    }
    let beyond: i16 = counts.iter().filter(|&&count| count > 0).sum();
    // A letter outside ASCII may count as several.
    if text.is_ascii() && word.is_ascii() {
        usize::from(beyond.unsigned_abs())
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Where;

    fn messages(pairs: &[(&str, &str)]) -> Vec<String> {
        validate(&pairs.iter().copied().collect())
            .iter()
            .map(|problem| match problem.hint() {
                Some(hint) => format!("{problem}; {hint}"),
                None => problem.to_string(),
            })
            .collect()
    }

    #[test]
    fn a_sound_dictionary_has_no_problems() {
        assert_eq!(
            messages(&[
                ("name", "boot"),
                ("shortname", "boot"),
                ("_name_map_file", "x"),
                ("vms", "vm1 vm2"),
                ("mem_vm2", "1G"),
                ("images", "stg"),
                ("image_size_stg", "4G"),
                ("image_size_stg_vm2", "5G"),
                ("smp", "2"),
                ("vm_accelerator", "tcg"),
            ]),
            [""; 0]
        );
    }

    #[test]
    fn a_mistyped_key_is_named_with_the_one_that_was_meant() {
        assert_eq!(
            messages(&[("vm_acelerator", "kvm")]),
            ["unknown key `vm_acelerator`; did you mean `vm_accelerator`?"]
        );
    }

    #[test]
    fn a_mistyped_key_of_an_object_keeps_its_object() {
        assert_eq!(
            messages(&[("nics", "nic1"), ("nic_modle_nic1", "e1000")]),
            ["unknown key `nic_modle_nic1`; did you mean `nic_model_nic1`?"]
        );
    }

    #[test]
    fn a_key_for_an_object_that_is_not_there_is_unknown() {
        assert_eq!(messages(&[("mem_vm7", "512")]), ["unknown key `mem_vm7`"]);
    }

    #[test]
    fn another_name_for_a_key_leads_to_it() {
        assert_eq!(
            messages(&[("accel", "kvm")]),
            ["unknown key `accel`; did you mean `vm_accelerator`?"]
        );
    }

    #[test]
    fn a_wrong_value_says_what_is_allowed() {
        assert_eq!(
            messages(&[("smp", "two"), ("vm_accelerator", "kvn")]),
            [
                "`smp = two`: expected a whole number from 1 to 4096",
                "`vm_accelerator = kvn`: expected auto, kvm or tcg; did you mean `kvm`?",
            ]
        );
    }

    #[test]
    fn bounds_of_a_key_are_checked_like_the_key() {
        assert_eq!(messages(&[("mem_max", "4G"), ("smp_fixed", "2")]), [""; 0]);
        assert_eq!(
            messages(&[("smp_max", "lots")]),
            ["`smp_max = lots`: expected a whole number from 1 to 4096"]
        );
    }

    #[test]
    fn keys_a_test_declares_are_known_and_checked() {
        const OWN: &[Key] = &[Key::count("rounds", Where::Test, "How often.")];
        let params: Params = [("rounds", "many"), ("rouns", "3")].into();
        let problems = validate(&params.with_declarations(OWN));
        assert_eq!(
            problems[0].to_string(),
            "`rounds = many`: expected a whole number, 0 or more"
        );
        assert_eq!(
            problems[1].hint().as_deref(),
            Some("did you mean `rounds`?")
        );
    }
}
