//! The binding against a server that says what it is told to.

#![expect(clippy::unwrap_used, reason = "what does not work out fails the test")]

mod fake;

use std::thread;
use std::time::Duration;

use fake::Fake;
use virt_test_client::{
    Device, DeviceKind, Error, ErrorKind, MigrationParameters, Value, Verdict, json,
};

fn output(status: i32) -> Value {
    json!({"parameters": {"output": {"status": status, "stdout": "aW4K", "stderr": "/w==", "truncated": false, "elapsed": 0.5}}})
}

#[test]
fn parameters_and_options_are_sent_and_what_is_not_given_is_not() {
    let fake = Fake::always(json!({"parameters": {"device": {"id": "d", "kind": "disk"}}}));
    let vm = fake.test.vm("vm1");
    let wait = vm.wait_status("paused");
    wait.timeout(Duration::from_millis(1500)).call().unwrap();
    let device = Device::new(DeviceKind::Disk).size(7).serial("spare");
    let device = device.properties([("bootindex", "1")]);
    let plugged = vm.plug(device).guest(true).call().unwrap();
    assert_eq!(
        (&*plugged.id, plugged.kind, plugged.pci),
        ("d", DeviceKind::Disk, None)
    );
    vm.set_link("nic1", false).unwrap();
    let limits = MigrationParameters::default().downtime_limit(Duration::from_millis(250));
    vm.migrate()
        .capabilities(["xbzrle"])
        .parameters(limits)
        .call()
        .unwrap();
    assert_eq!(
        fake.calls(),
        [
            json!({"method": "org.virt-test.vm.WaitStatus", "parameters": {"vm": "vm1", "status": "paused", "timeout": 1.5}}),
            json!({"method": "org.virt-test.vm.Plug", "parameters": {"vm": "vm1", "guest": true, "device":
                {"kind": "disk", "size": 7, "serial": "spare", "properties": {"bootindex": "1"}}}}),
            json!({"method": "org.virt-test.network.SetLink", "parameters": {"vm": "vm1", "nic": "nic1", "up": false}}),
            json!({"method": "org.virt-test.vm.Migrate", "parameters":
                {"vm": "vm1", "capabilities": ["xbzrle"], "parameters": {"downtime_limit": 0.25}}}),
        ]
    );
}

#[test]
fn a_command_keeps_every_byte() {
    let fake = Fake::always(output(3));
    let command = fake.test.vm("vm1").exec(["cat", "-"]);
    let output = command.input(b"\xff").env("A", "b").output().unwrap();
    assert_eq!(
        (output.status, &*output.text(), &*output.stderr),
        (Some(3), "in\n", &b"\xff"[..])
    );
    assert_eq!(output.elapsed, Duration::from_millis(500));
    assert_eq!(
        fake.calls()[0]["parameters"],
        json!({"vm": "vm1", "argv": ["cat", "-"], "input": "/w==", "encoding": "base64", "env": {"A": "b"}})
    );
}

#[test]
fn a_command_that_was_to_succeed_says_how_it_did_not() {
    let vm = Fake::always(output(0));
    assert_eq!(vm.test.vm("vm1").run("cat").unwrap(), "in");
    let fake = Fake::always(output(3));
    let error = fake.test.vm("vm1").run("false").unwrap_err();
    assert_eq!(error.verdict(), Verdict::Fail);
    let text = error.to_string();
    assert!(
        text.starts_with("'false' in the guest exited with status 3: "),
        "{text}"
    );
}

#[test]
fn an_error_says_what_all_do_and_what_only_its_kind_does() {
    let fake = Fake::always(
        json!({"error": "org.virt-test.error.NotFound", "parameters":
        {"message": "no vm9", "hint": "try vm1", "where": "vm9", "verdict": "error", "name": "vm9", "known": ["vm1"], "later": 1}}),
    );
    let error = fake.test.vm("vm9").info().unwrap_err();
    assert_eq!(error.to_string(), "no vm9 (hint: try vm1)");
    let call = error.call().unwrap();
    assert_eq!(
        (call.place.as_deref(), call.verdict),
        (Some("vm9"), Verdict::Error)
    );
    assert!(matches!(&call.kind, ErrorKind::NotFound { known, .. } if known == &["vm1"]));
    // The connection is still good.
    assert!(fake.test.vm("vm9").info().is_err());
    assert_eq!(fake.connections(), 1);
}

