//! `doorlist log`: searches the mail log, oldest first, and waits for new entries with `--follow`.

use super::print;
use crate::cli::log::LogArgs;
use crate::command_target::CommandTarget;
use crate::config::units;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::MailLogSearch;
use doorlist_core::time::Timestamp;
use doorlist_store::mail_log::{LoggedMail, MailAction, MailFilter};
use std::collections::HashSet;
use std::time::Duration;

/// Maximum entries that a command prints, the newest ones.
const ENTRIES_MAX: usize = 10_000;
/// Number of entries without --since.
const ENTRIES_LATEST: usize = 100;
/// Polling interval of `--follow`.
const FOLLOW_LOOK: Duration = Duration::from_millis(500);
/// How much later than a newer entry an entry may appear, because they are written in batches.
const FOLLOW_OVERLAP: Duration = Duration::from_secs(5);

/// Actions with their names on the command line.
const ACTIONS: [(&str, MailAction); 10] = [
    ("accepted", MailAction::Accepted),
    ("refused", MailAction::Refused),
    ("deferred", MailAction::Deferred),
    ("sent", MailAction::Sent),
    ("delivery-deferred", MailAction::DeliveryDeferred),
    ("bounced", MailAction::Bounced),
    ("failed", MailAction::Failed),
    ("held", MailAction::Held),
    ("released", MailAction::Released),
    ("deleted", MailAction::Deleted),
];

pub(super) async fn log(target: &mut CommandTarget, out: &mut Output, what: &LogArgs) -> Result<Exit, Failure> {
    let now = crate::command_target::clock()();
    let search = MailLogSearch { filter: filter(what, now)?, domain: what.domain.clone() };
    if what.follow && !target.is_served() {
        return Err(Failure::because(
            Exit::UNAVAILABLE,
            "no server is running on this state folder; --follow would \
                                                        show nothing",
        ));
    }
    let entries = found(target, &search).await?;
    if entries.len() == search.filter.limit && what.since.is_some() {
        say!("showing the newest {ENTRIES_MAX} entries; narrow the search with --to, --from, --action or --since");
    }
    print_all(out, &entries)?;
    if what.follow {
        return follow(target, out, search, entries, now).await;
    }
    if entries.is_empty() {
        say!("no entry of the mail log matches");
    }
    Ok(Exit::DONE)
}

fn filter(what: &LogArgs, now: Timestamp) -> Result<MailFilter, Failure> {
    let usage = |why: String| Failure::because(Exit::USAGE, why);
    let action = what.action.as_deref().map(|word| action(word).map_err(usage)).transpose()?;
    let since = what.since.as_deref().map(|text| since(text, now).map_err(usage)).transpose()?;
    let bare = |path: &Option<String>| path.as_deref().map(|path| path.trim_matches(['<', '>']).to_owned());
    Ok(MailFilter {
        sender: bare(&what.from),
        recipient: bare(&what.to),
        client: what.client,
        queue_id: what.id,
        result: what.result.clone(),
        action,
        since,
        limit: if since.is_some() { ENTRIES_MAX } else { ENTRIES_LATEST },
        ..MailFilter::default()
    })
}

fn action(word: &str) -> Result<MailAction, String> {
    let known = ACTIONS.iter().find(|(name, _)| *name == word).map(|(_, action)| *action);
    known.ok_or_else(|| {
        let words: Vec<_> = ACTIONS.iter().map(|(name, _)| *name).collect();
        format!("unknown action `{word}`; use one of {}", words.join(", "))
    })
}

/// Parses `2h`, or a date and time in the local time zone or with its own.
fn since(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(ago) = units::duration(text) {
        return Ok(now - ago);
    }
    let local =
        |time: jiff::civil::DateTime| time.to_zoned(jiff::tz::TimeZone::system()).map(|zoned| zoned.timestamp());
    let time = text.parse::<jiff::Timestamp>().or_else(|_| text.parse::<jiff::civil::DateTime>().and_then(local));
    time.map(|time| Timestamp::from_millis(time.as_millisecond()))
        .map_err(|_| format!("invalid time `{text}`; write 2h, 3d, 2026-11-20 or 2026-11-20T08:00"))
}

/// What matches, oldest first.
async fn found(target: &mut CommandTarget, search: &MailLogSearch) -> Result<Vec<LoggedMail>, Failure> {
    let mut entries = target.ask(search.clone()).await?;
    entries.reverse();
    Ok(entries)
}

/// Prints new entries until the reader or the server stops.
async fn follow(
    target: &mut CommandTarget,
    out: &mut Output,
    mut search: MailLogSearch,
    mut seen: Vec<LoggedMail>,
    mut latest: Timestamp,
) -> Result<Exit, Failure> {
    search.filter.limit = ENTRIES_MAX;
    loop {
        out.flush()?;
        tokio::time::sleep(FOLLOW_LOOK).await;
        search.filter.since = Some(latest - FOLLOW_OVERLAP);
        let now = found(target, &search).await?;
        let known: HashSet<String> = seen.iter().map(key).collect();
        let new: Vec<_> = now.iter().filter(|entry| !known.contains(&key(entry))).cloned().collect();
        print_all(out, &new)?;
        latest = now.last().map_or(latest, |entry| entry.entry.time.max(latest));
        seen = now;
    }
}

/// The identity of an entry: entries have no number, so equal ones count once.
fn key(entry: &LoggedMail) -> String {
    serde_json::to_string(entry).unwrap_or_default()
}

fn print_all(out: &mut Output, entries: &[LoggedMail]) -> Result<(), Failure> {
    for entry in entries {
        out.entry(entry, || line(entry))?;
    }
    Ok(())
}

fn line(logged: &LoggedMail) -> String {
    let entry = &logged.entry;
    let word = ACTIONS.iter().find(|(_, action)| *action == entry.action).map_or("", |(word, _)| word);
    let id = entry.queue_id.map_or_else(|| "NOQUEUE".to_owned(), |id| id.to_string());
    let mut text =
        format!("{} {id} {word}: from=<{}>, to=<{}>", print::time(entry.time), entry.sender, entry.recipient);
    if let Some(client) = entry.client {
        text.push_str(&format!(", client={client}"));
    }
    if !entry.reason.is_empty() {
        text.push_str(&format!(", reason={}", entry.reason));
    }
    if logged.times > 1 {
        text.push_str(&format!(", times={}", logged.times));
    }
    if !entry.reply.is_empty() {
        text.push_str(&format!(" ({})", entry.reply));
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn since_is_a_time_ago_or_a_date() {
        let now = Timestamp::from_secs(1_800_000_000);
        assert_eq!(since("2h", now), Ok(Timestamp::from_secs(1_800_000_000 - 7200)));
        assert_eq!(since("2027-01-15T08:00:00Z", now), Ok(Timestamp::from_secs(1_800_000_000)));
        assert!(since("2026-11-20", now).is_ok() && since("2026-11-20T08:00", now).is_ok());
        assert!(since("yesterday", now).is_err());
    }

    #[test]
    fn every_action_has_a_word() {
        for (word, known) in ACTIONS {
            assert_eq!(action(word), Ok(known));
        }
        assert!(action("lost").unwrap_err().contains("delivery-deferred"));
    }
}
