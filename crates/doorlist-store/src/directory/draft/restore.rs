//! Putting addresses back to what they were before a change, claim by claim where they were changed again since: what
//! came later stays.

use super::{Draft, Gone, sort_claims};
use crate::directory::held::{Held, Home};
use crate::directory::outcome::Note;
use crate::directory::records::{AddressRecord, ClaimRecord};
use doorlist_core::address::{Address, LocalPart};
use doorlist_core::change::Source;
use doorlist_core::list::{AddressId, Kind};
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
    /// Undoes a change to addresses of one domain, all of which are in hand with their aliases. What each was changed to
    /// is looked at before anything is put back: the rows of one change depend on each other.
    pub(in crate::directory) fn restore(&mut self, home: &Home, undone: &[Undone]) {
        let is_now = |row: &Undone| self.held(home, &row.local).map(Held::record);
        let (done, open): (Vec<_>, Vec<_>) = undone.iter().partition(|row| is_now(row) == row.before);
        let (untouched, touched): (Vec<_>, Vec<_>) = open.into_iter().partition(|row| is_now(row) == row.after);
        self.same += done.len() as u64;
        let leads = |row: &Undone| row.before.as_ref().is_some_and(|record| record.account.is_some());
        // Accounts before the aliases that lead to them.
        for aliases in [false, true] {
            for row in untouched.iter().filter(|row| leads(row) == aliases) {
                let held = row.before.as_ref().map(|record| self.held_of(home, row, record));
                self.put_back(home, &row.local, held);
            }
        }
        for row in touched {
            self.merge(home, row);
        }
        self.let_go_of_lost_accounts(home);
    }

    /// It was changed again since: what came later stays.
    fn merge(&mut self, home: &Home, row: &Undone) {
        let address = Address::new(row.local.clone(), home.name.clone());
        self.notes.push(Note::ChangedSince { address: address.clone() });
        let Some(held) = self.held(home, &row.local).cloned() else { return };
        let mut merged = merge(held, row.before.as_ref(), row.after.as_ref());
        if merged.is_listed() {
            self.resolve(home, &address, &mut merged);
        }
        let is_left = !merged.is_listed() || !merged.claims.is_empty();
        self.put_back(home, &row.local, is_left.then_some(merged));
    }

    fn put_back(&mut self, home: &Home, local: &LocalPart, held: Option<Held>) {
        if let Some(at) = self.at(home, local) {
            self.set(at, held);
        }
    }

    fn held_of(&self, home: &Home, row: &Undone, record: &AddressRecord) -> Held {
        let id = self.held(home, &row.local).map_or(row.id, |held| held.id);
        let account = record.account.as_ref().and_then(|local| self.account(home, local));
        let kind = if record.kind == Kind::Alias && account.is_none() { Kind::Mailbox } else { record.kind };
        let AddressRecord { standing, claims, veto, .. } = record.clone();
        Held { id, kind, account, standing, claims, veto }
    }

    /// An alias whose account is none any more goes with it, or stands as other claims say. An account that is not in hand
    /// was not touched: a row that a claim names is in hand alone, and if it is an alias, its account is not.
    fn let_go_of_lost_accounts(&mut self, home: &Home) {
        for at in 0..self.slots.len() {
            let Some((_, account)) = self.now(at).and_then(|held| held.account.clone()) else { continue };
            if self.has(home.id, &account) && self.account(home, &account).is_none() {
                self.cascade(home, &Address::new(account, home.name.clone()), &[at], &Gone::Withdrawn);
            }
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
