//! Which tests does this expression mean?
//!
//! ```
//! use filter::{Expression, Subject};
//!
//! struct Boot;
//! impl Subject for Boot {
//!     fn name(&self) -> &str { "kvm.q35.JeOS.boot" }
//!     fn param(&self, key: &str) -> Option<&str> {
//!         match key { "mem" => Some("512"), "tags" => Some("power quick"), _ => None }
//!     }
//! }
//! let expression: Expression = "boot & param(mem >= 256M) - tag(slow)".parse()?;
//! assert!(expression.matches(&Boot));
//! # Ok::<(), filter::ParseError>(())
//! ```
//!
//! | expression | the tests |
//! |---|---|
//! | `boot`, `name(q35.JeOS)` | that have these labels, one after the other, in their name |
//! | `name(=kvm.boot)`, `name(~oo)`, `name(/^kvm.*boot$/)` | of exactly this name, with this text in it, that match this regular expression |
//! | `tag(slow)`, `type(boot)` | with this word among their `tags`, of this `type`; texts and regular expressions as above |
//! | `param(mem)` | in which the key is set |
//! | `param(mem = 512)`, `!=`, `~`, `=/…/` | whose value is this, is not this (or is not set), has this text in it, matches |
//! | `param(mem >= 1G)`, `>`, `<`, `<=` | whose value is a number or size that compares so; a number alone counts as one, with a letter both as bytes |
//! | `all()`, `none()` | all, none |
//! | `not a`, `!a` | but these |
//! | `a & b`, `a and b`, `a - b` | both, the first without the second |
//! | `a \| b`, `a or b`, `a + b` | either; binds less than `&` and `-` |
//! | `(a)` | grouping |

mod matching;
mod parse;

pub use parse::ParseError;

use matching::{Comparison, Pattern};

/// Something that is chosen or not.
pub trait Subject {
    /// Its name: labels with dots between them.
    fn name(&self) -> &str;

    /// The value of a parameter, or its default.
    fn param(&self, key: &str) -> Option<&str>;
}

/// A parsed expression; see the [crate] for the language.
#[derive(Debug, Clone)]
pub struct Expression {
    text: String,
    root: Node,
}

#[derive(Debug, Clone)]
enum Node {
    All,
    None,
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Name(Pattern),
    /// One of the words of this parameter.
    Word(&'static str, Pattern),
    Param(String, Comparison),
}

impl Expression {
    /// Is this meant?
    #[must_use]
    pub fn matches(&self, subject: &impl Subject) -> bool {
        self.root.matches(subject)
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl std::str::FromStr for Expression {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self {
            text: text.to_owned(),
            root: parse::parse(text)?,
        })
    }
}

impl Node {
    fn matches(&self, subject: &impl Subject) -> bool {
        match self {
            Node::All => true,
            Node::None => false,
            Node::Not(node) => !node.matches(subject),
            Node::And(one, other) => one.matches(subject) && other.matches(subject),
            Node::Or(one, other) => one.matches(subject) || other.matches(subject),
            Node::Name(pattern) => pattern.matches_labels(subject.name()),
            Node::Word(key, pattern) => {
                let words = subject.param(key).unwrap_or_default();
                words.split_whitespace().any(|word| pattern.matches(word))
            }
            Node::Param(key, comparison) => comparison.holds(subject.param(key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Test(&'static str, &'static [(&'static str, &'static str)]);

    impl Subject for Test {
        fn name(&self) -> &str {
            self.0
        }

        fn param(&self, key: &str) -> Option<&str> {
            let found = self.1.iter().find(|(name, _)| *name == key);
            found.map(|(_, value)| *value)
        }
    }

    const BOOT: Test = Test(
        "kvm.q35.smp2.JeOS.boot",
        &[
            ("mem", "512"),
            ("image_size", "2G"),
            ("smp", "2"),
            ("type", "boot"),
            ("tags", "quick power"),
            ("empty", ""),
        ],
    );

    fn holds(expression: &str) -> bool {
        let parsed: Result<Expression, _> = expression.parse();
        parsed
            .unwrap_or_else(|error| panic!("{expression}: {error}"))
            .matches(&BOOT)
    }

    #[test]
    fn each_predicate_means_what_it_says() {
        for (expression, expected) in [
            ("boot", true),
            ("JeOS.boot", true),
            ("oo", false),
            ("q35.boot", false),
            ("name(smp2.JeOS)", true),
            ("test(smp2)", true),
            ("name(=boot)", false),
            ("name(=kvm.q35.smp2.JeOS.boot)", true),
            ("name(~oo)", true),
            ("name(/^kvm.*boot$/)", true),
            ("name(/^q35/)", false),
            (r"name(/smp(2|4)\./)", true),
            ("tag(quick)", true),
            ("tag(qui)", false),
            ("tag(~qui)", true),
            ("tag(/^pow/)", true),
            ("tag(slow)", false),
            ("type(boot)", true),
            ("type(reboot)", false),
            ("param(mem)", true),
            ("param(empty)", true),
            ("param(nics)", false),
            ("param(mem = 512)", true),
            ("param(mem=51)", false),
            ("param(mem != 512)", false),
            ("param(nics != 1)", true),
            ("param(mem ~ 51)", true),
            ("param(mem = /^5/)", true),
            ("param(mem >= 512)", true),
            ("param(mem > 512)", false),
            ("param(mem < 1000)", true),
            ("param(image_size >= 1G)", true),
            ("param(image_size < 2048M)", false),
            ("param(image_size <= 2048M)", true),
            ("param(nics > 0)", false),
            ("param(type > 1)", false),
            ("all()", true),
            ("none()", false),
        ] {
            assert_eq!(holds(expression), expected, "{expression}");
        }
    }

    #[test]
    fn operators_bind_as_documented() {
        for (expression, expected) in [
            ("!boot", false),
            ("not reboot", true),
            ("not not boot", true),
            ("boot & reboot", false),
            ("boot and q35", true),
            ("boot - q35", false),
            ("boot - reboot", true),
            ("reboot | boot", true),
            ("reboot or none() + boot", true),
            ("all() | none() & none()", true),
            ("(all() | none()) & none()", false),
            ("all() - all() | all()", true),
            ("all() - (all() | all())", false),
            ("!none() & !none()", true),
            ("  boot&(q35)  ", true),
        ] {
            assert_eq!(holds(expression), expected, "{expression}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (expression, place, told) in [
            ("", 1, "expected a test's label"),
            ("boot &", 7, "expected a test's label"),
            ("(boot", 6, "expected )"),
            ("boot)", 5, "expected the end"),
            ("boot reboot", 6, "expected the end"),
            ("nam(boot)", 1, "there is no nam("),
            ("name(/(/)", 6, "regular expression"),
            ("name(/boot)", 6, "ends with /"),
            ("name()", 6, "expected a pattern"),
            ("param(mem >= lots)", 14, "a number or a size"),
            ("param()", 7, "expected a key"),
            ("param(mem 5)", 11, "expected )"),
            ("all(x)", 5, "expected )"),
        ] {
            let error = expression.parse::<Expression>().unwrap_err();
            assert_eq!(error.column, place, "{expression}: {error}");
            assert!(error.to_string().contains(told), "{expression}: {error}");
        }
    }

    #[test]
    fn too_many_parentheses_are_refused() {
        let deep = format!("{}boot{}", "(".repeat(10_000), ")".repeat(10_000));
        assert!(deep.parse::<Expression>().is_err());
        assert!("!".repeat(10_000).parse::<Expression>().is_err());
    }
}
