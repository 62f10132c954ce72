//! The program: the runner of the tests we ship.

use std::process::ExitCode;

fn main() -> ExitCode {
    suite::link();
    virt_test::__private::main_with_default_tests("boot reboot shutdown")
}
