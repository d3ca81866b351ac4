//! How complete the list of a domain is: how much of its clean mail went to listed addresses, and which others got the rest.

use super::asked::sender_domains;
use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::ActionError;
use crate::services::Services;
use doorlist_core::address::{Address, DomainName};
use doorlist_core::completeness::Completeness;
use doorlist_core::domain::DomainId;
use doorlist_core::preview::{AskedOutcome, preview};
use doorlist_core::time::Timestamp;
use doorlist_core::verdict::ContentVerdict;
use doorlist_store::mail_log::HourCount;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::time::Duration;

/// Recipients of one answer.
pub const MISSING_MAX: usize = 1_000;
/// Clean messages below which the share of a domain is no measure.
const MEASURED_FROM: u64 = 100;

/// Shows how much of a domain's clean mail went to listed addresses.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DomainCompleteness {
    /// Its name, or a domain alias.
    pub name: DomainName,
    /// How many days back.
    pub days: u16,
}

/// How complete a list is, by the list as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompletenessReport {
    pub domain: DomainName,
    pub since: Timestamp,
    #[serde(flatten)]
    pub completeness: Completeness,
    /// Unlisted addresses that got clean mail, at most a thousand, those with most of it first.
    pub missing: Vec<MissingRecipient>,
    /// How many there are.
    pub missing_total: u64,
    /// Clean messages for unlisted addresses in floods, of which only the count was kept.
    pub unnamed: u64,
}

/// An unlisted address that got clean mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingRecipient {
    pub address: Address,
    pub clean: u64,
    pub last: Timestamp,
    /// Domains of its senders, at most five; an empty one is the null sender.
    pub sender_domains: Vec<String>,
}

/// The completeness of all lists, by the lists as they were when mail came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompletenessOfAll {
    /// Domains with so much clean mail that their share is a measure.
    pub domains: u64,
    /// Those of them whose share is below 99 %.
    pub incomplete: u64,
    /// The lowest share, in tenths of a percent.
    pub lowest: Option<u64>,
}

impl Action for DomainCompleteness {
    type Answer = CompletenessReport;

    fn reach(&self) -> Reach {
        Reach::domain(&self.name, true)
    }

    fn is_heavy(&self) -> bool {
        true
    }

    async fn run(self, actions: &Actions) -> Result<CompletenessReport, ActionError> {
        let asked = actions.asked_of_domain(&self.name, self.days).await?;
        let of = |outcome| asked.hours.iter().filter(move |count| is_clean(count, outcome)).map(|count| count.times);
        let (listed, received): (u64, u64) = (of(AskedOutcome::Listed).sum(), of(AskedOutcome::Received).sum());
        let (mut missing, mut named) = (Vec::new(), 0_u64);
        for (address, decision, recipient) in asked.judged(actions.now()) {
            let clean = u64::from(recipient.history.received.clean);
            named += clean;
            if clean > 0 && preview(&decision, &recipient.history).is_some() {
                let (last, sender_domains) = (recipient.history.last, sender_domains(recipient));
                missing.push(MissingRecipient { address, clean, last, sender_domains });
            }
        }
        missing.sort_by(|a, b| (b.clean, b.last).cmp(&(a.clean, a.last)).then_with(|| a.address.cmp(&b.address)));
        let unnamed = received.saturating_sub(named);
        let clean = listed + named.max(received);
        let unlisted = missing.iter().map(|recipient| recipient.clean).sum::<u64>() + unnamed;
        let completeness = Completeness { clean, listed: clean.saturating_sub(unlisted) };
        let missing_total = missing.len() as u64;
        missing.truncate(MISSING_MAX);
        let (domain, since) = (asked.domain, asked.since);
        Ok(CompletenessReport { domain, since, completeness, missing, missing_total, unnamed })
    }
}

impl Services {
    /// The completeness of all lists in the last days. Reads counts alone, not names.
    ///
    /// # Errors
    /// When the mail log cannot be read.
    pub async fn completeness_of_all(&self, days: u16) -> Result<CompletenessOfAll, ActionError> {
        let since = self.now() - Duration::from_hours(24 * u64::from(days));
        let mut domains = HashMap::<DomainId, Completeness>::new();
        for count in self.mail_log.asked_hours(None, since).await? {
            let sum = domains.entry(count.domain).or_default();
            if is_clean(&count, AskedOutcome::Listed) {
                sum.listed += count.times;
                sum.clean += count.times;
            } else if is_clean(&count, AskedOutcome::Received) {
                sum.clean += count.times;
            }
        }
        let measured = domains.into_values().filter(|sum| sum.clean >= MEASURED_FROM);
        let shares: Vec<u64> = measured.filter_map(Completeness::per_mille).collect();
        Ok(CompletenessOfAll {
            domains: shares.len() as u64,
            incomplete: shares.iter().filter(|share| **share < 990).count() as u64,
            lowest: shares.into_iter().min(),
        })
    }
}

fn is_clean(count: &HourCount, outcome: AskedOutcome) -> bool {
    count.outcome == outcome && count.verdict == Some(ContentVerdict::Clean)
}
