//! The program: the runner of the tests we ship.

use std::process::ExitCode;

/// What is run where no test is named: a look at all that a change to QEMU, firmware or kernel is likely to break, in a few seconds. Short
/// tests, none of which is most of it, so that they share out well among processors.
const USUAL: &str = "boot reboot shutdown stop_continue file_transfer.agent qmp_basic \
    block_hotplug nic_hotplug cpu_hotplug savevm_loadvm migrate.tcp";

fn main() -> ExitCode {
    suite::link();
    virt_test::__private::main_with_default_tests(USUAL)
}
