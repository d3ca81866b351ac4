//! What becomes of an address that its source names no more: it stays for a while, or goes.

use super::{Draft, sort_claims};
use crate::directory::held::Home;
use crate::directory::outcome::Note;
use doorlist_core::address::{Address, LocalPart};
use doorlist_core::change::{Source, Structure};
use doorlist_core::list::Kind;
use doorlist_core::time::Timestamp;

impl Draft {
    /// A source has the address no more; its claim counts until the grace is over.
    pub(in crate::directory) fn mark_missing(
        &mut self,
        home: &Home,
        local: &LocalPart,
        source: &Source,
        now: Timestamp,
    ) {
        let Some((at, mut held)) = self.at(home, local).and_then(|at| Some((at, self.now(at)?.clone()))) else {
            return;
        };
        let Some(claim) = held.claims.iter_mut().find(|claim| claim.source == *source) else { return };
        claim.missing_since.get_or_insert(now);
        self.set(at, Some(held));
    }

    /// The source's entry has another address now: the former one leads there until the grace is over, unless it has
    /// aliases of its own.
    pub(in crate::directory) fn rename(
        &mut self,
        home: &Home,
        local: &LocalPart,
        to: &LocalPart,
        source: &Source,
        now: Timestamp,
    ) {
        let Some((at, mut held)) = self.at(home, local).and_then(|at| Some((at, self.now(at)?.clone()))) else {
            return;
        };
        let Some(claim) = held.claims.iter_mut().find(|claim| claim.source == *source) else { return };
        claim.missing_since.get_or_insert(now);
        let address = Address::new(local.clone(), home.name.clone());
        let leads = self.account(home, to).is_some() && self.aliases_of(held.id).is_empty();
        if leads && held.kind == Kind::Mailbox {
            claim.structure = Structure::AliasOf(to.clone());
            claim.since = now;
            sort_claims(&mut held.claims);
            self.resolve(home, &address, &mut held);
        }
        self.notes.push(Note::Renamed { address, to: Address::new(to.clone(), home.name.clone()) });
        self.set(at, Some(held));
    }
}
