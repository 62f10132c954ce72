//! Executables as tests.

use super::Section;
use crate::key::{Key, Where::Test};

pub(super) const SECTION: Section = Section {
    title: "Executables as tests",
    doc: "With `type = exec`, which the tests of a folder have by themselves, a program is the test: it has passed \
          when it exits with 0. See [tests in any language](tests-in-any-language.md).",
    keys: &[
        Key::path(
            "exec_path",
            Test,
            "The program. Relative to the file the line stands in; on the command line, to the current directory.",
        )
        .also(&["exec", "program", "script"]),
        Key::text(
            "exec_args",
            Test,
            "Its arguments, as a shell would read them.",
        ),
        Key::one_of(
            "exec_output",
            &["plain", "tap"],
            Test,
            "What its standard output is: text for people, or the [Test Anything Protocol](https://testanything.org), whose \
             sub-results then count.",
        )
        .or("plain"),
        Key::integer(
            "exec_skip_status",
            1,
            255,
            Test,
            "The exit status that means SKIP, usually 77; the reason is its last line of output. Without it every status but 0 is FAIL.",
        ),
        Key::seconds(
            "exec_grace",
            Test,
            "How long it may take to end after SIGTERM, when its time is up, before it is killed.",
        )
        .or("5"),
    ],
};
