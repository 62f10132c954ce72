//! The guest's agent keeps to its protocol: it finds back into step after anything it is sent, runs programs, reads and writes
//! files, tells of the guest what the guest tells of itself, can be started anew, suspends the guest, reboots it and shuts it down.

use std::future::Future;
use std::time::{Duration, UNIX_EPOCH};

use guest::agent::{AgentClient, Exec, ShutdownMode, SuspendMode};
use guest::{ExitStatus, GuestError};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use virt_test::{Session, Stop, Test, TestResult, Vm, chain, check};

const CHANNEL: &str = "ga";
/// Base time for an answer.
const LIMIT: Duration = Duration::from_secs(10);
/// The byte by which either side marks a beginning (`guest-sync-delimited` of the QEMU Guest Agent reference).
const SENTINEL: u8 = 0xff;

#[virt_test::test]
async fn qemu_guest_agent(test: &mut Test) -> TestResult {
    let name = test.main_vm_name()?;
    let vm = test.main_vm()?;
    let mut session = test.log_in(&vm).await?;

    test.phase("saying what is no request");
    protocol(&vm, vm.channel(CHANNEL)?).await?;
    let agent = Agent {
        client: AgentClient::new(vm.reconnect(CHANNEL).await?, None),
        vm: &vm,
    };
    test.phase("running programs");
    agent.programs().await?;
    test.phase("reading and writing files");
    agent.files(&mut session).await?;
    test.phase("asking what the guest is");
    agent.guest(&mut session).await?;
    agent.clock(&mut session).await?;
    test.phase("starting the agent anew");
    let command: String = test.param("agent_restart_command")?;
    agent.restart(&mut session, &command).await?;
    test.phase("suspending the guest");
    agent.suspend().await?;
    // On q35, SeaBIOS 1.16 wakes a guest without the chipset's power management: it could not go down before a reset.
    test.phase("rebooting the guest");
    agent.reboot().await?;
    test.phase("shutting the guest down");
    agent.shutdown().await?;
    test.forget_vm(&name);
    Ok(())
}

/// What is no request is answered with an error, and a synchronisation afterwards with its id.
async fn protocol(vm: &Vm, stream: UnixStream) -> TestResult {
    let mut stream = BufReader::new(stream);
    let long = [b"{\"execute\": \"".as_slice(), &[b'x'; 65_536], b"\"}"].concat();
    let cases: [(&[u8], &str); 9] = [
        (b"{\"execute\": }", "GenericError"),
        (b"nonsense", "GenericError"),
        (b"[]", "GenericError"),
        (b"{}", "GenericError"),
        (b"{\"execute\": 7}", "GenericError"),
        (
            b"{\"execute\": \"guest-ping\", \"arguments\": {\"x\": 1}}",
            "GenericError",
        ),
        (b"{\"execute\": \"guest-sync\"}", "GenericError"),
        (
            b"{\"execute\": \"guest-no-such-command\"}",
            "CommandNotFound",
        ),
        (&long, "CommandNotFound"),
    ];
    for (number, (sent, class)) in cases.into_iter().enumerate() {
        let id = number as u64 + 1000;
        let answers = exchange(vm, &mut stream, sent, id).await?;
        check!(
            answers
                .first()
                .is_some_and(|answer| answer["error"]["class"] == class),
            "'{}' is answered with {answers:?}",
            sent[..sent.len().min(80)].escape_ascii()
        );
    }
    // What is left open is forgotten at the mark.
    exchange(vm, &mut stream, b"{\"execute\": [1, {\"a\": \"", 7).await?;
    let answers = exchange(
        vm,
        &mut stream,
        b"{\"execute\": \"guest-sync\", \"arguments\": {\"id\": 42}}",
        8,
    )
    .await?;
    check!(
        answers.first() == Some(&json!({"return": 42})),
        "guest-sync is answered with {answers:?}"
    );
    Ok(())
}

/// Sends the bytes, then a synchronisation; returns what is said before the answer to that. The mark it begins with is no JSON,
/// and may be answered as such.
async fn exchange(
    vm: &Vm,
    stream: &mut BufReader<UnixStream>,
    sent: &[u8],
    id: u64,
) -> TestResult<Vec<Value>> {
    let sync = json!({"execute": "guest-sync-delimited", "arguments": {"id": id}}).to_string();
    let bytes = [sent, b"\n", &[SENTINEL], sync.as_bytes(), b"\n"].concat();
    let talk = async {
        stream.write_all(&bytes).await?;
        let mut answers = Vec::new();
        loop {
            let mut line = Vec::new();
            stream.read_until(b'\n', &mut line).await?;
            match line.strip_prefix(&[SENTINEL]) {
                Some(reply) => return Ok((answers, serde_json::from_slice::<Value>(reply)?)),
                None => {
                    let answer: Value = serde_json::from_slice(&line)?;
                    if answer["return"].is_null() && answer["error"].is_null() {
                        return Err(std::io::Error::other(format!("it says {answer}")));
                    }
                    answers.push(answer);
                }
            }
        }
    };
    let talk = vm.wait("answer of the guest agent", LIMIT, talk).await?;
    let (answers, reply) = talk
        .map_err(|error: std::io::Error| Stop::fail(format!("the agent's port failed: {error}")))?;
    check!(
        reply == json!({"return": id}),
        "guest-sync-delimited with id {id} is answered with {reply}"
    );
    Ok(answers)
}

