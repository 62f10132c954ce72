//! Loopback up, and addresses for network cards without asking anybody.

use std::collections::HashMap;
use std::ffi::c_char;
use std::fmt;
use std::fs;
use std::io;
use std::mem;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::str::FromStr;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use crate::cmdline::Address;

nix::ioctl_write_ptr_bad!(set_flags, libc::SIOCSIFFLAGS, libc::ifreq);
nix::ioctl_write_ptr_bad!(set_address, libc::SIOCSIFADDR, libc::ifreq);
nix::ioctl_write_ptr_bad!(set_netmask, libc::SIOCSIFNETMASK, libc::ifreq);
nix::ioctl_write_ptr_bad!(set_hardware_address, libc::SIOCSIFHWADDR, libc::ifreq);
nix::ioctl_read_bad!(get_hardware_address, libc::SIOCGIFHWADDR, libc::ifreq);
nix::ioctl_write_ptr_bad!(add_route, libc::SIOCADDRT, libc::rtentry);

const CLASS: &str = "/sys/class/net";

/// The name server of QEMU's user network.
const RESOLV_CONF: &str = "nameserver 10.0.2.3\n";

/// Interfaces there are now.
pub fn scan() -> Vec<String> {
    fs::read_dir(CLASS)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

/// The hardware address of an interface in lower case; empty where it has none.
pub fn hardware_address(interface: &str) -> String {
    let text = fs::read_to_string(format!("{CLASS}/{interface}/address"));
    text.unwrap_or_default().trim().to_string()
}

/// Brings an interface up.
///
/// # Errors
/// When the interface is not there.
pub fn up(interface: &str) -> io::Result<()> {
    set_up(&control_socket()?, interface, true)
}

fn set_up(socket: &OwnedFd, interface: &str, up: bool) -> io::Result<()> {
    let mut request = request(interface);
    let flags = if up {
        libc::IFF_UP | libc::IFF_RUNNING
    } else {
        0
    };
    request.ifr_ifru.ifru_flags = flags as i16;
    // SAFETY: `request` is a complete ifreq that lives through the call; the kernel only reads it.
    unsafe { set_flags(socket.as_raw_fd(), &request) }?;
    Ok(())
}

fn route_through(socket: &OwnedFd, gateway: Ipv4Addr) -> io::Result<()> {
    // SAFETY: rtentry is plain data, for which all zeroes is a value (a null device name included).
    let mut route: libc::rtentry = unsafe { mem::zeroed() };
    route.rt_dst = socket_address(Ipv4Addr::UNSPECIFIED);
    route.rt_genmask = socket_address(Ipv4Addr::UNSPECIFIED);
    route.rt_gateway = socket_address(gateway);
    route.rt_flags = libc::RTF_UP | libc::RTF_GATEWAY;
    // SAFETY: `route` is a complete rtentry that lives through the call; the kernel only reads it.
    unsafe { add_route(socket.as_raw_fd(), &route) }?;
    Ok(())
}

/// Gives an interface its address and brings it up; the route goes through the gateway.
///
/// # Errors
/// When the interface is not there or the address is refused.
pub fn configure(interface: &str, address: Address) -> io::Result<()> {
    let Address::Static {
        address,
        prefix,
        gateway,
    } = address
    else {
        return up(interface);
    };
    let socket = control_socket()?;
    let mut request = request(interface);
    request.ifr_ifru.ifru_addr = socket_address(address);
    // SAFETY: as above; the address is in the union's active member.
    unsafe { set_address(socket.as_raw_fd(), &request) }?;
    let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
    request.ifr_ifru.ifru_netmask = socket_address(Ipv4Addr::from(mask));
    // SAFETY: as above.
    unsafe { set_netmask(socket.as_raw_fd(), &request) }?;
    up(interface)?;
    if let Some(gateway) = gateway {
        route_through(&socket, gateway)?;
    }
    if !fs::exists("/etc/resolv.conf").unwrap_or(true) {
        fs::write("/etc/resolv.conf", RESOLV_CONF)?;
    }
    Ok(())
}

/// A network card's hardware address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mac([u8; 6]);

impl FromStr for Mac {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2).ok_or(())?;
            *byte = u8::from_str_radix(part, 16).map_err(|_| ())?;
        }
        parts.next().is_none().then_some(Self(bytes)).ok_or(())
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// Gives cards other hardware addresses. What it has found out and opened it keeps: a clone of a guest that has done it before
/// does it in half the time.
#[derive(Default)]
pub struct MacChanger {
    socket: Option<OwnedFd>,
    /// Names of interfaces by the address they were found by or were given.
    interfaces: HashMap<Mac, String>,
}

impl MacChanger {
    /// Gives the card of one address another, and returns the name of its interface. Its IP address stays, and so does the default route where the driver lets the
    /// address be changed while the card is up.
    ///
    /// # Errors
    /// When there is no such card, or its driver refuses.
    pub fn change(&mut self, from: Mac, to: Mac) -> io::Result<&str> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => control_socket()?,
        };
        let socket = &*self.socket.insert(socket);
        let known = self.interfaces.remove(&from);
        let interface = match known.filter(|name| has_mac(socket, name, from)) {
            Some(interface) => interface,
            None => interface_of(from)?,
        };
        change_mac(socket, &interface, to)?;
        Ok(self.interfaces.entry(to).insert_entry(interface).into_mut())
    }
}

