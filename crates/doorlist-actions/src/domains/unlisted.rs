//! Recipients of a domain that were deferred or refused since they are not on its list: what to look at before the list
//! is enforced, and afterwards.

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::{Address, DomainName};
use doorlist_core::policy::{Reason, Recipient, ReturnPath, SourceStanding, Verdict, decide};
use doorlist_core::time::Timestamp;
use doorlist_store::mail_log::{AskedQuery, AskedRecipient};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Days of deferred recipients that are looked at before a list is enforced.
pub const ENFORCE_LOOK_DAYS: u16 = 14;
/// Recipients of one answer.
pub const UNLISTED_MAX: usize = 1_000;
/// Domains of senders that are named of a recipient.
const SENDERS_NAMED_MAX: usize = 5;

/// Lists the recipients of a domain that were deferred or refused as unlisted, and still are not on its list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DomainUnlisted {
    /// Its name, or a domain alias.
    pub name: DomainName,
    /// How many days back.
    pub days: u16,
    /// At most so many of them, the most asked for first.
    pub limit: usize,
}

/// The recipients that are not on a list, by how often they were asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnlistedReport {
    pub domain: DomainName,
    pub since: Timestamp,
    /// How many there are.
    pub total: u64,
    /// Those of the answer, the most asked for first.
    pub recipients: Vec<UnlistedRecipient>,
    /// Attempts in floods, of which only the count was kept.
    pub unnamed: u64,
}

/// A recipient that is not on the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnlistedRecipient {
    pub address: Address,
    pub times: u64,
    pub last: Timestamp,
    /// Domains of its senders, at most five; an empty one is the null sender.
    pub sender_domains: Vec<String>,
    /// How many domains sent to it.
    pub sender_domains_total: u64,
}

impl Action for DomainUnlisted {
    type Answer = UnlistedReport;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    fn is_heavy(&self) -> bool {
        true
    }

    async fn run(self, actions: &Actions) -> Result<UnlistedReport, ActionError> {
        if self.days == 0 || self.limit == 0 {
            return Err(ActionError::new(ErrorKind::Usage, "ask for one day and one recipient at least"));
        }
        let asked =
            actions.asked_in_vain(&self.name, self.days, &[Verdict::Accept, Verdict::Defer, Verdict::Reject]).await?;
        Ok(asked.report(self.limit.min(UNLISTED_MAX)))
    }
}

impl Actions {
    /// Recipients of the domain that were answered so since they are not on its list, and still are not.
    pub(super) async fn asked_in_vain(
        &self,
        name: &DomainName,
        days: u16,
        verdicts: &[Verdict],
    ) -> Result<AskedInVain, ActionError> {
        let summary = self.services.domain_details(name).await?.summary;
        let list = self.services.recipients.snapshot();
        let Some(domain) = list.domain(&summary.name) else { return Err(ActionError::NotFound) };
        let since = self.now() - Duration::from_hours(24 * u64::from(days));
        let reasons = Reason::ALL.iter().filter(|reason| reason.is_unlisted() && verdicts.contains(&reason.verdict()));
        let reasons: Vec<&str> = reasons.map(|reason| reason.word()).collect();
        let query = AskedQuery { domain: domain.id, since, reasons: &reasons };
        let pairs = self.services.mail_log.asked_in_vain(&query).await?;
        let mut asked = AskedInVain { domain: summary.name, since, recipients: BTreeMap::new(), unnamed: 0 };
        let is_unlisted = |address: &Address| {
            let recipient = Recipient::Address(address.clone());
            decide(&recipient, &list, ReturnPath::Address, SourceStanding::Normal, self.now()).reason.is_unlisted()
        };
        for pair in pairs {
            asked.count(&pair, is_unlisted);
        }
        Ok(asked)
    }
}

/// What was asked for, by address.
pub(super) struct AskedInVain {
    domain: DomainName,
    since: Timestamp,
    recipients: BTreeMap<Address, AskedSum>,
    unnamed: u64,
}

struct AskedSum {
    times: u64,
    last: Timestamp,
    sender_domains: BTreeSet<String>,
}

impl AskedInVain {
    /// How many recipients it were.
    pub(super) fn total(&self) -> u64 {
        self.recipients.len() as u64
    }

    fn count(&mut self, pair: &AskedRecipient, is_unlisted: impl Fn(&Address) -> bool) {
        let Ok(address) = pair.recipient.parse::<Address>() else {
            self.unnamed += pair.times;
            return;
        };
        if !is_unlisted(&address) {
            return;
        }
        let fresh = || AskedSum { times: 0, last: pair.last, sender_domains: BTreeSet::new() };
        let sum = self.recipients.entry(address).or_insert_with(fresh);
        sum.times += pair.times;
        sum.last = sum.last.max(pair.last);
        let domain = pair.sender.rsplit_once('@').map_or("", |(_, domain)| domain);
        sum.sender_domains.insert(domain.to_owned());
    }

    fn report(self, limit: usize) -> UnlistedReport {
        let total = self.total();
        let shown = |(address, sum): (Address, AskedSum)| UnlistedRecipient {
            address,
            times: sum.times,
            last: sum.last,
            sender_domains_total: sum.sender_domains.len() as u64,
            sender_domains: sum.sender_domains.into_iter().take(SENDERS_NAMED_MAX).collect(),
        };
        let mut recipients: Vec<_> = self.recipients.into_iter().map(shown).collect();
        recipients.sort_by(|a, b| (b.times, b.last).cmp(&(a.times, a.last)).then_with(|| a.address.cmp(&b.address)));
        recipients.truncate(limit);
        UnlistedReport { domain: self.domain, since: self.since, total, recipients, unnamed: self.unnamed }
    }
}
