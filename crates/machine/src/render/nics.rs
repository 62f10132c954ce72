//! Network cards and what they are connected to.

use super::opts::on_off;
use super::{Opts, Render, text};
use crate::capabilities::Need;
use crate::devices::{Netdev, Nic, NicModel};
use crate::error::MachineError;

impl Render<'_> {
    pub(super) fn nics(&mut self) -> Result<(), MachineError> {
        let spec = self.spec;
        spec.nics.iter().try_for_each(|nic| self.nic(nic))
    }

    fn nic(&mut self, nic: &Nic) -> Result<(), MachineError> {
        let name = match nic.model {
            NicModel::VirtioNet => "virtio-net-pci",
            NicModel::E1000 => "e1000",
            NicModel::E1000e => "e1000e",
            NicModel::Rtl8139 => "rtl8139",
        };
        let netdev = self.netdev(nic)?;
        let device = Opts::new(name)
            .set("id", &nic.id)
            .maybe("netdev", netdev)
            .set("mac", nic.mac)
            .maybe("bootindex", nic.bootindex)
            .all(&nic.properties);
        if nic.unpluggable {
            self.unpluggable_pci_device(&nic.id, name, device)
        } else {
            self.pci_device(name, device)
        }
    }

    /// Adds the netdev and returns its name, if there is one.
    fn netdev(&mut self, nic: &Nic) -> Result<Option<String>, MachineError> {
        let Some(kind) = nic.netdev.qemu_type() else {
            return Ok(None);
        };
        self.capabilities.require(&Need::Word {
            path: "netdev_add.type".to_owned(),
            word: kind.to_owned(),
        })?;
        let name = nic.netdev_name();
        let opts = Opts::new(kind).set("id", &name);
        let opts = match &nic.netdev {
            Netdev::None => opts,
            Netdev::User { restrict, forwards } => {
                let opts = opts.set("restrict", on_off(*restrict));
                forwards
                    .iter()
                    .fold(opts, |opts, forward| opts.set("hostfwd", forward))
            }
            Netdev::Listen(path) | Netdev::Connect(path) => {
                let server = matches!(nic.netdev, Netdev::Listen(_));
                opts.set("server", on_off(server))
                    .set("addr.type", "unix")
                    .set("addr.path", text(path)?)
            }
            Netdev::Multicast(group) => opts.set("mcast", group).set("localaddr", "127.0.0.1"),
            Netdev::Tap { ifname, vhost } => opts
                .set("ifname", ifname)
                .set("script", "no")
                .set("downscript", "no")
                .set("vhost", on_off(*vhost)),
        };
        self.argv.push("-netdev", opts.finish());
        Ok(Some(name))
    }
}
