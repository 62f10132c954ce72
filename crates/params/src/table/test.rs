//! How one test runs.

use super::Section;
use crate::key::{Key, SizeUnit, Where::Run, Where::Test, Where::Vm};

pub(super) const SECTION: Section = Section {
    title: "How a test runs",
    doc: "Every time limit is stretched by the measured slowness of the host, so that the numbers \
          here are those of an idle machine with KVM.",
    keys: &[
        Key::seconds("test_timeout", Test, "How long the test may take, set-up excluded.")
            .or("600")
            .also(&["timeout_test"]),
        Key::seconds("timeout", Test, "How long one step of the test may take.").or("60"),
        Key::seconds("setup_timeout", Test, "How long preparing images and machines may take.").or("300"),
        Key::seconds("cleanup_timeout", Test, "How long giving everything back may take.").or("60"),
        Key::number(
            "timeout_scale",
            Run,
            "Factor on every time limit; without it the host's speed is measured.",
        ),
        Key::count("iterations", Test, "How many times the test does what it does.").or("1"),
        Key::count("retries", Test, "How many times a failed test is run again before its FAIL counts.").or("0"),
        Key::text("pre_command", Test, "Shell command run on the host before the test."),
        Key::seconds("pre_command_timeout", Test, "How long `pre_command` may take.").or("600"),
        Key::bool("pre_command_noncritical", Test, "A failing `pre_command` is only a warning.").or("no"),
        Key::text("post_command", Test, "Shell command run on the host after the test, whatever its end."),
        Key::seconds("post_command_timeout", Test, "How long `post_command` may take.").or("600"),
        Key::bool("post_command_noncritical", Test, "A failing `post_command` is only a warning.").or("no"),
        Key::bool(
            "keep_guest_running",
            Test,
            "Leave the machines running when the test ends, for a look inside.",
        )
        .or("no")
        .also(&["keep_vm", "keep_vms_after_test"]),
        Key::bool(
            "keep_image",
            Test,
            "Keep what the test wrote to its disks instead of throwing the overlay away.",
        )
        .or("no")
        .also(&["keep_images"]),
        Key::path("data_dir", Run, "Where guests and disks are kept between runs."),
        Key::path("logs_dir", Run, "Where the logs of runs go."),
        Key::bool("verbose", Run, "Tell on the terminal what the tests do.").or("no"),
        Key::bool("keep_logs", Run, "Keep the logs of tests that passed.").or("yes"),
        Key::bool(
            "exclusive",
            Test,
            "Run the test alone, with nothing else on the host.",
        )
        .or("no"),
        Key::count("jobs", Run, "How many tests run at once; 0 is as many as fit.").or("0"),
        Key::size("mem_budget", SizeUnit::M, Run, "Memory all machines together may take."),
        Key::bool("fork_vm", Test, "Start machines from a booted template where the host can.")
            .or("yes"),
        Key::bool(
            "kill_vm_on_error",
            Vm,
            "End the machine when the test fails, even where `keep_guest_running` is set.",
        )
        .or("no"),
        Key::bool(
            "store_vm_info",
            Test,
            "Write the machine's final state (registers, block devices, network) to the test's directory.",
        )
        .or("no"),
        Key::bool("screendumps", Test, "Take a picture of the screen when the test fails.").or("yes"),
        Key::seconds("screendump_delay", Test, "Take a picture of the screen this often; 0 takes none.").or("0"),
        Key::bool(
            "check_guest_log",
            Test,
            "Fail the test when the guest's console shows an oops, a warning with a trace or a panic.",
        )
        .or("yes")
        .also(&["verify_guest_dmesg"]),
        Key::list(
            "expected_guest_errors",
            Test,
            "Kinds of guest trouble that are part of the test: `panic`, `oops`, `warning`, `lockup`, `oom`.",
        )
        .also(&["expected_guest_dmesg"]),
        Key::set(
            "checks",
            &["guest_log", "image", "leaks", "vm_alive", "migration", "qmp"],
            Test,
            "Checks made around every test.",
        )
        .or("guest_log image leaks vm_alive"),
        Key::text(
            "test_command",
            Test,
            "Program or command line of a test in another language; status 0 is PASS, 77 is SKIP.",
        ),
        Key::text("guest_command", Test, "Command the test runs in the guest."),
        Key::seconds("guest_command_timeout", Test, "How long `guest_command` may take.").or("60"),
        Key::text("guest_command_output", Test, "Text the output of `guest_command` must contain."),
        Key::integer("guest_command_status", 0, 255, Test, "Exit status `guest_command` must have.").or("0"),
        Key::seconds("sleep_before_reset", Test, "How long the guest runs before it is reset.").or("0"),
        Key::seconds("sleep_time", Test, "How long the test lets the guest run.").or("0"),
    ],
};
