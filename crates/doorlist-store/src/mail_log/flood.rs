//! Keeps a flood of refused recipients from filling the log: above a number per domain and hour they are counted per
//! source, one entry a minute. Pure: times are those of the entries.

use super::{LoggedMail, MailAction, MailEntry};
use doorlist_core::domain::DomainId;
use doorlist_core::network::SourceKey;
use doorlist_core::time::Timestamp;
use std::collections::HashMap;
use std::net::IpAddr;

/// Sources that are counted one by one in a minute; further ones are counted together, without an address.
const SOURCES_MAX: usize = 10_000;
/// Domains whose refusals are counted; more than a gateway has, so that no clean-up is needed within an hour.
const DOMAINS_MAX: usize = 100_000;

/// A recipient that was refused or deferred, in borrowed words: in a flood, most of them are counted and forgotten.
#[derive(Clone, Copy, Debug)]
pub struct RefusedRecipient<'a> {
    pub time: Timestamp,
    /// Either [`MailAction::Refused`] or [`MailAction::Deferred`].
    pub action: MailAction,
    /// The reverse path as written.
    pub sender: &'a str,
    /// The recipient as written.
    pub recipient: &'a str,
    /// The protected domain, where one is concerned.
    pub domain: Option<DomainId>,
    pub client: Option<IpAddr>,
    /// The word of the decision.
    pub reason: &'a str,
    /// The reply that was given.
    pub reply: &'a str,
}

impl RefusedRecipient<'_> {
    fn entry(&self, client: Option<IpAddr>, sender: &str, recipient: &str) -> MailEntry {
        MailEntry {
            time: self.time,
            action: self.action,
            queue_id: None,
            sender: sender.into(),
            recipient: recipient.into(),
            domain: self.domain,
            client,
            reason: self.reason.into(),
            reply: self.reply.into(),
            message_id: None,
            size: 0,
        }
    }
}

#[derive(Debug)]
pub(super) struct Flood {
    per_hour_max: u32,
    hour: i64,
    domains: HashMap<Option<DomainId>, u32>,
    sources: HashMap<(Option<DomainId>, Option<SourceKey>), LoggedMail>,
}

impl Flood {
    pub(super) fn new(per_hour_max: u32) -> Self {
        Self { per_hour_max, hour: 0, domains: HashMap::new(), sources: HashMap::new() }
    }

    /// An entry if the refusal is to be written singly; else it is counted.
    pub(super) fn pass(&mut self, refusal: &RefusedRecipient<'_>) -> Option<MailEntry> {
        let hour = refusal.time.as_secs().div_euclid(3600);
        if hour != self.hour || self.domains.len() >= DOMAINS_MAX {
            self.hour = hour;
            self.domains.clear();
        }
        let singly = self.domains.entry(refusal.domain).or_default();
        if *singly < self.per_hour_max {
            *singly += 1;
            return Some(refusal.entry(refusal.client, refusal.sender, refusal.recipient));
        }
        self.count(refusal);
        None
    }

    fn count(&mut self, refusal: &RefusedRecipient<'_>) {
        let mut key = (refusal.domain, refusal.client.map(SourceKey::from));
        if self.sources.len() >= SOURCES_MAX && !self.sources.contains_key(&key) {
            key.1 = None;
        }
        let fresh = || LoggedMail { entry: refusal.entry(key.1.map(SourceKey::first_address), "", ""), times: 0 };
        let counted = self.sources.entry(key).or_insert_with(fresh);
        counted.times = counted.times.saturating_add(1);
        counted.entry.time = refusal.time;
    }

    /// What was counted since the last call.
    pub(super) fn drain(&mut self) -> Vec<LoggedMail> {
        self.sources.drain().map(|(_, counted)| counted).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refused(domain: u32, client: &str, at: i64) -> RefusedRecipient<'static> {
        RefusedRecipient {
            time: Timestamp::from_secs(at),
            action: MailAction::Refused,
            sender: "a@b.example",
            recipient: "guess@example.test",
            domain: Some(DomainId(domain)),
            client: Some(client.parse().unwrap()),
            reason: "unlisted",
            reply: "550 5.1.1",
        }
    }

    #[test]
    fn beyond_the_limit_of_an_hour_refusals_are_counted_per_source() {
        let mut flood = Flood::new(3);
        for _ in 0..3 {
            assert!(flood.pass(&refused(1, "192.0.2.1", 7200)).is_some());
        }
        for client in ["192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::2"] {
            assert_eq!(flood.pass(&refused(1, client, 7300)), None);
        }
        assert!(flood.pass(&refused(2, "192.0.2.1", 7300)).is_some(), "another domain");
        let mut counted: Vec<_> =
            flood.drain().iter().map(|c| (c.entry.client.unwrap().to_string(), c.times)).collect();
        counted.sort();
        assert_eq!(counted, [("192.0.2.1".to_owned(), 2), ("2001:db8::".to_owned(), 2)]);
        assert!(flood.drain().is_empty());
        assert!(flood.pass(&refused(1, "192.0.2.1", 10_800)).is_some(), "a new hour");
    }

    #[test]
    fn a_million_sources_take_no_more_room_than_ten_thousand() {
        let mut flood = Flood::new(0);
        for number in 0..50_000u32 {
            flood.count(&refused(1, &std::net::Ipv4Addr::from(number).to_string(), 0));
        }
        let counted = flood.drain();
        assert_eq!(counted.len(), SOURCES_MAX + 1);
        assert_eq!(counted.iter().map(|c| c.times).sum::<u32>(), 50_000);
    }
}
