//! Whatever many clients send at once, the socket of a session answers what is to be answered, and keeps nothing.
//!
//! `VIRT_TEST_FUZZ=600` lets it go on for so many seconds, and `VIRT_TEST_FUZZ_SEED=…` begins elsewhere.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::serve::Server;

/// Connections in a run that has no time of its own.
const FEW: u64 = 4_000;

/// Clients at a time.
const CLIENTS: u64 = 8;

/// Longer than any answer takes on a slow host.
const LIMIT: Duration = Duration::from_secs(120);

/// What would end the session, or start a machine, or is kept until the end on purpose.
const NOT_ASKED: [&str; 4] = [
    "org.virt-test.vm.Start",
    "org.virt-test.test.End",
    "org.virt-test.test.Subtest",
    "org.virt-test.test.Warn",
];

/// Numbers that are the same for the same seed (xorshift, G. Marsaglia).
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most
    }

    fn one_in(&mut self, most: usize) -> bool {
        self.below(most) == 0
    }

    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

/// The definition of the interfaces, and calls that are more or less as it says.
struct Interface {
    methods: Vec<(String, Value)>,
    types: Map<String, Value>,
}

impl Interface {
    fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../bindings/interface.json");
        let all: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let (mut methods, mut types) = (Vec::new(), Map::new());
        for interface in all["interfaces"].as_array().unwrap() {
            let name = |item: &Value| item["name"].as_str().unwrap().to_owned();
            for item in interface["types"].as_array().unwrap() {
                types.insert(name(item), item.clone());
            }
            for method in interface["methods"].as_array().unwrap() {
                let full = format!("{}.{}", name(interface), name(method));
                if !NOT_ASKED.contains(&&*full) {
                    methods.push((full, method["in"].clone()));
                }
            }
        }
        Self { methods, types }
    }

    fn call(&self, dice: &mut Dice) -> Value {
        let (method, fields) = &self.methods[dice.below(self.methods.len())];
        // These start a program; the others are what a server can get wrong.
        if method.starts_with("org.virt-test.image") && !dice.one_in(100) {
            return self.call(dice);
        }
        let mut call = json!({"method": method, "parameters": self.fields(fields, dice)});
        match dice.below(12) {
            0 => call["oneway"] = json!(true),
            1 => call["more"] = json!(true),
            2 => call["parameters"] = odd(dice),
            3 => call["method"] = json!(format!("{method}{}", dice.of(&["s", ".", "\u{e9}", " "]))),
            4 => call[dice.of(&["upgrade", "more", "oneway", "method", "else"])] = odd(dice),
            5 => drop(call.as_object_mut().unwrap().remove("parameters")),
            _ => {}
        }
        call
    }

    fn fields(&self, fields: &Value, dice: &mut Dice) -> Value {
        let mut parameters = Map::new();
        for field in fields.as_array().unwrap() {
            if field["optional"] == true && !dice.one_in(3) {
                continue;
            }
            let value = match dice.below(25) {
                0 => continue,
                1 => odd(dice),
                _ => self.value(&field["type"], dice),
            };
            parameters.insert(field["name"].as_str().unwrap().to_owned(), value);
        }
        if dice.one_in(25) {
            parameters.insert("else".to_owned(), odd(dice));
        }
        parameters.into()
    }

    fn value(&self, kind: &Value, dice: &mut Dice) -> Value {
        match kind.as_str() {
            Some("string") => text(dice),
            Some("int") => number(dice),
            Some("float") => match dice.below(4) {
                0 => number(dice),
                _ => json!(dice.below(1000) as f64 / 1000.0),
            },
            Some("bool") => json!(dice.one_in(2)),
            Some(_) => json!({"a": odd(dice)}),
            None => self.made_of_others(kind, dice),
        }
    }

    fn made_of_others(&self, kind: &Value, dice: &mut Dice) -> Value {
        if let Some(inner) = kind.get("array") {
            return (0..dice.below(4))
                .map(|_| self.value(inner, dice))
                .collect();
        }
        if let Some(inner) = kind.get("map") {
            let pairs = (0..dice.below(4)).map(|n| (format!("key{n}"), self.value(inner, dice)));
            return Value::Object(pairs.collect());
        }
        let named = &self.types[kind["ref"].as_str().unwrap()];
        match named["words"].as_array() {
            Some(words) => words[dice.below(words.len())].clone(),
            None => self.fields(&named["fields"], dice),
        }
    }
}

