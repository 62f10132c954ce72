//! Network cards and what they are connected to.

use std::net::Ipv4Addr;

use super::{Opts, Part, Render};
use crate::devices::{Netdev, Nic, NicModel};
use crate::endpoints::{Endpoints, Link};
use crate::error::MachineError;
use crate::plug::Device;

impl Render<'_> {
    pub(super) fn nics(&mut self) -> Result<(), MachineError> {
        let spec = self.spec;
        let mut nics = spec.nics.iter();
        nics.try_for_each(|nic| self.furnish(Device::Nic(nic.clone()), None, nic.unpluggable))
    }
}

/// The device the guest sees, without its place.
pub(super) fn nic_device(nic: &Nic) -> Opts {
    let driver = match nic.model {
        NicModel::VirtioNet => "virtio-net-pci",
        NicModel::E1000 => "e1000",
        NicModel::E1000e => "e1000e",
        NicModel::Rtl8139 => "rtl8139",
    };
    let connected = nic.netdev.qemu_type().map(|_| nic.netdev_name());
    Opts::new(driver)
        .set("id", &nic.id)
        .maybe("netdev", connected)
        .set("mac", nic.mac)
        .maybe("bootindex", nic.bootindex)
        .all(&nic.properties)
}

/// What the card is connected to; none when the cable is out.
pub(super) fn netdev(nic: &Nic, endpoints: &Endpoints) -> Result<Option<Part>, MachineError> {
    let Some(kind) = nic.netdev.qemu_type() else {
        return Ok(None);
    };
    let opts = Opts::new(kind).set("id", nic.netdev_name());
    let opts = match &nic.netdev {
        Netdev::None => opts,
        Netdev::User { restrict, forwards } => {
            let opts = opts.set("restrict", *restrict);
            let forward = |opts: Opts, forward: &String| opts.set("hostfwd", forward);
            forwards.iter().fold(opts, forward)
        }
        Netdev::Private(_) => match endpoints.link(&nic.netdev_name())? {
            Link::ConnectedFd(fd) => opts
                .set("local.type", "fd")
                .set("local.str", fd.to_string()),
            Link::NamedFd(name) => opts.set("local.type", "fd").set("local.str", name),
            Link::Multicast { address, port } => opts
                .set("remote.type", "inet")
                .set("remote.host", address.to_string())
                .set("remote.port", port.to_string())
                .set("local.type", "inet")
                .set("local.host", Ipv4Addr::LOCALHOST.to_string())
                .set("local.port", "0"),
        },
        Netdev::Tap { ifname, vhost } => opts
            .set("ifname", ifname)
            .set("script", "no")
            .set("downscript", "no")
            .set("vhost", *vhost),
    };
    Ok(Some(Part::netdev(opts)))
}
