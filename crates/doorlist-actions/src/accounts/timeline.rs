//! What happened to an address, newest first: changes of the list that touched it, claims, by which delivery it was
//! learned, and the days of its mail.

use crate::actions::Actions;
use crate::error::ActionError;
use doorlist_core::address::LocalPart;
use doorlist_core::domain::DomainId;
use doorlist_core::learning::Evidence;
use doorlist_core::list_change::ClaimRecord;
use doorlist_core::time::Timestamp;
use doorlist_store::learning::LearnedAddress;
use doorlist_store::recipients::{AccountDetails, AddressChange, AddressMail};
use serde::{Deserialize, Serialize};

/// Entries of a timeline; older ones are in the change log.
pub const TIMELINE_MAX: usize = 100;

/// Something that happened to an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// Of mail: the first moment of the day.
    pub at: Timestamp,
    #[serde(flatten)]
    pub event: TimelineEvent,
}

/// What it was by then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event", content = "with")]
pub enum TimelineEvent {
    /// A change of the list.
    Changed(Box<AddressChange>),
    /// A source claims it from here on, in a change that is kept no more.
    Claimed {
        source: String,
        /// A login; empty: not known.
        by: String,
    },
    /// The delivery by which it was learned.
    Learned(Box<Evidence>),
    FirstMail,
    LastMail,
    LastCleanMail,
}

impl Actions {
    /// The timeline of an address of the list.
    pub(super) async fn timeline(
        &self,
        domain: DomainId,
        details: &AccountDetails,
        learned: Option<&LearnedAddress>,
    ) -> Result<Vec<TimelineEntry>, ActionError> {
        let changes = self.changes_of(domain, details.entry.address.local()).await?;
        Ok(timeline(changes, &details.entry.record.claims, learned, details.mail))
    }

    /// What the change log says of an address.
    pub(super) async fn changes_of(
        &self,
        domain: DomainId,
        local: &LocalPart,
    ) -> Result<Vec<AddressChange>, ActionError> {
        let limit = u32::try_from(TIMELINE_MAX).unwrap_or(u32::MAX);
        Ok(self.services.recipients.changes_of_address(domain, local, limit).await?)
    }
}

fn timeline(
    changes: Vec<AddressChange>,
    claims: &[ClaimRecord],
    learned: Option<&LearnedAddress>,
    mail: Option<AddressMail>,
) -> Vec<TimelineEntry> {
    let is_told = |claim: &&ClaimRecord| changes.iter().any(|change| brings(change, claim));
    let untold = claims.iter().filter(|claim| !is_told(claim)).map(|claim| {
        let (source, by) = (claim.source.to_string(), claim.by.clone());
        TimelineEntry { at: claim.since, event: TimelineEvent::Claimed { source, by } }
    });
    let mut entries: Vec<TimelineEntry> = untold.collect();
    entries.extend(learned.map(|learned| {
        let evidence = learned.evidence.clone();
        TimelineEntry { at: evidence.at, event: TimelineEvent::Learned(Box::new(evidence)) }
    }));
    if let Some(AddressMail { first_accepted, last_accepted, last_clean }) = mail {
        let days = [
            (first_accepted, TimelineEvent::FirstMail),
            (Some(last_accepted), TimelineEvent::LastMail),
            (last_clean, TimelineEvent::LastCleanMail),
        ];
        entries.extend(days.into_iter().filter_map(|(at, event)| Some(TimelineEntry { at: at?, event })));
    }
    entries.extend(
        changes
            .into_iter()
            .map(|change| TimelineEntry { at: change.time, event: TimelineEvent::Changed(Box::new(change)) }),
    );
    // Of one moment, the later change stays before the earlier one.
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.at));
    entries.truncate(TIMELINE_MAX);
    entries
}

/// Whether a claim came with this change.
fn brings(change: &AddressChange, claim: &ClaimRecord) -> bool {
    let has = |claims: &[ClaimRecord]| claims.iter().any(|one| one.source == claim.source && one.since == claim.since);
    change.after.as_ref().is_some_and(|after| has(&after.claims))
        && !change.before.as_ref().is_some_and(|before| has(&before.claims))
}
