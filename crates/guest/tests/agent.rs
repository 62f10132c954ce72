//! The client against the tiny guest's own agent, which runs in a thread of the test.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::os::unix::net::UnixStream as StdStream;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use guest::agent::{AgentClient, Exec, ShutdownMode, SuspendMode};
use guest::{Cause, Chunk, Command, ExitStatus, Session};
use serde_json::{Value, json};
use tiny_init::agent::{Agent, AgentError, Shutdown, Suspend, System};
use tiny_init::serve::serve;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

const LIMIT: Duration = Duration::from_secs(20);

/// What the agent asked of the machine.
#[derive(Debug, PartialEq)]
enum Asked {
    Shutdown(Shutdown),
    SetTime(Option<i64>),
}

/// A machine that only notes what is asked, and cannot sleep.
struct FakeMachine(mpsc::Sender<Asked>);

impl System for FakeMachine {
    fn shutdown(&mut self, how: Shutdown) {
        // Not every test listens.
        let _ = self.0.send(Asked::Shutdown(how));
    }
    fn suspend(&mut self, _: Suspend) -> Result<(), AgentError> {
        Err(AgentError::generic("this machine never sleeps"))
    }
    fn set_time(&mut self, nanoseconds: Option<i64>) -> Result<(), AgentError> {
        let _ = self.0.send(Asked::SetTime(nanoseconds));
        Ok(())
    }
}

/// Starts an agent; gives the host's end of its channel and what it asks of its machine.
fn start_agent() -> (UnixStream, mpsc::Receiver<Asked>) {
    let (ours, mut theirs) = StdStream::pair().unwrap();
    theirs.set_nonblocking(true).unwrap();
    ours.set_nonblocking(true).unwrap();
    let (sender, asked) = mpsc::channel();
    thread::spawn(move || {
        let mut agent = Agent::new(Box::new(FakeMachine(sender))).unwrap();
        // Ends when the test drops its side.
        let _ = serve(&mut agent, &mut theirs);
    });
    (UnixStream::from_std(ours).unwrap(), asked)
}

fn client() -> AgentClient {
    AgentClient::new(start_agent().0, None)
}

#[tokio::test]
async fn programs_give_status_and_both_streams_apart() {
    let agent = client();
    let exec = Exec::new("/bin/sh")
        .args(["-c", "cat; echo err >&2; echo $V; exit 7"])
        .env("V", "value")
        .env("PATH", "/usr/bin:/bin")
        .input("in\n");
    let output = agent.exec(&exec, LIMIT).await.unwrap();
    assert_eq!(output.status, ExitStatus::Code(7));
    assert_eq!(output.stdout, b"in\nvalue\n");
    assert_eq!(output.stderr, b"err\n");
    assert!(!output.truncated);
}

#[tokio::test]
async fn a_program_killed_by_a_signal_says_which() {
    let output = client().exec(&Exec::shell("kill -TERM $$"), LIMIT).await;
    assert_eq!(output.unwrap().status, ExitStatus::Signal(15));
}

#[tokio::test]
async fn a_program_that_cannot_start_is_the_agents_error() {
    let error = client()
        .exec(&Exec::new("/nonexistent/program"), LIMIT)
        .await
        .unwrap_err();
    assert!(
        matches!(&*error.cause, Cause::Agent { desc, .. } if desc.contains("No such file")),
        "{error}"
    );
    assert!(
        error.to_string().contains("/nonexistent/program"),
        "{error}"
    );
}

/// Whether a process is there and no zombie.
fn runs(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().unwrap_or_default().trim_start();
    !state.is_empty() && !state.starts_with('Z')
}

