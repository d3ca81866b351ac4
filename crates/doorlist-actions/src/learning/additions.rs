//! Candidates that have what it needs are added to their list, as claims *learned*.

use super::questions::route;
use super::{Learned, Learner, actor};
use crate::error::ActionError;
use doorlist_core::address::{Address, LocalPart};
use doorlist_core::change::{Change, ChangeSet, Source, Structure};
use doorlist_core::domain::{DomainId, ProtectedDomain};
use doorlist_core::learning::{
    ADDED_PER_DAY_MAX, Candidate, CandidateState, DAY, LearningContext, LearningStep, ListStanding, next_step,
};
use doorlist_core::list::{Match, Snapshot};
use doorlist_core::time::Timestamp;
use doorlist_core::verification::{Route, ServerAnswer};
use doorlist_store::LearningBook;
use doorlist_store::learning::LearnedAddress;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Candidates of one domain that one look decides on, beside those that wait for their day alone.
const LOOKED_AT_MAX: u32 = 5_000;
/// Questions for one candidate: controls, then one address.
const QUESTIONS_MAX: usize = 2;

/// What becomes of the candidates of one domain.
#[derive(Debug, Default)]
struct Decisions {
    /// By the address that is added; several candidates may have one base.
    add: BTreeMap<LocalPart, LearnedAddress>,
    /// Candidates that are none any more.
    gone: Vec<LocalPart>,
    /// Candidates with another state, or with what was found out.
    kept: Vec<Candidate>,
}

impl Learner {
    /// Decides on the candidates of these domains that wait. The limits are each domain's own: one with many keeps no other
    /// one waiting.
    pub(super) async fn add_addresses(&mut self, domains: Vec<DomainId>) -> Result<Vec<Learned>, ActionError> {
        let book = LearningBook::of(&self.services.recipients);
        let now = self.services.now();
        self.questions.begin(now);
        let mut learned = Vec::new();
        for id in domains {
            let room = ADDED_PER_DAY_MAX.saturating_sub(book.learned_since(id, now - DAY).await?);
            let places = u32::try_from(room).unwrap_or(u32::MAX);
            // Those who have waited for a day come first.
            let mut candidates = book.waiting(id, CandidateState::Proven, places).await?;
            candidates.extend(book.waiting(id, CandidateState::Waiting, LOOKED_AT_MAX).await?);
            if candidates.is_empty() {
                continue;
            }
            let list = self.services.recipients.snapshot();
            let name = candidates.first().map(|candidate| &candidate.evidence.name);
            let domain = name.and_then(|name| list.domain(name)).filter(|domain| domain.id == id).map(Arc::clone);
            let Some(domain) = domain else {
                let locals: Vec<LocalPart> = candidates.into_iter().map(|candidate| candidate.local).collect();
                book.forget(id, &locals).await?;
                continue;
            };
            let addresses = self.add_to(&book, &domain, candidates, room).await?;
            if addresses > 0 {
                learned.push(Learned { domain: domain.name.clone(), addresses });
            }
        }
        Ok(learned)
    }

    /// The candidates of one domain. How many addresses were added.
    async fn add_to(
        &mut self,
        book: &LearningBook,
        domain: &ProtectedDomain,
        candidates: Vec<Candidate>,
        room: u64,
    ) -> Result<u64, ActionError> {
        let now = self.services.now();
        let mut decisions = Decisions::default();
        for candidate in candidates {
            self.decide(domain, candidate, room, now, &mut decisions).await;
        }
        let Decisions { add, gone, kept } = decisions;
        let added: Vec<LearnedAddress> = add.into_values().collect();
        // The evidence first: what is on the list has it, whatever crashes in between.
        book.learned(domain.id, &added, &[]).await?;
        let count = self.apply(domain, &added).await?;
        book.forget(domain.id, &gone).await?;
        book.decide(domain.id, &kept).await?;
        Ok(count)
    }

