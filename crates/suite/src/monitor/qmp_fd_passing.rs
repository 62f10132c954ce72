//! File descriptors handed to QEMU over its monitor are those it then works with: one it knows by name, one of a set that stands for a
//! file of which nobody knows the path; and it gives them back when it is told to, or has done with them.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use virt_test::{Stop, Test, TestResult, Vm, check};
use vm::qmp::QmpError;

/// Base time for what QEMU writes to arrive.
const LIMIT: Duration = Duration::from_secs(10);

/// Bytes of the file that has no path any more.
const LENGTH: u64 = 3 << 16;

#[virt_test::test(type_specific)]
async fn qmp_fd_passing(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    test.phase("handing over a descriptor by name");
    by_name(&vm).await?;
    test.phase("handing over descriptors in a set");
    in_a_set(test, &vm).await
}

/// `getfd`: QEMU writes into the descriptor of that name and closes it; a name given twice is the second descriptor's.
async fn by_name(vm: &Vm) -> TestResult {
    let name = json!({"fdname": "way-out"});
    refused(vm, "getfd", name.clone(), "without a descriptor").await?;
    let (_first, writer) = io(std::io::pipe())?;
    let digit = json!({"fdname": "7"});
    let taken = vm.qmp().execute_with_fd("getfd", digit, writer.into());
    is_refused(taken.await, "getfd with a name that is a number")?;
    refused(vm, "closefd", name.clone(), "of a name not given yet").await?;

    let (first, writer) = io(std::io::pipe())?;
    give(vm, "getfd", name.clone(), writer.into()).await?;
    let (second, writer) = io(std::io::pipe())?;
    give(vm, "getfd", name.clone(), writer.into()).await?;
    let nothing = read(vm, first.into()).await?;
    check!(
        nothing.is_empty(),
        "nobody writes to the first descriptor, and it gives {} bytes",
        nothing.len()
    );
    let dump = json!({"paging": false, "protocol": "fd:way-out", "begin": 0, "length": 4096});
    let dumped = vm.qmp().execute("dump-guest-memory", dump);
    let (dumped, image) = tokio::join!(dumped, read(vm, second.into()));
    dumped?;
    let image = image?;
    check!(
        image.starts_with(b"\x7fELF") && image.len() > 4096,
        "a dump of 4096 bytes of memory arrives as {} bytes, beginning with '{}'",
        image.len(),
        image[..image.len().min(16)].escape_ascii()
    );
    refused(vm, "closefd", name, "of a name already used").await
}

/// `add-fd`: a block device opens the member of the set that may do what it wants.
async fn in_a_set(test: &Test, vm: &Vm) -> TestResult {
    refused(vm, "add-fd", json!({}), "without a descriptor").await?;
    let path = test.dir().join("unnamed");
    let file = io(File::create(&path))?;
    io(file.set_len(LENGTH))?;
    drop(file);
    let file = io(File::open(&path))?;
    io(std::fs::remove_file(&path))?;

    let wanted = json!({"fdset-id": 4, "opaque": "a test's"});
    let added = give(vm, "add-fd", wanted, file.into()).await?;
    let sets = vm.qmp().execute("query-fdsets", json!({})).await?;
    let member = json!({"fd": added["fd"], "opaque": "a test's"});
    check!(
        added["fdset-id"] == 4 && sets == json!([{"fdset-id": 4, "fds": [member]}]),
        "the descriptor was added as {added}, and query-fdsets answers {sets}"
    );
    let node = |read_only: bool| json!({"driver": "file", "node-name": "unnamed", "filename": "/dev/fdset/4", "read-only": read_only, "locking": "off"});
    refused(vm, "blockdev-add", node(false), "for writing").await?;
    vm.qmp().execute("blockdev-add", node(true)).await?;
    let nodes = vm
        .qmp()
        .execute("query-named-block-nodes", json!({}))
        .await?;
    let nodes = nodes.as_array().map(Vec::as_slice).unwrap_or_default();
    let ours = nodes.iter().find(|node| node["node-name"] == "unnamed");
    check!(
        ours.is_some_and(|node| node["image"]["virtual-size"] == LENGTH),
        "the file has {LENGTH} bytes, and the node is {ours:?}"
    );
    let gone = json!({"node-name": "unnamed"});
    vm.qmp().execute("blockdev-del", gone).await?;
    let set = json!({"fdset-id": 4});
    vm.qmp().execute("remove-fd", set.clone()).await?;
    let sets = vm.qmp().execute("query-fdsets", json!({})).await?;
    check!(
        sets == json!([]),
        "all was removed, and query-fdsets answers {sets}"
    );
    refused(vm, "remove-fd", set, "of a set that is gone").await?;
    refused(vm, "blockdev-add", node(true), "of a set that is gone").await
}

async fn give(vm: &Vm, command: &str, arguments: Value, fd: OwnedFd) -> TestResult<Value> {
    Ok(vm.qmp().execute_with_fd(command, arguments, fd).await?)
}

async fn refused(vm: &Vm, command: &str, arguments: Value, how: &str) -> TestResult {
    let answer = vm.qmp().execute(command, arguments).await;
    is_refused(answer, &format!("{command} {how}"))
}

fn is_refused(answer: Result<Value, QmpError>, what: &str) -> TestResult {
    match answer {
        Err(QmpError::Refused { desc, .. }) if !desc.is_empty() => Ok(()),
        other => Err(Stop::fail(format!("{what} is answered with {other:?}"))),
    }
}

/// All that is written until the last who could has closed the other end.
async fn read(vm: &Vm, end: OwnedFd) -> TestResult<Vec<u8>> {
    let mut end = io(pipe::Receiver::from_owned_fd(end))?;
    let mut bytes = Vec::new();
    let read = end.read_to_end(&mut bytes);
    io(vm.wait("end of what QEMU writes", LIMIT, read).await?)?;
    Ok(bytes)
}

fn io<T>(outcome: std::io::Result<T>) -> TestResult<T> {
    outcome.map_err(|error| Stop::error(format!("failed to use a file of the host: {error}")))
}
