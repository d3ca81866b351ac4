//! Limits of a credential within the permissions of its owner. A limited key creates, renews and revokes only keys
//! that its own limits cover.

use crate::domain::DomainId;
use crate::network::Network;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The limits of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyLimits {
    /// The key may only read.
    #[serde(default)]
    pub read_only: bool,
    /// The domains the key is limited to; `None` for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domains: Option<Vec<DomainId>>,
    /// Networks that the key may be used from; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<Network>,
}

/// The limits of a credential, and its expiry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyTerms {
    pub limits: KeyLimits,
    /// Time of expiry; `None` for none.
    pub expires: Option<Timestamp>,
}

impl KeyTerms {
    /// Whether these credentials permit everything that `other` permits, from every network and at every time.
    pub fn covers(&self, other: &Self) -> bool {
        let (own, its) = (&self.limits, &other.limits);
        let domains = own
            .domains
            .as_ref()
            .is_none_or(|own| its.domains.as_ref().is_some_and(|its| its.iter().all(|domain| own.contains(domain))));
        let within = |network: &Network| own.networks.iter().any(|own| own.covers(network));
        let networks = own.networks.is_empty() || (!its.networks.is_empty() && its.networks.iter().all(within));
        let term = self.expires.is_none_or(|own| other.expires.is_some_and(|its| its <= own));
        (!own.read_only || its.read_only) && domains && networks && term
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;
    use proptest::prelude::*;
    use std::net::IpAddr;

    fn network() -> impl Strategy<Value = Network> {
        proptest::sample::select(vec![
            "10.0.0.0/8",
            "10.1.0.0/16",
            "10.1.2.3",
            "0.0.0.0/0",
            "fd00::/8",
            "fd00:1::/64",
            "::/0",
        ])
        .prop_map(|text| text.parse().unwrap())
    }

    fn terms() -> impl Strategy<Value = KeyTerms> {
        let domains = proptest::option::of(proptest::collection::vec((0u32..3).prop_map(DomainId), 0..3));
        let networks = proptest::collection::vec(network(), 0..3);
        let expires = proptest::option::of((0i64..4).prop_map(Timestamp::from_secs));
        (any::<bool>(), domains, networks, expires).prop_map(|(read_only, domains, networks, expires)| KeyTerms {
            limits: KeyLimits { read_only, domains, networks },
            expires,
        })
    }

    /// Whether such a key would be accepted for this request.
    fn admits(terms: &KeyTerms, writes: bool, domain: u32, from: &str, at: i64) -> bool {
        let from: IpAddr = from.parse().unwrap();
        let KeyLimits { read_only, domains, networks } = &terms.limits;
        !(writes && *read_only)
            && domains.as_ref().is_none_or(|domains| domains.contains(&DomainId(domain)))
            && (networks.is_empty() || networks.iter().any(|network| network.contains(from)))
            && terms.expires.is_none_or(|end| Timestamp::from_secs(at) < end)
    }

    proptest! {
        #[test]
        fn what_is_covered_can_do_no_more(
            own in terms(), other in terms(), writes in any::<bool>(), domain in 0u32..3, at in 0i64..4,
            from in proptest::sample::select(vec!["10.1.2.3", "10.1.9.9", "10.9.9.9", "8.8.8.8", "fd00:1::1", "fd12::1", "2a00::1"]),
        ) {
            if own.covers(&other) && admits(&other, writes, domain, from, at) {
                prop_assert!(admits(&own, writes, domain, from, at));
            }
        }

        #[test]
        fn covering_is_an_order(a in terms(), b in terms(), c in terms()) {
            prop_assert!(a.covers(&a));
            prop_assert!(KeyTerms::default().covers(&a));
            if a.covers(&b) && b.covers(&c) {
                prop_assert!(a.covers(&c));
            }
        }

        #[test]
        fn a_limited_key_does_not_cover_one_without_limits(a in terms()) {
            prop_assert_eq!(a.covers(&KeyTerms::default()), a == KeyTerms::default());
        }
    }
}
