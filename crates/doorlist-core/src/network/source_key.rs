//! The key of all limits per client: an IPv4 address or an IPv6 /64.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IPv4 address or an IPv6 /64. IPv4 in IPv6 forms counts as IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceKey(AddressPrefix);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum AddressPrefix {
    V4([u8; 4]),
    V6([u8; 8]),
}

impl SourceKey {
    /// The address; of IPv6, the first one of the /64.
    pub fn first_address(self) -> IpAddr {
        match self.0 {
            AddressPrefix::V4(octets) => Ipv4Addr::from(octets).into(),
            AddressPrefix::V6([a, b, c, d, e, f, g, h]) => {
                Ipv6Addr::from([a, b, c, d, e, f, g, h, 0, 0, 0, 0, 0, 0, 0, 0]).into()
            }
        }
    }
}

impl From<IpAddr> for SourceKey {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(v4) => AddressPrefix::V4(v4.octets()),
            IpAddr::V6(v6) => {
                let [a, b, c, d, e, f, g, h, ..] = v6.octets();
                AddressPrefix::V6([a, b, c, d, e, f, g, h])
            }
        })
    }
}

/// Prints `192.0.2.1` or `2001:db8:1:2::/64`.
impl fmt::Display for SourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            AddressPrefix::V4(_) => write!(f, "{}", self.first_address()),
            AddressPrefix::V6(_) => write!(f, "{}/64", self.first_address()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn it_reads_like_an_address_or_a_network() {
        let shown = |text: &str| text.parse::<IpAddr>().map(|address| SourceKey::from(address).to_string()).ok();
        assert_eq!(shown("192.0.2.1").as_deref(), Some("192.0.2.1"));
        assert_eq!(shown("::ffff:192.0.2.1").as_deref(), Some("192.0.2.1"));
        assert_eq!(shown("2001:db8:1:2:3::4").as_deref(), Some("2001:db8:1:2::/64"));
    }

    proptest! {
        #[test]
        fn ipv4_counts_by_address_also_when_it_is_written_in_ipv6(one: u32, other: u32) {
            let (one, other) = (Ipv4Addr::from(one), Ipv4Addr::from(other));
            let key = |address: Ipv4Addr| SourceKey::from(IpAddr::V4(address));
            prop_assert_eq!(key(one), SourceKey::from(IpAddr::V6(one.to_ipv6_mapped())));
            prop_assert_eq!(key(one) == key(other), one == other);
            prop_assert_eq!(key(one).first_address(), IpAddr::V4(one));
        }

        #[test]
        fn ipv6_counts_by_its_first_64_bits(network in 1u64..=u64::MAX, other: u64, hosts: [u64; 2]) {
            let key = |network: u64, host: u64| {
                let bits = u128::from(network) << 64 | u128::from(host);
                SourceKey::from(IpAddr::V6(Ipv6Addr::from(bits)))
            };
            prop_assert_eq!(key(network, hosts[0]), key(network, hosts[1]));
            prop_assert_eq!(key(network, hosts[0]) == key(other, hosts[1]), network == other);
        }
    }
}
