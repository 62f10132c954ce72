//! A device of a kind that has no test of its own is plugged in and does its work; unplugged, neither QEMU nor the guest has anything of it,
//! and the next one of the same name works as well: an rng gives bytes, a balloon takes memory, a watchdog bites, a serial port and a
//! console carry lines both ways, virtio memory is there, and an iothread serves a disk.

use machine::{ByteSize, Device, DiskBus, VirtioMem, WatchdogModel};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use virt_test::{Stop, Test, TestResult, check};
use vm::{FindingKind, PlugError, Plugged, VmError};

use crate::hotplug::both_sides::{BothSides, blank_disk, device_file};

const ID: &str = "plugged";

/// What a balloon takes.
const TAKEN: ByteSize = ByteSize::mib(64);

#[virt_test::test(type_specific)]
async fn device_hotplug(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let kind: String = test.param("plug_device")?;
    let rounds: u32 = test.param("plug_rounds")?;
    let before = vm.backends().await?;
    let mut sides = BothSides::of(test, &vm).await?;
    for round in 1..=rounds {
        sides.keep_memory_movable().await?;
        let (plugged, seen) = sides.plug(device(&kind)?).await?;
        match &plugged.placed.device {
            Device::Rng(_) => gives_bytes(&mut sides).await?,
            Device::Balloon(_) => takes_memory(&mut sides).await?,
            Device::Watchdog { .. } => bites(&mut sides).await?,
            Device::PciSerial(_) => {
                carries_lines(&mut sides, &device_file(&seen)).await?;
            }
            // The only one the guest has.
            Device::VirtioConsole(_) => carries_lines(&mut sides, "/dev/hvc0").await?,
            Device::VirtioMem(_) => gives_memory_back(&mut sides, &plugged).await?,
            _ => serves_a_disk(&mut sides).await?,
        }
        sides.unplug(&plugged).await?;
        let after = vm.backends().await?;
        check!(
            after == before,
            "QEMU had {before:?} and has {after:?} after round {round}"
        );
    }
    Ok(())
}

fn device(kind: &str) -> TestResult<Device> {
    let id = ID.to_owned();
    Ok(match kind {
        "rng" => Device::Rng(id),
        "balloon" => Device::Balloon(id),
        "watchdog" => Device::Watchdog {
            id,
            model: WatchdogModel::I6300esb,
        },
        "pci_serial" => Device::PciSerial(id),
        "virtio_console" => Device::VirtioConsole(id),
        "virtio_mem" => Device::VirtioMem(VirtioMem {
            id,
            size: ByteSize::mib(256),
            requested: ByteSize::mib(128),
        }),
        "iothread" => Device::IoThread(id),
        other => return Err(Stop::error(format!("plug_device names '{other}'"))),
    })
}

/// Each random number generator the guest has gives it bytes.
async fn gives_bytes(sides: &mut BothSides<'_>) -> TestResult {
    // A driver comes before what it makes.
    let read = "(cd /sys/class/misc/hw_random; n=0; \
                until set -- $(cat rng_available); [ $# -eq $(ls -d /sys/bus/virtio/drivers/virtio_rng/virtio* | wc -l) ]; do \
                [ $((n += 1)) -lt 100 ] || exit 1; usleep 20000; done; \
                for rng; do echo $rng > rng_current; head -c 16 /dev/hwrng | wc -c; done)";
    let said = sides.run(read).await?;
    check!(
        said.lines().count() >= 1 && said.lines().all(|count| count == "16"),
        "of its random number generators the guest reads {said:?} bytes"
    );
    Ok(())
}

/// The guest has less memory as soon as QEMU says so.
async fn takes_memory(sides: &mut BothSides<'_>) -> TestResult {
    let before = total_kib(sides).await?;
    let left = sides.vm.spec().memory.size.as_bytes() - TAKEN.as_bytes();
    let cursor = sides.vm.cursor();
    sides
        .vm
        .qmp()
        .execute("balloon", json!({"value": left}))
        .await?;
    let limit = sides.test.span("plug_timeout")?;
    let reached =
        |event: &vm::qmp::Event| event.name == "BALLOON_CHANGE" && event.data["actual"] == left;
    let what = format!("BALLOON_CHANGE to {left}");
    let change = sides.vm.wait_for_event_that(cursor, &what, limit, reached);
    change.await?;
    let taken = before.saturating_sub(total_kib(sides).await?);
    check!(
        taken == TAKEN.as_bytes() >> 10,
        "the balloon was to take {TAKEN} and has taken {taken} KiB"
    );
    Ok(())
}

