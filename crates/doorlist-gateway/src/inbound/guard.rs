//! The harvest defence as one session meets it: what speaks for and against its source, how long its answers wait, and what
//! its recipients are counted as.

use crate::harvest::HarvestDefence;
use doorlist_core::address::Address;
use doorlist_core::domain::{DomainId, ProtectedDomain};
use doorlist_core::harvest::source::KNOWN_KEPT_MAX;
use doorlist_core::harvest::{AnswerKind, AttackState, RetryVerdict, SessionGuard, SourceRating};
use doorlist_core::list::{Match, Snapshot};
use doorlist_core::policy::{Decision, Reason, Recipient, SourceStanding, of_unlisted};
use doorlist_core::preview::AskingSource;
use doorlist_core::time::Timestamp;
use doorlist_core::verification::SourceClass;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// The guard of one session.
pub(super) struct ClientGuard {
    harvest: Arc<HarvestDefence>,
    /// The client; `None` while the guard is switched off.
    peer: Option<IpAddr>,
    session: SessionGuard,
    /// The end of the measure against the source, as of a generation of flags.
    measured_until: Option<Timestamp>,
    generation: u64,
    /// What speaks for the source, once somebody has to know.
    rating: Option<SourceRating>,
    /// Known names of the session that the source's record has already.
    known: Vec<u32>,
}

impl ClientGuard {
    pub(super) fn new(harvest: Arc<HarvestDefence>, peer: IpAddr, is_enabled: bool) -> Self {
        Self {
            harvest,
            peer: is_enabled.then_some(peer),
            session: SessionGuard::default(),
            measured_until: None,
            generation: 0,
            rating: None,
            known: Vec::new(),
        }
    }

    fn rating(&mut self, now: Timestamp) -> SourceRating {
        let Some(peer) = self.peer else { return SourceRating::Ordinary };
        *self.rating.get_or_insert_with(|| self.harvest.rating(peer, now))
    }

    /// How much the source is trusted to name existing recipients.
    pub(super) fn class(&mut self, now: Timestamp) -> SourceClass {
        match self.peer.is_some() && self.rating(now).is_good() {
            true => SourceClass::Good,
            false => SourceClass::Ordinary,
        }
    }

    /// What kind of source asks, as far as its names of the last hour tell.
    pub(super) fn asking(&self, standing: SourceStanding, now: Timestamp) -> AskingSource {
        match (standing, self.peer) {
            (SourceStanding::Flagged, _) => AskingSource::Flagged,
            (_, Some(peer)) if self.harvest.names_more_unknown(peer, now) => AskingSource::Guessing,
            _ => AskingSource::Ordinary,
        }
    }

    /// Whether the domain's own server may be asked for the source: not for anybody while there are many guesses.
    pub(super) fn may_probe(&mut self, domain: &ProtectedDomain, now: Timestamp) -> bool {
        self.peer.is_none()
            || self.harvest.state(domain.id) == AttackState::Normal
            || self.class(now) == SourceClass::Good
    }

    /// The standing of the source at a recipient. While nothing was flagged since the start and no domain is under attack,
    /// this takes no lock.
    pub(super) fn standing(
        &mut self,
        recipient: &Recipient,
        list: &Snapshot,
        sender: &str,
        now: Timestamp,
    ) -> SourceStanding {
        let Some(peer) = self.peer else { return SourceStanding::Normal };
        let generation = self.harvest.generation();
        if generation != self.generation {
            self.generation = generation;
            self.rating = None;
            self.measured_until = self.harvest.measured_until(peer, now);
        }
        if self.measured_until.is_some_and(|until| now < until) {
            return SourceStanding::Flagged;
        }
        match recipient {
            Recipient::Address(address) if self.harvest.is_any_attacked() => {
                self.standing_in_attack(peer, address, list, sender, now)
            }
            _ => SourceStanding::Normal,
        }
    }

