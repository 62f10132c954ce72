//! Jobs and monitors of a QEMU without a machine.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests, and what they share"
)]

mod common;

use std::time::Duration;

use common::{Lab, qemus};
use machine::{MachineSpec, Monitor, MonitorProtocol};
use serde_json::json;
use vm::{JobEnd, Vm, VmError};

const SOON: Duration = Duration::from_secs(10);

/// A QEMU with two empty block nodes, `from` and `to`.
async fn with_nodes(lab: &Lab) -> Vm {
    let vm = Vm::start(MachineSpec::bare("bare"), &lab.context)
        .await
        .unwrap();
    for node in ["from", "to"] {
        let node = json!({"driver": "null-co", "node-name": node, "size": 64 << 20});
        vm.qmp().execute("blockdev-add", node).await.unwrap();
    }
    vm
}

async fn mirror(vm: &Vm, id: &str, speed: u64) {
    let job =
        json!({"job-id": id, "device": "from", "target": "to", "sync": "full", "speed": speed});
    vm.qmp().execute("blockdev-mirror", job).await.unwrap();
}

#[tokio::test]
async fn a_job_becomes_ready_is_completed_and_succeeds() {
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let vm = with_nodes(&lab).await;
        for round in 0..2 {
            mirror(&vm, "mirror0", 0).await;
            let job = vm.job("mirror0");
            job.wait_ready(SOON).await.unwrap();
            let info = job.info().await.unwrap().unwrap();
            assert_eq!(
                (info.kind.as_str(), info.status.as_str()),
                ("mirror", "ready")
            );
            assert_eq!(info.current_progress, info.total_progress);
            job.complete().await.unwrap();
            job.succeed(SOON).await.unwrap();
            assert_eq!(job.info().await.unwrap(), None);
            let history = job.history();
            assert_eq!(history.first().map(String::as_str), Some("created"));
            let created = history.iter().filter(|status| *status == "created");
            assert_eq!(created.count(), 1, "in round {round}: {history:?}");
        }
    }
}

#[tokio::test]
async fn a_job_that_is_cancelled_says_so_to_all_who_wait() {
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let vm = with_nodes(&lab).await;
        mirror(&vm, "slow", 1).await;
        let job = vm.job("slow");
        job.pause().await.unwrap();
        job.resume().await.unwrap();
        job.cancel().await.unwrap();
        assert_eq!(job.wait_end(SOON).await.unwrap(), JobEnd::Cancelled);
        let error = job.wait_ready(SOON).await.unwrap_err();
        assert!(matches!(error, VmError::Job { .. }), "{error}");
        assert!(error.to_string().contains("was cancelled"), "{error}");
    }
}

#[tokio::test]
async fn a_job_that_fails_says_why_and_is_dismissed() {
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let vm = with_nodes(&lab).await;
        let options = json!({"driver": "file", "filename": "/nowhere/at/all", "size": 1 << 20});
        let create = json!({"job-id": "create0", "options": options});
        vm.qmp().execute("blockdev-create", create).await.unwrap();
        let job = vm.job("create0");
        match job.wait_end(SOON).await.unwrap() {
            JobEnd::Failed { error } => assert!(error.contains("No such file"), "{error}"),
            end => panic!("{end:?}"),
        }
        assert_eq!(job.info().await.unwrap(), None, "it is dismissed");
    }
}

#[tokio::test]
async fn a_human_monitor_answers_line_by_line_and_its_traffic_is_kept() {
    for qemu in qemus() {
        let lab = Lab::new(&qemu);
        let mut spec = MachineSpec::bare("bare");
        spec.monitors = vec![Monitor {
            id: "hmp1".to_owned(),
            protocol: MonitorProtocol::Hmp,
        }];
        let vm = Vm::start(spec, &lab.context).await.unwrap();
        let mut monitor = vm.human_monitor("hmp1").await.unwrap();
        assert!(
            monitor.greeting().contains("monitor"),
            "{}",
            monitor.greeting()
        );
        let status = monitor.run("info status").await.unwrap();
        assert!(status.starts_with("VM status:"), "{status:?}");
        let unknown = monitor.run("no-such-command").await.unwrap();
        assert!(unknown.contains("unknown command"), "{unknown:?}");
        assert_eq!(monitor.run("").await.unwrap(), "");
        let help = monitor.run("help").await.unwrap();
        assert!(help.lines().count() > 50, "{help}");
        let log = lab.log("hmp1.log");
        assert!(
            log.contains("> info status") && log.contains("< VM status:"),
            "{log}"
        );
        assert!(matches!(
            vm.human_monitor("hmp1").await.unwrap_err(),
            VmError::NoChannel { .. }
        ));
        drop(monitor);
        let again = vm.reconnect("hmp1").await.unwrap();
        let mut again = vm::HumanMonitor::connect(again, SOON).await.unwrap();
        assert_eq!(again.run("info status").await.unwrap(), status);
    }
}
