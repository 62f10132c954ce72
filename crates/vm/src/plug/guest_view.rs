//! What the guest says it has: Linux's `/sys`, read by a session.

use std::time::{Duration, Instant};

use machine::{Device, DiskBus, Place, Placed, UsbModel, Wants};

use super::error::PlugError;
use super::tree::Tree;
use super::{Failure, Plugged, Unplugged, named};
use crate::error::VmError;
use crate::session::Session;
use crate::vm::Vm;

/// How many processors a program can be bound to. One that `nproc` counts can still be refused for a moment, until the kernel's cpusets
/// know of it, too. More than the shell can make masks for are only counted.
const PROCESSORS: &str = "n=$(nproc); if [ $n -lt 60 ] && command -v taskset > /dev/null; then n=0; \
    for cpu in /sys/devices/system/cpu/cpu[0-9]*; do \
    taskset $(printf %x $((1 << ${cpu##*cpu}))) true 2> /dev/null && n=$((n + 1)); done; fi; echo $n";

/// Pauses between two looks into the guest, which has no way to tell us by itself.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(300);

/// A line of shell that prints what the guest has, and what it is to print.
struct Look {
    script: String,
    wanted: Wanted,
}

enum Wanted {
    Something,
    Nothing,
    Exactly(String),
}

impl Wanted {
    fn is_met_by(&self, said: &str) -> bool {
        match self {
            Self::Something => !said.is_empty(),
            Self::Nothing => said.is_empty(),
            Self::Exactly(wanted) => said == wanted,
        }
    }
}

impl Vm {
    /// Waits until the guest sees a device, has a driver for it and can use it. Returns the guest's own words for it, such as the
    /// name of a disk.
    ///
    /// # Errors
    /// [`VmError::Plug`] with [`PlugError::GuestView`] when it does not in time.
    pub async fn wait_for_guest_to_see(
        &self,
        session: &mut Session,
        plugged: &Plugged,
        base: Duration,
    ) -> Result<String, VmError> {
        let placed = &plugged.placed;
        let pci = plugged.pci.as_deref();
        match self.watch_guest(session, placed, pci, true, base).await {
            Ok(said) => Ok(said),
            Err(failure) => Err(self.plug_error(failure).await),
        }
    }

    /// Waits until the guest no longer has a device.
    ///
    /// # Errors
    /// [`VmError::Plug`] with [`PlugError::GuestView`] when it still has.
    pub async fn wait_for_guest_to_lose(
        &self,
        session: &mut Session,
        unplugged: &Unplugged,
        base: Duration,
    ) -> Result<(), VmError> {
        let placed = &unplugged.placed;
        let pci = unplugged.pci.as_deref();
        match self.watch_guest(session, placed, pci, false, base).await {
            Ok(_) => Ok(()),
            Err(failure) => Err(self.plug_error(failure).await),
        }
    }