#[tokio::test]
async fn a_program_that_takes_too_long_is_killed_and_the_next_one_runs() {
    let agent = client();
    let folder = tempfile::tempdir().unwrap();
    let pid_file = folder.path().join("pid");
    let line = format!("sleep 1000 & echo $! > {}; wait", pid_file.display());
    let error = agent
        .exec(&Exec::shell(&line), Duration::from_millis(400))
        .await
        .unwrap_err();
    assert!(error.is_timeout(), "{error}");
    let pid = std::fs::read_to_string(&pid_file).unwrap();
    // A killed process may take a moment to be gone.
    let began = Instant::now();
    while runs(pid.trim()) {
        assert!(began.elapsed() < LIMIT, "{pid} still runs");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let output = agent.exec(&Exec::shell("echo on"), LIMIT).await.unwrap();
    assert_eq!(output.stdout_text(), "on");
}

#[tokio::test]
async fn output_beyond_sixteen_mebibytes_is_dropped_and_told() {
    let exec = Exec::shell("head -c 17000000 /dev/zero");
    let output = client().exec(&exec, LIMIT).await.unwrap();
    assert_eq!(output.stdout.len(), tiny_init::agent::MAX_OUTPUT);
    assert!(output.truncated);
}

#[tokio::test]
async fn large_input_reaches_a_program_that_answers_while_reading() {
    let input: Vec<u8> = (0..3_000_000_u32).map(|n| n as u8).collect();
    let output = client()
        .exec(&Exec::new("cat").input(input.clone()), LIMIT)
        .await
        .unwrap();
    assert!(output.stdout == input, "{} bytes", output.stdout.len());
}

#[tokio::test]
async fn commands_of_several_tasks_do_not_mix() {
    let agent = client();
    let tasks: Vec<_> = (0..8)
        .map(|n| {
            let agent = agent.clone();
            tokio::spawn(async move {
                let output = agent.exec(&Exec::shell(&format!("echo {n}")), LIMIT).await;
                assert_eq!(output.unwrap().stdout_text(), n.to_string());
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn files_are_copied_both_ways_and_checked() {
    let agent = client();
    let folder = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..1_000_003_u32).map(|n| (n * 7) as u8).collect();
    let local = folder.path().join("local");
    let guest = folder.path().join("guest");
    let back = folder.path().join("back");
    std::fs::write(&local, &content).unwrap();
    let guest_path = guest.to_str().unwrap();
    let there = agent
        .copy_to_guest(&local, guest_path, LIMIT)
        .await
        .unwrap();
    assert_eq!(there.bytes, content.len() as u64);
    let here = agent
        .copy_from_guest(guest_path, &back, LIMIT)
        .await
        .unwrap();
    assert_eq!(here, there);
    assert!(std::fs::read(&back).unwrap() == content);
    assert_eq!(
        agent.read_file(guest_path, LIMIT).await.unwrap().len(),
        content.len()
    );
}

#[tokio::test]
async fn written_files_replace_what_was_there_and_empty_ones_are_files_too() {
    let agent = client();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    let name = path.to_str().unwrap();
    agent
        .write_file(name, b"longer content", LIMIT)
        .await
        .unwrap();
    agent.write_file(name, b"short", LIMIT).await.unwrap();
    assert_eq!(agent.read_file(name, LIMIT).await.unwrap(), b"short");
    agent.write_file(name, b"", LIMIT).await.unwrap();
    assert_eq!(agent.read_file(name, LIMIT).await.unwrap(), b"");
}

#[tokio::test]
async fn a_copy_of_a_file_that_is_not_there_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let local = folder.path().join("local");
    let error = client()
        .copy_from_guest("/nonexistent/file", &local, LIMIT)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("/nonexistent/file"), "{error}");
    assert!(!local.exists());
}

#[tokio::test]
async fn files_of_proc_whose_size_is_unknown_are_read_to_their_end() {
    let status = client()
        .read_file("/proc/self/status", LIMIT)
        .await
        .unwrap();
    assert!(String::from_utf8_lossy(&status).contains("PPid:"));
}

#[tokio::test]
async fn shutdown_waits_for_its_evidence_and_a_refused_suspend_does_not() {
    let (stream, asked) = start_agent();
    let agent = AgentClient::new(stream, None);
    let evidence = tokio::task::spawn_blocking(move || asked.recv().unwrap());
    let seen = agent
        .shutdown(ShutdownMode::Reboot, evidence, LIMIT)
        .await
        .unwrap();
    assert_eq!(seen.unwrap(), Asked::Shutdown(Shutdown::Reboot));

    let began = Instant::now();
    let error = agent
        .suspend(SuspendMode::Ram, std::future::pending::<()>(), LIMIT)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("never sleeps"), "{error}");
    assert!(began.elapsed() < LIMIT / 2);
    agent.ping(LIMIT).await.unwrap();
}

#[tokio::test]
async fn an_effect_that_never_shows_is_a_time_out_and_the_agent_is_usable_after() {
    let agent = client();
    let error = agent
        .shutdown(
            ShutdownMode::PowerDown,
            std::future::pending::<()>(),
            Duration::from_millis(100),
        )
        .await
        .unwrap_err();
    assert!(error.is_timeout(), "{error}");
    agent.ping(LIMIT).await.unwrap();
}

#[tokio::test]
async fn typed_questions_are_answered() {
    let (stream, asked) = start_agent();
    let agent = AgentClient::new(stream, None);
    let info = agent.info(LIMIT).await.unwrap();
    assert!(info.supports("guest-exec") && !info.supports("guest-nonsense"));
    let shutdown = info.commands.iter().find(|c| c.name == "guest-shutdown");
    assert!(!shutdown.unwrap().success_response);
    assert!(!agent.osinfo(LIMIT).await.unwrap().kernel_release.is_empty());
    assert!(!agent.host_name(LIMIT).await.unwrap().is_empty());
    let interfaces = agent.network_interfaces(LIMIT).await.unwrap();
    let lo = interfaces.iter().find(|i| i.name == "lo").unwrap();
    assert!(
        lo.ip_addresses
            .iter()
            .any(|a| a.ip_address == "127.0.0.1" && a.prefix == 8)
    );
    assert!(lo.statistics.contains_key("rx-bytes"));
    let theirs = agent.time(LIMIT).await.unwrap();
    let apart = SystemTime::now().duration_since(theirs).unwrap();
    assert!(apart < LIMIT);
    let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_234_567_890_123_456_789);
    agent.set_time(Some(time), LIMIT).await.unwrap();
    assert_eq!(
        asked.recv().unwrap(),
        Asked::SetTime(Some(1_234_567_890_123_456_789))
    );
    agent.set_time(None, LIMIT).await.unwrap();
    assert_eq!(asked.recv().unwrap(), Asked::SetTime(None));
}

#[tokio::test]
async fn unknown_commands_and_wrong_arguments_are_refused_with_their_class() {
    let agent = client();
    let refusal = async |command: &str, arguments: Value| {
        let error = agent.execute(command, arguments, LIMIT).await.unwrap_err();
        match *error.cause {
            Cause::Agent { class, desc } => (class, desc),
            other => panic!("{other}"),
        }
    };
    let (class, desc) = refusal("guest-nonsense", Value::Null).await;
    assert_eq!(class, "CommandNotFound");
    assert_eq!(desc, "The command guest-nonsense has not been found");
    for (command, arguments, expected) in [
        ("guest-sync", json!({}), "Parameter 'id' is missing"),
        (
            "guest-sync",
            json!({"id": "x"}),
            "Invalid parameter type for 'id', expected: integer",
        ),
        ("guest-ping", json!({"x": 1}), "Parameter 'x' is unexpected"),
        (
            "guest-exec-status",
            json!({"pid": 1}),
            "Invalid parameter 'pid'",
        ),
        (
            "guest-file-read",
            json!({"handle": 5}),
            "handle '5' has not been found",
        ),
        (
            "guest-file-open",
            json!({"path": "/tmp", "mode": "q"}),
            "invalid file open mode 'q'",
        ),
        (
            "guest-file-open",
            json!({"path": "/nonexistent", "mode": "r"}),
            "failed to open file '/nonexistent' (mode: 'r'): No such file or directory",
        ),
    ] {
        let (class, desc) = refusal(command, arguments).await;
        assert_eq!((class.as_str(), desc.as_str()), ("GenericError", expected));
    }
}

#[tokio::test]
async fn capture_modes_of_newer_agents_are_known() {
    let agent = client();
    let run = async |mode: Value| {
        let arguments = json!({
            "path": "/bin/sh", "arg": ["-c", "printf o; printf e >&2"], "capture-output": mode,
        });
        let started = agent.execute("guest-exec", arguments, LIMIT).await.unwrap();
        loop {
            let status = agent.execute("guest-exec-status", started.clone(), LIMIT);
            let status = status.await.unwrap();
            if status["exited"] == true {
                return (status["out-data"].clone(), status["err-data"].clone());
            }
        }
    };
    // "o", "e" and "oe" in base64.
    assert_eq!(run(json!("stdout")).await, (json!("bw=="), Value::Null));
    assert_eq!(run(json!("stderr")).await, (Value::Null, json!("ZQ==")));
    assert_eq!(
        run(json!("separated")).await,
        (json!("bw=="), json!("ZQ=="))
    );
    assert_eq!(run(json!("merged")).await, (json!("b2U="), Value::Null));
    assert_eq!(run(json!("none")).await, (Value::Null, Value::Null));
    assert_eq!(run(json!(false)).await, (Value::Null, Value::Null));
}

#[tokio::test]
async fn files_can_be_sought_in() {
    let agent = client();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f").to_str().unwrap().to_string();
    let ask = async |command: &str, arguments: Value| {
        agent.execute(command, arguments, LIMIT).await.unwrap()
    };
    let handle = ask("guest-file-open", json!({"path": path, "mode": "w+"})).await;
    ask(
        "guest-file-write",
        json!({"handle": handle, "buf-b64": "YWJjZGVm", "count": 5}),
    )
    .await;
    ask("guest-file-flush", json!({"handle": handle})).await;
    let seek =
        |offset: i64, whence: Value| json!({"handle": handle, "offset": offset, "whence": whence});
    assert_eq!(
        ask("guest-file-seek", seek(1, json!("set"))).await["position"],
        1
    );
    let read = ask("guest-file-read", json!({"handle": handle, "count": 2})).await;
    assert_eq!(read, json!({"count": 2, "buf-b64": "YmM=", "eof": false}));
    assert_eq!(
        ask("guest-file-seek", seek(-1, json!(2))).await["position"],
        4
    );
    let read = ask("guest-file-read", json!({"handle": handle})).await;
    assert_eq!(read, json!({"count": 1, "buf-b64": "ZQ==", "eof": true}));
    ask("guest-file-close", json!({"handle": handle})).await;
}

#[tokio::test]
async fn rubbish_and_half_messages_get_an_error_and_the_agent_comes_back_into_step() {
    let (mut stream, _asked) = start_agent();
    stream
        .write_all(b"rubbish\n{\"execute\": nonsense}{\"execute\": \"guest-pi\xff{\"execute\":\"guest-ping\",\"id\":9}\n")
        .await
        .unwrap();
    let mut lines = Vec::new();
    let mut received = Vec::new();
    while lines.len() < 4 {
        stream.read_buf(&mut received).await.unwrap();
        let text = String::from_utf8(received.clone()).unwrap();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        lines = text[..whole].lines().map(str::to_string).collect();
    }
    for line in &lines[..3] {
        assert!(
            line.contains("GenericError") && line.contains("JSON parse error"),
            "{line}"
        );
    }
    assert_eq!(
        serde_json::from_str::<Value>(&lines[3]).unwrap(),
        json!({"return": {}, "id": 9})
    );

    // A client that takes over in the middle of all that finds its way.
    stream
        .write_all(b"{\"execute\":\"guest-get-time\"}{\"exec")
        .await
        .unwrap();
    AgentClient::new(stream, None).ping(LIMIT).await.unwrap();
}

/// An agent scripted by the test.
struct Scripted {
    stream: UnixStream,
    received: Vec<u8>,
}

impl Scripted {
    fn pair() -> (AgentClient, Self) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let last_line = std::sync::Arc::new(|| Some("Kernel panic".to_string()));
        let scripted = Scripted {
            stream: theirs,
            received: Vec::new(),
        };
        (AgentClient::new(ours, Some(last_line)), scripted)
    }

    /// The next request, without sentinels.
    async fn request(&mut self) -> Value {
        loop {
            if let Some(at) = self.received.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.received.drain(..=at).collect();
                let start = line.iter().position(|byte| *byte == b'{').unwrap();
                return serde_json::from_slice(&line[start..]).unwrap();
            }
            assert!(self.stream.read_buf(&mut self.received).await.unwrap() > 0);
        }
    }

    async fn say(&mut self, text: &[u8]) {
        self.stream.write_all(text).await.unwrap();
    }

    async fn answer_sync(&mut self) {
        let id = self.request().await["arguments"]["id"].clone();
        let mut reply = vec![0xff];
        reply.extend_from_slice(json!({"return": id}).to_string().as_bytes());
        reply.push(b'\n');
        self.say(&reply).await;
    }
}

