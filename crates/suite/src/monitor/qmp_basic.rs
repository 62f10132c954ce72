//! A monitor keeps to the protocol whatever it is sent: it greets and negotiates, echoes ids, refuses what is no command
//! without losing step, reads Unicode, bounds nesting, and carries out of band what may be.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use virt_test::{Test, TestResult, Vm, check};

use crate::monitor::wire::Wire;

const MONITOR: &str = "qmp1";
/// Depth that QEMU's reader of JSON accepts.
const MAX_NESTING: usize = 1024;
/// Bytes of a large message. QEMU's own limit, 64 MiB, is out of reach: it reads a monitor byte by byte.
const LARGE: usize = 64 << 10;

#[virt_test::test(type_specific)]
async fn qmp_basic(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    test.phase("negotiating");
    negotiation(&vm).await?;
    test.phase("echoing ids");
    ids(&vm).await?;
    test.phase("refusing what is no command");
    refusals(&vm).await?;
    test.phase("refusing what is no JSON");
    garbage(&vm).await?;
    test.phase("reading large and deep messages");
    limits(&vm).await?;
    test.phase("executing out of band");
    out_of_band(test, &vm).await
}

/// QEMU says who it is, and does nothing before its capabilities are negotiated.
async fn negotiation(vm: &Arc<Vm>) -> TestResult {
    let version = vm.qmp().execute("query-version", json!({})).await?;
    for connection in 1..=2 {
        let mut wire = Wire::open(vm, MONITOR).await?;
        let greeting = wire.hear().await?;
        check!(
            greeting["QMP"]["version"] == version && greeting["QMP"]["capabilities"].is_array(),
            "connection {connection} is greeted with {greeting}, query-version answers {version}"
        );
        let unknown = r#"{"execute": "qmp_capabilities", "arguments": {"enable": ["telepathy"]}}"#;
        for (sent, class) in [
            (r#"{"execute": "query-version"}"#, "CommandNotFound"),
            (unknown, "GenericError"),
            (r#"{"execute": "query-version"}"#, "CommandNotFound"),
        ] {
            wire.say(sent).await?;
            let answer = wire.hear().await?;
            check!(
                answer["error"]["class"] == class,
                "before negotiation {sent} is answered with {answer}"
            );
        }
        wire.say(r#"{"execute": "qmp_capabilities"}"#).await?;
        let answer = wire.hear().await?;
        check!(
            answer == json!({"return": {}}),
            "qmp_capabilities is answered with {answer}"
        );
        let again = wire.ask(r#"{"execute": "qmp_capabilities"}"#).await?;
        check!(
            again.len() == 1 && again[0]["error"]["class"] == "CommandNotFound",
            "a second negotiation is answered with {again:?}"
        );
    }
    Ok(())
}

/// Whatever an id is, it comes back with the answer, be that good or bad; without one there is none.
async fn ids(vm: &Arc<Vm>) -> TestResult {
    let mut wire = Wire::negotiated(vm, MONITOR, "[]").await?;
    let deep = (0..100).fold(json!([]), |inner, _| json!([inner]));
    for id in [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1.5),
        json!(""),
        json!("two words"),
        json!("\u{0}\t\"\\/"),
        json!("é€😀\u{7f}\u{fffd}"),
        json!([]),
        json!({}),
        json!([1, [null, {"a": {"b": []}}]]),
        deep,
    ] {
        for (command, member) in [("query-status", "return"), ("no-such-command", "error")] {
            let answers = wire
                .ask(json!({"execute": command, "id": id}).to_string())
                .await?;
            check!(
                answers.len() == 1
                    && answers[0].pointer("/id") == Some(&id)
                    && answers[0][member].is_object(),
                "{command} with id {id} is answered with {answers:?}"
            );
        }
    }
    // The escapes of JSON mean the same as the characters themselves.
    let answers = wire
        .ask(r#"{"execute": "query-status", "id": "\u00e9\uD83D\uDE00\u0041"}"#)
        .await?;
    check!(
        answers.len() == 1 && answers[0]["id"] == "é😀A",
        "escapes come back as {answers:?}"
    );
    let answers = wire.ask(r#"{"execute": "query-status"}"#).await?;
    check!(
        answers.len() == 1 && answers[0].pointer("/id").is_none(),
        "no id comes back as {answers:?}"
    );
    Ok(())
}

/// Well-formed JSON that is no command is refused once, with the id where there is one.
async fn refusals(vm: &Arc<Vm>) -> TestResult {
    let mut wire = Wire::negotiated(vm, MONITOR, "[]").await?;
    for (sent, class) in [
        ("[]", "GenericError"),
        ("\"query-status\"", "GenericError"),
        ("7", "GenericError"),
        ("null", "GenericError"),
        ("{}", "GenericError"),
        (r#"{"id": 7}"#, "GenericError"),
        (r#"{"execute": 1, "id": 7}"#, "GenericError"),
        (
            r#"{"execute": "no-such-command", "id": 7}"#,
            "CommandNotFound",
        ),
        (r#"{"execute": "Query-Status", "id": 7}"#, "CommandNotFound"),
        (
            r#"{"execute": "query-status", "arguments": [], "id": 7}"#,
            "GenericError",
        ),
        (
            r#"{"execute": "query-status", "arguments": {"x": 1}, "id": 7}"#,
            "GenericError",
        ),
        (
            r#"{"execute": "query-status", "extra": 1, "id": 7}"#,
            "GenericError",
        ),
        (
            r#"{"execute": "query-status", "exec-oob": "query-status", "id": 7}"#,
            "GenericError",
        ),
        // Was not negotiated here.
        (r#"{"exec-oob": "query-yank", "id": 7}"#, "GenericError"),
        (
            r#"{"execute": "object-add", "arguments": {}, "id": 7}"#,
            "GenericError",
        ),
        (
            r#"{"execute": "object-add", "arguments": {"qom-type": 1, "id": "x"}, "id": 7}"#,
            "GenericError",
        ),
        (
            r#"{"execute": "device_del", "arguments": {"id": "no-such-device"}, "id": 7}"#,
            "DeviceNotFound",
        ),
    ] {
        let answers = wire.ask(sent).await?;
        let id = sent.contains("\"id\": 7").then_some(json!(7));
        check!(
            answers.len() == 1
                && answers[0]["error"]["class"] == class
                && answers[0].pointer("/id") == id.as_ref(),
            "{sent} is answered with {answers:?}"
        );
    }
    Ok(())
}

/// What is no JSON is refused, mostly once, and what comes after it is understood again.
async fn garbage(vm: &Arc<Vm>) -> TestResult {
    let mut wire = Wire::negotiated(vm, MONITOR, "[]").await?;
    let in_id = |text: &[u8]| [br#"{"execute": "query-status", "id": ""#, text, b"\"}"].concat();
    let cases: [(&str, Vec<u8>); 17] = [
        ("a value is missing", br#"{"execute": }"#.to_vec()),
        ("a colon is missing", br#"{"execute" 1}"#.to_vec()),
        (
            "a comma too many",
            br#"{"execute": "query-status",}"#.to_vec(),
        ),
        (
            "a key twice",
            br#"{"execute": "query-status", "id": 1, "id": 2}"#.to_vec(),
        ),
        ("closed, but never opened", b"}".to_vec()),
        ("the same with a bracket", b"]".to_vec()),
        ("half a keyword", b"tru".to_vec()),
        ("a control character", b"\x01".to_vec()),
        ("a string without end", b"\"abc".to_vec()),
        ("a leading zero", b"01".to_vec()),
        ("an unknown escape", in_id(b"\\x")),
        ("half a surrogate pair", in_id(b"\\ud800")),
        (
            "a surrogate pair the wrong way round",
            in_id(b"\\ude00\\ud83d"),
        ),
        ("half a character of UTF-8", in_id(b"\xe2\x82")),
        ("a surrogate in UTF-8", in_id(b"\xed\xa0\x80")),
        ("more than UTF-8 can say", in_id(b"\xf8\x88\x80\x80\x80")),
        // By the specification, this byte makes QEMU forget what was left open.
        (
            "a reset after what was left open",
            b"{\"execute\": [1, {\xff".to_vec(),
        ),
    ];
    for (what, sent) in cases {
        let answers = wire.ask(&sent).await?;
        let refused = |answer: &Value| {
            answer["error"]["class"] == "GenericError" && answer.pointer("/id").is_none()
        };
        check!(
            !answers.is_empty() && answers.iter().all(refused),
            "{what} ('{}') is answered with {answers:?}",
            sent.escape_ascii()
        );
    }
    Ok(())
}

/// Large messages are read; too deep ones are refused, and the next is understood again.
async fn limits(vm: &Arc<Vm>) -> TestResult {
    let mut wire = Wire::negotiated(vm, MONITOR, "[]").await?;
    let id = "x".repeat(LARGE);
    let answers = wire
        .ask(json!({"execute": "query-status", "id": id}).to_string())
        .await?;
    check!(
        answers.len() == 1 && answers[0]["id"] == id,
        "a message of {LARGE} bytes comes back as {answers:?}"
    );
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let answers = wire.ask(nested(MAX_NESTING)).await?;
    let desc = |answers: &[Value]| {
        answers
            .first()
            .map(|answer| answer["error"]["desc"].to_string())
    };
    check!(
        answers.len() == 1 && desc(&answers).is_some_and(|desc| !desc.contains("nesting")),
        "{MAX_NESTING} levels are answered with {answers:?}"
    );
    let answers = wire.ask("[".repeat(MAX_NESTING + 1)).await?;
    check!(
        answers.len() == 1 && desc(&answers).is_some_and(|desc| desc.contains("nesting")),
        "{} levels are answered with {answers:?}",
        MAX_NESTING + 1
    );
    Ok(())
}

/// While a command waits, one sent out of band is answered; one that may not be is refused.
async fn out_of_band(test: &mut Test, vm: &Arc<Vm>) -> TestResult {
    let mut wire = Wire::negotiated(vm, MONITOR, r#"["oob"]"#).await?;
    let answers = wire.ask(r#"{"exec-oob": "query-status", "id": 7}"#).await?;
    check!(
        answers.len() == 1
            && answers[0]["error"]["class"] == "GenericError"
            && answers[0]["id"] == 7,
        "a command that does not support it is answered with {answers:?}"
    );
    // QEMU opens the file for writing, which lasts until somebody reads it.
    let fifo = test.dir().join("slow");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU)
        .map_err(|error| virt_test::Stop::error(format!("failed to make a FIFO: {error}")))?;
    let slow = json!({"val": 0, "size": 16, "filename": fifo});
    wire.say(json!({"execute": "pmemsave", "arguments": slow, "id": "slow"}).to_string())
        .await?;
    for _ in 0..3 {
        wire.say(r#"{"exec-oob": "query-yank", "id": "quick"}"#)
            .await?;
        let answer = wire.hear().await?;
        check!(
            answer["id"] == "quick" && answer["return"].is_array(),
            "while pmemsave waits, query-yank out of band is answered with {answer}"
        );
    }
    let read = vm
        .wait(
            "what pmemsave writes",
            Duration::from_secs(10),
            tokio::fs::read(&fifo),
        )
        .await?;
    check!(
        read.as_ref().is_ok_and(|bytes| bytes.len() == 16),
        "pmemsave of 16 bytes wrote {read:?}"
    );
    let answer = wire.hear().await?;
    check!(
        answer["id"] == "slow" && answer["return"].is_object(),
        "pmemsave is answered with {answer}"
    );
    Ok(())
}
