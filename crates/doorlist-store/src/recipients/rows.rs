//! Rows of the list into the store, in batches of one JSON array each. Knows SQL, not what a change means; reading is in
//! `packed`.

use super::account_data;
use super::codes::{BATCH, kind_code, standing_code, structure_columns};
use crate::db::{Read, Tx, binds};
use crate::error::StoreError;
use crate::json_rows::write_rows;
use doorlist_core::change::Source;
use doorlist_core::list::AddressId;
use doorlist_core::list_change::{AddressState, ClaimRecord, Draft, DraftAddress};
use doorlist_core::time::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Writes what differs between the rows of a draft as they were and as they are. Changed rows go before removed ones:
/// an alias lets go of its account first.
pub(super) async fn write(tx: &mut Tx, draft: &Draft, now: Timestamp) -> Result<(), StoreError> {
    let differing: Vec<&DraftAddress> = draft.changed().collect();
    let sources = source_ids(tx, &differing).await?;
    for addresses in differing.chunks(BATCH) {
        write_addresses(tx, addresses, now).await?;
        write_claims(tx, addresses, &sources).await?;
    }
    Ok(())
}

async fn write_addresses(tx: &mut Tx, addresses: &[&DraftAddress], at: Timestamp) -> Result<(), StoreError> {
    const INSERT: &str = "
        INSERT INTO address (id, domain_id, local, kind, account_id, standing, vetoed_at, vetoed_by, created, updated)
        SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS TEXT),
               CAST(value ->> 3 AS BIGINT), CAST(value ->> 4 AS BIGINT), CAST(value ->> 5 AS BIGINT),
               CAST(value ->> 6 AS BIGINT), CAST(value ->> 7 AS TEXT), CAST(value ->> 8 AS BIGINT),
               CAST(value ->> 8 AS BIGINT)
        FROM json_each($1)";
    const UPDATE: &str = "
        UPDATE address SET kind = CAST(value ->> 1 AS BIGINT), account_id = CAST(value ->> 2 AS BIGINT),
                           standing = CAST(value ->> 3 AS BIGINT), vetoed_at = CAST(value ->> 4 AS BIGINT),
                           vetoed_by = CAST(value ->> 5 AS TEXT), updated = CAST(value ->> 6 AS BIGINT),
                           created = COALESCE(CAST(value ->> 7 AS BIGINT), created)
        FROM json_each($1) WHERE address.id = CAST(value ->> 0 AS BIGINT)";
    const RENAME: &str = "
        UPDATE address SET local = CAST(value ->> 1 AS TEXT)
        FROM json_each($1) WHERE address.id = CAST(value ->> 0 AS BIGINT)";
    const DELETE: &str = "
        DELETE FROM address WHERE id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM json_each($1))";
    let (mut inserted, mut updated, mut deleted) = (Vec::new(), Vec::new(), Vec::new());
    let (mut renamed, mut no_account) = (Vec::new(), Vec::new());
    // A row that is under another name than before was renamed.
    let gone = addresses.iter().filter(|address| address.now.is_none());
    let before_ids: HashSet<AddressId> =
        gone.filter_map(|address| address.before.as_ref()).map(|state| state.id).collect();
    let new = addresses.iter().filter(|address| address.before.is_none());
    let now_ids: HashSet<AddressId> = new.filter_map(|address| address.now.as_ref()).map(|state| state.id).collect();
    for DraftAddress { domain, local, before, now } in addresses {
        match (before, now) {
            (None, Some(now)) if before_ids.contains(&now.id) => {
                let (kind, account, standing, veto_at, by) = columns(now);
                renamed.push(json!([now.id, local.as_str()]));
                updated.push(json!([now.id, kind, account, standing, veto_at, by, at, None::<i64>]));
            }
            (None, Some(now)) => {
                let (kind, account, standing, veto_at, by) = columns(now);
                inserted.push(json!([now.id, domain.id, local.as_str(), kind, account, standing, veto_at, by, at]));
            }
            (Some(before), Some(now)) if columns(before) != columns(now) => {
                let (kind, account, standing, veto_at, by) = columns(now);
                let listed_anew = (!before.is_listed() && now.is_listed()).then_some(at);
                updated.push(json!([now.id, kind, account, standing, veto_at, by, at, listed_anew]));
                if before.is_account() && !now.is_account() {
                    no_account.push(json!([now.id]));
                }
            }
            (Some(before), None) if now_ids.contains(&before.id) => {}
            (Some(before), None) => {
                deleted.push(json!([before.id]));
                if before.is_account() {
                    no_account.push(json!([before.id]));
                }
            }
            _ => {}
        }
    }
    write_rows(tx, RENAME, &renamed).await?;
    write_rows(tx, INSERT, &inserted).await?;
    write_rows(tx, UPDATE, &updated).await?;
    account_data::drop_of(tx, &no_account).await?;
    write_rows(tx, DELETE, &deleted).await
}

