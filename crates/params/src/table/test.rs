//! How one test runs.

use super::Section;
use crate::key::{Key, Where::Run, Where::Test};

pub(super) const SECTION: Section = Section {
    title: "How a test runs",
    doc: "Time limits, here and below, are those of an idle host with KVM. Each is stretched by how \
          much slower the host's processor is, tenfold where TCG runs the guest, and by how busy the \
          host is at that moment, up to fourfold; a limit that expires says what it was stretched to.",
    keys: &[
        Key::seconds(
            "test_timeout",
            Test,
            "How long the test may take, `pre_command` included; 0 is as long as it likes.",
        )
        .or("120")
        .also(&["timeout_test", "timeout"]),
        Key::seconds(
            "slow_after",
            Test,
            "After this time, and again each time as much has passed, it is told that the test still runs, with the last line of its guests.",
        )
        .or("10"),
        Key::count(
            "retries",
            Test,
            "How often the test is tried again where it ends with FAIL or ERROR.",
        )
        .or("0"),
        Key::one_of(
            "flaky",
            &["pass", "fail"],
            Test,
            "The verdict of a test that passes only when it is tried again.",
        )
        .or("pass"),
        Key::seconds(
            "expected_time",
            Test,
            "How long the test takes, roughly, on a host that has not run it yet; only what begins first depends on it.",
        ),
        Key::list(
            "exclusive",
            Test,
            "Names of things only one test at a time may use, such as a network card of the host. `host` is everything: such a test runs alone.",
        ),
        Key::text(
            "build_command",
            Test,
            "Shell command run on the host once before all tests, in the folder of the file the line stands in, such as `cargo build \
             --release`. The tests that have it are ERRORs if it fails.",
        ),
        Key::seconds(
            "build_command_timeout",
            Test,
            "How long `build_command` may take; then it and all it started are killed.",
        )
        .or("600"),
        Key::text(
            "pre_command",
            Test,
            "Shell command run on the host before the test's machines start. The test is an ERROR if it fails.",
        ),
        Key::seconds(
            "pre_command_timeout",
            Test,
            "How long `pre_command` may take; then it and all it started are killed.",
        )
        .or("60"),
        Key::bool(
            "pre_command_noncritical",
            Test,
            "A failing `pre_command` is only a warning.",
        )
        .or("no"),
        Key::text(
            "post_command",
            Test,
            "Shell command run on the host when the test's machines are gone, whatever its end. A PASS becomes an ERROR if it fails.",
        ),
        Key::seconds(
            "post_command_timeout",
            Test,
            "How long `post_command` may take; then it and all it started are killed.",
        )
        .or("60"),
        Key::bool(
            "post_command_noncritical",
            Test,
            "A failing `post_command` is only a warning.",
        )
        .or("no"),
        Key::bool(
            "keep_image",
            Test,
            "Keep what the test wrote to its disks instead of throwing it away.",
        )
        .or("no")
        .also(&["keep_images"]),
        Key::path(
            "data_dir",
            Run,
            "Where guests and disks are kept between runs, as `--data-dir` says. Set elsewhere it changes nothing.",
        )
        .informational(),
        Key::path(
            "logs_dir",
            Run,
            "Where the logs of runs go, as `--logs-dir` says. Set elsewhere it changes nothing.",
        )
        .informational(),
        Key::bool(
            "verbose",
            Run,
            "Tell on the terminal what the tests do, as `--verbose` says. Set elsewhere it changes nothing.",
        )
        .or("no")
        .informational(),
    ],
};
