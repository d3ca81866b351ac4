//! Candidates: addresses on no list that got clean mail which the domain's own server took. A person decides on each.

use crate::accounts::{check_count, named, no_catch_all};
use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::change::{Change, Source, Structure};
use doorlist_core::domain::DomainId;
use doorlist_core::learning::{CANDIDATES_MAX, Candidate, CandidateState};
use doorlist_core::time::Timestamp;
use doorlist_store::LearningBook;
use doorlist_store::recipients::Applied;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Domains of senders that are named of a candidate.
const SENDERS_NAMED_MAX: usize = 5;

/// Lists the candidates of a domain, those with the most messages first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CandidateList {
    pub domain: DomainName,
    /// Also those that somebody ignores.
    pub ignored: bool,
    /// At most so many.
    pub limit: u32,
}

/// An address on no list, with its evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateEntry {
    pub address: Address,
    pub state: CandidateState,
    /// Clean messages that the domain's server took for it.
    pub messages: u64,
    /// Distinct senders: a number, with a plus where there may be more.
    pub senders: String,
    /// Domains of its senders, at most five; an empty one is the null sender.
    pub sender_domains: Vec<String>,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
}

/// Adds candidates as accounts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CandidateAdd {
    /// 1 to [`ADDRESSES_MAX`](crate::ADDRESSES_MAX) of them, each a candidate.
    pub addresses: Vec<Address>,
}

/// Adds candidates as aliases of an account of their domain.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CandidateAlias {
    /// 1 to [`ADDRESSES_MAX`](crate::ADDRESSES_MAX) of them, each a candidate.
    pub addresses: Vec<Address>,
    pub account: Address,
}

/// Refuses candidates: a veto, as for an account that is removed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CandidateRefuse {
    /// 1 to [`ADDRESSES_MAX`](crate::ADDRESSES_MAX) of them, each a candidate.
    pub addresses: Vec<Address>,
}

/// Hides candidates, or shows them again; mail for them is answered as before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CandidateIgnore {
    /// 1 to [`ADDRESSES_MAX`](crate::ADDRESSES_MAX) of them, each a candidate.
    pub addresses: Vec<Address>,
    /// Show those again that were hidden.
    pub again: bool,
}

impl Action for CandidateList {
    type Answer = Vec<CandidateEntry>;

    fn reach(&self) -> Reach {
        Reach::domain(&self.domain, true)
    }

    async fn run(self, actions: &Actions) -> Result<Vec<CandidateEntry>, ActionError> {
        let summary = actions.services.domain_details(&self.domain).await?.summary;
        let limit = self.limit.min(u32::try_from(CANDIDATES_MAX).unwrap_or(u32::MAX));
        let found = actions.candidate_book().candidates(summary.id, self.ignored, limit).await?;
        let list = actions.services.recipients.snapshot();
        let Some(domain) = list.domain(&summary.name) else { return Err(ActionError::NotFound) };
        let shown = found.into_iter().map(|candidate| entry(&summary.name, candidate));
        // On the list by another way, or removed by a person: decided on already.
        let is_open =
            |entry: &CandidateEntry| list.lookup(domain, &entry.address) == doorlist_core::list::Match::Unlisted;
        Ok(shown.filter(is_open).collect())
    }
}

impl Action for CandidateAdd {
    type Answer = Applied;

    fn reach(&self) -> Reach {
        Reach::addresses(&self.addresses, false)
    }

    async fn run(self, actions: &Actions) -> Result<Applied, ActionError> {
        no_catch_all(self.addresses.iter().map(Address::local))?;
        let claim = |address| Change::Claim { address, structure: Structure::Mailbox, source: Source::Hand };
        actions.decide_on(self.addresses, "candidates added", claim).await
    }
}

impl Action for CandidateAlias {
    type Answer = Applied;

    fn reach(&self) -> Reach {
        Reach::addresses(self.addresses.iter().chain([&self.account]), false)
    }

