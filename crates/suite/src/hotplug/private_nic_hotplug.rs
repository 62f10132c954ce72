//! A card is plugged into each of two machines, both on one private network: they reach each other, also when one of them has moved to
//! another QEMU, and unplugged the cards leave nothing of themselves on the network.

use machine::{Netdev, Nic};
use virt_test::{Test, TestResult, check};
use vm::Plugged;

use crate::hotplug::both_sides::BothSides;

const NETWORK: &str = "plugged";

#[virt_test::test(type_specific)]
async fn private_nic_hotplug(test: &mut Test) -> TestResult {
    let (one, two) = (test.vm("vm1")?, test.vm("vm2")?);
    let mut in_one = BothSides::of(test, &one).await?;
    let mut in_two = BothSides::of(test, &two).await?;
    plug(&mut in_one, "192.0.2.1").await?;
    let second = plug(&mut in_two, "192.0.2.2").await?;
    ping(&mut in_one, "192.0.2.2").await?;

    let migration = test.migration("vm1").await?;
    let moved = test.migrate("vm1", &migration).await?;
    let mut in_one = BothSides::of(test, &moved.vm).await?;
    ping(&mut in_one, "192.0.2.2").await?;
    ping(&mut in_two, "192.0.2.1").await?;

    in_two.unplug(&second).await?;
    moved.vm.unplug("plugged").await?;
    let limit = test.span("plug_timeout")?;
    let network = test.network(NETWORK);
    moved
        .vm
        .wait("both ports to be free again", limit, network.shrunk_to(0))
        .await?;
    Ok(())
}

/// Plugs a card and gives it that address.
async fn plug(sides: &mut BothSides<'_>, address: &str) -> TestResult<Plugged> {
    let mut nic = Nic::new(sides.vm.name(), "plugged");
    nic.netdev = Netdev::Private(NETWORK.to_owned());
    let (plugged, seen) = sides.plug(nic).await?;
    let interface = seen.rsplit('/').nth(1).unwrap_or_default();
    sides
        .run(&format!(
            "ip addr add {address}/24 dev {interface} && ip link set {interface} up"
        ))
        .await?;
    Ok(plugged)
}

async fn ping(sides: &mut BothSides<'_>, address: &str) -> TestResult {
    let said = sides.run(&format!("ping -c 3 -i 0.2 {address}")).await?;
    check!(
        said.contains("3 packets received"),
        "ping of {address} says {said}"
    );
    Ok(())
}
