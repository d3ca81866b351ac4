//! Forwarding targets of an address, and the kind they imply: alias, distribution list or mailbox.

use super::findings::{Findings, JudgedValue};
use super::map_values::{is_action, is_transport};
use super::notes::Skipped;
use super::refusals::is_refusal;
use super::values::{self, CellValues};
use crate::address::LocalPart;
use crate::change::Structure;

/// An address and its targets, as written.
pub(super) struct Forward<'c> {
    /// Number of the first line.
    pub(super) line: u32,
    /// Column of the name.
    pub(super) column: Option<&'c str>,
    /// The address, or a local part.
    pub(super) name: &'c str,
    /// One target, or several separated by commas.
    pub(super) targets: &'c str,
    /// A name without `@` is a local part.
    pub(super) local_parts: bool,
    /// Addresses of other domains are expected.
    pub(super) mixed: bool,
}

/// Puts the row among the findings.
pub(super) fn read(forward: &Forward<'_>, found: &mut Findings<'_>) {
    let name = values::bare(forward.name);
    if let Some(domain) = name.strip_prefix('@') {
        // `@example.test error:nouser` is no catch-all but the end of the list.
        if is_refusal(forward.targets.trim()) {
            return found.skip(Skipped::Refused);
        }
        return found.catch_all(forward.line, domain);
    }
    let judged = if forward.local_parts { found.judge_name(name) } else { found.judge(name) };
    let local = match judged {
        JudgedValue::Ours(local) => local,
        JudgedValue::Foreign(domain) => {
            return found.foreign(forward.line, forward.column, name, &domain, forward.mixed);
        }
        JudgedValue::Bad(why) => return found.problem(forward.line, forward.column, name, why),
    };
    match structure(&local, forward.targets, found) {
        Some(structure) => found.row(forward.line, local, structure),
        None => found.skip(Skipped::Refused),
    }
}

/// What the targets make of the address; `None` where they say that it refuses mail.
fn structure(local: &LocalPart, targets: &str, found: &mut Findings<'_>) -> Option<Structure> {
    let targets = targets.trim();
    if is_refusal(targets) {
        return None;
    }
    if is_action(targets) || is_transport(targets) {
        return Some(Structure::Mailbox);
    }
    if is_program(targets) {
        found.elsewhere += 1;
        return Some(Structure::Mailbox);
    }
    let mut all =
        CellValues::new(targets).map(|(_, value)| value.trim_start_matches('\\')).filter(|value| !value.is_empty());
    let Some(first) = all.next() else { return Some(Structure::Mailbox) };
    // Postfix and Sendmail part targets by blanks too.
    if all.next().is_some() || (first.contains(char::is_whitespace) && !first.starts_with('"')) {
        found.several += 1;
        return Some(Structure::DistributionList);
    }
    match found.judge_name(first) {
        JudgedValue::Ours(target) if target == *local => Some(Structure::Mailbox),
        JudgedValue::Ours(target) => Some(Structure::AliasOf(target)),
        JudgedValue::Foreign(_) | JudgedValue::Bad(_) => {
            found.elsewhere += 1;
            Some(Structure::Mailbox)
        }
    }
}

/// A pipe, a file, a list in a file, `:blackhole:`, `%1@...`.
fn is_program(targets: &str) -> bool {
    targets.trim_start_matches('"').starts_with(['|', '/', ':', '%'])
}

/// The structure that our own exports write: kind and account.
pub(super) fn own_structure(kind: &str, account: &str, found: &Findings<'_>) -> Result<Structure, String> {
    match kind.to_ascii_lowercase().as_str() {
        "mailbox" | "" => Ok(Structure::Mailbox),
        "list" => Ok(Structure::DistributionList),
        "alias" => match found.judge_name(account) {
            JudgedValue::Ours(of) => Ok(Structure::AliasOf(of)),
            JudgedValue::Foreign(domain) => Err(format!("its account {}", found.belongs_elsewhere(&domain))),
            JudgedValue::Bad(_) => Err("an alias needs its account, an address of the domain".to_owned()),
        },
        _ => Err("is not a kind; use mailbox, alias or list".to_owned()),
    }
}
