//! Machines on networks of ours, heard from the host.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests, and what they share"
)]

mod common;

use std::time::{Duration, Instant};

use common::{Lab, qemus};
use machine::{MachineSpec, Netdev, Nic};
use serde_json::json;
use tokio::net::UnixDatagram;
use vm::Vm;

/// A machine that boots nothing, with a card on network `lan`.
fn on_the_lan(name: &str) -> MachineSpec {
    let mut spec = MachineSpec::new(name);
    spec.agent = false;
    spec.nics = vec![Nic {
        netdev: Netdev::Private("lan".to_owned()),
        ..Nic::new(name, "nic1")
    }];
    spec
}

/// The hardware address a machine announces itself by.
async fn announced(vm: &Vm, listener: &UnixDatagram) -> [u8; 6] {
    let once = json!({"initial": 50, "max": 50, "rounds": 1, "step": 10});
    vm.qmp().execute("announce-self", once).await.unwrap();
    let mut frame = [0; 1600];
    let heard = listener.recv(&mut frame);
    let heard = vm.wait("announcement", Duration::from_secs(10), heard);
    let count = heard.await.unwrap().unwrap();
    assert!(count >= 42, "a frame of {count} bytes");
    // Reverse ARP, sent to all.
    assert_eq!(frame[..6], [0xff; 6]);
    assert_eq!(frame[12..14], [0x80, 0x35]);
    frame[6..12].try_into().unwrap()
}

#[tokio::test]
async fn a_machine_is_heard_on_its_network_and_may_come_again() {
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let lan = lab.context.networks.network("lan");
        let listener = std::os::unix::net::UnixDatagram::from(lan.join().unwrap());
        listener.set_nonblocking(true).unwrap();
        let listener = UnixDatagram::from_std(listener).unwrap();
        for life in 1..=2 {
            let vm = Vm::start(on_the_lan("vm1"), &lab.context).await.unwrap();
            let mac = vm.spec().nics[0].mac;
            assert_eq!(lan.ports(), 2, "in life {life}");
            assert_eq!(announced(&vm, &listener).await, mac.0);
            vm.destroy().await.unwrap();
            let deadline = Instant::now() + Duration::from_secs(20);
            while lan.ports() > 1 {
                assert!(Instant::now() < deadline, "the port is not given back");
                tokio::task::yield_now().await;
            }
        }
    }
}
