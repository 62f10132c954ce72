//! Every way into the guest gives the status of commands and what they write, while they run too, gives them input, and kills
//! those that take too long.

use std::time::Duration;

use guest::{Chunk, Command, ExitStatus};
use virt_test::{Stop, Test, TestResult, chain, check};
use vm::SshAccess;

#[virt_test::test]
async fn login(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let mut session = test.session(&vm).await?;
    let limit = test.span("session_timeout")?;
    test.phase(format!("logged in by the {}", session.kind()));

    let command = Command::new("cat; echo aside >&2; exit 42").input("input\n");
    let output = session.run_within(limit, command.exact()).await?;
    check!(
        output.stdout == b"input\n" && output.stderr == b"aside\n",
        "a command that copies its input wrote {output:?}"
    );
    check!(
        output.status == ExitStatus::Code(42),
        "a command that ends with status 42 ended with {}",
        output.status
    );

    // It goes on only when its first output was seen.
    let line = "echo first; while [ ! -e /tmp/go ]; do sleep 0.1; done; echo second";
    let mut running = session.start(line).await?;
    let mut first = Vec::new();
    while first.len() < b"first".len() {
        match running.next_chunk(limit).await? {
            Some(Chunk::Stdout(text)) => first.extend(text),
            other => {
                return Err(Stop::fail(format!(
                    "instead of its first output comes {other:?}"
                )));
            }
        }
    }
    check!(
        first.starts_with(b"first"),
        "the first output is '{}'",
        first.escape_ascii()
    );
    let agent = vm.wait_for_agent(limit).await?;
    let go = agent.write_file("/tmp/go", b"", vm.limit(limit));
    vm.wait("a file in the guest", limit, go)
        .await?
        .map_err(|error| Stop::fail(chain(&error)))?;
    let rest = running.wait(limit).await?;
    check!(rest.stdout_text().trim() == "second", "then comes {rest:?}");

    if let Some(password) = test.params().value("password") {
        test.phase("logging in by another password");
        let access = SshAccess {
            port: test.param("shell_port")?,
            user: test.param("username")?,
            key: None,
            password: Some(format!("{password}!")),
        };
        let refused = vm.ssh(&access, test.span("login_timeout")?).await.err();
        let why = refused.as_ref().map(|error| chain(error));
        check!(
            why.is_some_and(|why| why.contains("Permission denied")),
            "logging in by another password ends with {refused:?}"
        );
    }

    test.phase("killing a command that takes too long");
    let forever = session
        .run_within(Duration::from_millis(50), "sleep 98765")
        .await;
    check!(forever.is_err(), "sleeping for a day ended: {forever:?}");
    let left = session
        .run_within(limit, "pgrep -f '[s]leep 98765'")
        .await?;
    check!(
        !left.status.success(),
        "a command that took too long still runs: {}",
        left.stdout_text()
    );
    Ok(())
}
