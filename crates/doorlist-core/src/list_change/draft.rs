//! The rows that a batch of changes concerns, and what the changes make of them. The caller loads the rows, lets the rules
//! change them, and writes what differs.

mod apply;
mod claim;
mod claims;
mod missing;
mod reassign;
mod related;
mod removal;
mod restore;

pub(super) use claims::says;
pub use claims::sort_claims;
pub use related::RowsNeeded;
pub use restore::Undone;

use super::address_state::{AddressState, DraftAddress, ListDomain};
use super::note::Note;
use super::refusal::Refusal;
use super::row_change::RowChange;
use crate::address::LocalPart;
use crate::change::{Source, Structure};
use crate::domain::DomainId;
use crate::list::AddressId;
use crate::time::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Gives the number of a new row, or refuses when there is none left.
pub type NewNumber<'a> = dyn FnMut() -> Result<AddressId, Refusal> + 'a;

/// The rows that a batch of changes concerns.
#[derive(Debug, Default)]
pub struct Draft {
    addresses: Vec<DraftAddress>,
    index: HashMap<(DomainId, LocalPart), usize>,
    /// Indexes of the addresses that are or were aliases of an account.
    aliases: HashMap<AddressId, Vec<usize>>,
    /// What a person should know of the changes.
    pub notes: Vec<Note>,
    /// Indexes of the addresses that were asked to be what they are.
    asked_same: BTreeSet<usize>,
    /// Claims that a veto kept out.
    pub vetoed: u64,
    /// Claims of sources of equal rank that disagree.
    pub conflicts: u64,
}

/// What a source says of an address.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// That it is this.
    pub structure: &'a Structure,
    /// Whose word it is.
    pub source: &'a Source,
    /// Who brought it, and from where in the source.
    pub at: ClaimOrigin<'a>,
    /// The source says that the address takes no mail. Only a new address is switched off by it.
    pub switched_off: bool,
}

/// Who brought a claim, when, and from where in the source.
#[derive(Clone, Copy, Debug)]
pub struct ClaimOrigin<'a> {
    pub now: Timestamp,
    /// A login, or the name of a service.
    pub by: &'a str,
    /// A file and its line, or a distinguished name.
    pub place: Option<&'a str>,
    /// What names the entry in a directory for good: objectGUID or entryUUID.
    pub key: Option<&'a str>,
}

impl Draft {
    /// Adds an address with its row in the store, if it has one. An address that is loaded already stays as it is.
    pub fn load(&mut self, domain: &Arc<ListDomain>, local: &LocalPart, state: Option<AddressState>) {
        let key = (domain.id, local.clone());
        if self.index.contains_key(&key) {
            return;
        }
        let at = self.addresses.len();
        if let Some((account, _)) = state.as_ref().and_then(|state| state.account.as_ref()) {
            self.aliases.entry(*account).or_default().push(at);
        }
        self.index.insert(key, at);
        self.addresses.push(DraftAddress {
            domain: Arc::clone(domain),
            local: local.clone(),
            before: state.clone(),
            now: state,
        });
    }

    /// All loaded addresses, in the order in which they were loaded.
    pub fn addresses(&self) -> &[DraftAddress] {
        &self.addresses
    }

    /// The addresses that the changes made different.
    pub fn changed(&self) -> impl Iterator<Item = &DraftAddress> {
        self.addresses.iter().filter(|address| address.before != address.now)
    }

    /// The same in the order in which a plan shows them.
    pub fn changed_in_order(&self) -> Vec<(RowChange, &DraftAddress)> {
        let mut rows: Vec<_> = self.changed().map(|address| (address.change(), address)).collect();
        rows.sort_by(|(a, first), (b, second)| a.cmp(b).then_with(|| first.local.cmp(&second.local)));
        rows
    }

    /// Addresses that are what they were asked to be, and were so before. What another change of the same set did to an
    /// address is no more the same.
    pub fn same(&self) -> u64 {
        let is_same = |at: &&usize| self.addresses.get(**at).is_some_and(|address| address.before == address.now);
        self.asked_same.iter().filter(is_same).count() as u64
    }

    /// Whether an address is loaded, with a row or without.
    pub fn contains(&self, domain: DomainId, local: &LocalPart) -> bool {
        self.index.contains_key(&(domain, local.clone()))
    }

    /// A loaded address as it is now, if it has a row.
    pub fn state(&self, domain: &ListDomain, local: &LocalPart) -> Option<&AddressState> {
        self.at(domain, local).and_then(|at| self.now(at))
    }

    /// A loaded address as it was before, if it had a row.
    pub(super) fn before(&self, domain: &ListDomain, local: &LocalPart) -> Option<&AddressState> {
        self.addresses.get(self.at(domain, local)?)?.before.as_ref()
    }

    fn at(&self, domain: &ListDomain, local: &LocalPart) -> Option<usize> {
        self.index.get(&(domain.id, local.clone())).copied()
    }

    fn now(&self, at: usize) -> Option<&AddressState> {
        self.addresses.get(at).and_then(|entry| entry.now.as_ref())
    }

    fn set(&mut self, at: usize, state: Option<AddressState>) {
        if let Some((account, _)) = state.as_ref().and_then(|state| state.account.as_ref()) {
            let aliases = self.aliases.entry(*account).or_default();
            if !aliases.contains(&at) {
                aliases.push(at);
            }
        }
        if let Some(entry) = self.addresses.get_mut(at) {
            entry.now = state;
        }
    }

    /// The aliases that lead to an account at this moment.
    fn aliases_of(&self, account: AddressId) -> Vec<usize> {
        let all = self.aliases.get(&account).map(Vec::as_slice).unwrap_or_default();
        let leads = |at: &usize| self.now(*at).and_then(|state| state.account.as_ref()).is_some_and(|a| a.0 == account);
        all.iter().copied().filter(leads).collect()
    }
}
