//! Machines that are saved to a file and taken up again, once or many times at once.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use common::{Lab, qemus, spec, tiny};
use guest::{Renewal, RenewedCard};
use machine::{MemoryFile, Nic};
use vm::Vm;
use vm::migrate::{Capability, Options};
use vm::qmp::RunState;

const LIMIT: Duration = Duration::from_secs(60);

fn sharing() -> Options {
    Options {
        capabilities: vec![Capability::IgnoreShared],
        ..Options::default()
    }
}

fn contents(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

async fn told(vm: &Vm, command: &str) -> String {
    let output = vm.session(LIMIT).await.unwrap().run(command).await.unwrap();
    assert!(output.status.success(), "{command}: {output:?}");
    output.stdout_text().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn clones_of_a_booted_machine_are_machines_of_their_own() {
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let files = tempfile::tempdir().unwrap();
        let (ram, state) = (files.path().join("ram"), files.path().join("state"));
        let mut spec = spec(tiny().unwrap());
        spec.memory_file = Some(MemoryFile {
            path: ram.clone(),
            shared: true,
        });
        let nic = Nic::new("vm1", "nic1");
        let old = nic.mac.to_string();
        spec.nics.push(nic);
        let vm = Vm::start(spec.clone(), &lab.another("template"))
            .await
            .unwrap();
        let boot_id = told(&vm, "cat /proc/sys/kernel/random/boot_id").await;
        vm.save(&state, &sharing()).await.unwrap();
        assert_eq!(vm.status().await.unwrap(), RunState::Postmigrate);
        vm.quit().await.unwrap();
        let before = (contents(&ram), contents(&state));

        let mut clones = Vec::new();
        for n in 1..=3u8 {
            let mut spec = spec.clone();
            spec.name = format!("clone{n}");
            spec.memory_file = Some(MemoryFile {
                path: ram.clone(),
                shared: false,
            });
            spec.nics[0].mac = format!("52:54:00:00:00:{n:02x}").parse().unwrap();
            let (context, state) = (lab.another(&spec.name), state.clone());
            clones.push(tokio::spawn(async move {
                Vm::restore(spec, &context, &state, &sharing())
                    .await
                    .unwrap()
            }));
        }
        let mut seen = Vec::new();
        for (n, clone) in (1..=3u8).zip(clones) {
            let vm = clone.await.unwrap();
            assert_eq!(vm.status().await.unwrap(), RunState::Paused);
            vm.resume().await.unwrap();
            let time = SystemTime::now();
            let mac = vm.spec().nics[0].mac.to_string();
            let renewal = Renewal {
                seed: [n; 32],
                time,
                nics: vec![RenewedCard {
                    from: old.clone(),
                    to: mac.clone(),
                    ip: None,
                }],
                ssh_key: None,
            };
            vm.agent().unwrap().renew(&renewal, LIMIT).await.unwrap();
            assert_eq!(
                told(&vm, "cat /proc/sys/kernel/random/boot_id").await,
                boot_id
            );
            assert_eq!(told(&vm, "cat /sys/class/net/eth0/address").await, mac);
            assert!(told(&vm, "ip route").await.contains("default via 10.0.2.2"));
            let clock: u64 = told(&vm, "date +%s").await.parse().unwrap();
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(clock);
            let apart = SystemTime::now().duration_since(now).unwrap();
            assert!(apart < Duration::from_secs(10), "{apart:?}");
            seen.push(told(&vm, "head -c 16 /dev/urandom | hexdump -ve '1/1 \"%02x\"'").await);
            told(&vm, "echo mine > /tmp/own").await;
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 3, "clones share their random numbers: {seen:?}");
        assert!(
            before == (contents(&ram), contents(&state)),
            "a clone changed its template"
        );
    }
}