    fn standing_in_attack(
        &mut self,
        peer: IpAddr,
        address: &Address,
        list: &Snapshot,
        sender: &str,
        now: Timestamp,
    ) -> SourceStanding {
        let state = list.domain(address.domain()).map(|domain| self.harvest.state(domain.id));
        if state != Some(AttackState::Attack) || self.rating(now).is_good() {
            return SourceStanding::Normal;
        }
        match self.harvest.retry(peer, sender, address, now) {
            RetryVerdict::JudgedNormally => SourceStanding::Normal,
            RetryVerdict::Deferred => SourceStanding::UnderAttack,
        }
    }

    /// Whether the session was refused too many recipients.
    pub(super) fn is_over(&mut self, now: Timestamp) -> bool {
        self.peer.is_some() && self.session.needs_rating() && {
            let rating = self.rating(now);
            self.session.is_over(rating)
        }
    }

    /// Whether the session may be closed where no more sessions can wait.
    pub(super) fn is_slowed(&mut self, now: Timestamp) -> bool {
        let rating = self.rating(now);
        self.session.is_slowed(rating)
    }

    /// How long an answer waits.
    pub(super) fn delay(
        &mut self,
        standing: SourceStanding,
        answer: AnswerKind,
        domain: Option<&ProtectedDomain>,
        now: Timestamp,
    ) -> Option<Duration> {
        self.peer?;
        if standing == SourceStanding::Normal && !self.session.needs_rating() {
            return None;
        }
        let rating = self.rating(now);
        let unlisted = domain.map_or(Reason::RelayDenied, |domain| of_unlisted(domain.mode, now));
        self.session.delay(standing, rating, answer, unlisted.answer())
    }

    /// Counts an answer that is sent. Returns the end of the flag if its name raised it.
    pub(super) fn answered(&mut self, recipient: &Recipient, decision: &Decision, now: Timestamp) -> Option<Timestamp> {
        self.session.answered(decision.reason.answer());
        let peer = self.peer?;
        let Recipient::Address(address) = recipient else { return None };
        if let Match::Mailbox(id)
        | Match::Alias(id)
        | Match::DistributionList(id)
        | Match::SubAddress(id)
        | Match::SignedSender(id) = decision.matched
        {
            // Inside a measure it was not told that the name is known.
            if !matches!(decision.reason, Reason::SourceFlagged | Reason::UnderAttack) {
                self.note_known(peer, id.0, now);
            }
            return None;
        }
        if decision.reason == Reason::Confirmed {
            self.note_known(peer, self.harvest.fingerprint(&without_detail(address)), now);
            return None;
        }
        let name = self.harvest.fingerprint(address);
        if decision.reason.is_unknown() {
            return self.harvest.note_unknown(peer, name, decision.domain, now);
        }
        if let Some(domain) = decision.domain
            && self.counts_for_domain(decision, domain)
        {
            let rating = self.rating(now);
            self.harvest.note_of_domain(domain, name, rating, now);
        }
        None
    }

    /// Whether a name that was not refused counts against the domain all the same: it would be refused without the
    /// measure, which would otherwise end while the attack goes on.
    fn counts_for_domain(&self, decision: &Decision, domain: DomainId) -> bool {
        match decision.reason {
            Reason::UnderAttack => matches!(decision.matched, Match::Unlisted | Match::Vetoed(_)),
            Reason::Undecided => self.harvest.state(domain) != AttackState::Normal,
            _ => false,
        }
    }

    /// Counts a known name, once a session. More than a record keeps change nothing.
    fn note_known(&mut self, peer: IpAddr, name: u32, now: Timestamp) {
        if self.known.contains(&name) {
            return;
        }
        let rating = self.rating(now);
        if self.known.len() < KNOWN_KEPT_MAX * rating.factor() as usize {
            self.known.push(name);
            self.harvest.note_known(peer, name, rating, now);
        }
    }
}

/// The address without its sub-address (RFC 5233).
fn without_detail(address: &Address) -> Address {
    let local = address.local().as_str();
    match local.split_once('+') {
        Some((base, _)) if !base.is_empty() => {
            Address::new(doorlist_core::address::LocalPart::from_canonical(base), address.domain().clone())
        }
        _ => address.clone(),
    }
}
