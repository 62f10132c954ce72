//! The guest sees a network card that is plugged in, and does not when it is unplugged.

use std::process::ExitCode;

use virt_test_client::{Device, DeviceKind, Test, TestResult};

fn main() -> ExitCode {
    virt_test_client::main(plug_nic)
}

fn plug_nic(test: &Test) -> TestResult {
    let vm = test.main_vm()?;
    let cards = || vm.run("ls /sys/class/net | wc -l");
    let before: u32 = cards()?.parse()?;
    vm.plug(Device::new(DeviceKind::Nic).id("extra"))
        .guest(true)
        .call()?;
    assert_eq!(cards()?.parse::<u32>()?, before + 1);
    vm.unplug("extra").guest(true).call()?;
    assert_eq!(cards()?.parse::<u32>()?, before);
    Ok(())
}
