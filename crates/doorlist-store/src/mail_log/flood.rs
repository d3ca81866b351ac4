//! Keeps a flood of refused recipients from filling the log: above a number per domain and hour they are counted per
//! source, one entry a minute. Pure: times are those of the entries.

use super::{LoggedMail, MailEntry};
use doorlist_core::domain::DomainId;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

/// Sources that are counted one by one in a minute; further ones are counted together, without an address.
const SOURCES_MAX: usize = 10_000;
/// Domains whose refusals are counted; more than a gateway has, so that no clean-up is needed within an hour.
const DOMAINS_MAX: usize = 100_000;

/// Counts refusals.
#[derive(Debug)]
pub(super) struct Flood {
    per_hour_max: u32,
    hour: i64,
    domains: HashMap<Option<DomainId>, u32>,
    sources: HashMap<(Option<DomainId>, Option<IpAddr>), LoggedMail>,
}

impl Flood {
    pub(super) fn new(per_hour_max: u32) -> Self {
        Self { per_hour_max, hour: 0, domains: HashMap::new(), sources: HashMap::new() }
    }

    /// Gives an entry back if it is to be written singly; else it is counted.
    pub(super) fn pass(&mut self, entry: MailEntry) -> Option<MailEntry> {
        if !entry.is_refused_recipient() {
            return Some(entry);
        }
        let hour = entry.time.as_secs().div_euclid(3600);
        if hour != self.hour || self.domains.len() >= DOMAINS_MAX {
            self.hour = hour;
            self.domains.clear();
        }
        let singly = self.domains.entry(entry.domain).or_default();
        if *singly < self.per_hour_max {
            *singly += 1;
            return Some(entry);
        }
        self.count(entry);
        None
    }

    fn count(&mut self, entry: MailEntry) {
        let mut key = (entry.domain, entry.client.map(source));
        if self.sources.len() >= SOURCES_MAX && !self.sources.contains_key(&key) {
            key.1 = None;
        }
        let times = self.sources.get(&key).map_or(0, |counted| counted.times);
        let (sender, recipient, message_id) = (Box::default(), Box::default(), None);
        let entry = MailEntry { client: key.1, sender, recipient, message_id, ..entry };
        self.sources.insert(key, LoggedMail { entry, times: times.saturating_add(1) });
    }

    /// What was counted since the last call.
    pub(super) fn drain(&mut self) -> Vec<LoggedMail> {
        self.sources.drain().map(|(_, counted)| counted).collect()
    }
}

/// An IPv6 client counts with its /64.
fn source(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::mail_log::MailAction;
    use doorlist_core::time::Timestamp;

    fn refused(domain: u32, client: &str, at: i64) -> MailEntry {
        MailEntry {
            time: Timestamp::from_secs(at),
            action: MailAction::Refused,
            queue_id: None,
            sender: "a@b.example".into(),
            recipient: "guess@example.test".into(),
            domain: Some(DomainId(domain)),
            client: Some(client.parse().unwrap()),
            reason: "unlisted".into(),
            reply: "550 5.1.1".into(),
            message_id: None,
            size: 0,
        }
    }

    #[test]
    fn beyond_the_limit_of_an_hour_refusals_are_counted_per_source() {
        let mut flood = Flood::new(3);
        for _ in 0..3 {
            assert!(flood.pass(refused(1, "192.0.2.1", 7200)).is_some());
        }
        for client in ["192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::2"] {
            assert_eq!(flood.pass(refused(1, client, 7300)), None);
        }
        assert!(flood.pass(refused(2, "192.0.2.1", 7300)).is_some(), "another domain");
        let accepted = MailEntry { action: MailAction::Accepted, ..refused(1, "192.0.2.1", 7300) };
        assert!(flood.pass(accepted).is_some(), "only refusals are counted");
        let mut counted: Vec<_> =
            flood.drain().iter().map(|c| (c.entry.client.unwrap().to_string(), c.times)).collect();
        counted.sort();
        assert_eq!(counted, [("192.0.2.1".to_owned(), 2), ("2001:db8::".to_owned(), 2)]);
        assert!(flood.drain().is_empty());
        assert!(flood.pass(refused(1, "192.0.2.1", 10_800)).is_some(), "a new hour");
    }

    #[test]
    fn a_million_sources_take_no_more_room_than_ten_thousand() {
        let mut flood = Flood::new(0);
        for number in 0..50_000u32 {
            flood.count(refused(1, &std::net::Ipv4Addr::from(number).to_string(), 0));
        }
        let counted = flood.drain();
        assert_eq!(counted.len(), SOURCES_MAX + 1);
        assert_eq!(counted.iter().map(|c| c.times).sum::<u32>(), 50_000);
    }
}
