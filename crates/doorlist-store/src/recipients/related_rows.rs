//! Loading rows into a draft: the addresses that changes name, and with them the accounts and aliases that the changes can
//! concern. Reads only; from the store as it is, or from within a transaction.

use super::codes::BATCH;
use super::packed;
use crate::db::Read;
use crate::error::StoreError;
use doorlist_core::address::LocalPart;
use doorlist_core::list_change::{AddressState, Draft, ListDomain};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Loads addresses of a domain with what belongs to them: the accounts that claims lead to, and the aliases of accounts; see
/// [`Draft::accounts_to_follow`] for `all_aliases`.
pub(super) async fn load(
    from: &mut (impl Read + Send),
    draft: &mut Draft,
    domain: &Arc<ListDomain>,
    locals: BTreeSet<&LocalPart>,
    all_aliases: bool,
) -> Result<(), StoreError> {
    let mut concerned: Vec<LocalPart> = locals.iter().map(|local| (*local).clone()).collect();
    load_named(from, draft, domain, locals.into_iter().collect()).await?;
    for accounts in draft.accounts_to_follow(domain, &concerned, all_aliases).chunks(BATCH) {
        let aliases = packed::aliases_of(from, accounts).await?;
        concerned.extend(aliases.iter().map(|(local, _)| local.clone()));
        put_all(draft, domain, aliases);
    }
    let targets = draft.targets_to_load(domain, &concerned);
    load_named(from, draft, domain, targets.iter().collect()).await
}

/// Loads these addresses alone; one that is not on the list is in the draft as absent.
async fn load_named(
    from: &mut (impl Read + Send),
    draft: &mut Draft,
    domain: &Arc<ListDomain>,
    mut locals: Vec<&LocalPart>,
) -> Result<(), StoreError> {
    locals.retain(|local| !draft.contains(domain.id, local));
    for locals in locals.chunks(BATCH) {
        let found = packed::by_name(from, domain, locals).await?;
        put_all(draft, domain, found);
        for local in locals {
            draft.load(domain, local, None);
        }
    }
    Ok(())
}

/// Puts rows of the store into a draft.
pub(super) fn put_all(draft: &mut Draft, domain: &Arc<ListDomain>, rows: Vec<(LocalPart, AddressState)>) {
    for (local, state) in rows {
        draft.load(domain, &local, Some(state));
    }
}
