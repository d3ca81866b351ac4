//! The history of an address, as `doorlist account show` prints it.

use super::{print, row_text};
use crate::exit::Failure;
use crate::output::Output;
use doorlist_actions::{TIMELINE_MAX, TimelineEntry, TimelineEvent};
use doorlist_core::change::Source;
use doorlist_core::list::Standing;
use doorlist_core::list_change::RowChange;
use doorlist_store::recipients::{AddressChange, AddressRecord};

/// Prints a line for each entry.
pub(super) fn show(out: &mut Output, timeline: &[TimelineEntry]) -> Result<(), Failure> {
    for entry in timeline {
        let (at, what) = match &entry.event {
            TimelineEvent::FirstMail => (print::day(entry.at), "first day with mail".to_owned()),
            TimelineEvent::LastMail => (print::day(entry.at), "last day with mail".to_owned()),
            TimelineEvent::LastCleanMail => (print::day(entry.at), "last day with clean mail".to_owned()),
            TimelineEvent::Changed(change) => (print::time(entry.at), change_text(change)),
            TimelineEvent::Claimed { source, by } if by.is_empty() => {
                (print::time(entry.at), format!("claimed by {source}"))
            }
            TimelineEvent::Claimed { source, by } => {
                (print::time(entry.at), format!("claimed by {source}, added by {by}"))
            }
            TimelineEvent::Learned(evidence) => {
                let sender = evidence.sender_domain().unwrap_or_else(|| "the null sender".to_owned());
                let text = format!("learned from {}: {} took it, from {sender}", evidence.queue_id, evidence.server);
                (print::time(entry.at), text)
            }
        };
        out.line(&format!("  history  {at:<20} {what}"))?;
    }
    if timeline.len() >= TIMELINE_MAX {
        say!("only the last {TIMELINE_MAX} events are shown; `doorlist changes list` has all changes");
    }
    Ok(())
}

/// `added by ann, change 12: mailbox, claimed by hand`
fn change_text(change: &AddressChange) -> String {
    let AddressChange { change: number, actor, before, after, .. } = change;
    let (before, after) = (before.as_ref(), after.as_ref());
    let word = word(before, after);
    format!("{word} by {}, change {number}: {}", actor.name, row_text::change_text(before, after))
}

/// What a change did, in one word.
fn word(before: Option<&AddressRecord>, after: Option<&AddressRecord>) -> &'static str {
    let only = |record: &AddressRecord, source: &Source| record.claims.iter().all(|claim| claim.source == *source);
    match (RowChange::of(before, after), before, after) {
        (RowChange::Added, Some(before), _) if before.standing == Standing::Vetoed => "restored",
        (RowChange::Added, ..) => "added",
        (RowChange::Removed, ..) => "removed",
        (RowChange::Missing, ..) => "missing",
        (RowChange::Claims, Some(before), Some(after))
            if only(before, &Source::Learned) && only(after, &Source::Hand) =>
        {
            "confirmed"
        }
        (RowChange::Kind, _, Some(after)) if after.account.is_some() => "made an alias",
        (RowChange::Kind | RowChange::Claims, ..) => "changed",
    }
}