#[tokio::test]
async fn a_late_reply_is_not_taken_for_the_next_one() {
    let (agent, mut server) = Scripted::pair();
    let serve = tokio::spawn(async move {
        server.answer_sync().await;
        server.request().await;
        // Too late for its question, and the stray sentinel of the next synchronisation gets an error as well.
        let id = server.request().await["arguments"]["id"].clone();
        server.say(b"{\"return\": \"late\"}\n{\"error\": {\"class\": \"GenericError\", \"desc\": \"stray\"}}\n").await;
        let reply = json!({"return": id}).to_string();
        server
            .say(&[&[0xff], reply.as_bytes(), b"\n"].concat())
            .await;
        server.request().await;
        server.say(b"{\"return\": ").await;
        server.say(b"\"right\"}\n").await;
        server
    });
    agent.sync(LIMIT).await.unwrap();
    let error = agent
        .execute("guest-slow", Value::Null, Duration::from_millis(50))
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(error.is_timeout(), "{text}");
    for part in ["guest-slow", "the reply to", "0.0", "Kernel panic"] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    let reply = agent
        .execute("guest-next", Value::Null, LIMIT)
        .await
        .unwrap();
    assert_eq!(reply, "right");
    serve.await.unwrap();
}

#[tokio::test]
async fn a_dropped_call_does_not_disturb_the_next_one() {
    let (stream, _asked) = start_agent();
    let agent = AgentClient::new(stream, None);
    agent.sync(LIMIT).await.unwrap();
    for _ in 0..20 {
        let call = agent.execute("guest-get-time", Value::Null, LIMIT);
        tokio::select! {
            biased;
            _ = call => {}
            () = tokio::task::yield_now() => {}
        }
        assert_eq!(
            agent
                .execute("guest-ping", Value::Null, LIMIT)
                .await
                .unwrap(),
            json!({})
        );
    }
}

