//! The tests there are. A test registers itself where it is written; no list needs touching.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::LazyLock;

use params::{Key, Where};

use crate::{Test, TestResult};

/// A test's future.
pub type TestFuture<'a> = Pin<Box<dyn Future<Output = TestResult> + Send + 'a>>;

/// A test written in Rust, as [`crate::test`] describes it.
#[derive(Clone, Copy)]
pub struct TestDef {
    /// What the configuration calls it: the label of its variant, and `type = NAME`.
    pub name: &'static str,
    /// What it asserts, in a sentence; empty where it does not say.
    pub about: &'static str,
    /// Does it need QEMU itself, rather than a machine of any type?
    pub type_specific: bool,
    /// Its own configuration.
    pub config: &'static str,
    /// The keys it reads, and perhaps other words.
    pub keys: &'static [&'static str],
    /// The file it is written in.
    pub source: &'static str,
    /// Its body.
    pub run: for<'a> fn(&'a mut Test) -> TestFuture<'a>,
}

/// Every test linked into the program, in no order.
#[linkme::distributed_slice]
pub static TESTS: [TestDef];

/// Kinds of tests that are written elsewhere than in Rust, and need a configuration to be a test: what `type = NAME` may say beside the
/// names of tests.
#[linkme::distributed_slice]
pub static KINDS: [TestDef];

/// The test called `name`, or the kind of tests.
pub fn find(name: &str) -> Option<&'static TestDef> {
    TESTS.iter().chain(KINDS).find(|test| test.name == name)
}

/// Every test linked into the program, by name.
pub fn tests() -> Vec<&'static TestDef> {
    let mut tests: Vec<_> = TESTS.iter().collect();
    tests.sort_by_key(|test| test.name);
    tests
}

/// The keys tests read that virt-test itself does not know.
pub fn own_keys() -> &'static [Key] {
    static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
        let words = TESTS.iter().flat_map(|test| test.keys);
        let words: BTreeSet<&'static str> = words.copied().collect();
        let own = words
            .into_iter()
            .filter(|word| params::table::lookup(word).is_none());
        own.map(|word| Key::text(word, Where::Test, "Read by a test."))
            .collect()
    });
    &KEYS
}

/// The configuration of `tests`: a variant each, which includes `{prefix}tests/NAME.cfg` where the test has a
/// configuration of its own, so that what is said about that one names its file and line.
pub fn configuration(tests: &[&TestDef], prefix: &str) -> String {
    let mut text = "variants:\n".to_owned();
    for (type_specific, group) in [
        (
            false,
            "    # Work on any type of machine.\n    - @generic:\n",
        ),
        (true, "    # Need QEMU itself.\n    - type_specific:\n"),
    ] {
        let mut members = tests
            .iter()
            .filter(|test| test.type_specific == type_specific)
            .peekable();
        if members.peek().is_none() {
            continue;
        }
        text.push_str(group);
        text.push_str("        variants:\n");
        for TestDef {
            name,
            about,
            config,
            ..
        } in members
        {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "            - {name}:");
            if !about.is_empty() {
                let _ = writeln!(text, "                # {about}");
            }
            let _ = writeln!(text, "                type = {name}");
            if !config.is_empty() {
                let _ = writeln!(text, "                include {prefix}tests/{name}.cfg");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOT: TestDef = TestDef {
        name: "boot",
        about: "It boots.",
        type_specific: false,
        config: "mem = 64\n",
        keys: &[],
        source: "boot.rs",
        run: |_| Box::pin(async { Ok(()) }),
    };

    #[test]
    fn tests_become_variants_of_their_group_which_include_what_stands_beside_them() {
        let qmp = TestDef {
            name: "qmp",
            about: "",
            type_specific: true,
            config: "",
            ..BOOT
        };
        insta::assert_snapshot!(configuration(&[&BOOT, &qmp], "virt-test:/"), @r"
        variants:
            # Work on any type of machine.
            - @generic:
                variants:
                    - boot:
                        # It boots.
                        type = boot
                        include virt-test:/tests/boot.cfg
            # Need QEMU itself.
            - type_specific:
                variants:
                    - qmp:
                        type = qmp
        ");
    }

    #[test]
    fn a_group_without_tests_is_left_out() {
        assert!(!configuration(&[&BOOT], "").contains("type_specific"));
    }
}
