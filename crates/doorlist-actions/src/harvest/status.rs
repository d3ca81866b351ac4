//! What the harvest defence does now: states of domains, blocks, the last events; of one domain also the names that were
//! guessed, and the real ones that measures deferred.

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::ActionError;
use doorlist_core::address::{Address, DomainName};
use doorlist_core::harvest::{AttackState, Block};
use doorlist_core::policy::{Reason, Recipient, ReturnPath, SourceStanding, Verdict, decide};
use doorlist_core::time::Timestamp;
use doorlist_store::harvest::HarvestEvent;
use doorlist_store::mail_log::{MailAction, MailFilter, SEARCH_MAX};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Events of one answer.
const EVENTS_MAX: u32 = 50;
/// Names of one answer.
const NAMES_MAX: usize = 20;
/// How far back names are looked for.
const NAMES_OF: Duration = Duration::from_hours(24);
/// The sign of a slow attack that a node has not written again for so long is no more: the node is gone.
const SIGN_OLD: Duration = Duration::from_hours(3);

/// Shows what the harvest defence does now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HarvestStatus {
    /// Only this domain, with more of it.
    pub name: Option<DomainName>,
}

/// What the harvest defence does now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HarvestReport {
    /// Sources that are flagged now.
    pub sources_flagged: u64,
    pub blocks: Vec<Block>,
    /// Domains that are not normal or show the sign of a slow attack, or the one that was asked for.
    pub domains: Vec<HarvestDomain>,
    /// The last events, the newest first.
    pub events: Vec<HarvestEvent>,
    /// Of one domain: names of the last day.
    pub names: Option<HarvestNames>,
}

/// The state of a domain as a node sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HarvestDomain {
    pub name: DomainName,
    pub node: u16,
    pub state: AttackState,
    pub since: Timestamp,
    /// When it ends at the latest.
    pub until: Timestamp,
    /// Distinct unknown names within ten minutes when it changed last.
    pub rate: u32,
    /// Since when it shows the sign of a slow attack, if it does.
    pub slow_since: Option<Timestamp>,
    /// Distinct unknown names within 24 hours by sources without a good record, as they were written last.
    pub names_of_day: u32,
}

/// Names of a domain that were asked for within a day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HarvestNames {
    /// Names that do not exist, or of which nothing is known.
    pub guessed: u64,
    /// The most asked for of them, with the number of attempts.
    pub guessed_most: Vec<(Address, u64)>,
    /// Listed addresses that a measure deferred.
    pub listed: u64,
    /// The most asked for of them, with the number of attempts.
    pub listed_most: Vec<(Address, u64)>,
}

impl Action for HarvestStatus {
    type Answer = HarvestReport;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    fn is_heavy(&self) -> bool {
        true
    }

    async fn run(self, actions: &Actions) -> Result<HarvestReport, ActionError> {
        let (book, now) = (actions.harvest_book(), actions.now());
        let domain = match &self.name {
            Some(name) => {
                let name = actions.services.domain_details(name).await?.summary.name;
                let list = actions.services.recipients.snapshot();
                Some(list.domain(&name).cloned().ok_or(ActionError::NotFound)?)
            }
            None => None,
        };
        let id = domain.as_ref().map(|domain| domain.id);
        let names = actions.domain_names();
        let states = book.states(id).await?.into_iter().filter_map(|row| {
            let (name, is_over) = (names.get(&row.domain)?.clone(), row.until <= now);
            let state = if is_over { AttackState::Normal } else { row.state };
            // A node with such a sign writes each hour.
            let slow_since = row.slow_since.filter(|_| now.since(row.noted) < SIGN_OLD);
            let wanted = id.is_some() || state != AttackState::Normal || slow_since.is_some();
            let (node, since, until, rate) = (row.node, row.since, row.until, row.rate);
            let names_of_day = row.hours.iter().fold(0u32, |sum, hour| sum.saturating_add(*hour));
            wanted.then_some(HarvestDomain { name, node, state, since, until, rate, slow_since, names_of_day })
        });
        Ok(HarvestReport {
            sources_flagged: book.flagged_count(now).await?,
            blocks: book.blocks(now).await?,
            domains: states.collect(),
            events: book.events(id, EVENTS_MAX).await?,
            names: match domain {
                Some(domain) => Some(actions.harvested_names(&domain.name).await?),
                None => None,
            },
        })
    }
}

impl Actions {
    /// Names of a domain that were refused or deferred within the last day, by whether they exist; of very many the newest.
    async fn harvested_names(&self, name: &DomainName) -> Result<HarvestNames, ActionError> {
        let list = self.services.recipients.snapshot();
        let Some(domain) = list.domain(name) else { return Err(ActionError::NotFound) };
        let is_wanted = |reason: &&Reason| {
            let by_measure = matches!(reason, Reason::SourceFlagged | Reason::UnderAttack);
            by_measure || (reason.is_unlisted() && reason.verdict() != Verdict::Accept)
        };
        let reasons: BTreeSet<&str> = Reason::ALL.iter().filter(is_wanted).map(|reason| reason.word()).collect();
        let (mut guessed, mut listed) = (BTreeMap::<Address, u64>::new(), BTreeMap::<Address, u64>::new());
        for action in [MailAction::Refused, MailAction::Deferred] {
            let (domain, since) = (Some(domain.id), Some(self.now() - NAMES_OF));
            let filter = MailFilter { domain, since, action: Some(action), limit: SEARCH_MAX, ..MailFilter::default() };
            for logged in self.services.mail_log.search(&filter).await? {
                let Ok(address) = logged.entry.recipient.parse::<Address>() else { continue };
                if !reasons.contains(&*logged.entry.reason) {
                    continue;
                }
                let recipient = Recipient::Address(address.clone());
                let decision = decide(&recipient, &list, ReturnPath::Address, SourceStanding::Normal, self.now());
                let names = if decision.verdict == Verdict::Accept { &mut listed } else { &mut guessed };
                *names.entry(address).or_default() += u64::from(logged.times);
            }
        }
        Ok(HarvestNames {
            guessed: guessed.len() as u64,
            listed: listed.len() as u64,
            guessed_most: most(guessed),
            listed_most: most(listed),
        })
    }
}

/// The names with the most attempts.
fn most(names: BTreeMap<Address, u64>) -> Vec<(Address, u64)> {
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    names.truncate(NAMES_MAX);
    names
}
