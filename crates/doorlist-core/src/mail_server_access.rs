//! Which addresses a mail server may have, depending on who named it. Checked at each connection, for the address that
//! is connected to.

use crate::change::NamedBy;
use crate::network::{self, Listed, Network, NetworkKind};
use std::net::IpAddr;

/// Whether the relay may connect to this address of a mail server. `is_ours`: the address belongs to this machine.
///
/// A server named by a command on the machine may be anywhere, one named by the operator over the API in a private
/// network, and one named by a tenant must be public. `allowed` (`relay.allow_networks`) permits more networks to all
/// of them, but addresses of this machine only if they are listed one by one, to protect its own services.
pub fn may_connect(named_by: NamedBy, address: IpAddr, is_ours: bool, allowed: &[Network]) -> bool {
    let listed = network::listed(address, allowed);
    if named_by == NamedBy::Machine || listed == Listed::ByItself {
        return true;
    }
    if is_ours || network::is_loopback(address) {
        return false;
    }
    listed == Listed::InNetwork
        || match network::kind(address) {
            NetworkKind::Public => true,
            NetworkKind::Private => named_by == NamedBy::Operator,
            NetworkKind::Local => false,
        }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn those_who_may(address: &str, is_ours: bool, allowed: &[&str]) -> Vec<NamedBy> {
        let allowed: Vec<Network> = allowed.iter().map(|network| network.parse().unwrap()).collect();
        let mut all = vec![NamedBy::Tenant, NamedBy::Operator, NamedBy::Machine];
        all.retain(|named_by| may_connect(*named_by, address.parse().unwrap(), is_ours, &allowed));
        all
    }

    #[test]
    fn who_named_a_server_decides_where_it_may_be() {
        use NamedBy::{Machine, Operator, Tenant};
        for public in ["9.9.9.9", "2a00::1", "::ffff:9.9.9.9"] {
            assert_eq!(those_who_may(public, false, &[]), [Tenant, Operator, Machine], "{public}");
            assert_eq!(those_who_may(public, true, &[]), [Machine], "{public} is this machine");
        }
        for private in ["10.0.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"] {
            assert_eq!(those_who_may(private, false, &[]), [Operator, Machine], "{private}");
        }
        for local in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "::",
            "::1",
            "169.254.169.254",
            "fe80::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "224.0.0.1",
            "192.0.2.1",
        ] {
            assert_eq!(those_who_may(local, false, &[]), [Machine], "{local}");
        }
    }

    #[test]
    fn the_operator_opens_networks_to_all_and_this_machine_by_its_address_alone() {
        use NamedBy::{Machine, Operator, Tenant};
        let all = [Tenant, Operator, Machine];
        assert_eq!(those_who_may("10.0.0.1", false, &["10.0.0.0/8"]), all);
        assert_eq!(those_who_may("169.254.1.1", false, &["169.254.1.0/24"]), all);
        assert_eq!(those_who_may("10.0.0.1", true, &["10.0.0.0/8"]), [Machine]);
        assert_eq!(those_who_may("10.0.0.1", true, &["10.0.0.1"]), all);
        assert_eq!(those_who_may("127.0.0.1", true, &["127.0.0.0/8"]), [Machine]);
        assert_eq!(those_who_may("127.0.0.2", false, &["0.0.0.0/0"]), [Machine]);
        assert_eq!(those_who_may("127.0.0.1", true, &["127.0.0.1"]), all);
        assert_eq!(those_who_may("::ffff:127.0.0.1", true, &["127.0.0.1"]), all);
    }
}
