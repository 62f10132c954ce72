//! A virtio port is plugged in: the guest finds it by its name, bytes go through it in both directions, and it is gone when it is unplugged.
//! The next one of the same name works as the first did.

use machine::VirtioPort;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use virt_test::{Stop, Test, TestResult, check};

use crate::hotplug::both_sides::BothSides;

const FILE: &str = "/dev/virtio-ports/org.example.plugged";

#[virt_test::test(type_specific)]
async fn virtio_port_hotplug(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let rounds: u32 = test.param("plug_rounds")?;
    let limit = test.span("plug_timeout")?;
    let mut sides = BothSides::of(test, &vm).await?;
    for round in 0..rounds {
        let port = VirtioPort {
            id: "plugged".to_owned(),
            name: "org.example.plugged".to_owned(),
        };
        let (plugged, _) = sides.plug(port).await?;
        let mut stream = vm.channel("plugged")?;
        let lost = |error: std::io::Error| Stop::fail(format!("the plugged port: {error}"));
        sides
            .run(&format!("echo to the host {round} > {FILE}"))
            .await?;
        let expected = format!("to the host {round}\n");
        let mut read = vec![0; expected.len()];
        let reading = stream.read_exact(&mut read);
        vm.wait("what the guest wrote to the port", limit, reading)
            .await?
            .map_err(lost)?;
        check!(
            read == expected.as_bytes(),
            "the guest wrote {expected:?}, the host read {:?}",
            String::from_utf8_lossy(&read)
        );
        stream.write_all(b"to the guest\n").await.map_err(lost)?;
        let read = sides.run(&format!("head -n 1 {FILE}")).await?;
        check!(read == "to the guest", "the guest read {read:?}");
        sides.unplug(&plugged).await?;
    }
    Ok(())
}
