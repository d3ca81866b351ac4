//! What enforcing the list of a domain would do: who would have been refused, in groups, and by name where it would matter.

use super::asked::{AskedOfDomain, sender_domains};
use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::ActionError;
use doorlist_core::address::{Address, DomainName};
use doorlist_core::policy::ReturnPath;
use doorlist_core::preview::{PreviewGroup, RecipientHistory, preview};
use doorlist_core::time::Timestamp;
use doorlist_store::last_mail::MailedAddress;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

/// Days that are looked at before a list is enforced.
pub const ENFORCE_LOOK_DAYS: u16 = 14;
/// Recipients of one answer that are named.
pub const PREVIEW_NAMES_MAX: usize = 1_000;
/// Addresses that are listed no more and that are looked at.
const NO_LONGER_LISTED_MAX: u32 = 20_000;

/// Shows who would have been refused had the list as it is now been enforced.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DomainPreview {
    /// Its name, or a domain alias.
    pub name: DomainName,
    /// How many days back.
    pub days: u16,
}

/// Who would have been refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewReport {
    pub domain: DomainName,
    pub since: Timestamp,
    /// How many recipients each group has, in the order of [`PreviewGroup`].
    pub groups: BTreeMap<PreviewGroup, u64>,
    /// Those that look real, clean mail first, then those that are undecided.
    pub recipients: Vec<PreviewedRecipient>,
    /// Attempts in floods, of which only the count was kept.
    pub unnamed: u64,
}

/// A recipient that would have been refused, with what speaks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewedRecipient {
    pub group: PreviewGroup,
    pub address: Address,
    #[serde(flatten)]
    pub history: RecipientHistory,
    /// Domains of its senders, at most five; an empty one is the null sender.
    pub sender_domains: Vec<String>,
    /// The last day on which it got mail while it was listed, if it was.
    pub listed_mail: Option<Timestamp>,
    /// The last such day with clean mail.
    pub listed_clean_mail: Option<Timestamp>,
}

impl PreviewReport {
    /// How many recipients a group has.
    pub fn count(&self, group: PreviewGroup) -> u64 {
        self.groups.get(&group).copied().unwrap_or_default()
    }
}

impl Action for DomainPreview {
    type Answer = PreviewReport;

    fn reach(&self) -> Reach {
        Reach::domain(&self.name, true)
    }

    fn is_heavy(&self) -> bool {
        true
    }

    async fn run(self, actions: &Actions) -> Result<PreviewReport, ActionError> {
        actions.preview(&self.name, self.days).await
    }
}

impl Actions {
    pub(super) async fn preview(&self, name: &DomainName, days: u16) -> Result<PreviewReport, ActionError> {
        let asked = self.asked_of_domain(name, days).await?;
        let mut gone = self.no_longer_listed(&asked).await?;
        let mut found = PreviewFound::default();
        for (address, decision, recipient) in asked.judged(self.now()) {
            let Some(group) = preview(&decision, &recipient.history) else { continue };
            let mailed = gone.remove(&address);
            // Sums of a flood's names are let go as they come; what is named is few.
            found.add(group, mailed, || (address, recipient.history, sender_domains(recipient)));
        }
        for (address, mailed) in gone {
            let history = RecipientHistory { last: mailed.accepted, ..RecipientHistory::default() };
            found.add(PreviewGroup::LooksReal, Some(mailed), || (address, history, Vec::new()));
        }
        let (groups, recipients) = found.finish();
        let unnamed = asked.unnamed();
        Ok(PreviewReport { domain: asked.domain, since: asked.since, groups, recipients, unnamed })
    }

    /// Addresses that got mail as listed and would be refused now, since their source has taken them off the list.
    async fn no_longer_listed(&self, asked: &AskedOfDomain) -> Result<HashMap<Address, MailedAddress>, ActionError> {
        let last_mail = self.services.recipients.last_mail();
        let gone = last_mail.no_longer_listed(asked.id, asked.since, NO_LONGER_LISTED_MAX).await?;
        let addresses = gone.into_iter().map(|mailed| {
            let address = Address::new(mailed.local.clone(), asked.domain.clone());
            (address, mailed)
        });
        let is_unlisted =
            |address: &Address| asked.decide(address, ReturnPath::Address, self.now()).reason.is_unlisted();
        Ok(addresses.filter(|(address, _)| is_unlisted(address)).collect())
    }
}

/// What was found so far.
#[derive(Default)]
struct PreviewFound {
    groups: BTreeMap<PreviewGroup, u64>,
    recipients: Vec<PreviewedRecipient>,
}

impl PreviewFound {
    /// Counts a recipient, and keeps it if its group is shown by name. Whoever got mail while it was listed looks real.
    fn add(
        &mut self,
        group: PreviewGroup,
        mailed: Option<MailedAddress>,
        named: impl FnOnce() -> (Address, RecipientHistory, Vec<String>),
    ) {
        let group = if mailed.is_some() { PreviewGroup::LooksReal } else { group };
        *self.groups.entry(group).or_default() += 1;
        if matches!(group, PreviewGroup::LooksReal | PreviewGroup::Undecided) {
            let (address, history, sender_domains) = named();
            let listed_mail = mailed.as_ref().map(|mailed| mailed.accepted);
            let listed_clean_mail = mailed.and_then(|mailed| mailed.clean);
            self.recipients.push(PreviewedRecipient {
                group,
                address,
                history,
                sender_domains,
                listed_mail,
                listed_clean_mail,
            });
        }
    }

    /// Those with clean mail first, then by how much was taken, then by how often they were asked for.
    fn finish(mut self) -> (BTreeMap<PreviewGroup, u64>, Vec<PreviewedRecipient>) {
        let place = |it: &PreviewedRecipient| {
            let is_clean = it.history.taken.clean > 0 || it.listed_clean_mail.is_some();
            (it.group, Reverse((is_clean, it.history.taken.good(), it.history.times(), it.history.last)))
        };
        self.recipients.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| a.address.cmp(&b.address)));
        self.recipients.truncate(PREVIEW_NAMES_MAX);
        (self.groups, self.recipients)
    }
}
