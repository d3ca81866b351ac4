//! Which rows a change can concern beside the address that it names: the accounts that claims lead to, and the aliases of
//! accounts that may go or become something else.

use super::Draft;
use crate::address::LocalPart;
use crate::change::{Change, Structure};
use crate::list::{AddressId, EntryKind};
use crate::list_change::address_state::{AddressState, ListDomain};
use std::collections::BTreeSet;

/// What has to be loaded before a change is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowsNeeded<'a> {
    /// A second address of the same domain.
    pub other: Option<&'a LocalPart>,
    /// The aliases of all accounts among the addresses; else only of those that some source calls an alias.
    pub all_aliases: bool,
}

impl<'a> RowsNeeded<'a> {
    /// What this change needs.
    pub fn by(change: &'a Change) -> Self {
        match change {
            Change::Claim { structure: Structure::Mailbox, .. } | Change::Promote { .. } => {
                Self { other: None, all_aliases: false }
            }
            // What has aliases itself cannot become one: they are looked at, too.
            Change::Claim { structure: Structure::AliasOf(other), .. }
            | Change::Reassign { to: other, .. }
            | Change::Rename { to: other, .. } => Self { other: Some(other), all_aliases: true },
            Change::Claim { structure: Structure::DistributionList, .. }
            | Change::Withdraw { .. }
            | Change::Veto { .. }
            | Change::SetActive { .. }
            | Change::Plan { .. }
            | Change::Domain { .. } => Self { other: None, all_aliases: true },
        }
    }
}

impl Draft {
    /// The accounts among these addresses whose aliases have to be loaded: all of them, or those that some source calls an
    /// alias, since they may become one if nothing leads to them.
    pub fn accounts_to_follow(&self, domain: &ListDomain, locals: &[LocalPart], all: bool) -> Vec<AddressId> {
        let called_alias =
            |state: &&AddressState| state.claims.iter().any(|claim| matches!(claim.structure, Structure::AliasOf(_)));
        let rows = locals.iter().filter_map(|local| self.state(domain, local));
        let accounts = rows.filter(|state| state.kind != EntryKind::Alias).filter(|state| all || called_alias(state));
        accounts.map(|state| state.id).collect()
    }

    /// The accounts that claims on these addresses lead to, and that are not loaded yet.
    pub fn targets_to_load(&self, domain: &ListDomain, locals: &[LocalPart]) -> BTreeSet<LocalPart> {
        let claims = locals.iter().filter_map(|local| self.state(domain, local)).flat_map(|state| &state.claims);
        let targets = claims.filter_map(|claim| match &claim.structure {
            Structure::AliasOf(account) if !self.contains(domain.id, account) => Some(account.clone()),
            _ => None,
        });
        targets.collect()
    }
}
