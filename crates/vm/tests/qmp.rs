//! The QMP client against a server that answers as a test says.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests, and what they share"
)]

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use vm::qmp::{Cursor, EventError, Qmp, QmpError, RunState};

const LIMIT: Duration = Duration::from_secs(20);
const GREETING: &str = r#"{"QMP": {"version": {"qemu": {"major": 10}}, "capabilities": ["oob"]}}"#;

struct Server {
    lines: tokio::io::Lines<BufReader<OwnedReadHalf>>,
    writer: OwnedWriteHalf,
}

impl Server {
    async fn say(&mut self, text: &str) {
        self.writer.write_all(text.as_bytes()).await.unwrap();
        self.writer.write_all(b"\r\n").await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        serde_json::from_str(&self.lines.next_line().await.unwrap().unwrap()).unwrap()
    }

    async fn answer(&mut self, command: &Value, value: Value) {
        let answer = json!({"return": value, "id": command["id"]});
        self.say(&answer.to_string()).await;
    }
}

fn pair() -> (UnixStream, Server) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (reader, writer) = theirs.into_split();
    let lines = BufReader::new(reader).lines();
    (ours, Server { lines, writer })
}

async fn connected_within(limit: Duration, greeting: &str) -> (Qmp, Server) {
    let (stream, mut server) = pair();
    server.say(greeting).await;
    let negotiate = async {
        let command = server.hear().await;
        assert_eq!(command["execute"], "qmp_capabilities");
        server.answer(&command, json!({})).await;
    };
    let (qmp, ()) = tokio::join!(Qmp::connect(stream, limit), negotiate);
    (qmp.unwrap(), server)
}

async fn connected() -> (Qmp, Server) {
    connected_within(LIMIT, GREETING).await
}

#[tokio::test]
async fn out_of_band_is_negotiated_where_it_is_offered() {
    let (stream, mut server) = pair();
    server.say(GREETING).await;
    let serve = async {
        let command = server.hear().await;
        assert_eq!(command["arguments"], json!({"enable": ["oob"]}));
        server.answer(&command, json!({})).await;
        let command = server.hear().await;
        assert_eq!(command["exec-oob"], "migrate-pause");
        server.answer(&command, json!({})).await;
    };
    let call = async {
        let qmp = Qmp::connect(stream, LIMIT).await.unwrap();
        qmp.execute_oob("migrate-pause", json!({})).await.unwrap();
    };
    tokio::join!(serve, call);
}