    async fn run(self, actions: &Actions) -> Result<Applied, ActionError> {
        if self.addresses.iter().any(|address| address.domain() != self.account.domain()) {
            let message = "an alias leads to an account of its own domain. Nothing was changed";
            return Err(ActionError::new(ErrorKind::Usage, message));
        }
        let structure = Structure::AliasOf(self.account.local().clone());
        let words = format!("candidates are aliases of {} now", self.account);
        let claim = |address| Change::Claim { address, structure: structure.clone(), source: Source::Hand };
        actions.decide_on(self.addresses, &words, claim).await
    }
}

impl Action for CandidateRefuse {
    type Answer = Applied;

    fn reach(&self) -> Reach {
        Reach::addresses(&self.addresses, false)
    }

    async fn run(self, actions: &Actions) -> Result<Applied, ActionError> {
        actions.decide_on(self.addresses, "candidates refused", |address| Change::Veto { address }).await
    }
}

impl Action for CandidateIgnore {
    type Answer = Vec<CandidateEntry>;

    fn reach(&self) -> Reach {
        Reach::addresses(&self.addresses, false)
    }

    async fn run(self, actions: &Actions) -> Result<Vec<CandidateEntry>, ActionError> {
        let state = if self.again { CandidateState::Seen } else { CandidateState::Ignored };
        let mut decided = Vec::new();
        let found = actions.candidates_of(&self.addresses).await?;
        for (domain, name, mut candidates) in found {
            candidates.iter_mut().for_each(|candidate| candidate.state = state);
            actions.candidate_book().decide(domain, &candidates).await?;
            decided.extend(candidates.into_iter().map(|candidate| entry(&name, candidate)));
        }
        Ok(decided)
    }
}

impl Actions {
    fn candidate_book(&self) -> LearningBook {
        LearningBook::of(&self.services.recipients)
    }

    /// One change for all of them, which must be candidates; then they are none any more.
    async fn decide_on(
        &self,
        addresses: Vec<Address>,
        words: &str,
        change: impl Fn(Address) -> Change,
    ) -> Result<Applied, ActionError> {
        let found = self.candidates_of(&addresses).await?;
        let summary = format!("{words}: {}", named(&addresses));
        let applied = self.apply(addresses.into_iter().map(change).collect(), summary).await?;
        for (domain, _, candidates) in found {
            let locals: Vec<LocalPart> = candidates.into_iter().map(|candidate| candidate.local).collect();
            self.candidate_book().forget(domain, &locals).await?;
        }
        Ok(applied)
    }

    /// The candidates of these addresses, by domain.
    ///
    /// # Errors
    /// When one of them is none.
    async fn candidates_of(
        &self,
        addresses: &[Address],
    ) -> Result<Vec<(DomainId, DomainName, Vec<Candidate>)>, ActionError> {
        check_count(addresses.len())?;
        let mut found = Vec::new();
        for name in addresses.iter().map(Address::domain).collect::<BTreeSet<_>>() {
            let summary = self.services.domain_details(name).await?.summary;
            let of_it = || addresses.iter().filter(|address| address.domain() == name);
            let locals: Vec<LocalPart> = of_it().map(|address| address.local().clone()).collect();
            let candidates = self.candidate_book().find(summary.id, &locals).await?;
            let missing = of_it().find(|address| !candidates.iter().any(|one| one.local == *address.local()));
            if let Some(address) = missing {
                let message = format!(
                    "{address} is not a candidate; `account add` and `account remove` take any address. Nothing was changed"
                );
                return Err(ActionError::new(ErrorKind::NotFound, message));
            }
            found.push((summary.id, summary.name, candidates));
        }
        Ok(found)
    }
}

fn entry(domain: &DomainName, candidate: Candidate) -> CandidateEntry {
    let of = |sender: &str| sender.rsplit_once('@').map_or("", |(_, domain)| domain).to_owned();
    let domains: BTreeSet<String> = candidate.senders.iter().map(|sender| of(sender)).collect();
    CandidateEntry {
        senders: candidate.senders_text(),
        address: Address::new(candidate.local, domain.clone()),
        state: candidate.state,
        messages: candidate.messages,
        sender_domains: domains.into_iter().take(SENDERS_NAMED_MAX).collect(),
        first_seen: candidate.first_seen,
        last_seen: candidate.last_seen,
    }
}
