//! A processor of the guest that never leaves its kernel is reported as locked up, and ends whatever is being waited for with the reason.
//! Here a debugger writes an endless loop where the kernel is idle.

use std::path::Path;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use virt_test::{Stop, Test, TestResult, check};
use vm::{FindingKind, Vm, VmError};

use crate::ask::ask;

/// The kernel looks after itself again, and complains after two seconds.
const WATCH: &str =
    "echo 1 > /proc/sys/kernel/watchdog_thresh && echo 1 > /proc/sys/kernel/watchdog";
/// `jmp` to itself.
const LOOP: &str = "ebfe";

#[virt_test::test(type_specific)]
async fn guest_lockup_is_reported(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let mut session = vm.session(test.span("login_timeout")?).await?;
    ask(&mut session, WATCH).await?;
    vm.health().expect(FindingKind::SoftLockup);
    let directory = test.scratch("gdb")?;
    let locked_up = lock_up(&vm, directory.path());
    let limit = Duration::from_secs(60);
    vm.wait("answer of QEMU's stub for gdb", limit, locked_up)
        .await??;

    test.phase("waiting for a guest that is locked up");
    let start = Instant::now();
    let timeout = Duration::from_secs(600);
    match session.run_within(timeout, "sleep 600").await {
        Err(VmError::Unwell { finding, .. }) => {
            let told = start.elapsed();
            check!(
                finding.kind == FindingKind::SoftLockup && finding.summary.contains("swapper"),
                "the guest is locked up, and what was found is: {finding}"
            );
            check!(
                told * 10 < timeout,
                "the lock-up was told after {told:.1?} of {timeout:.0?}"
            );
            Ok(())
        }
        Err(other) => Err(other.into()),
        Ok(output) => Err(Stop::fail(format!(
            "the guest was to lock up, and the command ended with {}",
            output.status
        ))),
    }
}

/// Overwrites the code the first processor is at, once that is where the kernel waits for interrupts.
async fn lock_up(vm: &Vm, directory: &Path) -> TestResult {
    let socket = directory.join("gdb.sock");
    let server = format!("gdbserver unix:{},server=on,wait=off", socket.display());
    vm.hmp(&server).await?;
    let end = Instant::now() + vm.limit(Duration::from_secs(20));
    while Instant::now() < end {
        let mut gdb = Gdb::attach(&socket).await?;
        let registers = gdb.ask("g").await?;
        let halted = vm.hmp("info registers").await?.contains("HLT=1");
        // Sixteen registers of eight bytes come first, then RIP.
        let at = registers.get(256..272).and_then(little_endian);
        if let (true, Some(at)) = (halted, at) {
            let written = gdb.ask(&format!("M{at:x},2:{LOOP}")).await?;
            check!(written == "OK", "gdb's stub says '{written}'");
            return gdb.ask("D").await.map(drop);
        }
        gdb.ask("D").await?;
    }
    Err(Stop::fail("the guest's first processor is never idle"))
}

fn little_endian(hex: &str) -> Option<u64> {
    u64::from_str_radix(hex, 16).ok().map(u64::swap_bytes)
}

/// A connection to QEMU's stub for gdb, which stops the machine; see "Remote Serial Protocol" in gdb's manual.
struct Gdb(UnixStream);

impl Gdb {
    async fn attach(socket: &Path) -> TestResult<Self> {
        Ok(Gdb(UnixStream::connect(socket).await.map_err(failed)?))
    }

    /// Sends a packet, and returns the next that is no news of a stop.
    async fn ask(&mut self, packet: &str) -> TestResult<String> {
        let sum = packet.bytes().fold(0, u8::wrapping_add);
        let packet = format!("+${packet}#{sum:02x}");
        self.0.write_all(packet.as_bytes()).await.map_err(failed)?;
        loop {
            let mut answer = Vec::new();
            while !answer.ends_with(b"#") {
                answer.push(self.0.read_u8().await.map_err(failed)?);
            }
            self.0.read_u16().await.map_err(failed)?;
            let answer = String::from_utf8_lossy(&answer);
            let answer = answer.trim_start_matches('+').trim_end_matches('#');
            let answer = answer.trim_start_matches('$');
            if !answer.starts_with('T') {
                return Ok(answer.to_owned());
            }
        }
    }
}

fn failed(error: std::io::Error) -> Stop {
    Stop::error(format!("failed to talk to QEMU's stub for gdb: {error}"))
}
