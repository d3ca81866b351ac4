//! Connects to a server: resolves its name once, checks the addresses, and connects only to a checked address, so that
//! a later DNS answer has no effect.

use super::error::{ReadError, ReadFault, Stage};
use super::terms::ReadTerms;
use doorlist_core::connection::DirectoryServer;
use doorlist_core::network::{self, Listed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// Maximum addresses of a server that are tried.
const ADDRESSES_MAX: usize = 8;
/// Ports of directories: LDAP, the global catalog of Active Directory, and those of OpenDJ, lldap and ApacheDS. Other
/// ports may be other services, which whoever edits a connection must not probe.
const PORTS: [u16; 10] = [389, 636, 1389, 1636, 3268, 3269, 3890, 6360, 10389, 10636];

/// Resolves the server's name to the addresses that may be connected to.
pub(crate) async fn resolve(server: &DirectoryServer, terms: &ReadTerms) -> Result<Vec<SocketAddr>, ReadError> {
    let found = match server.host.parse::<IpAddr>() {
        Ok(address) => vec![address],
        Err(_) => match timeout(terms.times.connect, terms.names.addresses(&server.host)).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return Err(ReadError::caused(Stage::Name, ReadFault::NoName, error)),
            Err(_) => return Err(ReadError::new(Stage::Name, ReadFault::TooSlow)),
        },
    };
    let found: Vec<_> = found.into_iter().map(|address| SocketAddr::new(address, server.port)).collect();
    let Some(first) = found.first().copied() else {
        return Err(ReadError::new(Stage::Name, ReadFault::NoName));
    };
    let mut allowed = Vec::new();
    for address in found {
        if may_reach(address, terms).await && !allowed.contains(&address) && allowed.len() < ADDRESSES_MAX {
            allowed.push(address);
        }
    }
    if allowed.is_empty() {
        return Err(ReadError::new(Stage::Name, ReadFault::NotAllowed { address: first }));
    }
    Ok(allowed)
}

/// Whether an address may be connected to: on any port if the operator listed it or a network of it, otherwise only on a
/// directory port of a public address. A network never includes this machine, to protect its own services: it has to be
/// listed by its address.
async fn may_reach(address: SocketAddr, terms: &ReadTerms) -> bool {
    let in_reach = match network::listed(address.ip(), &terms.allowed) {
        Listed::ByItself => return true,
        Listed::InNetwork => true,
        Listed::No => PORTS.contains(&address.port()) && network::is_public(address.ip()),
    };
    in_reach && !network::is_loopback(address.ip()) && !is_ours(address).await
}

/// Whether the address belongs to this machine: then a socket connected to it has it as its own address. Sends
/// nothing.
async fn is_ours(address: SocketAddr) -> bool {
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let Ok(socket) = UdpSocket::bind((any, 0)).await else { return false };
    if socket.connect(address).await.is_err() {
        return false;
    }
    socket.local_addr().is_ok_and(|own| own.ip() == address.ip())
}

/// Connects to the first address that answers.
pub(crate) async fn connect(addresses: &[SocketAddr], terms: &ReadTerms) -> Result<TcpStream, ReadError> {
    let mut last = "no address".to_owned();
    for address in addresses {
        match timeout(terms.times.connect, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Failing to switch Nagle off costs speed, not the read.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => last = format!("{address}: {error}"),
            Err(_) => last = format!("{address}: timed out"),
        }
    }
    Err(ReadError::caused(Stage::Connect, ReadFault::NotReached, last))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    fn reaches(allowed: &[&str], address: &str) -> bool {
        let allowed = allowed.iter().map(|network| network.parse().unwrap()).collect();
        block_on(may_reach(address.parse().unwrap(), &ReadTerms { allowed, ..ReadTerms::default() }))
    }

    #[test]
    fn l14_an_address_is_known_as_ours() {
        assert!(block_on(is_ours("127.0.0.1:389".parse().unwrap())));
        assert!(!block_on(is_ours("192.0.2.1:389".parse().unwrap())));
    }

    #[test]
    fn l14_what_the_operator_lists_is_reached_and_else_public_directories_alone() {
        assert!(reaches(&[], "9.9.9.9:636") && reaches(&[], "9.9.9.9:3268"));
        assert!(!reaches(&[], "9.9.9.9:25") && !reaches(&[], "9.9.9.9:5432") && !reaches(&[], "10.9.9.9:636"));
        for address in ["10.9.9.9:636", "10.9.9.9:6379", "[::ffff:10.9.9.9]:389"] {
            assert!(reaches(&["10.0.0.0/8"], address) && reaches(&["10.9.9.9"], address), "{address}");
            assert!(!reaches(&["10.9.9.0/30", "10.9.9.8", "fd00::/8"], address), "{address}");
        }
        assert!(!reaches(&["127.0.0.0/8"], "127.0.0.1:389"), "a network is never this machine");
        assert!(!reaches(&["127.0.0.0/8"], "127.0.0.2:389"), "nor another of its names");
        assert!(reaches(&["127.0.0.1/32"], "127.0.0.1:3000") && reaches(&["::1"], "[::1]:3000"));
        assert!(!reaches(&["0.0.0.0/0"], "[::ffff:127.0.0.1]:389"));
    }
}