/// Names there are and are not. None is a path of anything that is there.
fn text(dice: &mut Dice) -> Value {
    match dice.below(20) {
        0 => json!("x".repeat(dice.below(100_000))),
        1 => json!("\0\u{1}\u{feff}\u{10ffff}\"\\"),
        _ => json!(dice.of(&[
            "vm1",
            "vm1",
            "vm1",
            "vm2",
            "nosuch",
            "",
            "a.qcow2",
            "b.raw",
            "qcow2",
            "raw",
            "/nonexistent/x",
            "mem",
            "query-status",
            "true",
            "1",
            "-1",
            "%s%n",
            "(a+)+$",
            "vm1-session1",
        ])),
    }
}

fn number(dice: &mut Dice) -> Value {
    match dice.below(8) {
        0 => json!(i64::MAX),
        1 => json!(i64::MIN),
        2 => json!(u64::MAX),
        3 => json!(-1),
        4 => json!(1e300),
        _ => json!(dice.below(1 << 20)),
    }
}

/// A value that nobody asked for.
fn odd(dice: &mut Dice) -> Value {
    match dice.below(8) {
        0 => Value::Null,
        1 => json!([]),
        2 => json!({}),
        3 => json!(true),
        4 => text(dice),
        5 => number(dice),
        6 => (0..100).fold(json!(1), |inner, _| json!([inner])),
        _ => json!([{"a": [1, "b", null]}, [[]], -0.0]),
    }
}

/// A message, without its NUL: a call, a bent one, or what never was one.
fn message(interface: &Interface, dice: &mut Dice) -> Vec<u8> {
    let mut bytes = interface.call(dice).to_string().into_bytes();
    if dice.one_in(2000) {
        let long = "y".repeat(dice.below(17 << 20));
        return format!("{{\"method\":\"a.b.C\",\"parameters\":{{\"a\":\"{long}\"}}}}")
            .into_bytes();
    }
    if dice.one_in(2000) {
        return format!(
            "{{\"method\":\"a.b.C\",\"parameters\":[{}0]}}",
            "0,".repeat(dice.below(400_000))
        )
        .into_bytes();
    }
    if !dice.one_in(6) {
        return bytes;
    }
    for _ in 0..=dice.below(4) {
        let at = dice
            .below(bytes.len().max(1))
            .min(bytes.len().saturating_sub(1));
        match dice.below(5) {
            _ if bytes.is_empty() => {}
            0 => bytes[at] = dice.below(256) as u8,
            1 => drop(bytes.remove(at)),
            2 => bytes.truncate(at),
            3 => bytes = "[{".repeat(dice.below(1000)).into_bytes(),
            _ => {
                let word = dice.of(&[
                    &b"null"[..],
                    b"-1",
                    b"1e999",
                    b"\"\\ud800\"",
                    b"[]",
                    b"\xff\xfe",
                    b"{\"a\":",
                ]);
                bytes.splice(at..at, word.iter().copied());
            }
        }
    }
    bytes.retain(|byte| *byte != 0);
    bytes
}

/// Whether a message is a call, and whether it wants an answer.
#[derive(serde::Deserialize)]
struct Call {
    #[serde(rename = "method")]
    _method: String,
    #[serde(default, rename = "parameters")]
    _parameters: Option<Value>,
    #[serde(default)]
    oneway: Option<bool>,
    #[serde(default, rename = "more")]
    _more: Option<bool>,
}

/// Of messages sent one after the other: how many answers there are to be, and whether the last of them ends the connection.
fn expected(messages: &[Vec<u8>]) -> (usize, bool) {
    let mut answers = 0;
    for message in messages {
        match serde_json::from_slice::<Call>(message) {
            Ok(call) if message.len() <= 16 << 20 && few(message) => {
                answers += usize::from(call.oneway != Some(true));
            }
            _ => return (answers + 1, true),
        }
    }
    (answers, false)
}

