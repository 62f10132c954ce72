//! `guest-network-get-interfaces`.

use std::fs;

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::SockaddrStorage;
use serde_json::{Map, Value, json};

use super::args::Args;
use super::error::AgentError;

const STATISTICS: [(&str, &str); 8] = [
    ("rx_bytes", "rx-bytes"),
    ("rx_packets", "rx-packets"),
    ("rx_errors", "rx-errs"),
    ("rx_dropped", "rx-dropped"),
    ("tx_bytes", "tx-bytes"),
    ("tx_packets", "tx-packets"),
    ("tx_errors", "tx-errs"),
    ("tx_dropped", "tx-dropped"),
];

pub fn interfaces(args: &Args) -> Result<Value, AgentError> {
    args.finish()?;
    let addresses =
        getifaddrs().map_err(|error| AgentError::system("getifaddrs failed", &error.into()))?;
    let mut interfaces: Vec<(String, Map<String, Value>)> = Vec::new();
    for entry in addresses {
        let name = entry.interface_name;
        let at = match interfaces.iter().position(|(known, _)| *known == name) {
            Some(at) => at,
            None => {
                interfaces.push((name.clone(), describe(&name)));
                interfaces.len() - 1
            }
        };
        let address = entry
            .address
            .and_then(|address| ip_address(&address, entry.netmask.as_ref()));
        if let Some(address) = address {
            let list = interfaces[at]
                .1
                .entry("ip-addresses")
                .or_insert_with(|| json!([]));
            if let Value::Array(list) = list {
                list.push(address);
            }
        }
    }
    Ok(interfaces
        .into_iter()
        .map(|(_, interface)| Value::Object(interface))
        .collect())
}

fn describe(name: &str) -> Map<String, Value> {
    let mut interface = Map::from_iter([("name".to_string(), json!(name))]);
    let read = |file: &str| {
        let text = fs::read_to_string(format!("/sys/class/net/{name}/{file}")).ok()?;
        Some(text.trim().to_string())
    };
    if let Some(mac) = read("address").filter(|mac| !mac.is_empty()) {
        interface.insert("hardware-address".to_string(), json!(mac));
    }
    let statistics: Option<Map<String, Value>> = STATISTICS
        .iter()
        .map(|(file, member)| {
            let count: u64 = read(&format!("statistics/{file}"))?.parse().ok()?;
            Some(((*member).to_string(), json!(count)))
        })
        .collect();
    if let Some(statistics) = statistics {
        interface.insert("statistics".to_string(), Value::Object(statistics));
    }
    interface
}

fn ip_address(address: &SockaddrStorage, netmask: Option<&SockaddrStorage>) -> Option<Value> {
    let (text, kind, prefix) = if let Some(v4) = address.as_sockaddr_in() {
        let mask = netmask.and_then(SockaddrStorage::as_sockaddr_in);
        let prefix = mask.map_or(32, |mask| u32::from(mask.ip()).count_ones());
        (v4.ip().to_string(), "ipv4", prefix)
    } else {
        let v6 = address.as_sockaddr_in6()?;
        let mask = netmask.and_then(SockaddrStorage::as_sockaddr_in6);
        let prefix = mask.map_or(128, |mask| u128::from(mask.ip()).count_ones());
        (v6.ip().to_string(), "ipv6", prefix)
    };
    Some(json!({"ip-address": text, "ip-address-type": kind, "prefix": prefix}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_listed_with_its_address_and_prefix() {
        let list = interfaces(&Args::default()).unwrap();
        let lo = list.as_array().unwrap().iter().find(|i| i["name"] == "lo");
        let addresses = &lo.expect("every Linux has lo")["ip-addresses"];
        assert!(
            addresses.as_array().unwrap().iter().any(|a| {
                a["ip-address"] == "127.0.0.1" && a["ip-address-type"] == "ipv4" && a["prefix"] == 8
            }),
            "{addresses}"
        );
    }
}