#[tokio::test]
async fn out_of_band_is_refused_where_it_is_not_offered() {
    let (qmp, _server) = connected_within(LIMIT, r#"{"QMP": {"capabilities": []}}"#).await;
    assert!(!qmp.has_out_of_band());
    let error = qmp
        .execute_oob("migrate-pause", json!({}))
        .await
        .unwrap_err();
    assert!(matches!(error, QmpError::NoOutOfBand { .. }));
}

#[tokio::test]
async fn answers_find_their_commands_in_any_order() {
    let (qmp, mut server) = connected().await;
    let serve = async {
        let first = server.hear().await;
        let second = server.hear().await;
        server.answer(&second, json!(second["execute"])).await;
        server.answer(&first, json!(first["execute"])).await;
    };
    let (one, two, ()) = tokio::join!(
        qmp.execute("one", json!({})),
        qmp.execute("two", json!({"a": 1})),
        serve
    );
    assert_eq!(one.unwrap(), "one");
    assert_eq!(two.unwrap(), "two");
}

#[tokio::test]
async fn a_refusal_says_what_was_refused_and_why() {
    let (qmp, mut server) = connected().await;
    let serve = async {
        let id = server.hear().await["id"].clone();
        let error = json!({"error": {"class": "GenericError", "desc": "no disk"}, "id": id});
        server.say(&error.to_string()).await;
    };
    let (result, ()) = tokio::join!(qmp.execute("eject", json!({"id": "cd1"})), serve);
    let error = result.unwrap_err();
    assert!(error.is_refusal());
    assert_eq!(
        error.to_string(),
        "QEMU refused eject: no disk (GenericError)"
    );
}

#[tokio::test]
async fn an_event_before_the_first_wait_is_not_lost() {
    let (qmp, mut server) = connected().await;
    server
        .say(r#"{"event": "RESET", "data": {"guest": true}}"#)
        .await;
    server.say(r#"{"event": "NOT_YET_INVENTED"}"#).await;
    let serve = async {
        let command = server.hear().await;
        server.answer(&command, json!({"status": "paused"})).await;
    };
    let (status, ()) = tokio::join!(qmp.status(), serve);
    assert_eq!(status.unwrap().status, RunState::Paused);
    let events = qmp.events();
    let reset = events
        .wait(Cursor::START, "RESET", LIMIT, |event| event.name == "RESET")
        .await
        .unwrap();
    assert_eq!(reset.data, json!({"guest": true}));
    assert_eq!(events.since(reset.after())[0].name, "NOT_YET_INVENTED");
}

#[tokio::test]
async fn a_command_not_answered_ends_at_its_deadline_and_spoils_nothing() {
    let (qmp, mut server) = connected_within(Duration::from_millis(200), GREETING).await;
    let start = Instant::now();
    let error = qmp.execute("sleep", json!({})).await.unwrap_err();
    assert!(matches!(error, QmpError::NoAnswer { .. }), "{error}");
    assert!(start.elapsed() >= Duration::from_millis(200));
    let late = server.hear().await;
    server.answer(&late, json!("late")).await;
    let serve = async {
        let command = server.hear().await;
        server.answer(&command, json!("on time")).await;
    };
    let (answer, ()) = tokio::join!(qmp.execute_within(LIMIT, "next", json!({})), serve);
    assert_eq!(answer.unwrap(), "on time");
}

#[tokio::test]
async fn garbage_fails_the_command_at_once_but_not_the_connection() {
    let (qmp, mut server) = connected().await;
    let serve = async {
        server.hear().await;
        server.say("Segmentation fault").await;
    };
    let (result, ()) = tokio::join!(qmp.execute("first", json!({})), serve);
    let error = result.unwrap_err().to_string();
    assert!(
        error.contains("first") && error.contains("Segmentation fault"),
        "{error}"
    );
    let serve = async {
        let command = server.hear().await;
        server.answer(&command, json!(2)).await;
    };
    let (result, ()) = tokio::join!(qmp.execute("second", json!({})), serve);
    assert_eq!(result.unwrap(), 2);
}

#[tokio::test]
async fn the_end_of_the_monitor_ends_commands_and_waits_at_once() {
    let (qmp, server) = connected().await;
    let wait = qmp.events().wait(Cursor::START, "STOP", LIMIT, |_| false);
    let close = async { drop(server) };
    let (command, wait, ()) = tokio::join!(qmp.execute("stop", json!({})), wait, close);
    assert!(
        matches!(command, Err(QmpError::Closed { .. })),
        "{command:?}"
    );
    assert!(matches!(wait, Err(EventError::Closed { .. })));
    let after = qmp.execute("cont", json!({})).await;
    assert!(matches!(after, Err(QmpError::Closed { .. })));
}

#[tokio::test]
async fn a_server_that_says_nothing_or_leaves_is_told_apart() {
    let (stream, _server) = pair();
    let error = Qmp::connect(stream, Duration::from_millis(50))
        .await
        .unwrap_err();
    assert!(matches!(error, QmpError::NoAnswer { .. }), "{error}");
    let (stream, server) = pair();
    drop(server);
    let error = Qmp::connect(stream, LIMIT).await.unwrap_err();
    assert!(matches!(error, QmpError::Closed { .. }), "{error}");
}

#[tokio::test]
async fn a_long_answer_in_pieces_arrives_whole() {
    let (qmp, mut server) = connected().await;
    let long = "é".repeat(700_000);
    let serve = async {
        let command = server.hear().await;
        server.answer(&command, json!(long)).await;
        let command = server.hear().await;
        assert_eq!(
            command["arguments"]["text"].as_str().unwrap().len(),
            long.len()
        );
        server.answer(&command, json!({})).await;
    };
    let call = async {
        assert_eq!(qmp.execute("get", json!({})).await.unwrap(), json!(long));
        qmp.execute("put", json!({"text": long})).await.unwrap();
    };
    tokio::join!(serve, call);
}

#[tokio::test]
async fn a_caller_who_gives_up_leaves_the_stream_whole() {
    let (qmp, mut server) = connected().await;
    let big = "x".repeat(4 << 20);
    let put = qmp.execute("put", json!({"text": big}));
    let given_up = tokio::time::timeout(Duration::from_millis(20), put).await;
    assert!(given_up.is_err());
    let serve = async {
        assert_eq!(server.hear().await["execute"], "put");
        let command = server.hear().await;
        server.answer(&command, json!("fine")).await;
    };
    let (answer, ()) = tokio::join!(qmp.execute("next", json!({})), serve);
    assert_eq!(answer.unwrap(), "fine");
}

#[tokio::test]
async fn raw_bytes_get_the_answer_that_has_no_id() {
    let (qmp, mut server) = connected().await;
    let serve = async {
        assert_eq!(
            server.lines.next_line().await.unwrap().unwrap(),
            "{ nonsense"
        );
        let error = json!({"error": {"class": "GenericError", "desc": "JSON parse error"}});
        server.say(&error.to_string()).await;
    };
    let (answer, ()) = tokio::join!(qmp.raw(b"{ nonsense\n"), serve);
    assert_eq!(answer.unwrap()["error"]["class"], "GenericError");
}

#[tokio::test]
async fn a_file_descriptor_travels_with_its_command() {
    let (stream, theirs) = UnixStream::pair().unwrap();
    let serve = tokio::task::spawn_blocking(move || {
        use std::io::{Read, Write};
        use std::mem::MaybeUninit;
        let theirs = theirs.into_std().unwrap();
        theirs.set_nonblocking(false).unwrap();
        let mut bytes = [0; 4096];
        (&theirs).write_all(GREETING.as_bytes()).unwrap();
        (&theirs).write_all(b"\n").unwrap();
        let answer = |stream: &std::os::unix::net::UnixStream, id| {
            let mut stream = stream;
            writeln!(stream, "{}", json!({"return": {}, "id": id})).unwrap();
        };
        let count = (&theirs).read(&mut bytes).unwrap();
        let command: Value = serde_json::from_slice(&bytes[..count]).unwrap();
        answer(&theirs, command["id"].clone());
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = rustix::net::RecvAncillaryBuffer::new(&mut space);
        let mut buffers = [std::io::IoSliceMut::new(&mut bytes)];
        let flags = rustix::net::RecvFlags::empty();
        let count = rustix::net::recvmsg(&theirs, &mut buffers, &mut ancillary, flags)
            .unwrap()
            .bytes;
        let descriptors: Vec<OwnedFd> = ancillary
            .drain()
            .filter_map(|message| match message {
                rustix::net::RecvAncillaryMessage::ScmRights(fds) => Some(fds),
                _ => None,
            })
            .flatten()
            .collect();
        let command: Value = serde_json::from_slice(&bytes[..count]).unwrap();
        assert_eq!(command["execute"], "getfd");
        answer(&theirs, command["id"].clone());
        descriptors
    });
    let qmp = Qmp::connect(stream, LIMIT).await.unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    let arguments = json!({"fdname": "f"});
    qmp.execute_with_fd("getfd", arguments, writer.into())
        .await
        .unwrap();
    let descriptors = serve.await.unwrap();
    assert_eq!(descriptors.len(), 1);
    // The writing end lives on only in what arrived.
    std::io::Write::write_all(
        &mut std::fs::File::from(descriptors.into_iter().next().unwrap()),
        b"hi",
    )
    .unwrap();
    let mut text = String::new();
    tokio::net::unix::pipe::Receiver::from_owned_fd(reader.into())
        .unwrap()
        .read_to_string(&mut text)
        .await
        .unwrap();
    assert_eq!(text, "hi");
}