/// Does it have no more values than a message may have? None of these is in a string where they are many.
fn few(message: &[u8]) -> bool {
    let begins_value = |byte: &&u8| b",:[{".contains(byte);
    message.iter().filter(begins_value).count() <= 1 << 17
}

/// Counts of what was done.
#[derive(Default)]
struct Tally {
    connections: AtomicU64,
    messages: AtomicU64,
    answers: AtomicU64,
    refused: AtomicU64,
    cut_off: AtomicU64,
    bytes: AtomicU64,
}

fn add(to: &AtomicU64, count: usize) {
    to.fetch_add(count as u64, Ordering::Relaxed);
}

/// One client's life.
fn live(socket: &PathBuf, interface: &Interface, seed: u64, tally: &Tally) {
    let mut dice = Dice::new(seed);
    let messages: Vec<_> = (0..=dice.below(6))
        .map(|_| message(interface, &mut dice))
        .collect();
    let mut bytes: Vec<u8> = messages
        .iter()
        .flat_map(|message| message.iter().copied().chain([0]))
        .collect();
    // Half a call more, which is never to be answered.
    if dice.one_in(4) {
        let half = interface.call(&mut dice).to_string().into_bytes();
        bytes.extend_from_slice(&half[..dice.below(half.len())]);
    }
    add(&tally.connections, 1);
    add(&tally.messages, messages.len());
    add(&tally.bytes, bytes.len());
    let stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.set_write_timeout(Some(LIMIT)).unwrap();
    let reader = stream.try_clone().unwrap();
    let goes_early = dice.one_in(4);
    let pieces = if dice.one_in(3) {
        1 + dice.below(20)
    } else {
        1
    };
    let leaves_at = if goes_early {
        dice.below(bytes.len() + 1)
    } else {
        bytes.len()
    };
    let answers = thread::scope(|scope| {
        // Who goes early may not have read anything either.
        let listener = (!goes_early).then(|| scope.spawn(|| listen(&reader, seed)));
        let size = (leaves_at / pieces).max(1);
        for piece in bytes[..leaves_at].chunks(size) {
            // It may have been refused by now.
            if (&stream).write_all(piece).is_err() {
                break;
            }
            if pieces > 1 {
                thread::yield_now();
            }
        }
        if listener.is_some() {
            // As above.
            let _ = stream.shutdown(Shutdown::Write);
        }
        listener.map(|listener| listener.join().unwrap())
    });
    let Some((answers, refused)) = answers else {
        add(&tally.cut_off, 1);
        return;
    };
    let (wanted, parts) = expected(&messages);
    assert_eq!(answers, wanted, "seed {seed}: {}", shown(&messages));
    assert!(
        !parts || refused,
        "seed {seed} was to be told what it sent: {}",
        shown(&messages)
    );
    add(&tally.answers, answers);
    add(&tally.refused, usize::from(parts));
}

fn shown(messages: &[Vec<u8>]) -> String {
    let show = |message: &Vec<u8>| {
        String::from_utf8_lossy(&message[..message.len().min(300)]).into_owned()
    };
    messages.iter().map(show).collect::<Vec<_>>().join("\n")
}

/// Counts last answers up to the end; and says whether the last was that it is refused.
fn listen(stream: &UnixStream, seed: u64) -> (usize, bool) {
    let mut stream = BufReader::new(stream);
    let (mut answers, mut refused) = (0, false);
    loop {
        let mut message = Vec::new();
        match stream.read_until(0, &mut message) {
            Ok(0) => return (answers, refused),
            // What it did not read any more is a reset, which is an end as well.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                return (answers, refused);
            }
            read => drop(read.unwrap_or_else(|error| panic!("seed {seed}: {error}"))),
        }
        assert_eq!(message.pop(), Some(0), "seed {seed}: half an answer");
        let answer: Value = serde_json::from_slice(&message).unwrap();
        assert!(answer["parameters"].is_object(), "seed {seed}: {answer}");
        if let Some(error) = answer.get("error") {
            let ours = error.as_str().unwrap().starts_with("org.virt-test.error.");
            let says = answer["parameters"]["message"]
                .as_str()
                .is_some_and(|text| !text.is_empty());
            assert!(!ours || says, "seed {seed}: {answer}");
        }
        refused = answer["error"] == "org.virt-test.error.Invalid";
        answers += usize::from(answer.get("continues") != Some(&json!(true)));
    }
}

