//! A machine sent to where nobody listens is refused at once, and runs on.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use virt_test::{Stop, Test, TestResult, Vm, check};
use vm::migrate::{Phase, Transport};

use crate::migration::load;

#[virt_test::test(type_specific)]
async fn migrate_to_dead_port(test: &mut Test) -> TestResult {
    let name = test.main_vm_name()?;
    let vm = test.main_vm()?;
    load::booted(test, &vm).await?;
    let mut migration = test.migration(&name).await?;
    let dead = dead_port(&vm, migration.transport);
    let dead = dead.map_err(|error| Stop::error(format!("no port is free: {error}")))?;
    migration.connect_to = Some(dead.clone());
    let error = match vm.migrate(&migration).await {
        Ok(_) => {
            return Err(Stop::fail(format!(
                "the machine has migrated to {dead}, which is closed"
            )));
        }
        Err(error) => error,
    };
    test.phase(error.to_string());
    check!(
        error.phase == Phase::Start,
        "it failed in phase {}: {error}",
        error.phase
    );
    check!(
        error.to_string().contains("refused"),
        "the reason does not name the refusal: {error}"
    );
    load::still_well(test, &vm).await
}

/// An address that was taken, and so is nobody else's, but is closed.
fn dead_port(vm: &Vm, transport: Transport) -> std::io::Result<String> {
    if transport == Transport::Tcp {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        return Ok(format!("tcp:127.0.0.1:{port}"));
    }
    let socket = vm.scratch().join("dead.sock");
    UnixListener::bind(&socket)?;
    Ok(format!("unix:{}", socket.display()))
}
