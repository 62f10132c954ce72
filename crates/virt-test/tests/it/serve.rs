//! `virt-test serve`, and what its socket puts up with. All without a machine but the last two.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};

use crate::lab::{Lab, signal};

/// Longer than anything here takes on a slow host.
const LIMIT: Duration = Duration::from_secs(120);

/// A session that runs, without machines or with those of `boot`.
pub struct Server {
    pub lab: Lab,
    pub child: Child,
    pub socket: PathBuf,
}

impl Server {
    pub fn start(options: &[&str]) -> Self {
        let lab = Lab::new();
        let mut command = lab.command(&["serve", "--logs-dir"]);
        command
            .arg(lab.logs())
            .args(options)
            // What it has let go of is not to look like something it keeps.
            .env("MALLOC_ARENA_MAX", "1")
            .env("MALLOC_MMAP_THRESHOLD_", "131072")
            .env("MALLOC_TRIM_THRESHOLD_", "131072")
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(lab.logs().join("stderr")).unwrap());
        let mut child = command.spawn().unwrap();
        let mut said = String::new();
        let out = child.stdout.as_mut().unwrap();
        BufReader::new(out).read_line(&mut said).unwrap();
        let socket = said.trim().strip_prefix("VIRT_TEST_SOCKET=").unwrap();
        Self {
            socket: socket.into(),
            lab,
            child,
        }
    }

    fn without_machines() -> Self {
        Self::start(&["--tests", "noop"])
    }

    pub fn connect(&self) -> Client {
        let stream = UnixStream::connect(&self.socket).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        Client {
            stream: BufReader::new(stream),
        }
    }

    /// It answers as ever.
    pub fn assert_well(&self) {
        let info = self.connect().call("org.virt-test.test.Info", json!({}));
        assert_eq!(info["parameters"]["info"]["session"], true, "{info}");
    }

    pub fn end(mut self) {
        self.connect().call("org.virt-test.test.End", json!({}));
        let end = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < end, "the session does not end");
            std::thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(status.code(), Some(0));
        assert!(!self.socket.exists());
        let said = fs::read_to_string(self.lab.logs().join("stderr")).unwrap();
        assert!(!said.contains("panicked"), "{said}");
        self.lab.assert_no_qemu_is_left();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that failed midway leaves no session behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub struct Client {
    stream: BufReader<UnixStream>,
}

impl Client {
    fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).unwrap();
    }

    fn ask(&mut self, mut call: Value, method: &str, parameters: Value) {
        call["method"] = json!(method);
        call["parameters"] = parameters;
        self.send(format!("{call}\0").as_bytes());
    }

    /// The next answer; nothing where there is none any more.
    fn answer(&mut self) -> Option<Value> {
        let mut message = Vec::new();
        self.stream.read_until(0, &mut message).unwrap();
        match message.pop() {
            Some(0) => Some(serde_json::from_slice(&message).unwrap()),
            _ => None,
        }
    }

    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.ask(json!({}), method, parameters);
        self.answer().unwrap()
    }
}

const PHASE: &str = "org.virt-test.test.Phase";
const EXEC: &str = "org.virt-test.session.Exec";
const INFO: &str = "org.virt-test.vm.Info";

#[test]
fn the_socket_is_private_and_goes_with_the_session() {
    let server = Server::without_machines();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&server.socket), 0o600);
    assert_eq!(mode(server.socket.parent().unwrap()), 0o700);
    server.end();
}

/// Somebody has opened directory and socket to everybody: what is left is who the peer is.
#[test]
fn another_user_is_refused_even_where_the_socket_is_open_to_all() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not tested: only root can be somebody else");
        return;
    }
    let nobody = rustix::process::Uid::from_raw(65534);
    let server = Server::without_machines();
    let open = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    open(&server.socket, 0o666);
    let above = server.socket.ancestors().skip(1);
    let ours = above.take_while(|dir| *dir != std::env::temp_dir());
    ours.for_each(|dir| open(dir, 0o711));
    let socket = server.socket.clone();
    let refused = std::thread::spawn(move || {
        // Of this thread only, which ends with it.
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        let mut stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        // It may be gone already.
        let _ = stream.write_all(b"{\"method\":\"org.virt-test.test.Info\"}\0");
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        said
    });
    assert_eq!(refused.join().unwrap(), b"", "nothing is told to others");
    server.assert_well();
    let log = fs::read_to_string(server.lab.latest().join("debug.log")).unwrap();
    assert!(
        log.contains("user 65534 was refused at the control socket"),
        "{log}"
    );
    server.end();
}

