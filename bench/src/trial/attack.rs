//! Directory harvest attacks: who guesses, what is guessed, and what the attacker has learnt.

use super::chance::Chance;
use super::harvest::GuardedSession;
use super::mix::{HarvestMix, HarvestPace};
use super::own_server::day;
use super::people::{DAY, Organisation};
use doorlist_core::address::LocalPart;
use doorlist_core::policy::Verdict;
use doorlist_core::time::Timestamp;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// An attacker in a hurry sends the next name so soon after an answer.
const BURST_GAP: Duration = Duration::from_millis(100);
/// A session that was closed is opened again after this time.
const REOPENED_AFTER: Duration = Duration::from_secs(1);

/// One attack on one organisation.
#[derive(Debug)]
pub(crate) struct Attack {
    pub(crate) mix: HarvestMix,
    pub(crate) organisation: usize,
    begin: Timestamp,
    until: Timestamp,
    sources: Vec<AttackSource>,
    chance: Chance,
    /// Existing addresses that are named one after the other.
    hits: Vec<LocalPart>,
    pub(crate) learnt: AttackTally,
}

/// One address that guesses.
#[derive(Debug)]
struct AttackSource {
    address: IpAddr,
    session: GuardedSession,
    left: u32,
}

/// What an attack brought.
#[derive(Clone, Debug, Default)]
pub(crate) struct AttackTally {
    pub(crate) guesses: u64,
    /// Distinct existing addresses among the guesses: what a server without any defence would tell.
    pub(crate) named: HashSet<LocalPart>,
    /// Distinct existing addresses that the answers gave away.
    pub(crate) valid: HashSet<LocalPart>,
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) deferred: u64,
    pub(crate) flags: u64,
    /// Guesses before the first measure.
    pub(crate) first_flag_after: Option<u64>,
    /// When the sign of a slow attack was first there: guesses before it, and the time since the attack began. It may have
    /// been there before.
    pub(crate) slow_after: Option<(u64, Duration)>,
}

impl AttackTally {
    /// Of the existing addresses among these, so many for each 1,000 guesses.
    pub(crate) fn per_thousand(&self, addresses: usize) -> f64 {
        addresses as f64 * 1_000.0 / (self.guesses.max(1) as f64)
    }
}

/// What an attacker heard to one guess.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GuessAnswer {
    pub(crate) verdict: Verdict,
    pub(crate) delay: Duration,
    /// The name exists, and nobody who does not is answered so.
    pub(crate) tells: bool,
    pub(crate) raised_flag: bool,
    /// Since when the domain shows the sign of a slow attack.
    pub(crate) slow_since: Option<Timestamp>,
}

impl Attack {
    pub(crate) fn of(
        number: usize,
        organisation: usize,
        people: &Organisation,
        mix: &HarvestMix,
        start: Timestamp,
        seed: u64,
    ) -> Self {
        let mut chance = Chance::new(seed, &format!("attack {} on {}", mix.name, people.name));
        let mut hits: Vec<LocalPart> =
            people.addresses.iter().filter(|address| address.exists(start)).map(|a| a.local.clone()).collect();
        chance.shuffle(&mut hits);
        let begin = day(start, mix.day);
        // In 100.64.0.0/10, each attack in a part of its own.
        let source = |place: u32| {
            let network = (number as u32 * 0x1000 + place % mix.networks) & 0x3fff;
            let host = (place / mix.networks) % 250 + 1;
            let address = Ipv4Addr::from_bits(0x6440_0000 | network << 8 | host).into();
            AttackSource { address, session: GuardedSession::default(), left: mix.names_each }
        };
        let sources = (0..mix.sources).map(source).collect();
        let until = begin + DAY.mul_f64(mix.days);
        let learnt = AttackTally::default();
        Self { mix: mix.clone(), organisation, begin, until, sources, chance, hits, learnt }
    }

    /// When each guess comes that does not wait for another one's answer: source and time.
    pub(crate) fn planned(&mut self) -> Vec<(usize, Timestamp)> {
        let (begin, span) = (self.begin, self.until.since(self.begin));
        let each = match self.mix.pace {
            HarvestPace::Burst => 1,
            HarvestPace::Spread => self.mix.names_each,
        };
        let mut planned = Vec::new();
        for source in 0..self.sources.len() {
            for _ in 0..each {
                let within = if each == 1 { Duration::from_mins(1) } else { span };
                planned.push((source, self.chance.within(begin, within)));
            }
        }
        planned
    }

    /// The next name of a source, and where it comes from. `None`: it is done.
    pub(crate) fn guess(
        &mut self,
        source: usize,
        people: &Organisation,
        now: Timestamp,
    ) -> Option<(IpAddr, LocalPart)> {
        let source = self.sources.get_mut(source)?;
        if source.left == 0 || now >= self.until {
            return None;
        }
        source.left -= 1;
        let is_hit = self.chance.happens(self.mix.hits) && !self.hits.is_empty();
        let local = if is_hit { self.hits.pop() } else { None };
        Some((source.address, local.unwrap_or_else(|| people.absent_name(&mut self.chance))))
    }

    pub(crate) fn session(&mut self, source: usize) -> Option<&mut GuardedSession> {
        let is_new = self.mix.pace == HarvestPace::Spread;
        let session = self.sources.get_mut(source).map(|source| &mut source.session)?;
        if is_new {
            *session = GuardedSession::default();
        }
        Some(session)
    }

    /// Takes the answer; when the source guesses again, if its answer was what it waited for.
    pub(crate) fn answered(
        &mut self,
        source: usize,
        (local, exists): (&LocalPart, bool),
        answer: GuessAnswer,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let learnt = &mut self.learnt;
        learnt.guesses += 1;
        if exists {
            learnt.named.insert(local.clone());
        }
        if answer.tells {
            learnt.valid.insert(local.clone());
        }
        if answer.raised_flag {
            learnt.flags += 1;
            learnt.first_flag_after.get_or_insert(learnt.guesses);
        }
        if let Some(since) = answer.slow_since {
            learnt.slow_after.get_or_insert((learnt.guesses, since.since(self.begin)));
        }
        match answer.verdict {
            Verdict::Accept => learnt.accepted += 1,
            Verdict::Reject => learnt.refused += 1,
            Verdict::Defer => learnt.deferred += 1,
        }
        let source = self.sources.get_mut(source)?;
        if self.mix.pace == HarvestPace::Spread {
            return None;
        }
        let mut next = now + answer.delay + BURST_GAP;
        if source.session.is_over() {
            source.session = GuardedSession::default();
            next = next + REOPENED_AFTER;
        }
        Some(next)
    }
}
