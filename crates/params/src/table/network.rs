//! Network cards.

use super::Section;
use crate::key::Key;
use crate::key::Where::{Nic, Vm};

pub(super) const SECTION: Section = Section {
    title: "Network",
    doc: "`user` and `private` networking need no privileges; `user` is the default.",
    keys: &[
        Key::objects("nics", Nic, Vm, "The machine's network cards.").also(&["nic"]),
        Key::one_of(
            "nic_model",
            &["virtio_net", "e1000", "e1000e", "rtl8139", "virtio"],
            Nic,
            "The card. `virtio` is `virtio_net`, as older configuration has it.",
        )
        .or("virtio_net"),
        Key::one_of(
            "nettype",
            &["user", "private", "none"],
            Nic,
            "What the card is plugged into: QEMU's own network, one that joins the machines of the test and \
             that no packet leaves, or nothing.",
        )
        .or("user")
        .also(&["nic_type", "net_type"]),
        Key::text(
            "netdst",
            Nic,
            "Name of the private network. Cards on networks of the same name hear each other; guests of ours have \
             an address there, 192.168.10.1 and up on the first.",
        )
        .or("lan"),
        Key::mac(
            "mac",
            Nic,
            "The card's address; one derived from the machine and the card without it.",
        ),
        Key::list(
            "hostfwd",
            Nic,
            "Ports of the host that lead into the guest, `tcp:127.0.0.1:2222-:22`. The host's address must be a loopback address; for its port 0 the host chooses one.",
        )
        .also(&["redirs", "net_port_forwards"]),
        Key::bool(
            "net_restrict",
            Nic,
            "Keep the guest off the networks of the host: it sees only the addresses and the forwarded ports that QEMU itself serves.",
        )
        .or("yes"),
    ],
};