fn has_mac(socket: &OwnedFd, interface: &str, mac: Mac) -> bool {
    let mut request = request(interface);
    // SAFETY: `request` is a complete ifreq that lives through the call.
    let asked = unsafe { get_hardware_address(socket.as_raw_fd(), &mut request) };
    // SAFETY: all of the union was set to zero, and the kernel has written this member if it had an answer.
    let data = unsafe { request.ifr_ifru.ifru_hwaddr.sa_data };
    asked.is_ok()
        && data
            .iter()
            .zip(mac.0)
            .all(|(&is, wanted)| is as u8 == wanted)
}

fn change_mac(socket: &OwnedFd, interface: &str, to: Mac) -> io::Result<()> {
    let mut request = request(interface);
    let mut data = [0; 14];
    for (to, from) in data.iter_mut().zip(to.0) {
        *to = from as c_char;
    }
    request.ifr_ifru.ifru_hwaddr = libc::sockaddr {
        sa_family: libc::ARPHRD_ETHER,
        sa_data: data,
    };
    // SAFETY: `request` is a complete ifreq that lives through the call; the kernel only reads it.
    let changed = unsafe { set_hardware_address(socket.as_raw_fd(), &request) };
    if changed != Err(Errno::EBUSY) {
        changed?;
        return Ok(());
    }
    // Most real cards must be down for it, which takes their routes through a gateway away.
    let gateway = gateway_of(interface);
    set_up(socket, interface, false)?;
    // SAFETY: as above.
    let changed = unsafe { set_hardware_address(socket.as_raw_fd(), &request) };
    set_up(socket, interface, true)?;
    changed?;
    gateway.map_or(Ok(()), |gateway| route_through(socket, gateway))
}

fn interface_of(mac: Mac) -> io::Result<String> {
    let wanted = mac.to_string();
    for entry in fs::read_dir("/sys/class/net")? {
        let entry = entry?;
        let address = fs::read_to_string(entry.path().join("address")).unwrap_or_default();
        if address.trim() == wanted {
            return Ok(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Err(io::Error::from_raw_os_error(libc::ENODEV))
}

/// The default route's gateway, if it leads through this interface.
fn gateway_of(interface: &str) -> Option<Ipv4Addr> {
    gateway_in(&fs::read_to_string("/proc/net/route").ok()?, interface)
}

fn gateway_in(routes: &str, interface: &str) -> Option<Ipv4Addr> {
    routes.lines().find_map(|line| {
        let mut columns = line.split_whitespace();
        let is_default = columns.next() == Some(interface) && columns.next() == Some("00000000");
        let gateway = columns.next().filter(|_| is_default)?;
        // Written as the processor sees it, which is the other way round on the little-endian ones.
        let gateway = u32::from_str_radix(gateway, 16).ok()?;
        (gateway != 0).then(|| Ipv4Addr::from(gateway.to_ne_bytes()))
    })
}

fn control_socket() -> io::Result<OwnedFd> {
    Ok(socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?)
}

fn request(interface: &str) -> libc::ifreq {
    // SAFETY: ifreq is plain data, for which all zeroes is a value.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    // The last byte stays zero: the name ends there at the latest.
    let room = request.ifr_name.len() - 1;
    for (to, from) in request.ifr_name[..room].iter_mut().zip(interface.bytes()) {
        *to = from as c_char;
    }
    request
}

fn socket_address(address: Ipv4Addr) -> libc::sockaddr {
    let octets = address.octets();
    let mut data = [0; 14];
    // sockaddr_in: two bytes of port, then the address.
    for (to, from) in data[2..6].iter_mut().zip(octets) {
        *to = from as c_char;
    }
    libc::sockaddr {
        sa_family: libc::AF_INET as libc::sa_family_t,
        sa_data: data,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hardware_address_is_six_bytes_and_nothing_else() {
        let mac: Mac = "52:54:00:Ab:cd:ef".parse().unwrap();
        assert_eq!(mac.to_string(), "52:54:00:ab:cd:ef");
        for text in [
            "",
            "52:54:00:ab:cd",
            "52:54:00:ab:cd:ef:01",
            "5:54:00:ab:cd:ef",
            "52:54:00:ab:cd:xx",
        ] {
            assert_eq!(text.parse::<Mac>(), Err(()), "{text}");
        }
    }

    #[test]
    fn the_gateway_is_that_of_the_default_route_of_the_interface() {
        let line = |interface: &str, to: &str, gateway: u32| {
            format!("{interface}\t{to}\t{gateway:08X}\t0003\t0\t0\t0\t00000000\n")
        };
        let gateway = u32::from_ne_bytes([10, 0, 2, 2]);
        let routes = [
            "Iface\tDestination\tGateway\n".to_owned(),
            line("eth0", "0002000A", 0),
            line("eth0", "00000000", gateway),
        ]
        .concat();
        assert_eq!(
            gateway_in(&routes, "eth0"),
            Some(Ipv4Addr::new(10, 0, 2, 2))
        );
        assert_eq!(gateway_in(&routes, "eth1"), None);
    }
}