async fn total_kib(sides: &mut BothSides<'_>) -> TestResult<u64> {
    let total = "sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo";
    let said = sides.run(total).await?;
    said.parse()
        .map_err(|_| Stop::fail(format!("the guest's total memory is '{said}'")))
}

/// Armed and forgotten, it fires.
async fn bites(sides: &mut BothSides<'_>) -> TestResult {
    let vm = sides.vm;
    vm.health().allow(FindingKind::Watchdog);
    vm.qmp()
        .execute("set-action", json!({"watchdog": "none"}))
        .await?;
    let cursor = vm.cursor();
    // Its driver comes before what it makes; and a board may have a watchdog, too.
    let forget = "(n=0; until dir=$(dirname $(grep -l i6300 /sys/class/watchdog/*/identity)); do [ $((n += 1)) -lt 100 ] || exit 1; \
                  usleep 20000; done; watchdog -T 2 -t 1000 /dev/${dir##*/})";
    sides.run(forget).await?;
    let limit = sides.test.span("login_timeout")?;
    let event = vm.wait_for_event_since(cursor, "WATCHDOG", limit).await?;
    check!(
        event.data["action"] == "none",
        "the watchdog fired, and QEMU says {}",
        event.data
    );
    let disarm = "(kill $(pidof watchdog); n=0; while pidof watchdog; do [ $((n += 1)) -lt 100 ] || exit 1; usleep 20000; done)";
    sides.run(disarm).await.map(drop)
}

/// A line each way between the guest's terminal and the channel.
async fn carries_lines(sides: &mut BothSides<'_>, tty: &str) -> TestResult {
    let mut stream = sides.vm.channel(ID)?;
    let limit = sides.vm.limit(sides.test.span("plug_timeout")?);
    let lost = |error: std::io::Error| Stop::fail(format!("the plugged channel: {error}"));
    let answer = async {
        let mut read = [0; 12];
        stream.read_exact(&mut read).await.map_err(lost)?;
        check!(
            &read == b"to the host\n",
            "the host read {:?}",
            String::from_utf8_lossy(&read)
        );
        stream.write_all(b"to the guest\n").await.map_err(lost)
    };
    let answer = async {
        let late = |_| Stop::fail(format!("nothing came from {tty} within {limit:?}"));
        tokio::time::timeout(limit, answer).await.map_err(late)?
    };
    let speak = format!("exec 3<>{tty}; stty raw -echo <&3; echo to the host >&3; head -n 1 <&3");
    // In a shell of its own, which may lose its terminal.
    let speak = format!("timeout {} sh -c '{speak}'", limit.as_secs() + 1);
    let (said, ()) = tokio::try_join!(sides.run(&speak), answer)?;
    check!(said == "to the guest", "the guest read {said:?} from {tty}");
    Ok(())
}

/// Memory in use is not unplugged; given back it can be, where QEMU can at all.
async fn gives_memory_back(sides: &mut BothSides<'_>, plugged: &Plugged) -> TestResult {
    let refused = sides.vm.unplug(plugged).await;
    let by_qemu = matches!(&refused, Err(VmError::Plug { source, .. }) if matches!(**source, PlugError::Step { .. }));
    check!(by_qemu, "unplugging memory in use came to {refused:?}");
    sides.vm.resize_memory(plugged, ByteSize::mib(0)).await?;
    let limit = sides.test.span("plug_timeout")?;
    let none = sides
        .vm
        .wait_for_guest_to_see(&mut sides.session, plugged, limit);
    none.await?;
    match sides.vm.request_unplug(plugged).await {
        Err(VmError::Plug { source, .. }) if matches!(*source, PlugError::Step { .. }) => {
            // As QEMU before 8.1.
            Err(Stop::skip(format!("virtio memory stays: {source}")))
        }
        requested => Ok(requested?),
    }
}

/// A disk that is served by the thread works.
async fn serves_a_disk(sides: &mut BothSides<'_>) -> TestResult {
    let mut disk = blank_disk(sides.test, "served", DiskBus::VirtioBlk)?;
    disk.properties.push(("iothread".to_owned(), ID.to_owned()));
    let (disk, seen) = sides.plug(disk).await?;
    sides
        .write(&device_file(&seen), "by way of a thread")
        .await?;
    sides.unplug(&disk).await.map(drop)
}
