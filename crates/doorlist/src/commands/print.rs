//! Text that several commands print: times, counts, results of a change.

use crate::exit::Failure;
use crate::output::Output;
use doorlist_core::address::{Address, LocalPart};
pub(super) use doorlist_core::counted::counted;
use doorlist_core::list::{EntryKind, Standing};
use doorlist_core::list_change::RowChange;
use doorlist_core::time::Timestamp;
use doorlist_store::recipients::{AddressEntry, Applied, ListCounts};

/// Maximum notes in the text output; the rest is counted. JSON has all.
const NOTES_SHOWN_MAX: usize = 20;

/// Prints a time as `2026-11-23T15:07:17Z`.
pub(crate) fn time(at: Timestamp) -> String {
    match jiff::Timestamp::from_second(at.as_secs()) {
        Ok(time) => time.to_string(),
        Err(_) => "-".to_owned(),
    }
}

/// Prints a time as `2026-11-23 15:07 UTC`.
pub(super) fn minute(at: Timestamp) -> String {
    match jiff::Timestamp::from_second(at.as_secs()) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        Err(_) => "-".to_owned(),
    }
}

/// Prints a day as `2026-11-23`.
pub(super) fn day(at: Timestamp) -> String {
    match jiff::Timestamp::from_second(at.as_secs()) {
        Ok(time) => time.strftime("%Y-%m-%d").to_string(),
        Err(_) => "-".to_owned(),
    }
}

/// Says how a change is undone.
pub(super) fn undo(applied: &Applied) {
    if let Some(id) = applied.change_id {
        say!("undo it with `doorlist changes undo {id}`");
    }
}

/// Names a change whose counts were told before, and how it is undone.
pub(super) fn change_and_undo(applied: &Applied) {
    if let Some(id) = applied.change_id {
        say!("change {id}; undo it with `doorlist changes undo {id}`");
    }
}

/// Prints the result of a change; notes go to stderr, and how what was removed comes back.
pub(super) fn applied(out: &mut Output, applied: &Applied) -> Result<(), Failure> {
    if out.is_json() {
        return Ok(out.object(applied)?);
    }
    match applied.change_id {
        None => out.line("nothing to change")?,
        Some(id) => out.line(&format!("done, change {id}: {}", counts_of(applied)))?,
    }
    // What follows on stderr is about it.
    out.flush()?;
    notes(applied);
    if applied.removed > 0 {
        undo(applied);
    }
    Ok(())
}

/// Counts such as `2 added, 1 changed`, without zeros. Each address is in one of them.
pub(super) fn counts_of(applied: &Applied) -> String {
    let word = |change| match change {
        RowChange::Removed => "removed",
        RowChange::Missing => "newly missing (accepted for 7 days)",
        RowChange::Kind => "of another kind",
        RowChange::Added => "added",
        RowChange::Claims => "changed",
    };
    let changes = RowChange::ALL.iter().map(|change| (applied.rows_of(*change), word(*change)));
    let parts = changes.filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}"));
    let parts: Vec<_> = parts.chain(rest_of(applied)).collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}

/// Addresses that stay as they are, and domains.
pub(super) fn rest_of(applied: &Applied) -> Vec<String> {
    let counts = [
        (applied.same, "unchanged"),
        (applied.vetoed, "skipped (removed by a person before)"),
        (applied.conflicts, "of these in conflict"),
        (applied.domains, if applied.domains == 1 { "domain" } else { "domains" }),
    ];
    counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect()
}

/// Notes of a change, for a person.
pub(super) fn notes(applied: &Applied) {
    for note in applied.notes.iter().take(NOTES_SHOWN_MAX) {
        say!("note: {note}");
    }
    let hidden = applied.notes.len().saturating_sub(NOTES_SHOWN_MAX) as u64 + applied.notes_omitted;
    if hidden > 0 {
        say!("note: and {hidden} more (--json shows them)");
    }
}

/// `3 accounts, 1 list, 2 aliases`.
pub(super) fn list_counts(counts: &ListCounts) -> String {
    let (accounts, lists) = (counted(counts.mailboxes, "account"), counted(counts.lists, "list"));
    let mut text = format!("{accounts}, {lists}, {}", counted(counts.aliases, "alias"));
    if counts.vetoed > 0 {
        text.push_str(&format!(", {} removed", counts.vetoed));
    }
    text
}

/// `mailbox`, `alias of alice@example.test`, `distribution list (switched off)`.
pub(super) fn what_it_is(entry: &AddressEntry) -> String {
    let record = &entry.record;
    let kind = match (record.kind, &record.account) {
        (EntryKind::Mailbox, _) => "mailbox".to_owned(),
        (EntryKind::List, _) => "distribution list".to_owned(),
        (EntryKind::Alias, Some(account)) => format!("alias of {}", beside(entry, account)),
        (EntryKind::Alias, None) => "alias".to_owned(),
    };
    match record.standing {
        Standing::Active => kind,
        Standing::SwitchedOff => format!("{kind} (switched off)"),
        // What it was went with its sources.
        Standing::Vetoed => "removed by a person".to_owned(),
    }
}

/// The address of `local` in the domain of `entry`.
pub(super) fn beside(entry: &AddressEntry, local: &LocalPart) -> Address {
    Address::new(local.clone(), entry.address.domain().clone())
}
