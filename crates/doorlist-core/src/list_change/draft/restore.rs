//! Putting addresses back to what they were before a change, claim by claim where they were changed again since: what
//! came later stays.

use super::removal::RemovalKind;
use super::{Draft, sort_claims};
use crate::address::{Address, LocalPart};
use crate::change::Source;
use crate::list::{AddressId, EntryKind};
use crate::list_change::address_state::{AddressState, ListDomain};
use crate::list_change::note::Note;
use crate::list_change::record::{AddressRecord, ClaimRecord};
use std::collections::BTreeSet;

/// What a change did to an address.
#[derive(Clone, Debug)]
pub struct Undone {
    /// Its canonical local part.
    pub local: LocalPart,
    /// Its row's number then; it is given to no other address.
    pub id: AddressId,
    /// As it was before the change; `None`: it had no row.
    pub before: Option<AddressRecord>,
    /// As the change left it.
    pub after: Option<AddressRecord>,
}

impl Draft {
    /// Undoes a change to addresses of one domain, all of which are in hand with their aliases. What each was changed to
    /// is looked at before anything is put back: the rows of one change depend on each other.
    pub fn restore(&mut self, domain: &ListDomain, undone: &[Undone]) {
        let is_now = |row: &Undone| self.state(domain, &row.local).map(AddressState::record);
        let (done, open): (Vec<_>, Vec<_>) = undone.iter().partition(|row| is_now(row) == row.before);
        let (untouched, touched): (Vec<_>, Vec<_>) = open.into_iter().partition(|row| is_now(row) == row.after);
        let done: Vec<usize> = done.iter().filter_map(|row| self.at(domain, &row.local)).collect();
        self.asked_same.extend(done);
        let leads = |row: &Undone| row.before.as_ref().is_some_and(|record| record.account.is_some());
        // Accounts before the aliases that lead to them.
        for aliases in [false, true] {
            for row in untouched.iter().filter(|row| leads(row) == aliases) {
                let state = row.before.as_ref().map(|record| self.held_of(domain, row, record));
                self.put_back(domain, &row.local, state);
            }
        }
        for row in touched {
            self.merge(domain, row);
        }
        self.let_go_of_lost_accounts(domain);
    }

    /// It was changed again since: what came later stays.
    fn merge(&mut self, domain: &ListDomain, row: &Undone) {
        let address = Address::new(row.local.clone(), domain.name.clone());
        self.notes.push(Note::ChangedSince { address: address.clone() });
        let Some(state) = self.state(domain, &row.local).cloned() else { return };
        let mut merged = merge(state, row.before.as_ref(), row.after.as_ref());
        if merged.is_listed() {
            self.resolve(domain, &address, &mut merged);
        }
        let is_left = !merged.is_listed() || !merged.claims.is_empty();
        self.put_back(domain, &row.local, is_left.then_some(merged));
    }

    fn put_back(&mut self, domain: &ListDomain, local: &LocalPart, state: Option<AddressState>) {
        if let Some(at) = self.at(domain, local) {
            self.set(at, state);
        }
    }

    fn held_of(&self, domain: &ListDomain, row: &Undone, record: &AddressRecord) -> AddressState {
        let id = self.state(domain, &row.local).map_or(row.id, |state| state.id);
        let account = record.account.as_ref().and_then(|local| self.account(domain, local));
        let kind = if record.kind == EntryKind::Alias && account.is_none() { EntryKind::Mailbox } else { record.kind };
        let AddressRecord { standing, claims, veto, .. } = record.clone();
        AddressState { id, kind, account, standing, claims, veto }
    }

    /// An alias whose account is none any more goes with it, or stands as other claims say. An account that is not in hand
    /// was not touched: a row that a claim names is in hand alone, and if it is an alias, its account is not.
    fn let_go_of_lost_accounts(&mut self, domain: &ListDomain) {
        for at in 0..self.addresses.len() {
            let Some((_, account)) = self.now(at).and_then(|state| state.account.clone()) else { continue };
            if self.contains(domain.id, &account) && self.account(domain, &account).is_none() {
                self.cascade(domain, &Address::new(account, domain.name.clone()), &[at], &RemovalKind::Withdrawn);
            }
        }
    }
}

/// Each claim that the change touched goes back if nobody touched it since; standing likewise.
fn merge(mut state: AddressState, before: Option<&AddressRecord>, after: Option<&AddressRecord>) -> AddressState {
    let claims = |record: Option<&AddressRecord>| record.map(|record| record.claims.clone()).unwrap_or_default();
    let (was, became) = (claims(before), claims(after));
    let of = |claims: &[ClaimRecord], source: &Source| claims.iter().find(|claim| claim.source == *source).cloned();
    let touched: BTreeSet<&Source> = was.iter().chain(&became).map(|claim| &claim.source).collect();
    for source in touched {
        let (was, became) = (of(&was, source), of(&became, source));
        if was != became && of(&state.claims, source) == became {
            state.claims.retain(|claim| claim.source != *source);
            state.claims.extend(was);
        }
    }
    sort_claims(&mut state.claims);
    let standing = |record: Option<&AddressRecord>| record.map(|record| record.standing);
    if let (Some(was), Some(became)) = (standing(before), standing(after))
        && was != became
        && state.standing == became
    {
        state.standing = was;
        state.veto = before.and_then(|record| record.veto.clone());
    }
    if state.is_listed() {
        state.veto = None;
    } else {
        state.claims.clear();
    }
    state
}
