//! What the tests of hotplug share: plugging and unplugging, believed only when QEMU and the guest both say so.

use machine::{ByteSize, Device, Disk, DiskBus, ImageFormat};
use virt_test::{Stop, Test, TestResult, check};
use vm::{Plugged, Session, Unplugged, Vm};

/// A machine, a session in its guest, and how long that may take to notice a device.
pub(crate) struct BothSides<'a> {
    pub(crate) test: &'a Test,
    pub(crate) vm: &'a Vm,
    pub(crate) session: Session,
}

impl<'a> BothSides<'a> {
    pub(crate) async fn of(test: &'a Test, vm: &'a Vm) -> TestResult<Self> {
        let session = test.log_in(vm).await?;
        Ok(Self { test, vm, session })
    }

    /// Plugs a device and waits until the guest can use it. Returns the guest's words for it, such as a file of `/sys`.
    pub(crate) async fn plug(
        &mut self,
        device: impl Into<Device>,
    ) -> TestResult<(Plugged, String)> {
        let device = device.into();
        self.test
            .phase(format!("plugging {} \"{}\"", device.kind(), device.id()));
        let plugged = self.vm.plug(device).await?;
        let limit = self.test.span("plug_timeout")?;
        let seen = self
            .vm
            .wait_for_guest_to_see(&mut self.session, &plugged, limit);
        let seen = seen.await?;
        Ok((plugged, seen))
    }

    /// Unplugs a device and waits until the guest no longer has it.
    pub(crate) async fn unplug(&mut self, plugged: &Plugged) -> TestResult<Unplugged> {
        let device = &plugged.placed.device;
        self.test
            .phase(format!("unplugging {} \"{}\"", device.kind(), device.id()));
        let unplugged = self.vm.unplug(plugged).await?;
        told_by_the_right_event(&unplugged)?;
        let limit = self.test.span("plug_timeout")?;
        let gone = self
            .vm
            .wait_for_guest_to_lose(&mut self.session, &unplugged, limit);
        gone.await?;
        Ok(unplugged)
    }

    /// Memory that is plugged from now on is for what the kernel can move, so that it gives it back whenever it is asked to: in other
    /// memory it may keep data of its own.
    pub(crate) async fn keep_memory_movable(&mut self) -> TestResult {
        let policy = "echo online_movable > /sys/devices/system/memory/auto_online_blocks";
        self.run(policy).await.map(drop)
    }

    /// Runs a command that must succeed, and returns what it prints.
    pub(crate) async fn run(&mut self, command: &str) -> TestResult<String> {
        let output = self.session.run(command).await?;
        check!(
            output.status.success(),
            "'{command}' ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
        Ok(output.stdout_text())
    }

    /// Writes a text to a disk by way of the guest's block layer, and reads it back past all caches.
    pub(crate) async fn write(&mut self, device: &str, text: &str) -> TestResult {
        self.run(&format!(
            "printf %s '{text}' | dd of={device} bs=4096 conv=sync,fsync 2>/dev/null"
        ))
        .await?;
        self.expect_on(device, text).await
    }

    /// The disk must begin with this text.
    pub(crate) async fn expect_on(&mut self, device: &str, text: &str) -> TestResult {
        let command = format!(
            "echo 3 > /proc/sys/vm/drop_caches; dd if={device} bs={} count=1 2>/dev/null",
            text.len()
        );
        let read = self.run(&command).await?;
        check!(
            read == text,
            "{device} begins with '{read}' instead of '{text}'"
        );
        Ok(())
    }
}

/// QEMU has told that it was this device that went; but under TCG the CPU's object stays, and only the guest tells.
fn told_by_the_right_event(unplugged: &Unplugged) -> TestResult {
    let device = &unplugged.placed.device;
    let told = match (&unplugged.event, device.device_id()) {
        (None, None) => true,
        // QEMU never tells of its end, as it holds itself.
        (None, Some(_)) => matches!(device, Device::UsbController(_)),
        (Some(event), Some(id)) => {
            let info = &event.data["info"];
            let deleted = event.name == "DEVICE_DELETED" && event.data["device"] == id;
            let ejected = event.name == "ACPI_DEVICE_OST" && info["status"] == 0;
            deleted || ejected && matches!(device, Device::Cpu(_))
        }
        (Some(_), None) => false,
    };
    check!(
        told,
        "that {} \"{}\" is gone was told by {:?}",
        device.kind(),
        device.id(),
        unplugged.event
    );
    Ok(())
}

/// An empty raw image of one MiB in the test's directory, as a disk.
pub(crate) fn blank_disk(test: &Test, id: &str, bus: DiskBus) -> TestResult<Disk> {
    let path = test.dir().join(format!("{id}.raw"));
    let made =
        std::fs::File::create(&path).and_then(|file| file.set_len(ByteSize::mib(1).as_bytes()));
    made.map_err(|error| Stop::error(format!("cannot make {}: {error}", path.display())))?;
    let mut disk = Disk::new(id, path, ImageFormat::Raw);
    disk.bus = bus;
    Ok(disk)
}

/// The device file of a block device of `/sys`.
pub(crate) fn device_file(sys: &str) -> String {
    let name = sys.rsplit('/').next().unwrap_or(sys);
    // With multipath the kernel names the path `nvme0c0n1` and the disk `nvme0n1`.
    match name.split_once('c') {
        Some((controller, rest)) if name.starts_with("nvme") => {
            let namespace = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("/dev/{controller}{namespace}")
        }
        _ => format!("/dev/{name}"),
    }
}
