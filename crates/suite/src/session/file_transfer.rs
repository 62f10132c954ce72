//! Files of every size arrive in the guest and come back as they were, by their checksums on both sides; one that does not
//! arrive whole leaves what was there before.

use std::fs;

use virt_test::{Stop, Test, TestResult, check};

#[virt_test::test]
async fn file_transfer(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let mut session = test.file_transfer(&vm).await?;
    let limit = test.span("transfer_timeout")?;
    let (there, back) = (test.dir().join("there"), test.dir().join("back"));
    let largest: params::ByteSize = test.param("filesize")?;
    for size in [0, 1, 4097, largest.as_bytes() + 1] {
        test.phase(format!("copying {size} bytes by the {}", session.kind()));
        let content = noise(size);
        fs::write(&there, &content).map_err(|e| Stop::error(e.to_string()))?;
        // The second file replaces the first.
        let sent = session.copy_to(limit, &there, "/tmp/a file").await?;
        let counted = session.run("wc -c <'/tmp/a file'").await?;
        check!(
            counted.stdout_text() == size.to_string(),
            "of {size} bytes, {} are in the guest",
            counted.stdout_text()
        );
        let received = session.copy_from(limit, "/tmp/a file", &back).await?;
        check!(sent == received, "sent {sent:?}, received {received:?}");
        let same = fs::read(&back).is_ok_and(|back| back == content);
        check!(same, "{size} bytes came back changed");
    }
    test.phase("copying what cannot be copied");
    let lost = session.copy_from(limit, "/no/such/file", &back).await;
    check!(lost.is_err(), "a file that is not there was copied");
    let kept = fs::metadata(&back).is_ok_and(|back| back.len() == largest.as_bytes() + 1);
    check!(
        kept,
        "a copy that failed changed the file it was to replace"
    );
    let refused = session.copy_to(limit, &back, "/proc/no/such/file").await;
    check!(refused.is_err(), "a file was copied to where none can be");
    for path in [there, back] {
        fs::remove_file(path).map_err(|e| Stop::error(e.to_string()))?;
    }
    Ok(())
}

/// Bytes that no compression, translation of line ends or repeated block leaves as they are.
fn noise(size: u64) -> Vec<u8> {
    let mut state = size | 1;
    let mut next = || {
        // Xorshift: no number comes twice.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..size).map(|_| next()).collect()
}
