//! Taking rows in hand: the addresses that changes name, and with them the accounts and aliases that the changes can
//! concern. Reads only; from the store as it is, or from within a transaction.

use super::draft::Draft;
use super::held::{Held, Home};
use super::packed;
use super::rows::{self, BATCH};
use crate::db::Read;
use crate::error::StoreError;
use doorlist_core::address::{Address, LocalPart};
use doorlist_core::change::{Change, Structure};
use doorlist_core::list::{AddressId, Kind};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Takes addresses of a domain with what belongs to them: the accounts that claims lead to, and the aliases of accounts:
/// of all in hand, or only of those that some source calls an alias, since they may become one if nothing leads to them.
pub(super) async fn with_relations(
    from: &mut (impl Read + Send),
    draft: &mut Draft,
    home: &Arc<Home>,
    locals: BTreeSet<&LocalPart>,
    all_aliases: bool,
) -> Result<(), StoreError> {
    let mut concerned: Vec<LocalPart> = locals.iter().map(|local| (*local).clone()).collect();
    named(from, draft, home, locals.into_iter().collect()).await?;
    for accounts in accounts_among(draft, home, &concerned, all_aliases).chunks(BATCH) {
        let aliases = packed::aliases_of(from, accounts).await?;
        concerned.extend(aliases.iter().map(|(local, _)| local.clone()));
        rows::take_all(draft, home, aliases);
    }
    let targets = targets_of(draft, home, &concerned);
    named(from, draft, home, targets.iter().collect()).await
}

/// Takes these addresses alone; one that is not on the list is in hand as absent.
async fn named(
    from: &mut (impl Read + Send),
    draft: &mut Draft,
    home: &Arc<Home>,
    mut locals: Vec<&LocalPart>,
) -> Result<(), StoreError> {
    locals.retain(|local| !draft.has(home.id, local));
    for locals in locals.chunks(BATCH) {
        let found = packed::by_name(from, home, locals).await?;
        rows::take_all(draft, home, found);
        for local in locals {
            draft.take(home, local, None);
        }
    }
    Ok(())
}

fn accounts_among(draft: &Draft, home: &Home, locals: &[LocalPart], all: bool) -> Vec<AddressId> {
    let called_alias = |held: &&Held| held.claims.iter().any(|claim| matches!(claim.structure, Structure::AliasOf(_)));
    let rows = locals.iter().filter_map(|local| draft.held(home, local));
    let accounts = rows.filter(|held| held.kind != Kind::Alias).filter(|held| all || called_alias(held));
    accounts.map(|held| held.id).collect()
}

/// Accounts that claims of these rows lead to, and that are not in hand themselves.
fn targets_of(draft: &Draft, home: &Home, locals: &[LocalPart]) -> BTreeSet<LocalPart> {
    let claims = locals.iter().filter_map(|local| draft.held(home, local)).flat_map(|held| &held.claims);
    let targets = claims.filter_map(|claim| match &claim.structure {
        Structure::AliasOf(account) if !draft.has(home.id, account) => Some(account.clone()),
        _ => None,
    });
    targets.collect()
}

/// The address that a change is about.
pub(super) fn address_of(change: &Change) -> Option<&Address> {
    match change {
        Change::Claim { address, .. }
        | Change::Withdraw { address, .. }
        | Change::Veto { address }
        | Change::Reassign { address, .. }
        | Change::Rename { address, .. }
        | Change::SetActive { address, .. } => Some(address),
        Change::Domain { .. } | Change::Plan { .. } => None,
    }
}
