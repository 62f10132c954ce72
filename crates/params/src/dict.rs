//! One dictionary of a configuration, and the view an object has of it.

use std::collections::BTreeMap;
use std::collections::btree_map;

use crate::key::Key;
use crate::table;
use crate::value::{FromParam, ParamError};

/// One variant's dictionary: text by key, ordered by key.
///
/// A value is looked up as it stands ([`get`](Self::get)) or read as a type
/// ([`read`](Self::read), [`need`](Self::need)); reading falls back to the default that the key's
/// declaration gives.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Params {
    values: BTreeMap<String, String>,
    declared: &'static [Key],
}

impl Params {
    /// An empty dictionary.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same dictionary, whose keys may also be declared in `keys` (a test's own table), which
    /// is looked at before the framework's.
    #[must_use]
    pub fn with_declarations(mut self, keys: &'static [Key]) -> Self {
        self.declared = keys;
        self
    }

    /// The test's own declarations.
    pub fn declarations(&self) -> &'static [Key] {
        self.declared
    }

    /// The value of `key` as it stands in the configuration. Defaults do not count.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// The value of `key`, or its declared default.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.get(key)
            .or_else(|| self.declaration(key).and_then(|key| key.default))
    }

    /// The declaration of `key`: the test's own before the framework's.
    pub fn declaration(&self, key: &str) -> Option<&'static Key> {
        self.declared
            .iter()
            .find(|declared| declared.name == key)
            .or_else(|| table::lookup(key))
    }

    /// The value of `key` read as `T`, or its default, or `None` where there is neither.
    ///
    /// # Errors
    /// When the text is no `T`; the error names the key, the value and what was expected.
    pub fn read<T: FromParam>(&self, key: &str) -> Result<Option<T>, ParamError> {
        self.value(key)
            .map(|text| {
                T::from_param(text, self.declaration(key))
                    .map_err(|expected| ParamError::wrong(key, text, expected))
            })
            .transpose()
    }

    /// The value of `key` read as `T`, or its default.
    ///
    /// # Errors
    /// When the text is no `T`, or when there is neither a value nor a default.
    pub fn need<T: FromParam>(&self, key: &str) -> Result<T, ParamError> {
        self.read(key)?.ok_or_else(|| ParamError::Missing {
            key: key.to_owned(),
        })
    }

    /// Whether `key` is on. Neither set nor having a default means off.
    ///
    /// # Errors
    /// When the text is neither yes nor no.
    pub fn flag(&self, key: &str) -> Result<bool, ParamError> {
        Ok(self.read(key)?.unwrap_or(false))
    }

    /// The objects that `key` names, in order, each once. An absent key names none.
    pub fn objects(&self, key: &str) -> Vec<&str> {
        objects_in(self.value(key).unwrap_or_default())
    }

    /// What `object` sees: every `KEY_object` overrides `KEY`.
    ///
    /// Views chain from the outside in, `params.object_params("vm1").object_params("nic1")`, and
    /// the last one wins. Only the end of a key counts as its object, so that object `1` does not
    /// see `foo_10` as its `foo`.
    #[must_use]
    pub fn object_params(&self, object: &str) -> Self {
        let mut view = self.clone();
        if object.is_empty() {
            return view;
        }
        for (key, value) in &self.values {
            let general = key
                .strip_suffix(object)
                .and_then(|rest| rest.strip_suffix('_'))
                .filter(|general| !general.is_empty());
            if let Some(general) = general {
                view.values.insert(general.to_owned(), value.clone());
            }
        }
        view
    }

    /// Sets `key`, returning the value it had.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) -> Option<String> {
        self.values.insert(key.into(), value.into())
    }

    /// Removes `key`, returning the value it had.
    pub fn remove(&mut self, key: &str) -> Option<String> {
        self.values.remove(key)
    }

    /// Keys and values, ordered by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// How many keys are set.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether no key is set.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// The words of `text`, in order, each once.
pub fn objects_in(text: &str) -> Vec<&str> {
    let mut objects = Vec::new();
    for word in text.split_whitespace() {
        if !objects.contains(&word) {
            objects.push(word);
        }
    }
    objects
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Params {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self {
            values: pairs
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
            declared: &[],
        }
    }
}