#[test]
fn an_error_of_a_later_version_is_met_by_what_all_have() {
    let members = json!({"message": "no", "verdict": "skip", "colour": "red"});
    let fake = Fake::always(json!({"error": "org.virt-test.error.Tired", "parameters": members}));
    let error = fake.test.phase("x").unwrap_err();
    assert_eq!(
        (error.verdict(), &*error.to_string()),
        (Verdict::Skip, "no")
    );
    assert!(
        matches!(error.kind(), Some(ErrorKind::Other { name, .. }) if name == "org.virt-test.error.Tired")
    );
    let fake = Fake::always(
        json!({"error": "org.varlink.service.MethodNotFound", "parameters": {"method": "x"}}),
    );
    let error = fake.test.phase("x").unwrap_err();
    assert_eq!(error.verdict(), Verdict::Error);
    assert_eq!(
        error.to_string(),
        "org.varlink.service.MethodNotFound {\"method\":\"x\"}"
    );
}

#[test]
fn output_comes_while_the_command_runs_and_calls_go_on_meanwhile() {
    let fake = Fake::new(|call, say| {
        if call["method"] == "org.virt-test.session.Exec" {
            let chunk = json!({"chunk": {"stderr": false, "data": "YQ=="}});
            say(json!({"parameters": chunk, "continues": true}));
            say(output(0));
        } else {
            say(json!({"parameters": {}}));
        }
    });
    let mut running = fake.test.vm("vm1").exec("x").stream().unwrap();
    let chunk = running.next().unwrap().unwrap();
    assert_eq!((chunk.stderr, &*chunk.data), (false, &b"a"[..]));
    assert!(running.ended().is_none());
    fake.test.phase("meanwhile").unwrap();
    assert!(running.next().is_none());
    assert_eq!(running.ended().unwrap().status, Some(0));
    fake.test.phase("after").unwrap();
    assert_eq!(fake.connections(), 2, "they are used again");
}

#[test]
fn what_is_dropped_before_its_end_is_hung_up_on() {
    let fake = Fake::new(|call, say| {
        if call["method"] == "org.virt-test.test.Phase" {
            say(json!({"parameters": {}}));
        }
    });
    drop(fake.test.vm("vm1").exec("sleep 1000").stream().unwrap());
    fake.gone.recv().unwrap();
    drop(fake.test.vm("vm1").migrate().start().unwrap());
    fake.gone.recv().unwrap();
    fake.test.phase("x").unwrap();
}

#[test]
fn another_thread_can_cancel_what_one_waits_for() {
    let fake = Fake::new(|_, _| {});
    let mut running = fake.test.vm("vm1").exec("sleep 1000").stream().unwrap();
    let canceller = running.canceller().unwrap();
    let waiting = thread::spawn(move || running.next());
    canceller.cancel();
    let ended = waiting.join().unwrap().unwrap();
    assert!(matches!(ended, Err(Error::Lost { .. })), "{ended:?}");
    fake.gone.recv().unwrap();
}

#[test]
fn what_cancels_a_call_that_has_come_to_its_end_cancels_no_other() {
    let fake = Fake::new(|call, say| {
        if call["method"] == "org.virt-test.session.Exec" {
            say(output(0));
        } else {
            say(json!({"parameters": {}}));
        }
    });
    let mut running = fake.test.vm("vm1").exec("x").stream().unwrap();
    let canceller = running.canceller().unwrap();
    assert!(running.next().is_none());
    canceller.cancel();
    fake.test.phase("after").unwrap();
}

#[test]
fn threads_call_at_once() {
    let fake = Fake::new(|call, say| {
        say(json!({"parameters": {"output": call["parameters"]["line"]}}));
    });
    thread::scope(|scope| {
        for number in 0..8 {
            let vm = fake.test.vm("vm1");
            scope.spawn(move || {
                for _ in 0..50 {
                    let line = number.to_string();
                    assert_eq!(vm.hmp(&line).unwrap(), line);
                }
            });
        }
    });
    assert_eq!(fake.calls().len(), 400);
    assert!(fake.connections() <= 8);
}

