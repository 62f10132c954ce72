//! Loopback up, and an address for `eth0` without asking anybody.

use std::ffi::c_char;
use std::fs;
use std::io;
use std::mem;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use crate::cmdline::Address;

nix::ioctl_write_ptr_bad!(set_flags, libc::SIOCSIFFLAGS, libc::ifreq);
nix::ioctl_write_ptr_bad!(set_address, libc::SIOCSIFADDR, libc::ifreq);
nix::ioctl_write_ptr_bad!(set_netmask, libc::SIOCSIFNETMASK, libc::ifreq);
nix::ioctl_write_ptr_bad!(add_route, libc::SIOCADDRT, libc::rtentry);

/// The name server of QEMU's user network.
const RESOLV_CONF: &str = "nameserver 10.0.2.3\n";

/// Brings an interface up.
///
/// # Errors
/// When the interface is not there.
pub fn up(interface: &str) -> io::Result<()> {
    let socket = control_socket()?;
    let mut request = request(interface);
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as i16;
    // SAFETY: `request` is a complete ifreq that lives through the call; the kernel only reads it.
    unsafe { set_flags(socket.as_raw_fd(), &request) }?;
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
        // SAFETY: rtentry is plain data, for which all zeroes is a value (a null device name included).
        let mut route: libc::rtentry = unsafe { mem::zeroed() };
        route.rt_dst = socket_address(Ipv4Addr::UNSPECIFIED);
        route.rt_genmask = socket_address(Ipv4Addr::UNSPECIFIED);
        route.rt_gateway = socket_address(gateway);
        route.rt_flags = libc::RTF_UP | libc::RTF_GATEWAY;
        // SAFETY: `route` is a complete rtentry that lives through the call; the kernel only reads it.
        unsafe { add_route(socket.as_raw_fd(), &route) }?;
    }
    if !fs::exists("/etc/resolv.conf").unwrap_or(true) {
        fs::write("/etc/resolv.conf", RESOLV_CONF)?;
    }
    Ok(())
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
