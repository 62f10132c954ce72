//! A disk that is plugged in has its size and keeps what is written to it; unplugged it is gone.

use std::process::ExitCode;

use virt_test_client::{Device, DeviceKind, Test, TestResult};

fn main() -> ExitCode {
    virt_test_client::main(plug_disk)
}

fn plug_disk(test: &Test) -> TestResult {
    let vm = test.main_vm()?;
    let disk = Device::new(DeviceKind::Disk).size(64 << 20).serial("spare");
    let plugged = vm.plug(disk).guest(true).call()?;
    let dir = vm.run("dirname $(grep -l '^spare$' /sys/block/*/serial)")?;
    let device = dir.replace("/sys/block", "/dev");
    assert_eq!(vm.run(format!("cat {dir}/size"))?, "131072");
    vm.run(format!("printf word >{device} && sync"))?;
    assert_eq!(vm.run(format!("head -c 4 {device}"))?, "word");
    vm.unplug(plugged.id).guest(true).call()?;
    vm.run(format!("test ! -e {dir}"))?;
    Ok(())
}
