//! What becomes of an address that its source names no more: it stays for a while, or goes.

use super::{Draft, sort_claims};
use crate::address::{Address, LocalPart};
use crate::change::{Source, Structure};
use crate::list::EntryKind;
use crate::list_change::address_state::ListDomain;
use crate::list_change::note::Note;
use crate::time::Timestamp;

impl Draft {
    /// A source has the address no more; its claim counts until the grace is over.
    pub fn mark_missing(&mut self, domain: &ListDomain, local: &LocalPart, source: &Source, now: Timestamp) {
        let Some((at, mut state)) = self.at(domain, local).and_then(|at| Some((at, self.now(at)?.clone()))) else {
            return;
        };
        let Some(claim) = state.claims.iter_mut().find(|claim| claim.source == *source) else { return };
        claim.missing_since.get_or_insert(now);
        self.set(at, Some(state));
    }

    /// The source's entry has another address now: the former one leads there until the grace is over, unless it has
    /// aliases of its own.
    pub fn mark_renamed(
        &mut self,
        domain: &ListDomain,
        local: &LocalPart,
        to: &LocalPart,
        source: &Source,
        now: Timestamp,
    ) {
        let Some((at, mut state)) = self.at(domain, local).and_then(|at| Some((at, self.now(at)?.clone()))) else {
            return;
        };
        let Some(claim) = state.claims.iter_mut().find(|claim| claim.source == *source) else { return };
        claim.missing_since.get_or_insert(now);
        let address = Address::new(local.clone(), domain.name.clone());
        let leads = self.account(domain, to).is_some() && self.aliases_of(state.id).is_empty();
        if leads && state.kind == EntryKind::Mailbox {
            claim.structure = Structure::AliasOf(to.clone());
            claim.since = now;
            sort_claims(&mut state.claims);
            self.resolve(domain, &address, &mut state);
        }
        self.notes.push(Note::Renamed { address, to: Address::new(to.clone(), domain.name.clone()) });
        self.set(at, Some(state));
    }
}
