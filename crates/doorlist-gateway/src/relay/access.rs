//! Checks the addresses of a mail server before a connection is made: a forbidden address gets no connection, and
//! whoever named it does not learn whether a server listens there. The rule itself is in `doorlist-core`.

use doorlist_core::change::NamedBy;
use doorlist_core::mail_server_access::may_connect;
use doorlist_core::network::Network;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::UdpSocket;

/// Any port; the route to an address does not depend on it.
const ANY_PORT: u16 = 25;

/// The addresses that may be connected to for a server that `named_by` named; `allowed`: `relay.allow_networks`.
pub async fn permitted(named_by: NamedBy, addresses: Vec<IpAddr>, allowed: &[Network]) -> Vec<IpAddr> {
    let mut permitted = Vec::with_capacity(addresses.len());
    for address in addresses {
        // Most answers are the same on this machine and elsewhere, and need no socket.
        let (here, elsewhere) =
            (may_connect(named_by, address, true, allowed), may_connect(named_by, address, false, allowed));
        if elsewhere && (here || !is_ours(address).await) {
            permitted.push(address);
        }
    }
    permitted
}

/// Advice for a server at a forbidden address.
pub fn advice(named_by: NamedBy) -> &'static str {
    match named_by {
        NamedBy::Tenant => {
            "mail servers of tenants must have public addresses; the operator can allow more in relay.allow_networks"
        }
        NamedBy::Operator | NamedBy::Machine => {
            "to use a mail server on this machine or link, set it by a command on this machine, or allow it in \
             relay.allow_networks"
        }
    }
}

/// Whether the address belongs to this machine: then a socket connected to it has it as its own address. Sends
/// nothing.
async fn is_ours(address: IpAddr) -> bool {
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let Ok(socket) = UdpSocket::bind((any, 0)).await else { return false };
    if socket.connect(SocketAddr::new(address, ANY_PORT)).await.is_err() {
        return false;
    }
    socket.local_addr().is_ok_and(|own| own.ip() == address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_addresses_that_may_be_reached_are_left() {
        let all = ["127.0.0.1", "9.9.9.9", "10.0.0.1", "::ffff:127.0.0.1", "169.254.169.254"]
            .map(|address| address.parse::<IpAddr>().unwrap());
        let left = async |named_by, allowed: &[&str]| {
            let allowed: Vec<Network> = allowed.iter().map(|network| network.parse().unwrap()).collect();
            let left = permitted(named_by, all.to_vec(), &allowed).await;
            left.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(left(NamedBy::Tenant, &[]).await, ["9.9.9.9"]);
        assert_eq!(left(NamedBy::Operator, &[]).await, ["9.9.9.9", "10.0.0.1"]);
        assert_eq!(left(NamedBy::Machine, &[]).await.len(), all.len());
        assert_eq!(left(NamedBy::Tenant, &["127.0.0.1"]).await, ["127.0.0.1", "9.9.9.9", "::ffff:127.0.0.1"]);
    }

    #[tokio::test]
    async fn an_address_of_this_machine_is_known() {
        assert!(is_ours(Ipv4Addr::LOCALHOST.into()).await);
        assert!(!is_ours(Ipv4Addr::new(192, 0, 2, 1).into()).await);
    }
}