#[test]
fn progress_comes_before_the_end_of_a_migration() {
    let fake = Fake::new(|_, say| {
        let figures = |status: &str, done: i64| {
            json!({"status": status, "transferred": done, "remaining": 0, "total": 9, "mbps": 1,
            "dirty_pages_rate": 0, "dirty_sync_count": 1, "postcopy_requests": 0})
        };
        say(json!({"parameters": {"progress": figures("active", 5)}, "continues": true}));
        say(json!({"parameters": {"figures": figures("completed", 9), "standstill": 0.25}}));
    });
    let mut migration = fake
        .test
        .vm("vm1")
        .migrate()
        .transport("unix")
        .start()
        .unwrap();
    assert_eq!(migration.next().unwrap().unwrap().transferred, 5);
    let migrated = migration.finish().unwrap();
    assert_eq!(migrated.figures.unwrap().status, "completed");
    assert_eq!(migrated.standstill, Some(0.25));
}

#[test]
fn events_come_one_after_the_other_until_the_machine_ends() {
    let fake = Fake::new(|_, say| {
        let old = json!([{"seq": 0, "name": "STOP"}, {"seq": 1, "name": "RESUME"}]);
        say(json!({"parameters": {"events": old}, "continues": true}));
        let new = json!({"seq": 2, "name": "RESET", "data": {"guest": true}});
        say(json!({"parameters": {"event": new, "events": []}, "continues": true}));
        say(json!({"parameters": {"events": []}}));
    });
    let events = fake
        .test
        .vm("vm1")
        .events()
        .names(["STOP"])
        .watch()
        .unwrap();
    let names: Vec<String> = events.map(|event| event.unwrap().name).collect();
    assert_eq!(names, ["STOP", "RESUME", "RESET"]);
}

#[test]
fn qmp_gives_what_qemu_returns_as_what_is_wanted() {
    let reply = json!({"parameters": {"reply": {"return": {"status": "running"}}}});
    let fake = Fake::always(reply);
    let status: Value = fake.test.vm("vm1").qmp("query-status").call().unwrap();
    assert_eq!(status["status"], "running");
    let wrong = fake.test.vm("vm1").qmp("query-status").call::<i64>();
    assert!(matches!(wrong, Err(Error::Malformed { .. })), "{wrong:?}");
}

#[test]
fn a_session_has_the_same_verbs() {
    let fake = Fake::new(|call, say| {
        say(match call["method"].as_str().unwrap() {
            "org.virt-test.session.Open" => {
                json!({"parameters": {"session": {"id": "s1", "vm": "vm1", "channel": "serial"}}})
            }
            "org.virt-test.files.Pull" => {
                json!({"parameters": {"size": 1, "sha256": "0", "content": "/w=="}})
            }
            _ => output(0),
        });
    });
    let session = fake.test.vm("vm1").session().call().unwrap();
    assert_eq!(session.run("cat").unwrap(), "in");
    assert_eq!(session.read_file("/f").unwrap(), b"\xff");
    assert_eq!(fake.calls()[2]["parameters"]["session"], "s1");
}

#[test]
fn a_server_that_hangs_up_is_an_error_that_says_so() {
    let fake = Fake::always(Value::Null);
    let error = fake.test.phase("x").unwrap_err().to_string();
    assert_eq!(error, "org.virt-test.test.Phase: virt-test has hung up");
    let error = virt_test_client::Test::connect_to("/nonexistent/socket").unwrap_err();
    assert!(error.to_string().contains("is it still running"), "{error}");
}

#[test]
fn a_part_that_fails_or_panics_is_told() {
    let fake = Fake::always(json!({"parameters": {}}));
    let part = |name: &str, outcome: fn() -> Result<(), Error>| fake.test.part(name, outcome);
    assert!(part("good", || Ok(())).unwrap());
    assert!(!part("lacking", || Err(Error::skip("no disk"))).unwrap());
    assert!(!part("bad", || panic!("odd")).unwrap());
    let told: Vec<Value> = fake
        .calls()
        .iter()
        .map(|call| call["parameters"].clone())
        .collect();
    assert_eq!(
        told,
        [
            json!({"name": "good", "verdict": "pass"}),
            json!({"name": "lacking", "verdict": "skip", "reason": "no disk"}),
            json!({"name": "bad", "verdict": "fail", "reason": "odd"}),
        ]
    );
}