#[tokio::test]
async fn a_synchronisation_lost_with_a_restarting_guest_is_sent_again() {
    let (agent, mut server) = Scripted::pair();
    let waiting = tokio::spawn(async move { agent.sync(LIMIT).await });
    server.request().await;
    server.answer_sync().await;
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_closed_channel_is_told_at_once() {
    let (agent, server) = Scripted::pair();
    drop(server);
    let error = agent.ping(LIMIT).await.unwrap_err();
    assert!(error.is_closed(), "{error}");
}

#[tokio::test]
async fn a_new_client_takes_over_after_a_disconnection() {
    // QEMU keeps the guest's port while clients come and go: here one agent is served over one stream after another.
    let (sender, _asked) = mpsc::channel();
    let (give, take) = mpsc::channel::<StdStream>();
    thread::spawn(move || {
        let mut agent = Agent::new(Box::new(FakeMachine(sender))).unwrap();
        while let Ok(mut stream) = take.recv() {
            let _ = serve(&mut agent, &mut stream);
        }
    });
    for half in [&b"{\"execute\":"[..], b"{\"execute\":\"guest-info\"}{", b""] {
        let (ours, theirs) = StdStream::pair().unwrap();
        theirs.set_nonblocking(true).unwrap();
        ours.set_nonblocking(true).unwrap();
        give.send(theirs).unwrap();
        let mut stream = UnixStream::from_std(ours).unwrap();
        stream.write_all(half).await.unwrap();
        drop(stream);
        let (ours, theirs) = StdStream::pair().unwrap();
        theirs.set_nonblocking(true).unwrap();
        ours.set_nonblocking(true).unwrap();
        give.send(theirs).unwrap();
        let agent = AgentClient::new(UnixStream::from_std(ours).unwrap(), None);
        agent.ping(LIMIT).await.unwrap();
    }
}

#[tokio::test]
async fn a_session_over_the_agent_runs_lines_of_shell() {
    let mut session = Session::Agent(client());
    let output = session.run("echo a | tr a b; false", LIMIT).await.unwrap();
    assert_eq!(
        (output.stdout_text().as_str(), output.status),
        ("b", ExitStatus::Code(1))
    );
    assert_eq!(session.kind(), "guest agent");
}

#[tokio::test]
async fn output_of_a_command_comes_while_it_runs_without_a_limit_to_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let go = folder.path().join("go");
    let mut session = Session::Agent(client());
    // Where its output goes is the agent's business; the test only wants to see it gone.
    let line = format!(
        "readlink /proc/$$/fd/1; while ! [ -e {} ]; do sleep 0.01; done; cat; seq 1 3000000; echo err >&2; exit 6",
        go.display()
    );
    let command = Command::new(line).input("in\n");
    let mut running = session.start(command, LIMIT).await.unwrap();
    let Some(Chunk::Stdout(first)) = running.next_chunk(LIMIT).await.unwrap() else {
        panic!("no output");
    };
    let file = String::from_utf8(first).unwrap().trim().to_owned();
    assert!(std::path::Path::new(&file).exists(), "{file}");
    let refused = running.write(b"more", LIMIT).await.unwrap_err();
    assert!(matches!(&*refused.cause, Cause::Unsupported { .. }));
    let nothing = running.next_chunk(Duration::from_millis(50)).await;
    assert!(nothing.unwrap_err().is_timeout());
    std::fs::write(&go, "").unwrap();
    let output = running.wait(LIMIT).await.unwrap();
    let text = output.stdout_text();
    assert_eq!(text.lines().next(), Some("in"));
    assert_eq!(text.lines().count(), 3_000_001);
    assert_eq!(output.stderr, b"err\n");
    assert_eq!(output.status, ExitStatus::Code(6));
    assert!(
        !std::path::Path::new(&file).exists(),
        "{file} is left behind"
    );
}