impl<K: Into<String>, V: Into<String>, const N: usize> From<[(K, V); N]> for Params {
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl From<BTreeMap<String, String>> for Params {
    fn from(values: BTreeMap<String, String>) -> Self {
        Self {
            values,
            declared: &[],
        }
    }
}

impl IntoIterator for Params {
    type Item = (String, String);
    type IntoIter = btree_map::IntoIter<String, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.values.into_iter()
    }
}

impl<K: Into<String>, V: Into<String>> Extend<(K, V)> for Params {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, pairs: I) {
        for (key, value) in pairs {
            self.set(key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn objects_are_split_and_named_once() {
        let params: Params = [("nics", " nic1  nic2\tnic1 ")].into();
        assert_eq!(params.objects("nics"), ["nic1", "nic2"]);
        assert!(params.objects("cdroms").is_empty());
    }

    #[test]
    fn the_key_of_an_object_overrides_the_general_one() {
        let params: Params = [("mem", "512"), ("mem_vm1", "1024")].into();
        assert_eq!(params.object_params("vm1").get("mem"), Some("1024"));
        assert_eq!(params.object_params("vm2").get("mem"), Some("512"));
        assert_eq!(params.get("mem"), Some("512"));
    }

    #[test]
    fn views_chain_from_machine_to_disk_and_the_last_wins() {
        let params: Params = [
            ("image_size", "1G"),
            ("image_size_vm1", "2G"),
            ("image_size_disk2", "3G"),
            ("image_size_disk3_vm1", "4G"),
        ]
        .into();
        let vm1 = params.object_params("vm1");
        assert_eq!(vm1.object_params("disk1").get("image_size"), Some("2G"));
        assert_eq!(vm1.object_params("disk2").get("image_size"), Some("3G"));
        assert_eq!(vm1.object_params("disk3").get("image_size"), Some("4G"));
        let vm2 = params.object_params("vm2");
        assert_eq!(vm2.object_params("disk3").get("image_size"), Some("1G"));
    }

    #[test]
    fn only_the_whole_end_of_a_key_names_an_object() {
        let params: Params = [("foo", "general"), ("foo_10_1", "both"), ("foo_10", "ten")].into();
        let one = params.object_params("1");
        assert_eq!(one.get("foo"), Some("general"));
        assert_eq!(one.get("foo_10"), Some("both"));
        assert_eq!(one.object_params("10").get("foo"), Some("both"));
    }

    #[test]
    fn a_key_that_is_only_a_suffix_is_no_general_key() {
        let params: Params = [("_vm1", "x"), ("vm1", "y")].into();
        assert_eq!(params.object_params("vm1"), params);
        assert_eq!(params.object_params(""), params);
    }

    #[test]
    fn defaults_are_read_but_not_gotten() {
        let params = Params::new();
        assert_eq!(params.get("vms"), None);
        assert_eq!(params.objects("vms"), ["vm1"]);
    }

    #[test]
    fn a_test_may_declare_keys_of_its_own() {
        const OWN: &[Key] = &[Key::count("rounds", crate::Where::Test, "How often.").or("3")];
        assert!(Params::new().need::<u32>("rounds").is_err());
        let params = Params::new().with_declarations(OWN);
        assert_eq!(params.need::<u32>("rounds"), Ok(3));
        assert_eq!(params.object_params("vm1").need::<u32>("rounds"), Ok(3));
    }

    proptest! {
        #[test]
        fn a_view_keeps_every_key(
            pairs in proptest::collection::btree_map("[a-c_]{1,5}", "[a-z]{0,3}", 0..12),
            object in "[a-c_]{1,3}",
        ) {
            let params = Params::from(pairs.clone());
            let view = params.object_params(&object);
            for key in pairs.keys() {
                prop_assert!(view.get(key).is_some());
                if let Some(own) = pairs.get(&format!("{key}_{object}")) {
                    prop_assert_eq!(view.get(key), Some(own.as_str()));
                }
            }
        }
    }
}