/// One that asks what is right, all the time. Returns how often, and the longest it waited.
fn witness(server: &Server, over: &AtomicBool) -> (u64, Duration) {
    let mut client = server.connect();
    let (mut calls, mut longest) = (0, Duration::ZERO);
    while !over.load(Ordering::Relaxed) {
        let start = Instant::now();
        let answer = client.call("org.virt-test.vm.Info", json!({"vm": "vm1"}));
        longest = longest.max(start.elapsed());
        assert_eq!(answer["parameters"]["machine"]["name"], "vm1", "{answer}");
        calls += 1;
        thread::sleep(Duration::from_millis(1));
    }
    (calls, longest)
}

/// What of the host the server has.
#[derive(Debug)]
struct Held {
    descriptors: usize,
    children: usize,
    resident_kib: u64,
}

fn held(pid: u32) -> Held {
    let proc = PathBuf::from(format!("/proc/{pid}"));
    let tasks = fs::read_dir(proc.join("task")).unwrap().flatten();
    let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let status = fs::read_to_string(proc.join("status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    Held {
        descriptors: fs::read_dir(proc.join("fd")).unwrap().count(),
        children: children.map(|text| text.split_whitespace().count()).sum(),
        resident_kib: line.trim().trim_end_matches(" kB").parse().unwrap(),
    }
}

/// Waits until it has no more than before. What it has may be given back a little after an answer.
fn settled(pid: u32, before: &Held) -> Held {
    let end = Instant::now() + LIMIT;
    loop {
        let now = held(pid);
        if now.descriptors <= before.descriptors && now.children == before.children {
            return now;
        }
        assert!(Instant::now() < end, "it had {before:?}, and keeps {now:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn number_of(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap())
}

/// Lets clients live until there were so many, or the time is up.
fn storm(server: &Server, seeds: &AtomicU64, until: impl Fn(u64) -> bool + Sync) -> Tally {
    let (interface, tally) = (Interface::read(), Tally::default());
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while !until(tally.connections.load(Ordering::Relaxed)) {
                    let seed = seeds.fetch_add(1, Ordering::Relaxed);
                    live(&server.socket, &interface, seed, &tally);
                }
            });
        }
    });
    tally
}

#[test]
fn whatever_many_clients_send_is_answered_once_and_nothing_of_it_is_kept() {
    let server = Server::start(&["--extra", "start_vm = no"]);
    let pid = server.child.id();
    let seeds = AtomicU64::new(number_of("VIRT_TEST_FUZZ_SEED").unwrap_or(1));
    // What is made once, such as threads and arenas, is there then.
    storm(&server, &seeds, |connections| connections >= FEW / 4);
    server.assert_well();
    let before = settled(
        pid,
        &Held {
            descriptors: 1000,
            children: 0,
            resident_kib: 0,
        },
    );
    let end =
        number_of("VIRT_TEST_FUZZ").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let until = |connections| match end {
        Some(end) => Instant::now() >= end,
        None => connections >= FEW,
    };
    let over = AtomicBool::new(false);
    let start = Instant::now();
    let (tally, (calls, longest)) = thread::scope(|scope| {
        let witness = scope.spawn(|| witness(&server, &over));
        let storm = scope.spawn(|| storm(&server, &seeds, until)).join();
        over.store(true, Ordering::Relaxed);
        let witness = witness.join().unwrap();
        (
            storm.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            witness,
        )
    });
    let took = start.elapsed().as_secs_f64();
    let after = settled(pid, &before);
    let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
    println!(
        "{} connections ({:.0}/s), {} messages, {} MiB, {} answers, {} refused, {} cut off; another's {calls} calls took {longest:?} at most; \
         before {before:?}, after {after:?}",
        count(&tally.connections),
        count(&tally.connections) as f64 / took,
        count(&tally.messages),
        count(&tally.bytes) >> 20,
        count(&tally.answers),
        count(&tally.refused),
        count(&tally.cut_off),
    );
    let grown = after.resident_kib.saturating_sub(before.resident_kib);
    assert!(grown < 32 << 10, "it has grown by {grown} KiB");
    server.assert_well();
    server.end();
}
