//! Memory modules are plugged in: QEMU has them at their addresses, the guest has every block of them online and as much more memory;
//! unplugged, the guest has as much as before and QEMU has no memory device.

use machine::{ByteSize, Dimm};
use virt_test::{Stop, Test, TestResult, check};

use crate::hotplug::both_sides::BothSides;

const SIZE: ByteSize = ByteSize::mib(256);

#[virt_test::test(type_specific)]
async fn memory_hotplug(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let mut sides = BothSides::of(test, &vm).await?;
    sides.keep_memory_movable().await?;
    let before = total(&mut sides).await?;
    let mut modules = Vec::new();
    for (number, id) in (1..).zip(["module-a", "module-b"]) {
        let dimm = Dimm {
            id: id.to_owned(),
            size: SIZE,
        };
        modules.push(sides.plug(dimm).await?.0);
        let grown = total(&mut sides).await?.as_bytes() - before.as_bytes();
        // The kernel keeps a little of it for its own books.
        let given = SIZE.as_bytes() * number;
        check!(
            grown <= given && grown >= given / 20 * 19,
            "with {number} modules of {SIZE} the guest has {grown} bytes more than before"
        );
    }
    for module in modules.iter().rev() {
        sides.unplug(module).await?;
    }
    let after = total(&mut sides).await?;
    check!(
        after == before,
        "the guest had {before} and has {after} after all is unplugged"
    );
    Ok(())
}

/// What the guest says it has.
async fn total(sides: &mut BothSides<'_>) -> TestResult<ByteSize> {
    let said = sides
        .run("sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")
        .await?;
    let kilobytes: u64 = said
        .parse()
        .map_err(|_| Stop::fail(format!("the guest's total memory is '{said}'")))?;
    Ok(ByteSize::bytes(kilobytes << 10))
}
