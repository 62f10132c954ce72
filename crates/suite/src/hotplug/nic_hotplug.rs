//! A network card is plugged in and works: the guest has it by its hardware address and is lent an address by DHCP over it; it
//! is unplugged, and guest and QEMU have neither card nor network back end; and all of that again.

use machine::Nic;
use virt_test::{Test, TestResult, check};

use crate::hotplug::both_sides::BothSides;

#[virt_test::test(type_specific)]
async fn nic_hotplug(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let rounds: u32 = test.param("plug_rounds")?;
    let cold = vm.spec().nics.first().map(|nic| nic.model);
    let mut sides = BothSides::of(test, &vm).await?;
    for _ in 0..rounds {
        let mut nic = Nic::new(vm.name(), "plugged");
        nic.model = cold.unwrap_or(nic.model);
        let (plugged, seen) = sides.plug(nic).await?;
        let interface = seen.rsplit('/').nth(1).unwrap_or_default().to_owned();
        let dhcp = format!(
            "ip link set {interface} up && udhcpc -n -q -f -s /bin/true -i {interface} 2>&1"
        );
        let said = sides.run(&dhcp).await?;
        check!(
            said.contains("lease of 10.0.2."),
            "over the plugged card {interface} DHCP says: {said}"
        );
        sides.unplug(&plugged).await?;
        let backends = vm.hmp("info network").await?;
        check!(
            !backends.contains("plugged"),
            "the unplugged card's back end is still there: {backends}"
        );
    }
    Ok(())
}
