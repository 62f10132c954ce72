//! Two machines on a private network reach each other by their addresses, small packets and whole frames, also after one of
//! them was away; nothing of the outside answers.

use virt_test::{Session, Stop, Test, TestResult, check};

/// Packets of one ping, and their spacing in seconds.
const COUNT: usize = 5;
const INTERVAL: &str = "0.05";

/// Addresses outside the private network: the gateway of QEMU's own network, and one for documentation (RFC 5737).
const OUTSIDE: [&str; 2] = ["10.0.2.2", "192.0.2.1"];

#[virt_test::test]
async fn multi_vm_ping(test: &mut Test) -> TestResult {
    let names = test.machine_names();
    let [one, two] = &names[..] else {
        return Err(Stop::error("vms must name two machines"));
    };
    let first = test.vm(one)?;
    let second = test.vm(two)?;
    let macs = [first.spec().nics[0].mac, second.spec().nics[0].mac];
    check!(
        macs[0] != macs[1],
        "both machines have the address {}",
        macs[0]
    );
    let nic = first.spec().nics[0].id.clone();
    let (to_one, to_two) = (test.address_of(one, &nic)?, test.address_of(two, &nic)?);

    let mut in_one = first.session(test.span("login_timeout")?).await?;
    let mut in_two = second.session(test.span("login_timeout")?).await?;
    // The size is that of the payload: 28 bytes of headers make it 1500, the most an Ethernet frame carries.
    for size in [0, 56, 1472] {
        test.phase(format!("pinging with {size} bytes"));
        ping(&mut in_one, &to_two.to_string(), size).await?;
        ping(&mut in_two, &to_one.to_string(), size).await?;
    }
    let neighbours = in_one.run("cat /proc/net/arp").await?.stdout_text();
    check!(
        neighbours.contains(&macs[1].to_string()),
        "{one} has another neighbour than {}: {neighbours}",
        macs[1]
    );

    test.phase("looking for a way out");
    // A route there is, so that it is for the network to lose the packets.
    in_one
        .run(format!("ip route add default via {to_two}"))
        .await?;
    for address in OUTSIDE {
        let output = in_one.run(format!("ping -c 1 -W 1 {address}")).await?;
        let text = output.stdout_text();
        check!(
            text.contains("1 packets transmitted, 0 packets received"),
            "ping of {address} ended with {}: {text}",
            output.status
        );
    }

    test.phase(format!("starting {two} anew"));
    let second = test.start_vm(two).await?;
    let mut in_two = second.session(test.span("login_timeout")?).await?;
    ping(&mut in_two, &to_one.to_string(), 56).await?;
    ping(&mut in_one, &to_two.to_string(), 56).await?;
    let ports = test.network(&test.param::<String>("netdst")?).ports();
    check!(ports == 2, "the network has {ports} ports in use");
    Ok(())
}

/// Every packet is answered.
async fn ping(session: &mut Session, address: &str, size: usize) -> TestResult {
    let command = format!("ping -c {COUNT} -i {INTERVAL} -s {size} {address}");
    let output = session.run(&*command).await?;
    let text = output.stdout_text();
    check!(
        output.status.success() && text.contains(&format!("{COUNT} packets received, 0%")),
        "'{command}' ended with {}: {text}",
        output.status
    );
    Ok(())
}