struct Agent<'vm> {
    client: AgentClient,
    vm: &'vm Vm,
}

impl Agent<'_> {
    fn limit(&self) -> Duration {
        self.vm.limit(LIMIT)
    }

    async fn ask<T>(&self, answer: impl Future<Output = Result<T, GuestError>>) -> TestResult<T> {
        let answer = self
            .vm
            .wait("answer of the guest agent", LIMIT * 2, answer)
            .await?;
        answer.map_err(|error| Stop::fail(chain(&error)))
    }

    async fn raw(&self, command: &str, arguments: Value) -> TestResult<Result<Value, GuestError>> {
        let answer = self.client.execute(command, arguments, self.limit());
        Ok(self
            .vm
            .wait("answer of the guest agent", LIMIT * 2, answer)
            .await?)
    }

    /// Input, arguments and environment reach a program; output, errors and exit status come back.
    async fn programs(&self) -> TestResult {
        let binary: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        let script = "cat; echo \"$0 $WORD\" >&2; exit 7";
        let exec = Exec::new("/bin/sh")
            .args(["-c", script, "first"])
            .env("WORD", "two words");
        let output = self
            .ask(self.client.exec(&exec.input(binary.clone()), self.limit()))
            .await?;
        check!(
            output.stdout == binary,
            "of {} bytes of input {} came back, or others",
            binary.len(),
            output.stdout.len()
        );
        check!(
            output.stderr == b"first two words\n",
            "on stderr is '{}'",
            output.stderr.escape_ascii()
        );
        check!(
            output.status == ExitStatus::Code(7),
            "exit 7 ended with {}",
            output.status
        );
        let killed = Exec::new("/bin/sh").args(["-c", "kill -9 $$"]);
        let output = self.ask(self.client.exec(&killed, self.limit())).await?;
        check!(
            output.status == ExitStatus::Signal(9),
            "a killed program ended with {}",
            output.status
        );
        let missing = self
            .raw("guest-exec", json!({"path": "/no/such/program"}))
            .await?;
        check!(
            missing.is_err(),
            "a program that is not there ends with {missing:?}"
        );
        Ok(())
    }

    /// A file written is there for the guest, and read back the same; one that is not there is refused.
    async fn files(&self, session: &mut Session) -> TestResult {
        let bytes: Vec<u8> = (0..=255).rev().cycle().take(150_000).collect();
        let path = "/tmp/agent file";
        self.ask(self.client.write_file(path, &bytes, self.limit()))
            .await?;
        let size = session.run(format!("wc -c <'{path}'")).await?.stdout_text();
        check!(
            size == bytes.len().to_string(),
            "of {} bytes written the guest sees {size}",
            bytes.len()
        );
        let read = self.ask(self.client.read_file(path, self.limit())).await?;
        check!(
            read == bytes,
            "of {} bytes written {} are read, or others",
            bytes.len(),
            read.len()
        );
        let missing = self
            .raw("guest-file-open", json!({"path": "/no/such/file"}))
            .await?;
        check!(
            missing.is_err(),
            "a file that is not there is opened as {missing:?}"
        );
        Ok(())
    }

    /// What the agent says of the guest is what the guest says of itself.
    async fn guest(&self, session: &mut Session) -> TestResult {
        let info = self.ask(self.client.info(self.limit())).await?;
        for command in ["guest-sync", "guest-ping", "guest-exec", "guest-shutdown"] {
            check!(
                info.supports(command),
                "guest-info does not know {command}: {info:?}"
            );
        }
        let release = self
            .ask(self.client.osinfo(self.limit()))
            .await?
            .kernel_release;
        let name = self.ask(self.client.host_name(self.limit())).await?;
        let own = session.run("uname -r; uname -n").await?.stdout_text();
        check!(
            own.lines().eq([&*release, &*name]),
            "by the agent it is {release} {name}, by uname {own}"
        );
        let interfaces = self
            .ask(self.client.network_interfaces(self.limit()))
            .await?;
        for nic in &self.vm.spec().nics {
            let mac = nic.mac.to_string();
            let known = interfaces
                .iter()
                .any(|known| known.hardware_address.as_ref() == Some(&mac));
            check!(known, "no interface has address {mac}: {interfaces:?}");
        }
        Ok(())
    }

    /// The clock it tells is the guest's, and can be set.
    async fn clock(&self, session: &mut Session) -> TestResult {
        let new_year = UNIX_EPOCH + Duration::from_secs(1_893_456_000);
        let now = self.ask(self.client.time(self.limit())).await?;
        for time in [new_year, now] {
            self.ask(self.client.set_time(Some(time), self.limit()))
                .await?;
            let date: u64 = session
                .run("date +%s")
                .await?
                .stdout_text()
                .parse()
                .unwrap_or_default();
            let told = self.ask(self.client.time(self.limit())).await?;
            let date = UNIX_EPOCH + Duration::from_secs(date);
            let second = Duration::from_secs(1);
            let in_order =
                time < date + second && date < told + second && told < time + self.limit() * 3;
            check!(
                in_order,
                "the clock set to {time:?} is at {date:?}, then by the agent at {told:?}"
            );
        }
        Ok(())
    }

    /// A new agent answers on the same port, and knows nothing of what the old one had open.
    async fn restart(&self, session: &mut Session, command: &str) -> TestResult {
        let boot_id = session
            .run("cat /proc/sys/kernel/random/boot_id")
            .await?
            .stdout_text();
        let opened = self
            .raw("guest-file-open", json!({"path": "/etc/passwd"}))
            .await?;
        let handle = opened.map_err(|error| Stop::fail(chain(&error)))?;
        let read = self
            .raw("guest-file-read", json!({"handle": handle, "count": 1}))
            .await?;
        check!(read.is_ok(), "handle {handle} reads {read:?}");
        let cursor = self.vm.cursor();
        let output = session.run(command).await?;
        check!(
            output.status.success(),
            "'{command}' ended with {}: {}",
            output.status,
            output.stdout_text()
        );
        // Until then the old agent may answer, and take a request with it that it has no time to answer.
        self.vm
            .wait_for_event_that(
                cursor,
                "VSERPORT_CHANGE: the agent's port is open again",
                LIMIT,
                |event| event.name == "VSERPORT_CHANGE" && event.data["open"] == true,
            )
            .await?;
        self.ask(self.client.sync(self.limit())).await?;
        let read = self
            .raw("guest-file-read", json!({"handle": handle, "count": 1}))
            .await?;
        check!(
            read.is_err(),
            "the new agent reads {read:?} from the old one's handle {handle}"
        );
        let same = session
            .run("cat /proc/sys/kernel/random/boot_id")
            .await?
            .stdout_text();
        check!(same == boot_id, "the guest has booted meanwhile");
        self.programs().await
    }

    /// The guest sleeps, QEMU says so, and after it was woken the agent answers.
    async fn suspend(&self) -> TestResult {
        let cursor = self.vm.cursor();
        let asleep = self.vm.wait_for_event_since(cursor, "SUSPEND", LIMIT);
        let asleep = self
            .client
            .suspend(SuspendMode::Ram, Box::pin(asleep), self.limit());
        // The event's wait is raced with the machine's health already.
        asleep.await.map_err(|error| Stop::fail(chain(&error)))??;
        self.vm.wakeup().await?;
        self.ask(self.client.sync(self.limit())).await?;
        self.ask(self.client.ping(self.limit())).await
    }

    /// The guest resets the machine by its own will, and its agent answers again.
    async fn reboot(&self) -> TestResult {
        let reset = self
            .vm
            .wait_for_event_since(self.vm.cursor(), "RESET", LIMIT * 2);
        let limit = self.vm.limit(LIMIT * 2);
        let reset = self
            .client
            .shutdown(ShutdownMode::Reboot, Box::pin(reset), limit);
        let reset = reset.await.map_err(|error| Stop::fail(chain(&error)))??;
        check!(
            reset.data["guest"] == true,
            "the machine was reset otherwise: {}",
            reset.data
        );
        let answer = self.client.sync(self.vm.limit(LIMIT * 3));
        let answer = self
            .vm
            .wait("answer of the guest agent", LIMIT * 4, answer)
            .await?;
        answer.map_err(|error| Stop::fail(chain(&error)))
    }

    /// The guest powers off by its own will, and QEMU ends.
    async fn shutdown(&self) -> TestResult {
        let refused = self
            .raw("guest-shutdown", json!({"mode": "sideways"}))
            .await?;
        check!(
            refused.is_err(),
            "an unknown mode is answered with {refused:?}"
        );
        let ended = self.vm.wait_exit(LIMIT * 2);
        let ended = self
            .client
            .shutdown(ShutdownMode::PowerDown, ended, self.vm.limit(LIMIT * 2));
        // Not raced with the machine's end, which is what is wanted.
        let report = ended.await.map_err(|error| Stop::fail(chain(&error)))??;
        let by_guest = report.shutdown.as_ref().is_some_and(|reason| reason.guest);
        check!(
            by_guest && report.exit.success(),
            "the machine ended otherwise: {report}"
        );
        Ok(())
    }
}
