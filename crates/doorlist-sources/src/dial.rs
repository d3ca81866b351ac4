//! From a server's name to a TCP connection: the name is resolved once, its addresses are checked, and only a checked
//! address is connected to. A name that leads elsewhere a moment later leads nowhere. Does not know LDAP.

use super::error::{Fault, ReadError, Stage};
use super::terms::Terms;
use doorlist_core::connection::DirectoryServer;
use doorlist_core::network;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// Addresses of one server that are tried.
const ADDRESSES_MAX: usize = 8;
/// The ports of directories below 1024; what else listens there is another service.
const LOW_PORTS: [u16; 2] = [389, 636];

/// The addresses of the server that may be connected to.
pub(crate) async fn resolve(server: &DirectoryServer, terms: &Terms) -> Result<Vec<SocketAddr>, ReadError> {
    let found = match server.host.parse::<IpAddr>() {
        Ok(address) => vec![address],
        Err(_) => match timeout(terms.times.connect, terms.names.addresses(&server.host)).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return Err(ReadError::caused(Stage::Name, Fault::NoName, error)),
            Err(_) => return Err(ReadError::new(Stage::Name, Fault::TooSlow)),
        },
    };
    if found.is_empty() {
        return Err(ReadError::new(Stage::Name, Fault::NoName));
    }
    let mut allowed = Vec::new();
    for address in found.into_iter().map(|address| SocketAddr::new(address, server.port)) {
        if may_reach(address, terms).await && !allowed.contains(&address) && allowed.len() < ADDRESSES_MAX {
            allowed.push(address);
        }
    }
    if allowed.is_empty() { Err(ReadError::new(Stage::Name, Fault::NotAllowed)) } else { Ok(allowed) }
}

/// Whether an address is public and not ours, or expressly allowed.
async fn may_reach(address: SocketAddr, terms: &Terms) -> bool {
    if terms.allowed.iter().any(|network| network.contains(address.ip())) {
        return true;
    }
    let low_port = address.port() < 1024 && !LOW_PORTS.contains(&address.port());
    network::is_public(address.ip()) && !low_port && !is_ours(address).await
}

/// Whether the address is one of this machine: then the way to it begins where it ends. Nothing is sent.
async fn is_ours(address: SocketAddr) -> bool {
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let Ok(socket) = UdpSocket::bind((any, 0)).await else { return false };
    if socket.connect(address).await.is_err() {
        return false;
    }
    socket.local_addr().is_ok_and(|own| own.ip() == address.ip())
}

/// Connects to the first address that answers.
pub(crate) async fn connect(addresses: &[SocketAddr], terms: &Terms) -> Result<TcpStream, ReadError> {
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
    Err(ReadError::caused(Stage::Connect, Fault::NotReached, last))
}
