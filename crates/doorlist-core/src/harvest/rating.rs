//! What a source may expect: a good record, or a place on the list of large providers, raises its thresholds.

use crate::network::{Network, NetworkError};
use std::net::IpAddr;

/// How much higher the thresholds of a source with a good record are.
pub const GOOD_FACTOR: u32 = 10;

/// What is known in favour of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceRating {
    #[default]
    Ordinary,
    /// It earned a good record.
    GoodRecord,
    /// It belongs to a large provider: never flagged, only slowed.
    LargeProvider,
}

impl SourceRating {
    /// By how much its thresholds are higher.
    pub fn factor(self) -> u32 {
        match self {
            SourceRating::Ordinary => 1,
            SourceRating::GoodRecord | SourceRating::LargeProvider => GOOD_FACTOR,
        }
    }

    /// Whether it counts as having a good record.
    pub fn is_good(self) -> bool {
        self != SourceRating::Ordinary
    }
}

/// The word that stands for the list which Doorlist ships, in the setting.
pub const SHIPPED_WORD: &str = "shipped";
/// Networks in the list of large providers.
pub const PROVIDER_NETWORKS_MAX: usize = 10_000;
const SHIPPED: &str = include_str!("large_providers.txt");

/// Networks from which large providers send mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LargeProviders(Vec<Network>);

impl LargeProviders {
    /// The list of these networks; [`SHIPPED_WORD`] stands for those that Doorlist ships.
    ///
    /// # Errors
    /// When an item is neither a network nor that word.
    pub fn of<'a>(items: impl IntoIterator<Item = &'a str>) -> Result<Self, NetworkError> {
        let mut networks = Vec::new();
        for item in items {
            match item.trim() {
                SHIPPED_WORD => networks.extend(shipped()),
                network => networks.push(network.parse()?),
            }
        }
        networks.truncate(PROVIDER_NETWORKS_MAX);
        Ok(Self(networks))
    }

    pub fn contains(&self, peer: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains_peer(peer))
    }
}

/// The networks of the shipped list. Lines that begin with `#` name the provider.
fn shipped() -> impl Iterator<Item = Network> {
    let lines = SHIPPED.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.filter_map(|line| line.parse().ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_line_of_the_shipped_list_is_a_public_network() {
        let lines = SHIPPED.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        for line in lines {
            let network: Network = line.parse().unwrap();
            let first: IpAddr = line.split('/').next().unwrap().parse().unwrap();
            assert!(crate::network::is_public(first) && network.contains(first), "{line}");
        }
        assert!(shipped().count() > 50);
    }

    #[test]
    fn h03_a_list_is_edited_by_naming_networks_beside_the_shipped_ones() {
        let own = LargeProviders::of(["shipped", "192.0.2.0/24"]).unwrap();
        let is_in = |list: &LargeProviders, text: &str| list.contains(text.parse().unwrap());
        assert!(is_in(&own, "192.0.2.7") && is_in(&own, "209.85.220.41") && is_in(&own, "2a00:1450:4864:20::52e"));
        assert!(is_in(&own, "40.107.22.52") && is_in(&own, "::ffff:40.107.22.52"));
        assert!(!is_in(&own, "198.51.100.7"));
        let none = LargeProviders::of([]).unwrap();
        assert!(!is_in(&none, "209.85.220.41"));
        assert!(LargeProviders::of(["google"]).is_err());
    }
}
