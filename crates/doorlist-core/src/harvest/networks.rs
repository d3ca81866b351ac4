//! Networks with flagged addresses: a /24 is flagged as long as three of its addresses are.

use super::{at, seconds};
use crate::network::SourceKey;
use crate::time::Timestamp;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Flagged addresses of a /24 that flag all of it.
pub const FLAGGED_ADDRESSES: usize = 3;

/// The network of a source: a /24 of IPv4; of IPv6 its /64, which is one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NetworkKey(u64);

impl From<SourceKey> for NetworkKey {
    fn from(source: SourceKey) -> Self {
        Self(match source.first_address() {
            // No IPv6 network is here: its first 32 bits are zero (RFC 4291 §2.4).
            IpAddr::V4(v4) => u64::from(v4.to_bits() >> 8 << 8),
            IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64,
        })
    }
}

impl NetworkKey {
    /// Whether it has more than one source.
    pub fn is_ipv4(self) -> bool {
        self.0 >> 32 == 0
    }
}

/// Prints `192.0.2.0/24` or `2001:db8:1:2::/64`.
impl fmt::Display for NetworkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match u32::try_from(self.0) {
            Ok(v4) => write!(f, "{}/24", Ipv4Addr::from_bits(v4)),
            Err(_) => write!(f, "{}/64", Ipv6Addr::from_bits(u128::from(self.0) << 64)),
        }
    }
}

/// The flagged addresses of a /24, as far as they matter: those whose flags end last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkRecord {
    /// Addresses and the ends of their flags, in seconds; 0: none.
    flagged: [(Option<SourceKey>, u32); FLAGGED_ADDRESSES],
}

impl NetworkRecord {
    /// Notes that an address is flagged until then.
    pub fn flag(&mut self, source: SourceKey, until: Timestamp) {
        let until = seconds(until);
        if let Some(own) = self.flagged.iter_mut().find(|(address, _)| *address == Some(source)) {
            own.1 = own.1.max(until);
            return;
        }
        let least = self.flagged.iter_mut().min_by_key(|(_, until)| *until);
        if let Some(least) = least.filter(|least| least.1 < until) {
            *least = (Some(source), until);
        }
    }

    /// Forgets the flag of an address that a person released.
    pub fn release(&mut self, source: SourceKey) {
        for own in self.flagged.iter_mut().filter(|(address, _)| *address == Some(source)) {
            *own = (None, 0);
        }
    }

    /// When it stops to be flagged: at the end of the third-last flag. Past, if it is not flagged.
    pub fn flagged_until(&self) -> Timestamp {
        at(self.flagged.iter().map(|(_, until)| *until).min().unwrap_or(0))
    }

    /// Whether no flag is left.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        self.flagged.iter().all(|(_, until)| *until <= seconds(now))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn source(text: &str) -> SourceKey {
        SourceKey::from(text.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn a_network_is_printed_as_people_write_it() {
        let shown = |text: &str| NetworkKey::from(source(text)).to_string();
        assert_eq!(shown("192.0.2.77"), "192.0.2.0/24");
        assert_eq!(shown("2001:db8:1:2::77"), "2001:db8:1:2::/64");
        assert!(NetworkKey::from(source("192.0.2.77")).is_ipv4() && !NetworkKey::from(source("2001:db8::1")).is_ipv4());
    }

    proptest! {
        /// As if all flags were kept.
        #[test]
        fn it_is_flagged_while_three_of_its_addresses_are(
            flags in proptest::collection::vec((0u8..8, 1u32..1000), 0..40), now in 0u32..1100,
        ) {
            let (mut record, mut model) = (NetworkRecord::default(), HashMap::<u8, u32>::new());
            for (host, until) in flags {
                record.flag(IpAddr::from([192, 0, 2, host]).into(), at(until));
                let kept = model.entry(host).or_default();
                *kept = (*kept).max(until);
            }
            let flagged = model.values().filter(|until| **until > now).count();
            prop_assert_eq!(at(now) < record.flagged_until(), flagged >= FLAGGED_ADDRESSES);
            prop_assert_eq!(record.is_stale(at(now)), flagged == 0);
        }
    }
}
