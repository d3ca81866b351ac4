//! Who listens on an address, as far as `/proc` tells: the kernel names the socket, and the process is the one that has
//! it open. Processes of other users tell only root.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The state of a listening socket in `/proc/net/tcp`.
const LISTEN: &str = "0A";
/// Processes that are looked at.
const PROCESSES_MAX: usize = 100_000;

/// A sentence on an address of a setting that somebody listens on; `None`: nobody does.
pub(crate) fn in_use(setting: &str, address: SocketAddr) -> Option<String> {
    let socket = socket_on(address)?;
    let by = match holder(&socket) {
        Some((name, pid)) => format!(" by {name} (pid {pid})"),
        None => String::new(),
    };
    Some(format!(
        "{setting}: cannot listen on {address}: address in use{by}. Stop it, or set {setting}; `ss -ltnp` shows who \
         listens where"
    ))
}

/// The process that listens on an address, where this user may know it.
pub(crate) fn pid_on(address: SocketAddr) -> Option<u32> {
    Some(holder(&socket_on(address)?)?.1)
}

/// The number of the socket that listens there.
fn socket_on(address: SocketAddr) -> Option<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].iter().filter_map(|table| fs::read_to_string(table).ok());
    tables.into_iter().find_map(|table| listening_socket(&table, address))
}

/// The same from a table of the kernel.
fn listening_socket(table: &str, address: SocketAddr) -> Option<String> {
    table.lines().skip(1).find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (local, state) = (words.next()?, words.nth(1)?);
        let (ip, port) = local.split_once(':')?;
        let ip = kernel_ip(ip)?;
        let clashes = ip == address.ip() || ip.is_unspecified() || address.ip().is_unspecified();
        let is_it = state == LISTEN && u16::from_str_radix(port, 16).ok()? == address.port() && clashes;
        is_it.then(|| words.nth(5).map(str::to_owned))?
    })
}

/// An address as the kernel writes it: groups of 32 bits in the order of the machine.
fn kernel_ip(text: &str) -> Option<IpAddr> {
    let groups = text.as_bytes().chunks(8).map(|group| u32::from_str_radix(std::str::from_utf8(group).ok()?, 16).ok());
    let octets: Vec<u8> = groups.collect::<Option<Vec<_>>>()?.into_iter().flat_map(u32::to_ne_bytes).collect();
    match octets.len() {
        4 => <[u8; 4]>::try_from(octets).ok().map(|octets| Ipv4Addr::from(octets).into()),
        16 => <[u8; 16]>::try_from(octets).ok().map(|octets| Ipv6Addr::from(octets).to_canonical()),
        _ => None,
    }
}

/// Name and number of the process that has this socket open.
fn holder(socket: &str) -> Option<(String, u32)> {
    let link = format!("socket:[{socket}]");
    let processes = fs::read_dir("/proc").ok()?.flatten().take(PROCESSES_MAX);
    for pid in processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
        let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { continue };
        let has_it = |file: fs::DirEntry| fs::read_link(file.path()).is_ok_and(|to| to.as_os_str() == link.as_str());
        if files.flatten().any(has_it) {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            return Some((name.trim().to_owned(), pid));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn an_address_in_use_names_who_has_it() {
        for any in ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0"] {
            let listener = TcpListener::bind(any).unwrap();
            let address = listener.local_addr().unwrap();
            let said = in_use("smtp.listen", address).unwrap();
            assert!(said.contains(&format!("(pid {})", std::process::id())), "{said}");
            drop(listener);
            assert_eq!(in_use("smtp.listen", address), None);
        }
    }

    #[test]
    fn a_table_of_the_kernel_is_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
             0: 00000000:0019 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100\n   \
             1: 0100007F:0BB8 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100\n";
        let found = |address: &str| listening_socket(table, address.parse().unwrap());
        assert_eq!(found("192.0.2.1:25").as_deref(), Some("4711"), "all addresses are this one, too");
        assert_eq!(found("127.0.0.1:3000"), None, "a connection is no listener");
        assert_eq!(found("127.0.0.1:26"), None);
    }
}
