//! How many addresses of which other domains a file has, and the refusal of a file that has no others.

use super::NotAList;
use super::findings::Findings;
use super::notes::Skipped;
use crate::address::DomainName;
use std::collections::BTreeMap;

/// Domains that are counted singly; addresses of further ones count in the sum only.
const DOMAINS_MAX: usize = 10_000;
/// Domains that are told, those with the most addresses first.
pub const OTHER_DOMAINS_KEPT_MAX: usize = 100;

/// Domains that the refusal of a file names.
const NAMED_MAX: usize = 3;

/// Refuses a file whose addresses are all of other domains. One of a domain that is nearly ours is left to its rows, which
/// ask whether it is a typing error.
pub(super) fn check(found: &Findings<'_>) -> Result<(), NotAList> {
    let others = found.other_domains().sorted();
    let is_about_ours = [Skipped::CatchAll, Skipped::Vetoed, Skipped::Closed, Skipped::Refused, Skipped::Change]
        .iter()
        .any(|kind| found.skipped(*kind) > 0);
    // `x` is no domain of a customer.
    let is_clear = |(domain, _): &(DomainName, u64)| domain.as_str().contains('.') && !found.is_nearly_ours(domain);
    if found.mark() > 0 || is_about_ours || !others.iter().any(is_clear) {
        return Ok(());
    }
    let mut named: Vec<String> =
        others.iter().take(NAMED_MAX).map(|(domain, count)| format!("{domain} {count}")).collect();
    let more = found.other_domains().counts.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    Err(NotAList::OtherDomain {
        domain: found.domain().to_string(),
        addresses: found.other_domains().total(),
        others: named.join(", "),
    })
}

/// Addresses by domain, and all of them.
#[derive(Default)]
pub(super) struct OtherDomains {
    counts: BTreeMap<DomainName, u64>,
    total: u64,
}

impl OtherDomains {
    pub(super) fn add(&mut self, domain: &DomainName) {
        self.total += 1;
        if let Some(count) = self.counts.get_mut(domain) {
            *count += 1;
        } else if self.counts.len() < DOMAINS_MAX {
            self.counts.insert(domain.clone(), 1);
        }
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// The domains with the most addresses first, at most [`OTHER_DOMAINS_KEPT_MAX`].
    pub(super) fn sorted(&self) -> Vec<(DomainName, u64)> {
        let mut all: Vec<_> = self.counts.iter().map(|(domain, count)| (domain.clone(), *count)).collect();
        // Equal ones stay in the order of their names.
        all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        all.truncate(OTHER_DOMAINS_KEPT_MAX);
        all
    }
}