    async fn decide(
        &mut self,
        domain: &ProtectedDomain,
        mut candidate: Candidate,
        room: u64,
        now: Timestamp,
        decisions: &mut Decisions,
    ) {
        if !domain.mode.learns(now) {
            candidate.state = CandidateState::Seen;
            return decisions.kept.push(candidate);
        }
        match self.step(domain, &candidate, now).await {
            LearningStep::Forget => decisions.gone.push(candidate.local),
            LearningStep::Leave(_) => {
                candidate.state = CandidateState::Seen;
                decisions.kept.push(candidate);
            }
            // The next look goes on.
            LearningStep::AskControls | LearningStep::Ask(_) => {}
            LearningStep::Add(local, control) => {
                candidate.evidence.control = Some(control);
                let is_counted = decisions.add.contains_key(&local);
                if !is_counted && decisions.add.len() as u64 >= room {
                    // Its turn comes on one of the next days, with what is known now.
                    candidate.state = CandidateState::Proven;
                    return decisions.kept.push(candidate);
                }
                let Candidate { messages, evidence, local: own, .. } = candidate;
                let added = LearnedAddress { local: local.clone(), learned: now, messages, evidence };
                decisions.add.entry(local).or_insert(added);
                decisions.gone.push(own);
            }
        }
    }

    /// What is to be done for a candidate, when the questions that it needs were asked.
    async fn step(&mut self, domain: &ProtectedDomain, candidate: &Candidate, now: Timestamp) -> LearningStep {
        let list = self.services.recipients.snapshot();
        let server = self.services.server.clone();
        let (name, who) = (&candidate.evidence.name, &candidate.evidence.server);
        let mut asked = 0;
        loop {
            let known = server.as_ref().and_then(|server| route(server.as_ref(), name, who));
            let world = Known { list: &list, domain, candidate, route: known, learner: self };
            let step = next_step(candidate, domain.sub_addressing, &world, now);
            let Some(server) = server.as_deref().filter(|_| !domain.hold && asked < QUESTIONS_MAX) else { return step };
            asked += 1;
            let is_answered = match &step {
                LearningStep::AskControls => self.questions.ask_controls(server, name, now).await,
                LearningStep::Ask(local) => self.questions.ask(server, name, local, who, now).await,
                _ => return step,
            };
            if !is_answered {
                return step;
            }
        }
    }

    /// Adds the addresses. How many are new on the list.
    async fn apply(&self, domain: &ProtectedDomain, added: &[LearnedAddress]) -> Result<u64, ActionError> {
        if added.is_empty() {
            return Ok(0);
        }
        let claim = |address: &LearnedAddress| Change::Claim {
            address: Address::new(address.local.clone(), domain.name.clone()),
            structure: Structure::Mailbox,
            source: Source::Learned,
        };
        let summary = match added {
            [one] => format!("learned from mail: {}@{}", one.local, domain.name),
            more => format!("learned from mail: {} addresses of {}", more.len(), domain.name),
        };
        let set = ChangeSet { changes: added.iter().map(claim).collect(), summary };
        Ok(self.services.recipients.apply(&set, &actor(), None).await?.added)
    }
}

/// What is known when a candidate is decided on.
struct Known<'a> {
    list: &'a Snapshot,
    domain: &'a ProtectedDomain,
    candidate: &'a Candidate,
    route: Option<Route>,
    learner: &'a Learner,
}

impl LearningContext for Known<'_> {
    fn standing(&self, local: &LocalPart) -> ListStanding {
        match self.list.lookup(self.domain, &Address::new(local.clone(), self.domain.name.clone())) {
            Match::Unlisted => ListStanding::Unlisted,
            Match::Vetoed(_) | Match::NotOurs => ListStanding::Vetoed,
            _ => ListStanding::Listed,
        }
    }

    fn is_listed(&self, local: &LocalPart) -> bool {
        let entry = self.list.entry(self.domain.id, local.as_str());
        entry.is_some_and(|entry| entry.standing != doorlist_core::list::Standing::Vetoed)
    }

    fn route(&self) -> Option<Route> {
        self.route
    }

    fn answer(&self, local: &LocalPart) -> Option<ServerAnswer> {
        let evidence = &self.candidate.evidence;
        let address = Address::new(local.clone(), evidence.name.clone());
        self.learner.questions.answer(&address, &evidence.server)
    }

    fn random_rest(&self, base: &LocalPart, separator: char) -> LocalPart {
        let mark = self.learner.questions.mark(base, self.candidate.evidence.queue_id);
        LocalPart::from_canonical(&format!("{base}{separator}{mark:016x}"))
    }
}
