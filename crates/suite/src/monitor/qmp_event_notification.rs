//! What happens to a machine is told on every monitor, exactly once, in the same order and with the same time, which is that of
//! the host's clock; a monitor that is connected later is told nothing of it.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use virt_test::{Test, TestResult, Vm, check};
use vm::qmp::{Cursor, Event, Qmp};

/// Base time for an event to come.
const LIMIT: Duration = Duration::from_secs(10);

/// Events that come of the guest or of the channels, at any time.
const BY_THEMSELVES: [&str; 4] = [
    "RTC_CHANGE",
    "VSERPORT_CHANGE",
    "NIC_RX_FILTER_CHANGED",
    "BALLOON_CHANGE",
];

#[virt_test::test(type_specific)]
async fn qmp_event_notification(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let monitors = [vm.qmp().clone(), vm.monitor("qmp1").await?];
    for node in ["from", "to"] {
        let node = json!({"driver": "null-co", "node-name": node, "size": 1 << 20});
        vm.qmp().execute("blockdev-add", node).await?;
    }
    for (command, arguments, expected) in happenings() {
        test.phase(format!("waiting for what {command} brings"));
        let cursors = monitors.each_ref().map(|monitor| monitor.events().cursor());
        let before = SystemTime::now();
        vm.qmp().execute(command, arguments).await?;
        let mut told = Vec::new();
        for (monitor, cursor) in monitors.iter().zip(cursors) {
            told.push(events(&vm, monitor, cursor, expected.len()).await?);
        }
        let after = SystemTime::now();
        for events in &told {
            let matches = events.len() == expected.len()
                && events
                    .iter()
                    .zip(&expected)
                    .all(|(event, (name, data))| event.name == *name && holds(&event.data, data));
            check!(matches, "{command} brings {events:?}, not {expected:?}");
            // QEMU's microseconds are cut off ours.
            let early = before - Duration::from_millis(1);
            let in_time = |event: &Event| {
                event
                    .timestamp
                    .is_some_and(|time| early <= time && time <= after)
            };
            check!(
                events.iter().all(in_time),
                "events of {command} are not of its time: {events:?}"
            );
            check!(
                events.is_sorted_by_key(|event| event.timestamp),
                "the times of {events:?} run back"
            );
        }
        let same = told[0].iter().zip(&told[1]).all(|(one, two)| {
            (&one.name, &one.data, one.timestamp) == (&two.name, &two.data, two.timestamp)
        });
        check!(
            same,
            "one monitor tells {:?}, the other {:?}",
            told[0],
            told[1]
        );
    }
    let late = vm::qmp::Qmp::connect(vm.channel("qmp2")?, vm.limit(LIMIT)).await?;
    let told = events(&vm, &late, Cursor::START, 0).await?;
    check!(
        told.is_empty(),
        "a monitor connected later is told {told:?}"
    );
    Ok(())
}

/// Name of an event, and what is certain of its data.
type Expected = (&'static str, Value);

/// Commands, their arguments, and the events they bring.
fn happenings() -> Vec<(&'static str, Value, Vec<Expected>)> {
    let job = |status: &str| {
        (
            "JOB_STATUS_CHANGE",
            json!({"id": "mirror0", "status": status}),
        )
    };
    let mirror = json!({"job-id": "mirror0", "device": "from", "target": "to", "sync": "full"});
    let by_us = json!({"guest": false, "reason": "host-qmp-system-reset"});
    vec![
        ("cont", json!({}), vec![("RESUME", json!(null))]),
        ("stop", json!({}), vec![("STOP", json!(null))]),
        ("system_reset", json!({}), vec![("RESET", by_us)]),
        (
            "system_powerdown",
            json!({}),
            vec![("POWERDOWN", json!(null))],
        ),
        (
            "blockdev-mirror",
            mirror,
            vec![
                job("created"),
                job("running"),
                job("ready"),
                (
                    "BLOCK_JOB_READY",
                    json!({"device": "mirror0", "type": "mirror"}),
                ),
            ],
        ),
        (
            "job-complete",
            json!({"id": "mirror0"}),
            vec![
                job("waiting"),
                job("pending"),
                (
                    "BLOCK_JOB_COMPLETED",
                    json!({"device": "mirror0", "type": "mirror"}),
                ),
                job("concluded"),
                job("null"),
            ],
        ),
    ]
}

/// Does the value have everything the pattern has?
fn holds(value: &Value, pattern: &Value) -> bool {
    match pattern {
        Value::Object(members) => members.iter().all(|(name, member)| &value[name] == member),
        _ => value == pattern,
    }
}

/// The events since the cursor once so many have come, and whatever else is on its way by then.
async fn events(vm: &Vm, monitor: &Qmp, cursor: Cursor, count: usize) -> TestResult<Vec<Event>> {
    let counted = |event: &Event| !BY_THEMSELVES.contains(&event.name.as_str());
    let mut seen = 0;
    if count > 0 {
        let enough = |event: &Event| {
            seen += usize::from(counted(event));
            seen == count
        };
        let last = monitor
            .events()
            .wait(cursor, "last expected", Duration::MAX, enough);
        let awaited = format!("{count} events");
        let last = vm.wait(&awaited, LIMIT, last).await?;
        last.map_err(|error| virt_test::Stop::fail(error.to_string()))?;
    }
    // Whatever was to be said before is said before the answer to this.
    monitor.status().await?;
    let mut events = monitor.events().since(cursor);
    events.retain(counted);
    Ok(events)
}
