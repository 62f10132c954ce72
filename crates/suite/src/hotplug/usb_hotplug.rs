//! A USB controller is plugged in, and on it a hub, a device behind the hub, a keyboard and a disk: the guest finds each at its port and
//! can write to the disk, and has none of them any more when it is unplugged, the controller
//! last.

use machine::{Device, DiskBus, UsbDevice, UsbModel};
use virt_test::{Test, TestResult, check};

use crate::hotplug::both_sides::{BothSides, blank_disk, device_file};

const CONTROLLER: &str = "plugged";

#[virt_test::test(type_specific)]
async fn usb_hotplug(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let mut sides = BothSides::of(test, &vm).await?;
    let (controller, _) = sides
        .plug(Device::UsbController(CONTROLLER.to_owned()))
        .await?;
    let device = |id: &str, model, port: &str| UsbDevice {
        controller: Some(CONTROLLER.to_owned()),
        port: Some(port.to_owned()),
        ..UsbDevice::new(id, model)
    };
    let (hub, _) = sides.plug(device("hub", UsbModel::Hub, "1")).await?;
    let (tablet, serial) = sides
        .plug(device("tablet", UsbModel::Tablet, "1.2"))
        .await?;
    check!(
        serial == "tablet",
        "the tablet's serial number is {serial} in the guest"
    );
    let (keyboard, _) = sides
        .plug(device("keyboard", UsbModel::Keyboard, "2"))
        .await?;
    let mut disk = blank_disk(test, "stick", DiskBus::Usb)?;
    disk.controller = Some(CONTROLLER.to_owned());
    let (stick, seen) = sides.plug(disk).await?;
    sides.write(&device_file(&seen), "on a stick").await?;
    for plugged in [&keyboard, &stick, &tablet, &hub, &controller] {
        sides.unplug(plugged).await?;
    }
    Ok(())
}
