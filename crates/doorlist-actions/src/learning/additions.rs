//! Candidates that have what it needs are added to their list, as claims *learned*.

use super::questions::{AddressQuestion, route};
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
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Candidates of one domain that one look decides on, beside those that wait for their day alone.
const LOOKED_AT_MAX: u32 = 5_000;
/// Candidates of all domains that one look decides on, but for what its last domain has more; the next look goes on behind
/// that domain.
const LOOKED_AT_IN_ALL: usize = 20_000;

/// A domain with the candidates that one look decides on.
struct WaitingDomain {
    domain: Arc<ProtectedDomain>,
    candidates: Vec<Candidate>,
    /// How many addresses may still be added today.
    room: u64,
}

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
        let waiting = self.waiting(&book, domains, now).await?;
        self.prove(&waiting, now).await;
        let mut learned = Vec::new();
        for WaitingDomain { domain, candidates, room } in waiting {
            let addresses = self.add_to(&book, &domain, candidates, room).await?;
            if addresses > 0 {
                learned.push(Learned { domain: domain.name.clone(), addresses });
            }
        }
        Ok(learned)
    }

    /// The domains that one look decides on, with their candidates: those behind the last one of the look before come first.
    async fn waiting(
        &mut self,
        book: &LearningBook,
        mut domains: Vec<DomainId>,
        now: Timestamp,
    ) -> Result<Vec<WaitingDomain>, ActionError> {
        domains.sort_unstable();
        let behind = self.last.map_or(0, |last| domains.partition_point(|id| *id <= last));
        domains.rotate_left(behind);
        let (mut waiting, mut in_all) = (Vec::new(), 0);
        for id in domains {
            if in_all >= LOOKED_AT_IN_ALL {
                break;
            }
            self.last = Some(id);
            let room = ADDED_PER_DAY_MAX.saturating_sub(book.learned_since(id, now - DAY).await?);
            let places = u32::try_from(room).unwrap_or(u32::MAX);
            // Those who have waited for a day come first.
            let mut candidates = book.waiting(id, CandidateState::Proven, places).await?;
            candidates.extend(book.waiting(id, CandidateState::Waiting, LOOKED_AT_MAX).await?);
            let Some(first) = candidates.first() else { continue };
            let list = self.services.recipients.snapshot();
            match list.domain(&first.evidence.name).filter(|domain| domain.id == id) {
                Some(domain) => {
                    in_all += candidates.len();
                    waiting.push(WaitingDomain { domain: Arc::clone(domain), candidates, room });
                }
                None => {
                    let locals: Vec<LocalPart> = candidates.into_iter().map(|candidate| candidate.local).collect();
                    book.forget(id, &locals).await?;
                }
            }
        }
        Ok(waiting)
    }

    /// Asks the domains' servers for what these candidates lack: the controls of all, then the addresses of all. A server
    /// that does not answer keeps no other one waiting.
    async fn prove(&mut self, waiting: &[WaitingDomain], now: Timestamp) {
        let Some(server) = self.services.server.clone() else { return };
        let list = self.services.recipients.snapshot();
        let lacking = |learner: &Self| {
            let (mut controls, mut addresses) = (BTreeSet::new(), BTreeSet::new());
            let may_be_asked = |domain: &ProtectedDomain| domain.mode.learns(now) && !domain.hold;
            for WaitingDomain { domain, candidates, .. } in waiting.iter().filter(|one| may_be_asked(&one.domain)) {
                for candidate in candidates {
                    match learner.known_step(&list, domain, candidate, now) {
                        LearningStep::AskControls => drop(controls.insert(candidate.evidence.name.clone())),
                        LearningStep::Ask(local) => drop(addresses.insert(question(candidate, &local))),
                        LearningStep::Add(..) | LearningStep::Forget | LearningStep::Leave(_) => {}
                    }
                }
            }
            (controls, addresses)
        };
        let (controls, _) = lacking(self);
        self.questions.ask_controls(&server, controls, now).await;
        let (_, addresses) = lacking(self);
        self.questions.ask(&server, addresses, now).await;
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
        let list = self.services.recipients.snapshot();
        for candidate in candidates {
            let step = self.known_step(&list, domain, &candidate, now);
            decide(domain, candidate, step, room, now, &mut decisions);
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

    /// What is to be done for a candidate by what is known now.
    fn known_step(
        &self,
        list: &Snapshot,
        domain: &ProtectedDomain,
        candidate: &Candidate,
        now: Timestamp,
    ) -> LearningStep {
        let Candidate { evidence, .. } = candidate;
        let server = self.services.server.as_ref();
        let route = server.and_then(|server| route(server.as_ref(), &evidence.name, &evidence.server));
        let world = Known { list, domain, candidate, route, learner: self };
        next_step(candidate, domain.separators(), &world, now)
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

/// What becomes of one candidate.
fn decide(
    domain: &ProtectedDomain,
    mut candidate: Candidate,
    step: LearningStep,
    room: u64,
    now: Timestamp,
    decisions: &mut Decisions,
) {
    if !domain.mode.learns(now) {
        candidate.state = CandidateState::Seen;
        return decisions.kept.push(candidate);
    }
    match step {
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

/// This address, asked of the server that took the candidate's message.
fn question(candidate: &Candidate, local: &LocalPart) -> AddressQuestion {
    let evidence = &candidate.evidence;
    AddressQuestion { address: Address::new(local.clone(), evidence.name.clone()), server: evidence.server.clone() }
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
        self.learner.questions.answer(&question(self.candidate, local))
    }

    fn random_rest(&self, base: &LocalPart, separator: char) -> LocalPart {
        let mark = self.learner.questions.mark(base, self.candidate.evidence.queue_id);
        LocalPart::from_canonical(&format!("{base}{separator}{mark:016x}"))
    }
}
