//! The only module of the trial that knows harvest detection: what a source may hear, what is counted of it, and how its
//! sessions end. Another detection is put in here.

use doorlist_core::address::{Address, DomainName};
use doorlist_core::harvest::{
    AnswerKind, AttackRecord, AttackState, DeliveryDay, GoodRecord, NameMatch, NetworkKey, NetworkRecord,
    RetriesOfNetwork, RetryVerdict, SessionGuard, SourceRating, SourceRecord,
};
use doorlist_core::list::Match;
use doorlist_core::network::SourceKey;
use doorlist_core::policy::{Decision, Reason, SourceStanding, of_unlisted};
use doorlist_core::time::Timestamp;
use doorlist_core::verification::SourceClass;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::net::IpAddr;
use std::time::Duration;

/// Who sends, and from where to whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecipientAttempt<'a> {
    pub(crate) client: IpAddr,
    /// The reverse path; empty for the null sender.
    pub(crate) sender: &'a str,
    pub(crate) recipient: &'a Address,
}

/// What is remembered of sources, networks and domains.
#[derive(Debug, Default)]
pub(crate) struct Defence {
    sources: HashMap<SourceKey, SourceRecord>,
    networks: HashMap<NetworkKey, NetworkRecord>,
    good_records: HashMap<SourceKey, GoodRecord>,
    domains: HashMap<DomainName, AttackRecord>,
    retries: HashMap<NetworkKey, RetriesOfNetwork>,
    /// Flags that were raised.
    pub(crate) flags: u64,
    /// Each sign of a slow attack, when it began.
    pub(crate) slow_attacks: Vec<(DomainName, Timestamp)>,
}

impl Defence {
    /// What measures an attempt meets.
    pub(crate) fn standing(&mut self, attempt: RecipientAttempt<'_>, now: Timestamp) -> SourceStanding {
        let key = SourceKey::from(attempt.client);
        let (network, is_good) = (NetworkKey::from(key), self.rating(key, now).is_good());
        let is_flagged = self.sources.get(&key).is_some_and(|record| record.flagged_until(now).is_some());
        let in_network = self.networks.get(&network).is_some_and(|record| now < record.flagged_until());
        if is_flagged || (in_network && !is_good) {
            return SourceStanding::Flagged;
        }
        let domain = self.domains.get_mut(attempt.recipient.domain());
        let is_attacked = domain.is_some_and(|record| {
            record.tick(now);
            record.state() == AttackState::Attack
        });
        if !is_attacked || is_good {
            return SourceStanding::Normal;
        }
        let pair = fingerprint((attempt.sender, attempt.recipient));
        match self.retries.entry(network).or_default().attempt(pair, now) {
            RetryVerdict::JudgedNormally => SourceStanding::Normal,
            RetryVerdict::Deferred => SourceStanding::UnderAttack,
        }
    }

    fn rating(&self, key: SourceKey, now: Timestamp) -> SourceRating {
        match self.good_records.get(&key).is_some_and(|record| record.is_good(now)) {
            true => SourceRating::GoodRecord,
            false => SourceRating::Ordinary,
        }
    }

    /// How much the source is trusted to name existing recipients.
    pub(crate) fn class(&self, client: IpAddr, now: Timestamp) -> SourceClass {
        match self.rating(SourceKey::from(client), now).is_good() {
            true => SourceClass::Good,
            false => SourceClass::Ordinary,
        }
    }

    /// Counts an answer. True if it raised a flag.
    pub(crate) fn answered(&mut self, attempt: RecipientAttempt<'_>, decision: &Decision, now: Timestamp) -> bool {
        let (key, name) = (SourceKey::from(attempt.client), fingerprint(attempt.recipient));
        let named = match decision.matched.address_id() {
            _ if matches!(decision.reason, Reason::SourceFlagged | Reason::UnderAttack) => {
                // The attack goes on behind the measure.
                if matches!(decision.matched, Match::Unlisted | Match::Vetoed(_)) {
                    self.note_of_domain(attempt.recipient.domain(), name, self.rating(key, now), now);
                }
                return false;
            }
            Some(id) if decision.reason != Reason::Vetoed => NameMatch::Known(id.0),
            _ if decision.reason == Reason::Confirmed => NameMatch::Known(name),
            _ if decision.reason.is_unknown() => NameMatch::Unknown(name),
            _ => return false,
        };
        let rating = self.rating(key, now);
        let noted = self.sources.entry(key).or_default().note(named, rating, now);
        if let NameMatch::Unknown(_) = named {
            self.note_of_domain(attempt.recipient.domain(), name, rating, now);
            if let Some(record) = self.good_records.get_mut(&key).filter(|_| noted.is_new) {
                record.add(&DeliveryDay::unknown_name(now));
            }
        }
        let Some(until) = noted.flagged_until else { return false };
        self.networks.entry(NetworkKey::from(key)).or_default().flag(key, until);
        self.flags += 1;
        true
    }

    fn note_of_domain(&mut self, domain: &DomainName, name: u32, rating: SourceRating, now: Timestamp) {
        let record = self.domains.entry(domain.clone()).or_insert_with(|| AttackRecord::new(now));
        let before = record.slow().since();
        record.note(name, rating, now);
        record.add_to_baseline(now);
        if let (None, Some(since)) = (before, record.slow().since()) {
            self.slow_attacks.push((domain.clone(), since));
        }
    }

    /// Since when a domain shows the sign of a slow attack.
    pub(crate) fn slow_attack_since(&self, domain: &DomainName) -> Option<Timestamp> {
        self.domains.get(domain)?.slow().since()
    }

    /// A message of this source was delivered, and is clean.
    pub(crate) fn delivered_clean(&mut self, attempt: RecipientAttempt<'_>, now: Timestamp) {
        let entry = (fingerprint(attempt.recipient) >> 16) as u16;
        let record = self.good_records.entry(SourceKey::from(attempt.client)).or_default();
        record.add(&DeliveryDay::delivery(now, entry));
    }

    /// Forgets what matters no more.
    pub(crate) fn sweep(&mut self, now: Timestamp) {
        self.sources.retain(|_, record| !record.is_stale(now));
        self.networks.retain(|_, record| !record.is_stale(now));
        self.good_records.retain(|_, record| !record.is_stale(now));
    }
}

fn fingerprint(what: impl Hash) -> u32 {
    (BuildHasherDefault::<DefaultHasher>::default().hash_one(what) >> 32) as u32
}

/// One session of an attacker, for whom nothing speaks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GuardedSession(SessionGuard);

impl GuardedSession {
    /// Counts an answer; how long it is delayed.
    pub(crate) fn answered(&mut self, standing: SourceStanding, decision: &Decision, unlisted: AnswerKind) -> Duration {
        let answer = decision.reason.answer();
        let delay = self.0.delay(standing, SourceRating::Ordinary, answer, unlisted);
        self.0.answered(answer);
        delay.unwrap_or_default()
    }

    /// Whether it ends with 421 at the next recipient.
    pub(crate) fn is_over(&self) -> bool {
        self.0.is_over(SourceRating::Ordinary)
    }
}

/// The answer that an unlisted recipient gets in a domain of this mode.
pub(crate) fn answer_of_unlisted(mode: doorlist_core::domain::Mode, now: Timestamp) -> AnswerKind {
    of_unlisted(mode, now).answer()
}
