//! CPUs that were plugged in are unplugged: guest and QEMU have those from the start, and QEMU is unharmed: memory goes in and out as before,
//! and so do, but under TCG, further CPUs.

use machine::{Accel, ByteSize, Device, Dimm};
use virt_test::{Stop, Test, TestResult, check};

use crate::hotplug::both_sides::BothSides;

#[virt_test::test(type_specific)]
async fn cpu_unplug(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    if !vm.survives_unplugged_cpus() {
        return Err(Stop::skip(
            "QEMU before 10 under TCG corrupts its heap when a CPU is unplugged, and crashes later",
        ));
    }
    let (first, most) = (
        test.param::<u32>("smp")?,
        test.param::<u32>("vcpu_maxcpus")?,
    );
    let mut sides = BothSides::of(test, &vm).await?;
    sides.keep_memory_movable().await?;
    // Under TCG, QEMU 10.0 aborts once more CPUs were plugged in, one after the other, than there are places.
    let rounds = if vm.spec().accel == Accel::Tcg { 1 } else { 2 };
    for round in 1..=rounds {
        let mut plugged = Vec::new();
        for number in first..most {
            let (cpu, _) = sides.plug(Device::Cpu(format!("cpu{number}"))).await?;
            plugged.push(cpu);
        }
        for cpu in plugged.iter().rev() {
            sides.unplug(cpu).await?;
        }
        let left = sides.run("nproc").await?;
        check!(
            left == first.to_string(),
            "after round {round} the guest has {left} CPUs"
        );
        let memory = Dimm {
            id: "memory".to_owned(),
            size: ByteSize::mib(256),
        };
        let (memory, _) = sides.plug(memory).await?;
        sides.unplug(&memory).await?;
    }
    Ok(())
}
