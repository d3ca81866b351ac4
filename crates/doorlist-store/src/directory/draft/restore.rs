//! Putting addresses back to what they were before a change, claim by claim where they were changed again since: what
//! came later stays.

use super::{Draft, Gone, sort_claims};
use crate::directory::held::{Held, Home};
use crate::directory::outcome::Note;
use crate::directory::records::{AddressRecord, ClaimRecord};
use doorlist_core::address::{Address, LocalPart};
use doorlist_core::change::Source;
use doorlist_core::list::{AddressId, Kind, Standing};
use std::collections::BTreeSet;

/// What a change did to an address.
#[derive(Clone, Debug)]
pub(in crate::directory) struct Undone {
    pub(in crate::directory) local: LocalPart,
    /// Its row's number then; it is given to no other address.
    pub(in crate::directory) id: AddressId,
    pub(in crate::directory) before: Option<AddressRecord>,
    pub(in crate::directory) after: Option<AddressRecord>,
}

impl Draft {
    /// Undoes a change to addresses of one domain, all of which are in hand with their aliases. Accounts come before the
    /// aliases that lead to them, and what goes, goes last: aliases first.
    pub(in crate::directory) fn restore(&mut self, home: &Home, undone: &[Undone]) {
        let step = |row: &Undone| match &row.before {
            Some(record) if record.kind != Kind::Alias || record.standing == Standing::Vetoed => 0,
            Some(_) => 1,
            None if row.after.as_ref().is_some_and(|after| after.kind == Kind::Alias) => 2,
            None => 3,
        };
        for wanted in 0..4 {
            for row in undone.iter().filter(|row| step(row) == wanted) {
                self.restore_one(home, row);
            }
        }
        self.let_go_of_lost_accounts(home);
    }

    fn restore_one(&mut self, home: &Home, row: &Undone) {
        let Some(at) = self.at(home, &row.local) else { return };
        let address = Address::new(row.local.clone(), home.name.clone());
        let current = self.now(at).cloned();
        let is = current.as_ref().map(Held::record);
        if is == row.before {
            self.same += 1;
            return;
        }
        if is == row.after {
            let held = row.before.as_ref().map(|record| self.held_of(home, &address, row.id, record));
            return self.put_back(home, &address, at, held);
        }
        self.notes.push(Note::ChangedSince { address: address.clone() });
        let Some(held) = current else { return };
        let merged = merge(held, row.before.as_ref(), row.after.as_ref());
        if merged.is_listed() && merged.claims.is_empty() {
            return self.put_back(home, &address, at, None);
        }
        let mut merged = merged;
        if merged.is_listed() {
            self.resolve(home, &address, &mut merged);
        }
        self.put_back(home, &address, at, Some(merged));
    }

    /// An account that goes lets its aliases go, or stand alone where somebody else claims them.
    fn put_back(&mut self, home: &Home, address: &Address, at: usize, held: Option<Held>) {
        let was_account = self.now(at).filter(|was| was.is_account()).map(|was| was.id);
        let is_account = held.as_ref().is_some_and(Held::is_account);
        self.set(at, held);
        if let Some(id) = was_account.filter(|_| !is_account) {
            let aliases = self.aliases_of(id);
            self.cascade(home, address, &aliases, &Gone::Withdrawn);
        }
    }

    fn held_of(&self, home: &Home, address: &Address, id: AddressId, record: &AddressRecord) -> Held {
        let id = self.at(home, address.local()).and_then(|at| self.now(at)).map_or(id, |held| held.id);
        let account = record.account.as_ref().and_then(|local| self.account(home, local));
        let kind = if record.kind == Kind::Alias && account.is_none() { Kind::Mailbox } else { record.kind };
        let AddressRecord { standing, claims, veto, .. } = record.clone();
        Held { id, kind, account, standing, claims, veto }
    }

    /// An alias whose account is none any more stands as its claims say.
    fn let_go_of_lost_accounts(&mut self, home: &Home) {
        for at in 0..self.slots.len() {
            let Some(held) = self.now(at) else { continue };
            let Some((_, account)) = &held.account else { continue };
            if self.account(home, account).is_some() {
                continue;
            }
            let (mut held, address) = (held.clone(), self.slots[at].address());
            (held.kind, held.account) = (Kind::Mailbox, None);
            self.resolve(home, &address, &mut held);
            self.set(at, Some(held));
        }
    }
}

/// Each claim that the change touched goes back if nobody touched it since; standing likewise.
fn merge(mut held: Held, before: Option<&AddressRecord>, after: Option<&AddressRecord>) -> Held {
    let claims = |record: Option<&AddressRecord>| record.map(|record| record.claims.clone()).unwrap_or_default();
    let (was, became) = (claims(before), claims(after));
    let of = |claims: &[ClaimRecord], source: &Source| claims.iter().find(|claim| claim.source == *source).cloned();
    let touched: BTreeSet<&Source> = was.iter().chain(&became).map(|claim| &claim.source).collect();
    for source in touched {
        let (was, became) = (of(&was, source), of(&became, source));
        if was != became && of(&held.claims, source) == became {
            held.claims.retain(|claim| claim.source != *source);
            held.claims.extend(was);
        }
    }
    sort_claims(&mut held.claims);
    let standing = |record: Option<&AddressRecord>| record.map(|record| record.standing);
    if let (Some(was), Some(became)) = (standing(before), standing(after))
        && was != became
        && held.standing == became
    {
        held.standing = was;
        held.veto = before.and_then(|record| record.veto.clone());
    }
    if held.is_listed() {
        held.veto = None;
    } else {
        held.claims.clear();
    }
    held
}
