//! Two machines on a private network reach each other, and the network has seen it.

use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use virt_test_client::{Test, TestResult};

/// An empty recording has a header of 24 bytes.
const HEADER: u64 = 24;

fn main() -> ExitCode {
    virt_test_client::main(two_vms_ping)
}

fn two_vms_ping(test: &Test) -> TestResult {
    let (one, two) = (test.vm("vm1"), test.vm("vm2"));
    two.run("true")?; // It has booted.
    let address = two.address().call()?;
    let ping = one.exec(format!("ping -c 3 {address}"));
    ping.timeout(Duration::from_secs(60)).text()?;

    let nics = one.info()?.nics;
    let network = nics.into_iter().find_map(|nic| nic.network);
    let network = test.network_info(network.ok_or("vm1 is on no network")?)?;
    assert!(network.ports >= 2, "{} cards are on it", network.ports);
    assert!(
        fs::metadata(network.capture)?.len() > HEADER,
        "no traffic was recorded"
    );
    Ok(())
}
