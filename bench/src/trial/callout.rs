//! Asks the organisations' own servers, as the gateway's callout does, with the rules, records and limits of
//! `doorlist_core::verification`. The scripted servers answer at once, so that nothing ever waits in a queue.

use super::own_server::OwnServer;
use doorlist_core::address::LocalPart;
use doorlist_core::domain::DomainId;
use doorlist_core::network::SourceKey;
use doorlist_core::time::Timestamp;
use doorlist_core::verification::{
    Judgement, Knowledge, ProbeLimits, ProbeShare, RateWindow, Route, RouteTrust, ServerAnswer, SourceClass,
    TRUSTED_FOR, VerificationRecords, after_asking, judge,
};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Known names that are tried before a server counts as one that refuses everybody, as in the gateway.
const KNOWN_TRIED: usize = 3;
/// A known address that a server took so short a time ago is not noted again, as in the gateway.
const FRESH: Duration = Duration::from_mins(10);
/// Rates of sources are looked through when there are so many.
const SOURCES_SWEPT_AT: usize = 32 * 1024;

/// Who asks, and may.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProbeSource {
    pub(crate) key: SourceKey,
    pub(crate) class: SourceClass,
}

/// What is asked of servers, in probe sessions of one name each.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ProbeCounts {
    /// While a sender waits, or behind the answer.
    pub(crate) for_senders: u64,
    /// Random and known names.
    pub(crate) controls: u64,
    /// By the learner, beside its controls.
    pub(crate) for_learning: u64,
    /// Names that were not asked for, since a limit was reached.
    pub(crate) over_limit: u64,
}

impl ProbeCounts {
    pub(crate) fn all(&self) -> u64 {
        self.for_senders + self.controls + self.for_learning
    }
}

/// Asks the servers of all organisations.
#[derive(Debug, Default)]
pub(crate) struct Callout {
    names: HashMap<DomainId, AskedName>,
    sources: HashMap<SourceKey, RateWindow>,
}

/// What is known of one name and its server.
#[derive(Debug)]
pub(crate) struct AskedName {
    pub(crate) server: Arc<OwnServer>,
    records: VerificationRecords,
    route: Option<Route>,
    rate: RateWindow,
    server_rate: RateWindow,
    /// An address that it took of late.
    known: Option<LocalPart>,
    /// Some that are listed.
    pub(crate) listed: Vec<LocalPart>,
    pub(crate) counts: ProbeCounts,
    randoms: u64,
}

impl Callout {
    pub(crate) fn add(&mut self, domain: DomainId, server: Arc<OwnServer>) {
        self.names.insert(domain, AskedName::of(server));
    }

    pub(crate) fn name(&mut self, domain: DomainId) -> Option<&mut AskedName> {
        self.names.get_mut(&domain)
    }

    /// What is known of a recipient that its list does not decide; its server is asked where that is due and allowed.
    pub(crate) fn ask(
        &mut self,
        domain: DomainId,
        local: &LocalPart,
        source: ProbeSource,
        now: Timestamp,
    ) -> Knowledge {
        let Some(name) = self.names.get_mut(&domain) else { return Knowledge::Undecided };
        let record = name.records.find(local.as_str(), now);
        let route = name.route(now);
        let (known, is_refresh) = match judge(record, &route, now) {
            Judgement::Known(known) => return known,
            Judgement::Refresh(known) => (known, true),
            Judgement::Ask => (after_asking(ServerAnswer::Undecided, record, &route, now), false),
        };
        if self.sources.len() >= SOURCES_SWEPT_AT {
            self.sources.retain(|_, rate| !rate.is_over(now));
        }
        let limits = ProbeLimits {
            domain: &mut name.rate,
            server: &mut name.server_rate,
            source: self.sources.entry(source.key).or_default(),
        };
        if !limits.take(route.trust(now) == RouteTrust::Trusted, source.class, &ProbeShare::ALONE, now) {
            name.counts.over_limit += 1;
            return known;
        }
        name.counts.for_senders += 1;
        let answer = name.server.answer(local, now);
        let answered = name.settle(local, answer, now);
        if is_refresh { known } else { answered }
    }

    /// Forgets what holds no more.
    pub(crate) fn sweep(&mut self, now: Timestamp) {
        self.sources.retain(|_, rate| !rate.is_over(now));
        self.names.values_mut().for_each(|name| {
            name.records.sweep(now);
        });
    }
}

impl AskedName {
    fn of(server: Arc<OwnServer>) -> Self {
        Self {
            server,
            records: VerificationRecords::default(),
            route: None,
            rate: RateWindow::default(),
            server_rate: RateWindow::default(),
            known: None,
            listed: Vec::new(),
            counts: ProbeCounts::default(),
            randoms: 0,
        }
    }

    /// What is known of its server's answers.
    pub(crate) fn route(&self, now: Timestamp) -> Route {
        self.route.unwrap_or(Route::new(now))
    }

    /// Takes the answer to a name. What it is worth is found out first, where nobody knows it.
    fn settle(&mut self, local: &LocalPart, answer: ServerAnswer, now: Timestamp) -> Knowledge {
        if answer == ServerAnswer::NoSuchUser && self.route(now).wants_known(now) {
            self.ask_known(now, KNOWN_TRIED);
        }
        let (record, route) = (self.records.find(local.as_str(), now), self.route(now));
        let is_kept = answer != ServerAnswer::NoSuchUser || route.knowledge_of_absent(now) != Knowledge::Undecided;
        if is_kept {
            self.records.note(local.as_str(), answer, now);
        }
        let known = after_asking(answer, record, &route, now);
        if answer == ServerAnswer::Exists && route.wants_random(TRUSTED_FOR, now) {
            self.ask_random(now);
        }
        known
    }

    /// One that took mail of late, then listed ones.
    fn ask_known(&mut self, now: Timestamp, tries: usize) {
        let names: Vec<LocalPart> = self.known.iter().chain(&self.listed).take(tries).cloned().collect();
        for name in names {
            self.counts.controls += 1;
            let answer = self.server.answer(&name, now);
            if answer == ServerAnswer::Undecided {
                return;
            }
            let taken = answer == ServerAnswer::Exists;
            self.route.get_or_insert(Route::new(now)).known_answered(taken, now);
            if taken {
                return;
            }
        }
    }

    fn ask_random(&mut self, now: Timestamp) {
        self.randoms += 1;
        self.counts.controls += 1;
        let random = LocalPart::from_canonical(&format!("zq{:06}xkvw", self.randoms));
        let answer = self.server.answer(&random, now);
        if answer != ServerAnswer::Undecided {
            let taken = answer == ServerAnswer::Exists;
            self.route.get_or_insert(Route::new(now)).random_answered(taken, now);
        }
    }

    /// The learner asks for the controls: nobody's rate counts.
    pub(crate) fn ask_controls(&mut self, now: Timestamp) {
        self.ask_random(now);
        self.ask_known(now, 1);
    }

    /// The learner asks for an address.
    pub(crate) fn ask_now(&mut self, local: &LocalPart, now: Timestamp) -> ServerAnswer {
        self.counts.for_learning += 1;
        let answer = self.server.answer(local, now);
        self.settle(local, answer, now);
        answer
    }

    /// Its server took a message.
    pub(crate) fn delivered(&mut self, local: &LocalPart, now: Timestamp) {
        let known = self.route.and_then(|route| route.known);
        if known.is_some_and(|known| known.taken && now.since(known.at) < FRESH) && self.known.is_some() {
            return;
        }
        self.known = Some(local.clone());
        self.route.get_or_insert(Route::new(now)).known_answered(true, now);
    }
}
