//! What the kernel command line asks of init.
//!
//! | word | meaning | default |
//! |---|---|---|
//! | `console=NAME` | a login shell on every such device but virtual terminals | `ttyS0` |
//! | `virt_test.console=NAME[,NAME…]` | more devices with a login shell | none |
//! | `resume=/dev/NAME` | swap device a suspended guest is taken up from | none |
//! | `virt_test.cpus=late` | brings up the CPUs that the kernel left out by `maxcpus=1` when devices have their drivers; not where another `maxcpus=` follows | only those the kernel brings up |
//! | `virt_test.hostname=NAME` | host name | `/etc/hostname` |
//! | `virt_test.ssh_key=TYPE:BASE64` | key that may log in as root by SSH, where the guest has a server | none |
//! | `virt_test.ssh_password=HASH` | root's password there, as `crypt(3)` makes it of a password | none |
//! | `virt_test.ip=ADDR/PREFIX[,GATEWAY]`, `dhcp` or `none` | address of `eth0` | QEMU's user network |
//! | `virt_test.ip.MAC=` the same | address of the card with that hardware address | |

use std::collections::HashMap;
use std::net::Ipv4Addr;

/// How `eth0` gets its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// Not at all.
    None,
    /// By busybox's DHCP client, beside everything else.
    Dhcp,
    /// At once.
    Static {
        /// The address.
        address: Ipv4Addr,
        /// How many leading bits name the network.
        prefix: u32,
        /// The default route.
        gateway: Option<Ipv4Addr>,
    },
}

/// The address QEMU's user network and passt give to a first guest; asking for it would only cost time.
const USER_NETWORK: Address = Address::Static {
    address: Ipv4Addr::new(10, 0, 2, 15),
    prefix: 24,
    gateway: Some(Ipv4Addr::new(10, 0, 2, 2)),
};

/// The options of one boot.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// Devices (without `/dev/`) that get a login shell.
    pub consoles: Vec<String>,
    /// Swap device (with `/dev/`) that may hold the memory of a suspended guest; empty when the command line gives none.
    pub resume: String,
    /// The host name; empty when the command line gives none.
    pub hostname: String,
    /// The address of `eth0`, unless it is one of the cards below.
    pub address: Address,
    /// Addresses of cards by hardware address, in lower case.
    pub cards: HashMap<String, Address>,
    /// Who may log in by SSH, as a line of `authorized_keys`.
    pub ssh_key: Option<String>,
    /// Root's password there, as a field of `/etc/shadow`.
    pub ssh_password: Option<String>,
    /// Are CPUs to be brought up that the kernel left out?
    pub late_cpus: bool,
}

impl Options {
    /// Reads a kernel command line; words it does not know are not its business.
    pub fn parse(line: &str) -> Self {
        let mut options = Options {
            consoles: Vec::new(),
            resume: String::new(),
            hostname: String::new(),
            address: USER_NETWORK,
            cards: HashMap::new(),
            ssh_key: None,
            ssh_password: None,
            late_cpus: false,
        };
        let mut limits = 0;
        let mut kernel_console = false;
        for (key, value) in line
            .split_whitespace()
            .filter_map(|word| word.split_once('='))
        {
            match key {
                "console" => {
                    let name = value.split(',').next().unwrap_or(value);
                    if !is_virtual_terminal(name) {
                        kernel_console = true;
                        options.add_console(name);
                    }
                }
                "virt_test.console" => value.split(',').for_each(|name| options.add_console(name)),
                "virt_test.ssh_key" => options.ssh_key = Some(value.replace(':', " ")),
                "virt_test.ssh_password" => options.ssh_password = Some(value.to_string()),
                "virt_test.cpus" => options.late_cpus = value == "late",
                "maxcpus" => limits += 1,
                "resume" => options.resume = value.to_string(),
                "virt_test.hostname" => options.hostname = value.to_string(),
                "virt_test.ip" => {
                    if let Some(address) = parse_address(value) {
                        options.address = address;
                    }
                }
                _ => {
                    if let Some(card) = key.strip_prefix("virt_test.ip.")
                        && let Some(address) = parse_address(value)
                    {
                        options.cards.insert(card.to_ascii_lowercase(), address);
                    }
                }
            }
        }
        // The last counts for the kernel, and a second is somebody's wish.
        options.late_cpus &= limits < 2;
        if !kernel_console {
            options.add_console("ttyS0");
        }
        options
    }

