//! A command gets its input; its status, output and errors come back, and its output comes while it runs.

use std::process::ExitCode;

use virt_test_client::{Chunk, Result, Test, TestResult};

fn main() -> ExitCode {
    virt_test_client::main(exec)
}

fn exec(test: &Test) -> TestResult {
    let vm = test.main_vm()?;
    let command = vm.exec(["sh", "-c", "cat; echo err >&2; exit 3"]);
    let output = command.input("in").output()?;
    assert_eq!(output.status, Some(3));
    assert_eq!(
        (&*output.stdout, &*output.stderr),
        (&b"in"[..], &b"err\n"[..])
    );

    let running = vm
        .exec("for i in 1 2 3; do echo $i; sleep 0.1; done")
        .stream()?;
    let chunks = running.collect::<Result<Vec<Chunk>>>()?;
    assert!(chunks.len() > 1, "it came in one piece: {chunks:?}");
    let all: Vec<u8> = chunks.into_iter().flat_map(|chunk| chunk.data).collect();
    assert_eq!(all, b"1\n2\n3\n");
    Ok(())
}
