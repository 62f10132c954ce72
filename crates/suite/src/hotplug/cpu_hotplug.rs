//! CPUs are plugged in until every place is taken: each time guest and QEMU have one more, and the guest runs a program on it.

use machine::Device;
use virt_test::{Test, TestResult, check};
use vm::{PlugError, VmError};

use crate::hotplug::both_sides::BothSides;

#[virt_test::test(type_specific)]
async fn cpu_hotplug(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let (first, most) = (
        test.param::<u32>("smp")?,
        test.param::<u32>("vcpu_maxcpus")?,
    );
    let mut sides = BothSides::of(test, &vm).await?;
    for number in first..most {
        sides.plug(Device::Cpu(format!("cpu{number}"))).await?;
        let mask = 1_u64 << number;
        let command =
            format!("taskset {mask:x} sed -n 's/^Cpus_allowed_list:.//p' /proc/self/status");
        let ran = sides.run(&command).await?;
        check!(
            ran == number.to_string(),
            "a program that is to run on CPU {number} may run on {ran}"
        );
    }
    let refused = vm.plug(Device::Cpu("one-more".to_owned())).await;
    let no_room = matches!(&refused, Err(VmError::Plug { source, .. }) if matches!(**source, PlugError::NoRoom { .. }));
    check!(
        no_room,
        "a CPU more than there are places came to {refused:?}"
    );
    Ok(())
}
