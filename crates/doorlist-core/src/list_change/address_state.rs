//! An address while a batch of changes is worked out: as the batch found it, and as it is now.

use super::record::{AddressRecord, ClaimRecord, VetoRecord};
use crate::address::{Address, DomainName, LocalPart};
use crate::domain::DomainId;
use crate::list::{AddressId, Entry, EntryKind, Standing};
use std::sync::Arc;

/// A domain, as far as the rules of its addresses need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListDomain {
    pub id: DomainId,
    pub name: DomainName,
}

/// The state of an address that has a row: listed or vetoed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressState {
    pub id: AddressId,
    pub kind: EntryKind,
    /// The account of an alias.
    pub account: Option<(AddressId, LocalPart)>,
    pub standing: Standing,
    /// Who says that it is there, strongest first.
    pub claims: Vec<ClaimRecord>,
    /// Who removed it, if it is vetoed.
    pub veto: Option<VetoRecord>,
}

impl AddressState {
    /// A row that nothing is said of yet.
    pub(super) fn new(id: AddressId) -> Self {
        Self { id, kind: EntryKind::Mailbox, account: None, standing: Standing::Active, claims: Vec::new(), veto: None }
    }

    /// A row that is kept for a veto alone.
    pub(super) fn vetoed(id: AddressId, veto: VetoRecord) -> Self {
        Self { standing: Standing::Vetoed, veto: Some(veto), ..Self::new(id) }
    }

    /// The state as the list in memory keeps it.
    pub fn entry(&self) -> Entry {
        Entry { kind: self.kind, standing: self.standing, id: self.id }
    }

    /// The state as the change log keeps it.
    pub fn record(&self) -> AddressRecord {
        AddressRecord {
            kind: self.kind,
            account: self.account.as_ref().map(|(_, local)| local.clone()),
            standing: self.standing,
            claims: self.claims.clone(),
            veto: self.veto.clone(),
        }
    }

    /// Whether it is on the list: a vetoed address is not.
    pub fn is_listed(&self) -> bool {
        self.standing != Standing::Vetoed
    }

    /// Whether it is a listed mailbox or distribution list.
    pub fn is_account(&self) -> bool {
        self.is_listed() && self.kind != EntryKind::Alias
    }
}

/// One address of a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftAddress {
    pub domain: Arc<ListDomain>,
    /// Its canonical local part.
    pub local: LocalPart,
    /// As it was loaded; `None`: it had no row.
    pub before: Option<AddressState>,
    /// As the changes made it; `None`: it has no row.
    pub now: Option<AddressState>,
}

impl DraftAddress {
    /// With its domain's main name.
    pub fn address(&self) -> Address {
        Address::new(self.local.clone(), self.domain.name.clone())
    }
}
