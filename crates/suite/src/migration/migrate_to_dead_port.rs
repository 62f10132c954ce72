//! A machine sent to where nobody listens is refused at once, and runs on.

use std::net::TcpListener;

use virt_test::{Stop, Test, TestResult, check};
use vm::migrate::Phase;

use crate::migration::load;

#[virt_test::test(type_specific, "migrates = yes", "mig_protocol = tcp")]
async fn migrate_to_dead_port(test: &mut Test) -> TestResult {
    let name = test.main_vm_name()?;
    let vm = test.main_vm()?;
    load::booted(test, &vm).await?;
    // Taken, and so nobody else's, but closed as soon as it is let go.
    let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    let port = port
        .map_err(|error| Stop::error(format!("no port is free: {error}")))?
        .port();
    let mut migration = test.migration(&name).await?;
    migration.connect_to = Some(format!("tcp:127.0.0.1:{port}"));
    let error = match vm.migrate(&migration).await {
        Ok(_) => {
            return Err(Stop::fail(format!(
                "the machine has migrated to port {port}, which is closed"
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
