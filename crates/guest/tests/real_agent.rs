//! The client against QEMU's own agent, where there is one: `VIRT_TEST_QEMU_GA=/path/to/qemu-ga`, or `qemu-ga` in PATH.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stderr, reason = "a test that is left out says so")]

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use guest::{AgentClient, Cause, Exec, ExitStatus};
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

const LIMIT: Duration = Duration::from_secs(20);

/// What would change the machine the test runs on.
const REFUSED: &str = "guest-shutdown,guest-suspend-ram,guest-suspend-disk,guest-suspend-hybrid,guest-set-time,\
                       guest-fsfreeze-freeze,guest-fsfreeze-freeze-list,guest-set-vcpus,guest-set-user-password";

struct RealAgent {
    process: Child,
    client: AgentClient,
    folder: tempfile::TempDir,
}

impl RealAgent {
    /// Starts the agent; none when this machine has none.
    async fn start() -> Option<Self> {
        let program = std::env::var_os("VIRT_TEST_QEMU_GA").unwrap_or("qemu-ga".into());
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("agent");
        let spawned = Command::new(&program)
            .args(["-m", "unix-listen", "-b", REFUSED, "-p"])
            .arg(&socket)
            .arg("-t")
            .arg(folder.path())
            .arg("-f")
            .arg(folder.path().join("pid"))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let Ok(process) = spawned else {
            eprintln!("left out: no qemu-ga on this machine");
            return None;
        };
        let stream = timeout(LIMIT, connect(&socket)).await.unwrap();
        Some(RealAgent {
            process,
            client: AgentClient::new(stream, None),
            folder,
        })
    }

    async fn stop(mut self) {
        self.process.kill().await.unwrap();
    }
}

/// The agent makes its socket itself and tells nobody.
async fn connect(socket: &Path) -> UnixStream {
    loop {
        match UnixStream::connect(socket).await {
            Ok(stream) => return stream,
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

#[tokio::test]
async fn the_client_speaks_with_qemus_own_agent() {
    let Some(real) = RealAgent::start().await else {
        return;
    };
    let agent = &real.client;
    agent.ping(LIMIT).await.unwrap();
    assert!(agent.info(LIMIT).await.unwrap().supports("guest-exec"));
    assert!(!agent.osinfo(LIMIT).await.unwrap().kernel_release.is_empty());
    let interfaces = agent.network_interfaces(LIMIT).await.unwrap();
    assert!(interfaces.iter().any(|interface| interface.name == "lo"));
    agent.time(LIMIT).await.unwrap();

    let exec = Exec::new("/bin/sh").args(["-c", "cat; echo err >&2; exit 7"]);
    let output = agent.exec(&exec.input("in"), LIMIT).await.unwrap();
    assert_eq!(output.status, ExitStatus::Code(7));
    assert_eq!(
        (output.stdout.as_slice(), output.stderr.as_slice()),
        (&b"in"[..], &b"err\n"[..])
    );
    let output = agent
        .exec(&Exec::shell("kill -TERM $$"), LIMIT)
        .await
        .unwrap();
    assert_eq!(output.status, ExitStatus::Signal(15));
    let error = agent
        .exec(&Exec::shell("exec sleep 1000"), Duration::from_millis(300))
        .await
        .unwrap_err();
    assert!(error.is_timeout(), "{error}");

    let error = agent
        .execute("guest-nonsense", Value::Null, LIMIT)
        .await
        .unwrap_err();
    assert!(
        matches!(&*error.cause, Cause::Agent { class, .. } if class == "CommandNotFound"),
        "{error}"
    );
    let error = agent
        .suspend(
            guest::agent::SuspendMode::Ram,
            std::future::pending::<()>(),
            LIMIT,
        )
        .await
        .unwrap_err();
    assert!(matches!(&*error.cause, Cause::Agent { .. }), "{error}");
    real.stop().await;
}

#[tokio::test]
async fn copies_through_qemus_own_agent_are_checked() {
    let Some(real) = RealAgent::start().await else {
        return;
    };
    let at = |name: &str| real.folder.path().join(name);
    let content: Vec<u8> = (0..1_000_003_u32).map(|n| (n * 7) as u8).collect();
    std::fs::write(at("local"), &content).unwrap();
    let guest = at("guest").to_str().unwrap().to_string();
    let there = real
        .client
        .copy_to_guest(&at("local"), &guest, LIMIT)
        .await
        .unwrap();
    let here = real
        .client
        .copy_from_guest(&guest, &at("back"), LIMIT)
        .await
        .unwrap();
    assert_eq!(there, here);
    assert!(std::fs::read(at("back")).unwrap() == content);
    real.stop().await;
}

#[tokio::test]
async fn a_client_that_joins_in_the_middle_finds_its_way_with_qemus_own_agent() {
    let Some(real) = RealAgent::start().await else {
        return;
    };
    for _ in 0..10 {
        let call = real.client.execute("guest-get-time", Value::Null, LIMIT);
        tokio::select! {
            biased;
            _ = call => {}
            () = tokio::task::yield_now() => {}
        }
        real.client.ping(LIMIT).await.unwrap();
    }
    real.stop().await;
}
