//! Automatic fall-back: a domain that enforces its list goes back to mode monitor when authenticated senders with a good
//! record, of several organisations, were refused within an hour. Then the list is more likely wrong than the senders. Off
//! unless a person switched it on for the domain.

#[cfg(test)]
mod tests;

use crate::address::DomainName;
use crate::domain::{DomainId, ProtectedDomain};
use crate::policy::{Decision, Reason};
use crate::time::Timestamp;
use std::collections::HashMap;
use std::time::Duration;

/// Organisations whose senders were refused, at which a domain falls back.
pub const ORGANISATIONS: usize = 5;
/// They were refused within this time.
pub const WITHIN: Duration = Duration::from_hours(1);
/// Domains of senders that are checked for one domain within [`WITHIN`]; further ones do not count.
pub const CHECKS_PER_DOMAIN_MAX: usize = 60;
/// The same for all domains together.
pub const CHECKS_MAX: usize = 1_000;

/// Whether a refusal may count, as far as it tells itself: the recipient is on no list, nobody vetoed it, and the domain has
/// the switch on. The null sender never counts: it says nothing of who sends.
pub fn may_count(domain: &ProtectedDomain, decision: &Decision, sender: &str) -> bool {
    let is_unlisted = matches!(decision.reason, Reason::Unlisted | Reason::UnlistedSoft);
    domain.fall_back && domain.mode.is_enforced() && is_unlisted && !sender.is_empty()
}

/// The organisation of a sender's domain, by the Public Suffix List: its subdomains are not distinct. A public suffix stands
/// for itself.
pub fn organisation(sender: &DomainName) -> &str {
    psl::domain_str(sender.as_str()).unwrap_or(sender.as_str())
}

/// Which domains of senders are checked: each once within [`WITHIN`] for a protected domain, and so many in all.
#[derive(Clone, Debug, Default)]
pub struct SenderChecks(HashMap<(DomainId, DomainName), Timestamp>);

impl SenderChecks {
    /// Whether this sender's domain is to be checked now; then it counts.
    pub fn begin(&mut self, domain: DomainId, sender: &DomainName, now: Timestamp) -> bool {
        self.0.retain(|_, at| now.since(*at) < WITHIN);
        let of_domain = || self.0.keys().filter(|(of, _)| *of == domain).count();
        let key = (domain, sender.clone());
        if self.0.len() >= CHECKS_MAX || self.0.contains_key(&key) || of_domain() >= CHECKS_PER_DOMAIN_MAX {
            return false;
        }
        self.0.insert(key, now);
        true
    }
}

/// The organisations whose authenticated senders one domain refused within [`WITHIN`]. At most [`CHECKS_PER_DOMAIN_MAX`],
/// since each is of a check.
#[derive(Clone, Debug, Default)]
pub struct RefusedOrganisations(HashMap<String, Timestamp>);

impl RefusedOrganisations {
    /// Counts a refused sender. Gives the number of organisations if the domain falls back.
    pub fn note(&mut self, organisation: &str, now: Timestamp) -> Option<usize> {
        self.0.retain(|_, at| now.since(*at) < WITHIN);
        self.0.insert(organisation.to_owned(), now);
        (self.0.len() >= ORGANISATIONS).then_some(self.0.len())
    }

    /// Whether nothing of it counts any more.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        self.0.values().all(|at| now.since(*at) >= WITHIN)
    }
}