    /// What is wanted for an interface, if anything.
    pub fn address_of(&self, interface: &str, hardware_address: &str) -> Option<Address> {
        let of_card = self.cards.get(hardware_address).copied();
        of_card.or_else(|| (interface == "eth0").then_some(self.address))
    }

    fn add_console(&mut self, name: &str) {
        if !name.is_empty() && !self.consoles.iter().any(|known| known == name) {
            self.consoles.push(name.to_string());
        }
    }
}

fn is_virtual_terminal(name: &str) -> bool {
    name.strip_prefix("tty")
        .is_some_and(|rest| rest.chars().all(|digit| digit.is_ascii_digit()))
}

/// Reads an address as the words of the command line have it; nothing where it is none.
pub fn parse_address(text: &str) -> Option<Address> {
    match text {
        "none" => return Some(Address::None),
        "dhcp" => return Some(Address::Dhcp),
        _ => {}
    }
    let (network, gateway) = match text.split_once(',') {
        Some((network, gateway)) => (network, Some(gateway.parse().ok()?)),
        None => (text, None),
    };
    let (address, prefix) = network.split_once('/')?;
    Some(Address::Static {
        address: address.parse().ok()?,
        prefix: prefix.parse().ok().filter(|prefix| *prefix <= 32)?,
        gateway,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_words_there_is_a_shell_on_ttys0_and_the_user_network() {
        let options = Options::parse("quiet tsc=reliable");
        assert_eq!(options.consoles, ["ttyS0"]);
        assert_eq!(options.hostname, "");
        assert_eq!(options.address, USER_NETWORK);
    }

    #[test]
    fn consoles_add_up_and_virtual_terminals_are_left_alone() {
        let line = "console=tty0 console=ttyS1,115200 virt_test.console=hvc0,ttyS1";
        assert_eq!(Options::parse(line).consoles, ["ttyS1", "hvc0"]);
    }

    #[test]
    fn left_out_cpus_are_brought_up_unless_somebody_wants_them_left_out() {
        let late = |line| Options::parse(line).late_cpus;
        assert!(late("maxcpus=1 virt_test.cpus=late quiet"));
        assert!(!late("maxcpus=1 virt_test.cpus=late quiet maxcpus=1"));
        assert!(!late("maxcpus=1"));
    }

    #[test]
    fn a_card_is_known_by_its_hardware_address_whatever_its_name() {
        let line =
            "virt_test.ip.52:54:00:AB:cd:ef=192.168.10.2/24 virt_test.ip.52:54:00:00:00:01=x";
        let options = Options::parse(line);
        let wanted = Address::Static {
            address: Ipv4Addr::new(192, 168, 10, 2),
            prefix: 24,
            gateway: None,
        };
        for interface in ["eth0", "eth1"] {
            let address = options.address_of(interface, "52:54:00:ab:cd:ef");
            assert_eq!(address, Some(wanted));
        }
        let other = "52:54:00:00:00:01";
        assert_eq!(options.address_of("eth0", other), Some(USER_NETWORK));
        assert_eq!(options.address_of("eth1", other), None);
    }

    #[test]
    fn a_key_becomes_the_line_a_server_reads() {
        let options = Options::parse("quiet virt_test.ssh_key=ssh-ed25519:AAAA+b/c==");
        assert_eq!(options.ssh_key.as_deref(), Some("ssh-ed25519 AAAA+b/c=="));
        assert_eq!(Options::parse("quiet").ssh_key, None);
        let options = Options::parse("virt_test.ssh_password=$6$salt$ab/c.=");
        assert_eq!(options.ssh_password.as_deref(), Some("$6$salt$ab/c.="));
    }

    #[test]
    fn addresses_are_static_or_dhcp_or_none_and_nonsense_is_ignored() {
        assert_eq!(Options::parse("virt_test.ip=dhcp").address, Address::Dhcp);
        assert_eq!(Options::parse("virt_test.ip=none").address, Address::None);
        assert_eq!(
            Options::parse("virt_test.ip=1.2.3/99").address,
            USER_NETWORK
        );
        assert_eq!(
            Options::parse("virt_test.ip=192.168.7.3/28,192.168.7.1").address,
            Address::Static {
                address: Ipv4Addr::new(192, 168, 7, 3),
                prefix: 28,
                gateway: Some(Ipv4Addr::new(192, 168, 7, 1)),
            }
        );
    }
}