#[test]
fn an_interrupted_session_ends_and_leaves_nothing() {
    let mut server = Server::without_machines();
    signal(server.child.id(), "INT");
    let end = Instant::now() + LIMIT;
    while server.child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end, "the session does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
    let left = server.lab.left_in_runtime();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_command_has_the_machines_at_hand_and_its_status_is_told() {
    let lab = Lab::new();
    let logs = lab.logs().display().to_string();
    let serve = ["serve", "--tests", "noop", "--logs-dir", &logs, "--"];
    let script = "test -S \"$VIRT_TEST_SOCKET\" && echo it is there";
    let said = lab.say(&[&serve[..], &["sh", "-c", script]].concat());
    assert_eq!(
        (said.status, said.out.trim()),
        (0, "it is there"),
        "{said:?}"
    );
    let said = lab.say(&[&serve[..], &["false"]].concat());
    assert_eq!(said.status, 1, "{said:?}");
}

#[test]
fn what_is_no_call_is_told_once_and_ends_only_that_connection() {
    let server = Server::without_machines();
    let deep = "[".repeat(100_000);
    let long = format!("\"{}\"", "x".repeat(17 << 20));
    for nonsense in [
        "",
        "hello",
        "{}",
        "[1]",
        "{\"method\": 1}",
        "\u{0}",
        "{\"method\":\"a\"",
        &deep,
        &long,
    ] {
        let mut client = server.connect();
        // A long one may be cut off before it is out.
        let _ = client
            .stream
            .get_mut()
            .write_all(format!("{nonsense}\0").as_bytes());
        let answer = client.answer().unwrap();
        let shown: String = nonsense.chars().take(20).collect();
        assert_eq!(
            answer["error"], "org.virt-test.error.Invalid",
            "{shown}: {answer}"
        );
        // What was not read any more is a reset, which is an end as well.
        let mut rest = Vec::new();
        let _ = client.stream.read_to_end(&mut rest);
        assert!(rest.is_empty() || nonsense == "\u{0}", "{shown}");
    }
    server.assert_well();
    server.end();
}

#[test]
fn what_cannot_be_done_is_told_and_the_connection_goes_on() {
    let server = Server::without_machines();
    let mut client = server.connect();
    for (method, parameters, error) in [
        (
            "org.virt-test.vm.Dream",
            json!({}),
            "org.varlink.service.MethodNotFound",
        ),
        (
            "org.dream.Vm",
            json!({}),
            "org.varlink.service.InterfaceNotFound",
        ),
        (INFO, json!({}), "org.varlink.service.InvalidParameter"),
        (
            INFO,
            json!({"vm": 7}),
            "org.varlink.service.InvalidParameter",
        ),
        (
            INFO,
            json!({"vm": "a", "b": 1}),
            "org.varlink.service.InvalidParameter",
        ),
        (INFO, json!([]), "org.varlink.service.InvalidParameter"),
        (INFO, json!({"vm": "vm9"}), "org.virt-test.error.NotFound"),
        (
            EXEC,
            json!({"vm": "vm9", "command": "true"}),
            "org.virt-test.error.NotFound",
        ),
    ] {
        let answer = client.call(method, parameters);
        assert_eq!(answer["error"], error, "{method}: {answer}");
    }
    server.assert_well();
    server.end();
}

#[test]
fn calls_are_answered_in_order_and_those_that_want_no_answer_get_none() {
    let server = Server::without_machines();
    let mut client = server.connect();
    let mut calls = String::new();
    for number in 0..100 {
        let oneway = number % 2 == 0;
        let call = json!({"method": format!("a.b{number}.C"), "oneway": oneway});
        calls.push_str(&format!("{call}\0"));
    }
    client.send(calls.as_bytes());
    for number in (0..100).filter(|number| number % 2 == 1) {
        let answer = client.answer().unwrap();
        assert_eq!(answer["parameters"]["interface"], format!("a.b{number}"));
    }
    // One whose client has gone is done even so.
    client.ask(
        json!({"oneway": true}),
        PHASE,
        json!({"phase": "the last wish"}),
    );
    drop(client);
    let end = Instant::now() + LIMIT;
    while !server.lab.events().contains("the last wish") {
        assert!(Instant::now() < end, "{}", server.lab.events());
        std::thread::sleep(Duration::from_millis(10));
    }
    server.end();
}

#[test]
fn a_client_that_only_sends_no_more_still_gets_its_answers() {
    let server = Server::without_machines();
    let mut client = server.connect();
    client.ask(json!({}), PHASE, json!({"phase": "x"}));
    client.ask(json!({}), INFO, json!({"vm": "vm9"}));
    let stream = client.stream.get_ref();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(client.answer().unwrap().get("error").is_none());
    assert!(client.answer().unwrap().get("error").is_some());
    assert_eq!(client.answer(), None);
    server.end();
}

#[test]
fn a_thousand_clients_are_answered_and_half_messages_harm_nobody() {
    let server = Server::without_machines();
    let limit = getrlimit(Resource::Nofile);
    let current = limit.maximum.map(|most| most.min(4096)).or(Some(4096));
    setrlimit(Resource::Nofile, Rlimit { current, ..limit }).unwrap();
    let mut clients: Vec<Client> = (0..1000).map(|_| server.connect()).collect();
    let half: Vec<Client> = (0..100)
        .map(|number| {
            let mut client = server.connect();
            client.send(
                &b"{\"method\":\"org.virt-test.vm.Info\",\"parameters\":{"[..number % 47 + 1],
            );
            client
        })
        .collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.ask(json!({}), &format!("a.b{number}.C"), json!({}));
    }
    for (number, client) in clients.iter_mut().enumerate() {
        let answer = client.answer().unwrap();
        assert_eq!(answer["parameters"]["interface"], format!("a.b{number}"));
    }
    drop(half);
    drop(clients);
    server.assert_well();
    server.end();
}