#[tokio::test]
async fn a_running_command_is_killed_with_all_it_started_on_demand_and_when_it_is_forgotten() {
    let mut session = Session::Agent(client());
    for forget in [false, true] {
        let line = "trap '' TERM INT; setsid sleep 1000 & echo $$ $!; wait";
        let mut running = session.start(line, LIMIT).await.unwrap();
        let Some(Chunk::Stdout(pids)) = running.next_chunk(LIMIT).await.unwrap() else {
            panic!("no output");
        };
        match forget {
            true => drop(running),
            false => running.kill(LIMIT).await.unwrap(),
        }
        let pids = String::from_utf8(pids).unwrap();
        let deadline = Instant::now() + LIMIT;
        for pid in pids.split_whitespace() {
            while runs(pid) {
                assert!(Instant::now() < deadline, "process {pid} still runs");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

#[tokio::test]
async fn a_copy_that_fails_leaves_what_was_there_and_one_that_arrives_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut session = Session::Agent(client());
    std::fs::write(at("kept"), "old").unwrap();
    std::fs::set_permissions(at("kept"), PermissionsExt::from_mode(0o710)).unwrap();
    let lost = session.copy_from("/no/such/file", &at("kept"), LIMIT).await;
    assert!(lost.is_err());
    assert_eq!(std::fs::read(at("kept")).unwrap(), b"old");
    std::fs::create_dir(at("folder")).unwrap();
    let guest = at("folder");
    let refused = session
        .copy_to(&at("kept"), guest.to_str().unwrap(), LIMIT)
        .await;
    assert!(matches!(&*refused.unwrap_err().cause, Cause::GuestFile(_)));
    let guest = at("the guest's");
    session
        .copy_to(&at("kept"), guest.to_str().unwrap(), LIMIT)
        .await
        .unwrap();
    let mode = std::fs::metadata(guest).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o710);
    let mut names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["folder", "kept", "the guest's"]);
}