type AddressColumns<'a> = (i64, Option<AddressId>, i64, Option<i64>, Option<&'a str>);

fn columns(state: &AddressState) -> AddressColumns<'_> {
    let veto = state.veto.as_ref();
    let (at, by) = (veto.map(|veto| veto.since.as_millis()), veto.map(|veto| veto.by.as_str()));
    (kind_code(state.kind), account_code(state), standing_code(state.standing), at, by)
}

async fn write_claims(
    tx: &mut Tx,
    addresses: &[&DraftAddress],
    sources: &HashMap<Source, i64>,
) -> Result<(), StoreError> {
    const PUT: &str = "
        INSERT INTO claim (address_id, source_id, kind, account, since, actor, place, entry_key, missing_since)
        SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS BIGINT),
               CAST(value ->> 3 AS TEXT), CAST(value ->> 4 AS BIGINT), CAST(value ->> 5 AS TEXT),
               CAST(value ->> 6 AS TEXT), CAST(value ->> 7 AS TEXT), CAST(value ->> 8 AS BIGINT)
        FROM json_each($1) WHERE true
        ON CONFLICT (address_id, source_id)
        DO UPDATE SET kind = excluded.kind, account = excluded.account, since = excluded.since,
            actor = excluded.actor, place = excluded.place, entry_key = excluded.entry_key,
            missing_since = excluded.missing_since";
    const TAKE: &str = "
        DELETE FROM claim WHERE (address_id, source_id) IN
        (SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT) FROM json_each($1))";
    let (mut put, mut taken) = (Vec::new(), Vec::new());
    for address in addresses {
        let Some(now) = &address.now else { continue };
        let before = address.before.as_ref().map(|state| state.claims.as_slice()).unwrap_or_default();
        for claim in now.claims.iter().filter(|claim| !before.contains(claim)) {
            put.push(claim_row(now.id, claim, sources));
        }
        let gone = |claim: &&ClaimRecord| !now.claims.iter().any(|c| c.source == claim.source);
        taken.extend(before.iter().filter(gone).map(|claim| json!([now.id, sources.get(&claim.source)])));
    }
    write_rows(tx, TAKE, &taken).await?;
    write_rows(tx, PUT, &put).await
}

fn claim_row(id: AddressId, claim: &ClaimRecord, sources: &HashMap<Source, i64>) -> Value {
    let (kind, account) = structure_columns(&claim.structure);
    let missing_since = claim.missing_since.map(Timestamp::as_millis);
    let ClaimRecord { since, by, place, key, .. } = claim;
    json!([id, sources.get(&claim.source), kind, account, since, by, place, key, missing_since])
}

/// The numbers of all sources that these rows name; new ones are given a number.
async fn source_ids(tx: &mut Tx, addresses: &[&DraftAddress]) -> Result<HashMap<Source, i64>, StoreError> {
    // Collected before the first wait: an iterator of closures that is state over one is not `Send` for the compiler.
    let state = addresses.iter().flat_map(|address| [&address.before, &address.now]).flatten();
    let sources: BTreeSet<&Source> = state.flat_map(|state| &state.claims).map(|claim| &claim.source).collect();
    let mut ids: HashMap<Source, i64> = HashMap::new();
    for source in sources {
        ids.insert(source.clone(), source_id(tx, source).await?);
    }
    Ok(ids)
}

/// The number of a source; a new one is given a number.
pub(super) async fn source_id(tx: &mut Tx, source: &Source) -> Result<i64, StoreError> {
    let name = source.to_string();
    let insert = "INSERT INTO claim_source (id, name) SELECT COALESCE(MAX(id), 0) + 1, $1 FROM claim_source \
                  WHERE true ON CONFLICT (name) DO NOTHING";
    tx.execute(insert, &binds![&name]).await?;
    let id = tx.value("SELECT id FROM claim_source WHERE name = $1", &binds![&name]).await?;
    id.ok_or_else(|| StoreError::corrupt("claim_source", format!("{name:?} cannot be kept")))
}

fn account_code(state: &AddressState) -> Option<AddressId> {
    state.account.as_ref().map(|(id, _)| *id)
}