#[test]
fn what_many_clients_half_send_is_limited_together_and_short_calls_go_on() {
    let server = Server::without_machines();
    let half = vec![b'x'; 15 << 20];
    let clients = || (0..40).map(|_| server.connect());
    std::thread::scope(|scope| {
        let senders = clients().map(|mut client| {
            let half = &half;
            scope.spawn(move || {
                // One for which there is no room is refused before all of it is out.
                let all = client.stream.get_mut().write_all(half);
                match all {
                    Ok(()) => Some(client),
                    Err(_) => {
                        let answer = client.answer().unwrap();
                        assert_eq!(
                            answer["error"], "org.virt-test.error.HostFailed",
                            "{answer}"
                        );
                        None
                    }
                }
            })
        });
        let senders: Vec<_> = senders.collect();
        while !senders.iter().all(|sender| sender.is_finished()) {
            server.assert_well();
            std::thread::sleep(Duration::from_millis(20));
        }
        let kept = senders
            .into_iter()
            .filter_map(|sender| sender.join().unwrap());
        let kept: Vec<Client> = kept.collect();
        assert!((1..40).contains(&kept.len()), "{} had room", kept.len());
        let status = fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.unwrap().trim().trim_end_matches(" kB");
        assert!(peak.parse::<u64>().unwrap() < 400 << 10, "{peak} KiB");
    });
    // What they had is free again.
    let long = "x".repeat(15 << 20);
    let answer = server.connect().call(PHASE, json!({ "wrong": long }));
    assert_eq!(answer["error"], "org.varlink.service.InvalidParameter");
    server.end();
}

