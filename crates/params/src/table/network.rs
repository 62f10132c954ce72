//! Network cards.

use super::Section;
use crate::key::Where::{Nic, Run, Vm};
use crate::key::{Key, SizeUnit};

pub(super) const SECTION: Section = Section {
    title: "Network",
    doc: "`user` networking needs no privileges and is the default.",
    keys: &[
        Key::objects("nics", Nic, Vm, "The machine's network cards.").also(&["nic"]),
        Key::open(
            "nic_model",
            &[
                "virtio_net",
                "e1000",
                "e1000e",
                "rtl8139",
                "igb",
                "vmxnet3",
                "usb-net",
            ],
            Nic,
            "The card.",
        )
        .or("virtio_net"),
        Key::one_of(
            "nettype",
            &[
                "user", "none", "socket", "bridge", "tap", "passt", "stream", "dgram", "vde",
                "macvtap", "network", "vdpa",
            ],
            Nic,
            "What the card is plugged into.",
        )
        .or("user")
        .also(&["nic_type", "net_type"]),
        Key::text("netdst", Nic, "The bridge or tap device of the host."),
        Key::mac(
            "mac",
            Nic,
            "The card's address; one derived from the machine and the card without it.",
        ),
        Key::text(
            "net_group",
            Nic,
            "Cards of one group (`nettype = socket`) share one private segment.",
        )
        .or("lan"),
        Key::text(
            "hostfwd",
            Nic,
            "Ports of the host that lead into the guest, `tcp::2222-:22`.",
        )
        .also(&["redirs", "net_port_forwards"]),
        Key::text(
            "guestfwd",
            Nic,
            "Ports in the guest's network that lead to the host.",
        ),
        Key::bool(
            "net_restrict",
            Nic,
            "Keep the guest off the host's network.",
        )
        .or("no"),
        Key::text(
            "net_subnet",
            Nic,
            "Network of `user` networking, `10.0.2.0/24`.",
        ),
        Key::path("tftp", Nic, "Directory the guest sees by TFTP."),
        Key::text("bootp", Nic, "File the guest boots by PXE."),
        Key::text("nic_bootindex", Nic, "Place of the card in the boot order."),
        Key::integer("net_mtu", 68, 65535, Nic, "Largest packet, in bytes."),
        Key::integer("queues", 1, 256, Nic, "Pairs of queues of a virtio card.").or("1"),
        Key::open(
            "vhost",
            &["on", "off", "force"],
            Nic,
            "Serve a virtio card in the host's kernel.",
        )
        .or("off"),
        Key::bool(
            "nic_hotplug",
            Nic,
            "Leave the card out at the start; the test plugs it.",
        )
        .or("no"),
        Key::text(
            "nic_extra_params",
            Nic,
            "More properties of the card's device.",
        ),
        Key::text(
            "netdev_extra_params",
            Nic,
            "More properties of the card's backend.",
        ),
        Key::bool(
            "net_dump",
            Nic,
            "Write the card's traffic to a pcap file in the test's directory.",
        )
        .or("no"),
        Key::size(
            "net_dump_maxlen",
            SizeUnit::B,
            Nic,
            "Bytes kept of each dumped packet.",
        )
        .or("65536"),
        Key::path("passt_binary", Run, "The `passt` to use."),
    ],
};
