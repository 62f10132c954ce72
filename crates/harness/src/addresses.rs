//! Where the machines of a test find each other on private networks.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use machine::{Boot, MachineSpec, Netdev};
use params::Params;

/// Addresses of cards on private networks, by the names of machine and card.
///
/// The first network is 192.168.10.0/24, the next 192.168.11.0/24; on each, cards are counted from 1 in the order of the
/// configuration. So a machine that starts again is found where it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Addresses(BTreeMap<(String, String), Ipv4Addr>);

/// Leading bits of an address that name its network.
const PREFIX: u32 = 24;
/// The third byte of the first network's addresses.
const FIRST_NETWORK: u8 = 10;

impl Addresses {
    /// The addresses of the machines that `params` names; none for cards that there is no room for.
    pub(crate) fn of(params: &Params) -> Self {
        let mut addresses = BTreeMap::new();
        let mut networks: Vec<(String, u8)> = Vec::new();
        for vm in params.objects("vms") {
            let of_vm = params.object_params(vm);
            for nic in of_vm.objects("nics") {
                let of_nic = of_vm.object_params(nic);
                if of_nic.value("nettype") != Some("private") {
                    continue;
                }
                let name = of_nic.value("netdst").unwrap_or_default();
                let known = networks.iter().position(|(known, _)| known == name);
                let place = known.unwrap_or_else(|| {
                    networks.push((name.to_owned(), 0));
                    networks.len() - 1
                });
                let third = u8::try_from(place).ok();
                let third = third.and_then(|place| place.checked_add(FIRST_NETWORK));
                let cards = &mut networks[place].1;
                if let (Some(third), Some(last @ ..=254)) = (third, cards.checked_add(1)) {
                    *cards = last;
                    let address = Ipv4Addr::new(192, 168, third, last);
                    addresses.insert((vm.to_owned(), nic.to_owned()), address);
                }
            }
        }
        Self(addresses)
    }

    pub(crate) fn get(&self, vm: &str, nic: &str) -> Option<Ipv4Addr> {
        self.0.get(&(vm.to_owned(), nic.to_owned())).copied()
    }

    /// The same, with the leading bits that name its network.
    pub(crate) fn with_prefix(&self, vm: &str, nic: &str) -> Option<String> {
        let address = self.get(vm, nic)?;
        Some(format!("{address}/{PREFIX}"))
    }

    /// Tells a guest of ours the addresses of its cards, by the words its init reads.
    pub(crate) fn tell(&self, spec: &mut MachineSpec) {
        let name = spec.name.clone();
        tell(spec, |nic| self.with_prefix(&name, nic));
    }
}

/// Tells a guest of ours to leave its cards on private networks alone, until it is told more.
pub(crate) fn tell_to_wait(spec: &mut MachineSpec) {
    tell(spec, |_| Some("none".to_owned()));
}

fn tell(spec: &mut MachineSpec, address: impl Fn(&str) -> Option<String>) {
    let Boot::Kernel { cmdline, .. } = &mut spec.boot else {
        return;
    };
    for nic in &spec.nics {
        if let (Netdev::Private(_), Some(address)) = (&nic.netdev, address(&nic.id)) {
            cmdline.push_str(&format!(" virt_test.ip.{}={address}", nic.mac));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Params {
        let mut params = Params::new();
        for (key, value) in pairs {
            params.set(*key, *value);
        }
        params
    }

    #[test]
    fn cards_on_one_network_have_addresses_of_one_network() {
        let addresses = Addresses::of(&params(&[
            ("vms", "vm1 vm2"),
            ("nics", "out in"),
            ("nettype_in", "private"),
            ("nics_vm2", "in out extra"),
            ("nettype_extra_vm2", "private"),
            ("netdst_extra", "dmz"),
        ]));
        let of = |vm, nic| addresses.get(vm, nic).map(|address| address.to_string());
        assert_eq!(of("vm1", "in").as_deref(), Some("192.168.10.1"));
        assert_eq!(of("vm2", "in").as_deref(), Some("192.168.10.2"));
        assert_eq!(of("vm2", "extra").as_deref(), Some("192.168.11.1"));
        assert_eq!(of("vm1", "out"), None);
        assert_eq!(of("vm3", "in"), None);
    }

    #[test]
    fn a_network_has_room_for_254_cards() {
        let nics: Vec<String> = (1..=300).map(|n| format!("n{n}")).collect();
        let nics = nics.join(" ");
        let addresses = Addresses::of(&params(&[
            ("vms", "vm1"),
            ("nics", &nics),
            ("nettype", "private"),
        ]));
        assert_eq!(addresses.get("vm1", "n254").unwrap().octets()[3], 254);
        assert_eq!(addresses.get("vm1", "n255"), None);
    }

    #[test]
    fn a_guest_that_waits_is_told_nothing_else() {
        let mut spec = MachineSpec::new("template");
        spec.boot = Boot::Kernel {
            kernel: "/vmlinux".into(),
            initrd: None,
            cmdline: "quiet".to_owned(),
        };
        let mut private = machine::Nic::new("template", "n1");
        private.netdev = Netdev::Private("lan".to_owned());
        let word = format!("quiet virt_test.ip.{}=none", private.mac);
        spec.nics = vec![private, machine::Nic::new("template", "n2")];
        tell_to_wait(&mut spec);
        let Boot::Kernel { cmdline, .. } = spec.boot else {
            panic!("it boots something else");
        };
        assert_eq!(cmdline, word);
    }

    #[test]
    fn the_guest_is_told_by_hardware_address() {
        let params = params(&[("vms", "vm1"), ("nics", "n1"), ("nettype", "private")]);
        let mut spec = MachineSpec::new("vm1");
        let mut nic = machine::Nic::new("vm1", "n1");
        nic.netdev = Netdev::Private("lan".to_owned());
        let mac = nic.mac;
        spec.nics = vec![nic];
        Addresses::of(&params).tell(&mut spec);
        assert_eq!(spec.boot, Boot::Disk);
        spec.boot = Boot::Kernel {
            kernel: "k".into(),
            initrd: None,
            cmdline: "quiet".to_owned(),
        };
        Addresses::of(&params).tell(&mut spec);
        let Boot::Kernel { cmdline, .. } = spec.boot else {
            unreachable!()
        };
        assert_eq!(cmdline, format!("quiet virt_test.ip.{mac}=192.168.10.1/24"));
    }
}
