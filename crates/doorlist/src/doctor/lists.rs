//! Checks what keeps lists up to date: sources that fail, plans that wait, enforced lists that are empty or shrank, and
//! domains without a server.

use super::Finding;
use crate::command_target::{self, CommandTarget};
use crate::commands::time;
use crate::exit::Failure;
use doorlist_actions::{ChangesList, DomainList, DomainStatus, SourceStatus, Status};
use doorlist_core::domain::Mode;
use doorlist_store::recipients::DomainSummary;
use std::time::Duration;

/// A list is compared with what it was so long ago.
const SHRINK_WINDOW: Duration = Duration::from_hours(7 * 24);
/// A list that lost fewer addresses has not shrunk.
const SHRUNK_MIN: u64 = 5;
/// Enforced domains whose changes are looked at.
const DOMAINS_MAX: usize = 200;
/// Domains on hold that are named; the others are counted.
const NAMED_MAX: usize = 5;
/// Changes of a domain that are looked at, the newest.
const CHANGES_MAX: u32 = 1_000;

/// Checks all lists. What the store does not answer is a finding elsewhere.
pub(super) async fn lists(target: &mut CommandTarget) -> Vec<Finding> {
    let Ok(status) = target.ask(Status).await else { return Vec::new() };
    let mut findings = sources(&status.sources);
    findings.push(plans(status.plans_waiting));
    findings.extend(empty(&status.domains));
    findings.extend(held(&target.ask(DomainList).await.unwrap_or_default()));
    findings.extend(shrunk(target).await.unwrap_or_default());
    findings
}

fn sources(status: &SourceStatus) -> Vec<Finding> {
    if status.failing.is_empty() {
        return vec![Finding::ok("sources", format!("{}, none fails", status.total))];
    }
    let failing = status.failing.iter().map(|source| {
        let text = format!("{} of {} fails since {}: {}", source.name, source.domain, time(source.since), source.why);
        Finding::warn("sources", text, format!("doorlist sync test {}", source.name))
    });
    failing.collect()
}

fn plans(waiting: u64) -> Finding {
    match waiting {
        0 => Finding::ok("plans", "none waits"),
        1 => Finding::warn("plans", "1 waits for a decision", "doorlist plan list"),
        many => Finding::warn("plans", format!("{many} wait for a decision"), "doorlist plan list"),
    }
}

fn empty(status: &DomainStatus) -> Vec<Finding> {
    let finding = |name| {
        let todo = format!("doorlist import FILE --domain {name} --apply, or correct its source");
        Finding::warn("lists", format!("{name} is enforced, and its list is empty: all mail for it is deferred"), todo)
    };
    status.enforced_empty.iter().map(finding).collect()
}

/// Domains whose mail is accepted and not delivered.
fn held(domains: &[DomainSummary]) -> Option<Finding> {
    let names = || domains.iter().filter(|domain| domain.hold).map(|domain| domain.name.to_string());
    let first = names().next()?;
    let named: Vec<_> = names().take(NAMED_MAX).collect();
    let more = match names().count().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let text = format!("on hold: {}{more}: mail for them stays in the queue", named.join(", "));
    Some(Finding::warn("domains", text, format!("doorlist domain release {first}")))
}

/// Enforced lists that lost more than a fifth of their addresses within a week.
async fn shrunk(target: &mut CommandTarget) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    let domains = target.ask(DomainList).await?;
    let enforced = domains.iter().filter(|domain| matches!(domain.mode, Mode::Enforce { .. }));
    for domain in enforced.take(DOMAINS_MAX) {
        let lost = lost(target, domain).await?;
        if has_shrunk(domain.counts.listed(), lost) {
            let name = &domain.name;
            let text = format!("the list of {name} has {lost} addresses fewer than a week ago");
            findings.push(Finding::warn("lists", text, format!("doorlist changes list --domain {name}")));
        }
    }
    Ok(findings)
}

/// Addresses fewer than a week ago.
async fn lost(target: &mut CommandTarget, domain: &DomainSummary) -> Result<u64, Failure> {
    let since = command_target::clock()() - SHRINK_WINDOW;
    let asked = ChangesList { domain: Some(domain.name.clone()), before: None, limit: CHANGES_MAX };
    let changes = target.ask(asked).await?;
    let recent = changes.iter().take_while(|change| change.time > since);
    let (added, removed) =
        recent.fold((0, 0), |(added, removed), change| (added + change.added, removed + change.removed));
    Ok(u64::saturating_sub(removed, added))
}

fn has_shrunk(listed: u64, lost: u64) -> bool {
    lost >= SHRUNK_MIN && lost * 5 > listed + lost
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn a_list_has_shrunk_that_lost_more_than_a_fifth() {
        for (listed, lost, shrunk) in [(80, 20, false), (79, 21, true), (0, 4, false), (0, 5, true), (1_000, 0, false)]
        {
            assert_eq!(has_shrunk(listed, lost), shrunk, "{lost} of {}", listed + lost);
        }
    }

    #[test]
    fn what_fails_or_waits_is_named() {
        assert_eq!(plans(0).level, Level::Ok);
        assert_eq!(plans(2).level, Level::Warn);
        assert_eq!(sources(&SourceStatus::default()).len(), 1);
        let status = DomainStatus { enforced_empty: vec!["a.test".parse().expect("a name")], ..Default::default() };
        assert_eq!(empty(&status).len(), 1);
    }
}
