//! A virtio-serial port carries every byte both ways, in order, in pieces of any size; its guest sees the host leave; and who
//! connects again finds the port as it was.

use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use virt_test::{Session, Stop, Test, TestResult, Vm, check};

const CHANNEL: &str = "vp1";
/// What the guest says once it has opened the port. It can only be written while somebody is there to read it.
const READY: &[u8] = b"ready\n";
/// Base time for a transfer.
const LIMIT: Duration = Duration::from_secs(20);

#[virt_test::test]
async fn virtio_port(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let mut session = vm.session(test.span("login_timeout")?).await?;
    let mut stream = vm.channel(CHANNEL)?;
    let port = vm.spec().virtio_ports[0].name.clone();
    let port = format!("/dev/virtio-ports/{port}");

    // Around the size of a page, which is that of the guest's buffers, and more than the host's sockets hold.
    for size in [1, 4095, 4096, 4097, 65_537, 1 << 20] {
        let took = echo(&vm, &mut session, &mut stream, &port, size).await?;
        let rate = 2.0 * size as f64 / took.as_secs_f64() / f64::from(1 << 20);
        test.phase(format!("{size} bytes there and back: {rate:.1} MiB/s"));
    }
    for round in 1..=3 {
        test.phase(format!("leaving and coming again, round {round}"));
        leave(&vm, &mut session, stream, &port).await?;
        stream = vm.reconnect(CHANNEL).await?;
        echo(&vm, &mut session, &mut stream, &port, 65_536).await?;
    }
    Ok(())
}

/// Sends a pattern, and takes it back once the guest has all of it. Returns how long that took.
async fn echo(
    vm: &Vm,
    session: &mut Session,
    stream: &mut UnixStream,
    port: &str,
    size: usize,
) -> TestResult<Duration> {
    let sent = pattern(size);
    let command = format!(
        "exec 3<>{port} && echo ready >&3 && head -c {size} <&3 >/tmp/got && cat /tmp/got >&3 && sha256sum </tmp/got"
    );
    let exchange = async {
        let mut ready = [0; READY.len()];
        stream.read_exact(&mut ready).await?;
        let start = Instant::now();
        stream.write_all(&sent).await?;
        let mut received = vec![0; size];
        stream.read_exact(&mut received).await?;
        std::io::Result::Ok((ready == READY, received, start.elapsed()))
    };
    let exchange = vm.wait("the pattern's return", LIMIT, exchange);
    let (output, exchanged) = tokio::join!(session.run_within(LIMIT, &*command), exchange);
    let output = output?;
    check!(
        output.status.success(),
        "'{command}' ended with {}: {}",
        output.status,
        output.stdout_text()
    );
    let (ready, received, took) =
        exchanged?.map_err(|error| Stop::fail(format!("the port failed: {error}")))?;
    check!(ready, "the port holds bytes that nobody sent");
    let wanted = hex(&sent);
    check!(
        output.stdout_text().starts_with(&wanted),
        "of {size} bytes the guest got others: {}",
        output.stdout_text()
    );
    check!(
        received == sent,
        "{size} bytes came back changed: first at {:?}",
        received.iter().zip(&sent).position(|(a, b)| a != b)
    );
    Ok(took)
}

/// Leaves while the guest reads, which ends that. Nothing is on its way then: what older QEMUs (7.2 does) have not yet passed on
/// is lost when the host leaves.
async fn leave(vm: &Vm, session: &mut Session, mut stream: UnixStream, port: &str) -> TestResult {
    let command = format!("exec 3<>{port} && echo ready >&3 && cat <&3");
    let leave = async {
        stream.read_exact(&mut [0; READY.len()]).await?;
        drop(stream);
        std::io::Result::Ok(())
    };
    let leave = vm.wait("the guest's opening of the port", LIMIT, leave);
    let (output, left) = tokio::join!(session.run_within(LIMIT, &*command), leave);
    left?.map_err(|error| Stop::fail(format!("the port failed: {error}")))?;
    let output = output?;
    check!(
        output.status.success() && output.stdout.is_empty(),
        "the guest reads '{}' from a port that nobody wrote to, and ends with {}",
        output.stdout_text(),
        output.status
    );
    Ok(())
}

/// Bytes that repeat nowhere near, so that none can be lost, doubled or moved unseen.
fn pattern(size: usize) -> Vec<u8> {
    let mut state = size as u64 + 1;
    let mut next = || {
        // xorshift64 (Marsaglia, 2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..size).map(|_| next()).collect()
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
