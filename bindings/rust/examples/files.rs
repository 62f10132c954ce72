//! A file of any bytes goes into the guest and comes back as it was; one that is not there does not.

use std::fs;
use std::process::ExitCode;

use sha2::{Digest, Sha256};
use virt_test_client::{Error, ErrorKind, Test, TestResult};

fn main() -> ExitCode {
    virt_test_client::main(files)
}

fn files(test: &Test) -> TestResult {
    let vm = test.main_vm()?;
    let dir = test.info()?.dir;
    let (there, back) = (format!("{dir}/there"), format!("{dir}/back"));
    let content: Vec<u8> = (0..100_000_u32).map(|byte| byte as u8).collect();
    let digest: String = Sha256::digest(&content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    fs::write(&there, &content)?;

    let pushed = vm.push("/tmp/there").path(&there).call()?;
    let inside = vm.run("sha256sum /tmp/there")?;
    let pulled = vm.pull("/tmp/there").path(&back).call()?;
    assert_eq!(pushed.sha256, digest);
    assert_eq!(pulled.sha256, digest);
    assert!(inside.starts_with(&digest), "in the guest it is {inside}");
    assert!(fs::read(back)? == content, "it came back changed");

    let missing = vm
        .pull("/nonexistent")
        .path(format!("{dir}/nothing"))
        .call();
    let kind = missing.as_ref().err().and_then(Error::kind);
    assert!(
        matches!(kind, Some(ErrorKind::GuestFailed { .. })),
        "{missing:?}"
    );
    Ok(())
}