    async fn watch_guest(
        &self,
        session: &mut Session,
        placed: &Placed,
        pci: Option<&str>,
        appear: bool,
        base: Duration,
    ) -> Result<String, Failure> {
        let start = Instant::now();
        let limit = self.limit(base);
        let mut pause = FIRST_PAUSE;
        loop {
            // Asked every time: what the guest is to have may depend on what it has taken.
            let look = self.look(placed, pci, appear).await?;
            let Some(look) = look else {
                return Ok(String::new());
            };
            // In a shell of its own, which it may leave early.
            let output = session.run(format!("({})", look.script)).await?;
            let said = output.stdout_text();
            if look.wanted.is_met_by(&said) {
                return Ok(said);
            }
            if start.elapsed() >= limit {
                let qemu = Tree(self.qmp()).find(placed).await?;
                return Err(PlugError::GuestView {
                    device: named(&placed.device),
                    appear,
                    waited: start.elapsed(),
                    qemu: qemu.unwrap_or_else(|| "no such device".to_owned()),
                    guest: said,
                }
                .into());
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// How to look for a device; none where guests see nothing of it.
    async fn look(
        &self,
        placed: &Placed,
        pci: Option<&str>,
        appear: bool,
    ) -> Result<Option<Look>, Failure> {
        let tree = Tree(self.qmp());
        let device = &placed.device;
        let script = match device.wants() {
            Wants::Cpu => {
                // Not those in /proc/cpuinfo: a CPU is online before programs may run on it.
                let script = PROCESSORS.to_owned();
                let wanted = Wanted::Exactly(tree.cpus().await?.to_string());
                return Ok(Some(Look { script, wanted }));
            }
            Wants::MemorySlot => match memory_blocks(placed) {
                Some((first, last)) => blocks_script(first, last, appear),
                None => return Ok(None),
            },
            Wants::Pci if appear && matches!(device, Device::VirtioMem(_)) => {
                return self.virtio_memory(placed, pci).await;
            }
            Wants::VirtioSerial => match device {
                Device::VirtioPort(port) => {
                    format!(
                        "grep -lx '{}' /sys/class/virtio-ports/*/name 2>/dev/null",
                        port.name
                    )
                }
                // Consoles have no name; they are told by their number on the controller.
                _ => {
                    let nr = placed.chosen.iter().find(|(key, _)| key == "nr");
                    let nr = nr.map_or(0, |(_, nr)| *nr);
                    format!("ls -d /sys/class/virtio-ports/vport*p{nr} 2>/dev/null")
                }
            },
            Wants::Nothing | Wants::Fixed => return Ok(None),
            Wants::Pci | Wants::Scsi | Wants::Usb => match pci {
                Some(address) => bus_script(placed, address, appear),
                None => return Ok(None),
            },
        };
        let wanted = if appear {
            Wanted::Something
        } else {
            Wanted::Nothing
        };
        Ok(Some(Look { script, wanted }))
    }

    /// A virtio memory device is seen by the blocks of its region that are online: as many as QEMU says the guest has taken.
    async fn virtio_memory(
        &self,
        placed: &Placed,
        pci: Option<&str>,
    ) -> Result<Option<Look>, Failure> {
        let data = Tree(self.qmp()).memory(placed.device.id()).await?;
        let (Some(data), Some(address)) = (data, pci) else {
            return Ok(None);
        };
        let number = |key: &str| data[key].as_u64().unwrap_or(0);
        let (start, end) = (number("memaddr"), number("memaddr") + number("max-size"));
        let script = format!(
            "[ -e /sys/bus/pci/devices/{address}/virtio*/driver ] || exit; cd /sys/devices/system/memory; \
             size=$((0x$(cat block_size_bytes))); sum=0; n=$(({start} / size)); \
             while [ $n -lt $(({end} / size)) ]; do grep -qsx online memory$n/state && sum=$((sum + size)); \
             n=$((n + 1)); done; echo $sum"
        );
        let wanted = Wanted::Exactly(number("size").to_string());
        Ok(Some(Look { script, wanted }))
    }
}

/// First and last byte of a memory module.
fn memory_blocks(placed: &Placed) -> Option<(u64, u64)> {
    let Device::Dimm(dimm) = &placed.device else {
        return None;
    };
    let (_, address) = placed.chosen.iter().find(|(key, _)| key == "addr")?;
    Some((*address, address + dimm.size.as_bytes() - 1))
}

/// Prints the memory blocks from one byte to another if all are online; without `appear`, those there are.
fn blocks_script(first: u64, last: u64, appear: bool) -> String {
    let missing = if appear { "exit" } else { "continue" };
    let state = if appear {
        "grep -qx online memory$i/state"
    } else {
        "[ -e memory$i ]"
    };
    format!(
        "cd /sys/devices/system/memory; size=$((0x$(cat block_size_bytes))); found=; \
         for i in $(seq $(({first} / size)) $(({last} / size))); do {state} 2>/dev/null || {missing}; \
         found=\"$found memory$i\"; done; echo $found"
    )
}

/// Prints what Linux has made of a device on PCI, SCSI or USB.
fn bus_script(placed: &Placed, address: &str, appear: bool) -> String {
    let pci = format!("/sys/bus/pci/devices/{address}");
    let list = |paths: &str| format!("ls -d {paths} 2>/dev/null");
    if !appear && placed.device.wants() == Wants::Pci {
        return list(&pci);
    }
    match (&placed.device, &placed.place) {
        (Device::Nic(nic), _) => format!(
            "grep -lix '{}' {pci}/net/*/address {pci}/virtio*/net/*/address 2>/dev/null",
            nic.mac
        ),
        (Device::Disk(_), Place::Scsi { id, .. }) if appear => {
            list(&format!("{pci}/virtio*/host*/target*:0:{id}/*/block/*"))
        }
        (Device::Disk(_), Place::Scsi { id, .. }) => {
            list(&format!("{pci}/virtio*/host*/target*:0:{id}"))
        }
        (Device::Disk(disk), _) if disk.bus == DiskBus::VirtioBlk => {
            list(&format!("{pci}/virtio*/block/*"))
        }
        (Device::Disk(disk), _) if disk.bus == DiskBus::Nvme => {
            list(&format!("{pci}/nvme/nvme*/nvme*n1"))
        }
        (device, Place::Usb { port, .. }) => {
            let path = usb_path(port.as_deref().unwrap_or("1"));
            let device_path = format!("{pci}/usb*/{path}");
            match device {
                _ if !appear => list(&device_path),
                Device::Disk(_) => list(&format!("{device_path}/*/host*/target*/*/block/*")),
                Device::Usb(usb) if usb.model == UsbModel::Hub => {
                    // What is plugged into a hub before Linux has put it to sleep for want of work can go unnoticed.
                    format!("grep -lx suspended {device_path}/power/runtime_status 2>/dev/null")
                }
                _ => format!("cat {device_path}/serial 2>/dev/null"),
            }
        }
        // The port's terminal, which comes after its driver.
        (Device::PciSerial(_), _) => format!("find {pci}/ -name 'ttyS[0-9]*' 2>/dev/null"),
        // A device of QEMU's own, for which there may be no driver anywhere.
        (Device::Pci(_), _) => list(&pci),
        (device, _) => {
            // The driver of a virtio device is that of the virtio device behind the PCI one.
            let bound = match device {
                Device::ScsiController(_) | Device::Rng(_) | Device::Balloon(_) => {
                    format!("{pci}/virtio*/driver")
                }
                _ => format!("{pci}/driver"),
            };
            format!("readlink {bound} 2>/dev/null | sed 's,.*/,,'")
        }
    }
}

/// The folders of a USB device below its root hub: `*-2/*-2.1` for port 2.1.
fn usb_path(port: &str) -> String {
    let ends = port.match_indices('.').map(|(at, _)| at);
    let prefixes = ends
        .chain([port.len()])
        .map(|end| format!("*-{}", &port[..end]));
    prefixes.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usb_device_lies_below_the_hubs_it_hangs_on() {
        assert_eq!(usb_path("2"), "*-2");
        assert_eq!(usb_path("2.1.4"), "*-2/*-2.1/*-2.1.4");
    }
}
