//! The key of all limits per client: an IPv4 address or an IPv6 /64.

use super::NetworkError;
use crate::serde_text::serde_as_text;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// An IPv4 address or an IPv6 /64, by its first address. IPv4 in IPv6 forms counts as IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceKey(IpAddr);

impl SourceKey {
    /// The address; of IPv6, the first one of the /64.
    pub fn first_address(self) -> IpAddr {
        self.0
    }

    /// A number of its own: the address of IPv4, the first half of IPv6, whose first 32 bits are never zero (RFC 4291
    /// §2.4) but for `::`, which is nobody.
    pub fn number(self) -> u64 {
        match self.0 {
            IpAddr::V4(v4) => v4.to_bits().into(),
            IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64,
        }
    }
}

impl From<IpAddr> for SourceKey {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// Reads what it prints; of IPv6 also an address, which stands for its /64.
impl FromStr for SourceKey {
    type Err = NetworkError;
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let address = text.strip_suffix("/64").filter(|address| address.contains(':')).unwrap_or(text);
        address.parse::<IpAddr>().map(Self::from).map_err(|_| NetworkError)
    }
}

serde_as_text!(SourceKey);

/// Prints `192.0.2.1` or `2001:db8:1:2::/64`.
impl fmt::Display for SourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.0, if self.0.is_ipv6() { "/64" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::Ipv4Addr;

    #[test]
    fn it_reads_like_an_address_or_a_network() {
        let shown = |text: &str| text.parse::<IpAddr>().map(|address| SourceKey::from(address).to_string()).ok();
        for text in ["192.0.2.1", "2001:db8:1:2::/64"] {
            assert_eq!(text.parse::<SourceKey>().map(|key| key.to_string()).as_deref(), Ok(text));
        }
        assert!("192.0.2.0/24".parse::<SourceKey>().is_err() && "ann".parse::<SourceKey>().is_err());
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
            prop_assert_eq!(key(one).number() == key(other).number(), one == other);
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
