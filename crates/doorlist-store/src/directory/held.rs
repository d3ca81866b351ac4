//! Addresses in hand: a row of the list as a batch of changes found it and as it is now. Must not know the rules of
//! claims, nor SQL.

use super::records::{AddressRecord, ClaimRecord, VetoRecord};
use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::domain::DomainId;
use doorlist_core::list::{AddressId, Entry, Kind, Standing};
use std::sync::Arc;

/// A domain as far as its addresses need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Home {
    pub(super) id: DomainId,
    pub(super) name: DomainName,
}

/// A row of the list in hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) id: AddressId,
    pub(super) kind: Kind,
    /// Of an alias: its account.
    pub(super) account: Option<(AddressId, LocalPart)>,
    pub(super) standing: Standing,
    /// Strongest first.
    pub(super) claims: Vec<ClaimRecord>,
    /// Of a vetoed one: whose word it is.
    pub(super) veto: Option<VetoRecord>,
}

impl Held {
    pub(super) fn entry(&self) -> Entry {
        Entry { kind: self.kind, standing: self.standing, id: self.id }
    }

    pub(super) fn record(&self) -> AddressRecord {
        AddressRecord {
            kind: self.kind,
            account: self.account.as_ref().map(|(_, local)| local.clone()),
            standing: self.standing,
            claims: self.claims.clone(),
            veto: self.veto.clone(),
        }
    }

    pub(super) fn is_listed(&self) -> bool {
        self.standing != Standing::Vetoed
    }

    pub(super) fn is_account(&self) -> bool {
        self.is_listed() && self.kind != Kind::Alias
    }
}

/// One address in hand: as it was, as it is now.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) home: Arc<Home>,
    pub(super) local: LocalPart,
    pub(super) before: Option<Held>,
    pub(super) now: Option<Held>,
}

impl Slot {
    pub(super) fn address(&self) -> Address {
        Address::new(self.local.clone(), self.home.name.clone())
    }
}