/// Bytes that look like a call for a while: a valid one, cut, bent and repeated.
fn bent(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize % below
    };
    let calls = [
        json!({"method": EXEC, "parameters": {"vm": "vm1", "argv": ["a"], "timeout": 1.5, "env": {"A": "b"}}}),
        json!({"method": "org.virt-test.vm.Plug", "parameters": {"vm": "vm1", "device": {"kind": "disk", "size": 1}}}),
        json!({"method": "org.virt-test.test.Params", "parameters": {"objects": ["vm1", "nic1"]}, "more": true}),
        json!({"method": "org.varlink.service.GetInterfaceDescription", "parameters": {"interface": "org.virt-test.vm"}}),
        json!({"method": "org.virt-test.image.Info", "parameters": {"path": "../../nowhere"}}),
    ];
    let mut bytes = format!("{}\0", calls[next(calls.len())]).into_bytes();
    for _ in 0..next(4) {
        let at = next(bytes.len());
        match next(4) {
            0 => bytes[at] = next(256) as u8,
            1 => drop(bytes.remove(at)),
            2 => bytes.truncate(at.max(1)),
            _ => {
                let word = [
                    &b"null"[..],
                    b"-1",
                    b"1e999",
                    b"\"\\ud800\"",
                    b"[]",
                    b"{}",
                    b"\0",
                    b"\xff",
                ];
                bytes.splice(at..at, word[next(word.len())].iter().copied());
            }
        }
    }
    bytes
}

#[test]
fn whatever_is_sent_it_answers_with_json_or_hangs_up() {
    let server = Server::without_machines();
    for seed in 0..2000 {
        let mut client = server.connect();
        client.send(&bent(seed));
        let stream = client.stream.get_ref();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        while let Some(answer) = client.answer() {
            let known = answer.get("parameters").is_some_and(Value::is_object);
            assert!(known, "seed {seed}: {answer}");
        }
    }
    server.assert_well();
    server.end();
}

#[test]
fn a_command_whose_client_hangs_up_is_killed_in_the_guest() {
    let server = Server::start(&[]);
    for more in [false, true] {
        let mut client = server.connect();
        let command = "echo $$ > /tmp/pid; exec sleep 10000";
        client.ask(
            json!({"more": more}),
            EXEC,
            json!({"vm": "vm1", "command": command, "timeout": 10000}),
        );
        let mut other = server.connect();
        let mut guest = |command: &str| {
            let output = other.call(EXEC, json!({"vm": "vm1", "command": command}));
            output["parameters"]["output"]["stdout"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        let begun = "while [ ! -s /tmp/pid ]; do sleep 0.05; done; cat /tmp/pid";
        let pid = guest(begun).trim().to_owned();
        drop(client);
        let gone = format!("while [ -d /proc/{pid} ]; do sleep 0.05; done; rm /tmp/pid; echo gone");
        assert_eq!(guest(&gone), "gone\n");
    }
    server.end();
}

#[test]
fn a_migration_whose_client_hangs_up_is_cancelled_and_the_source_goes_on() {
    let server = Server::start(&[]);
    let mut other = server.connect();
    let mut call = |method: &str, parameters: Value| other.call(method, parameters);
    let up = call(EXEC, json!({"vm": "vm1", "command": "true"}));
    assert_eq!(up["parameters"]["output"]["status"], 0, "{up}");
    let before = call(INFO, json!({"vm": "vm1"}))["parameters"]["machine"]["pid"].clone();
    let mut client = server.connect();
    let slowly =
        json!({"vm": "vm1", "transport": "unix", "parameters": {"max_bandwidth": 1 << 20}});
    client.ask(json!({"more": true}), "org.virt-test.vm.Migrate", slowly);
    while client.answer().unwrap()["parameters"]["progress"]["status"] != "active" {}
    drop(client);
    let cancelled = json!({"vm": "vm1", "name": "MIGRATION", "match": {"status": "cancelled"}});
    let event = call("org.virt-test.vm.WaitEvent", cancelled);
    assert!(event.get("error").is_none(), "{event}");
    let after = call(INFO, json!({"vm": "vm1"}))["parameters"]["machine"].clone();
    assert_eq!(
        (&after["pid"], &after["status"]),
        (&before, &json!("running"))
    );
    let still = call(EXEC, json!({"vm": "vm1", "command": "echo well"}));
    assert_eq!(still["parameters"]["output"]["stdout"], "well\n", "{still}");
    server.end();
}
