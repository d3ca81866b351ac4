//! Rows of the list to and from the store, in batches: one JSON array each way. Knows SQL, not what a change means.

use super::draft::{Draft, sort_claims};
use super::held::{Held, Home, Slot};
use super::records::{ClaimRecord, VetoRecord};
use crate::db::{Bind, Read, Row, Tx};
use crate::error::StoreError;
use doorlist_core::address::LocalPart;
use doorlist_core::change::{Source, Structure};
use doorlist_core::list::{AddressId, Kind, Standing};
use doorlist_core::time::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Rows that one statement reads or writes.
pub(super) const BATCH: usize = 10_000;

const BY_NAME: &str = "
    SELECT a.id, a.local, a.kind, a.account_id, p.local, a.standing, s.name, c.kind, c.account, c.since,
           a.vetoed_at, a.vetoed_by, c.actor, c.place, c.entry_key, c.missing_since
    FROM json_each($1) AS k CROSS JOIN address AS a
    LEFT JOIN address AS p ON p.id = a.account_id
    LEFT JOIN claim AS c ON c.address_id = a.id
    LEFT JOIN claim_source AS s ON s.id = c.source_id
    WHERE a.domain_id = $2 AND a.local = CAST(k.value ->> 0 AS TEXT)
    ORDER BY a.local";

const ALIASES_OF: &str = "
    SELECT a.id, a.local, a.kind, a.account_id, p.local, a.standing, s.name, c.kind, c.account, c.since,
           a.vetoed_at, a.vetoed_by, c.actor, c.place, c.entry_key, c.missing_since
    FROM json_each($1) AS k CROSS JOIN address AS a
    LEFT JOIN address AS p ON p.id = a.account_id
    LEFT JOIN claim AS c ON c.address_id = a.id
    LEFT JOIN claim_source AS s ON s.id = c.source_id
    WHERE a.account_id = CAST(k.value ->> 0 AS BIGINT) AND a.account_id IS NOT NULL
    ORDER BY a.id";

const PAGE: &str = "
    SELECT a.id, a.local, a.kind, a.account_id, p.local, a.standing, s.name, c.kind, c.account, c.since,
           a.vetoed_at, a.vetoed_by, c.actor, c.place, c.entry_key, c.missing_since
    FROM (SELECT id, local, kind, account_id, standing, vetoed_at, vetoed_by FROM address
          WHERE domain_id = $1 AND local > $2 AND ($3 < 0 OR kind = $3) ORDER BY local LIMIT $4) AS a
    LEFT JOIN address AS p ON p.id = a.account_id
    LEFT JOIN claim AS c ON c.address_id = a.id
    LEFT JOIN claim_source AS s ON s.id = c.source_id
    ORDER BY a.local";

/// The rows of these local parts of a domain.
pub(super) async fn by_name(
    from: &mut (impl Read + Send),
    home: &Home,
    locals: &[&LocalPart],
) -> Result<Vec<(LocalPart, Held)>, StoreError> {
    let keys: Vec<_> = locals.iter().map(|local| [local.as_str()]).collect();
    let binds = [Bind::Text(&to_json(&keys)?), Bind::Int(home.id.0.into())];
    gather(from.rows(BY_NAME, &binds).await?)
}

/// The rows of the aliases of these accounts.
pub(super) async fn aliases_of(
    from: &mut (impl Read + Send),
    accounts: &[AddressId],
) -> Result<Vec<(LocalPart, Held)>, StoreError> {
    let keys: Vec<_> = accounts.iter().map(|id| [id.0]).collect();
    gather(from.rows(ALIASES_OF, &[Bind::Text(&to_json(&keys)?)]).await?)
}

/// Rows of a domain behind a local part, in byte order; of one kind only if it is given.
pub(super) async fn page(
    from: &mut (impl Read + Send),
    home: &Home,
    after: &str,
    kind: Option<Kind>,
    limit: usize,
) -> Result<Vec<(LocalPart, Held)>, StoreError> {
    let binds = [
        Bind::Int(home.id.0.into()),
        Bind::Text(after),
        Bind::Int(kind.map_or(-1, kind_code)),
        Bind::Int(i64::try_from(limit).unwrap_or(i64::MAX)),
    ];
    gather(from.rows(PAGE, &binds).await?)
}

/// Puts the rows of one address together; a row comes once for each claim, rows of an address beside each other.
fn gather(rows: Vec<Row>) -> Result<Vec<(LocalPart, Held)>, StoreError> {
    let mut found: Vec<(LocalPart, Held)> = Vec::with_capacity(rows.len());
    for row in &rows {
        let id = address_id(row.int(0)?)?;
        if found.last().is_none_or(|(_, held)| held.id != id) {
            found.push((LocalPart::from_canonical(row.text(1)?), held(row, id)?));
        }
        if let (Some((_, held)), Some(source)) = (found.last_mut(), row.text_or_null(6)?) {
            held.claims.push(claim(row, source)?);
        }
    }
    for (_, held) in &mut found {
        sort_claims(&mut held.claims);
    }
    Ok(found)
}

fn held(row: &Row, id: AddressId) -> Result<Held, StoreError> {
    let account = match (row.int_or_null(3)?, row.text_or_null(4)?) {
        (Some(account), Some(local)) => Some((address_id(account)?, LocalPart::from_canonical(local))),
        _ => None,
    };
    let (kind, standing) = (kind_from(row.int(2)?)?, standing_from(row.int(5)?)?);
    let veto = match (standing, row.int_or_null(10)?) {
        (Standing::Vetoed, Some(at)) => {
            let by = row.text_or_null(11)?.unwrap_or_default().to_owned();
            Some(VetoRecord { since: Timestamp::from_millis(at), by })
        }
        _ => None,
    };
    Ok(Held { id, kind, account, standing, claims: Vec::new(), veto })
}

fn claim(row: &Row, source: &str) -> Result<ClaimRecord, StoreError> {
    let source = Source::parse(source).ok_or_else(|| corrupt("claim_source", format!("unknown source {source:?}")))?;
    let structure = match (kind_from(row.int(7)?)?, row.text_or_null(8)?) {
        (Kind::Mailbox, _) => Structure::Mailbox,
        (Kind::List, _) => Structure::DistributionList,
        (Kind::Alias, Some(account)) => Structure::AliasOf(LocalPart::from_canonical(account)),
        (Kind::Alias, None) => return Err(corrupt("claim", "an alias of nobody".to_owned())),
    };
    Ok(ClaimRecord {
        source,
        structure,
        since: Timestamp::from_millis(row.int(9)?),
        by: row.text(12)?.to_owned(),
        place: row.text_or_null(13)?.map(str::to_owned),
        key: row.text_or_null(14)?.map(str::to_owned),
        missing_since: row.int_or_null(15)?.map(Timestamp::from_millis),
    })
}

/// Writes what differs between the rows of a draft as they were and as they are. Changed rows go before removed ones:
/// an alias lets go of its account first.
pub(super) async fn write(tx: &mut Tx, draft: &Draft) -> Result<(), StoreError> {
    let differing: Vec<&Slot> = draft.slots().iter().filter(|slot| slot.before != slot.now).collect();
    let sources = source_ids(tx, &differing).await?;
    for slots in differing.chunks(BATCH) {
        write_addresses(tx, slots).await?;
        write_claims(tx, slots, &sources).await?;
    }
    Ok(())
}

async fn write_addresses(tx: &mut Tx, slots: &[&Slot]) -> Result<(), StoreError> {
    const INSERT: &str = "
        INSERT INTO address (id, domain_id, local, kind, account_id, standing, vetoed_at, vetoed_by)
        SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS TEXT),
               CAST(value ->> 3 AS BIGINT), CAST(value ->> 4 AS BIGINT), CAST(value ->> 5 AS BIGINT),
               CAST(value ->> 6 AS BIGINT), CAST(value ->> 7 AS TEXT)
        FROM json_each($1)";
    const UPDATE: &str = "
        UPDATE address SET kind = CAST(value ->> 1 AS BIGINT), account_id = CAST(value ->> 2 AS BIGINT),
                           standing = CAST(value ->> 3 AS BIGINT), vetoed_at = CAST(value ->> 4 AS BIGINT),
                           vetoed_by = CAST(value ->> 5 AS TEXT)
        FROM json_each($1) WHERE address.id = CAST(value ->> 0 AS BIGINT)";
    const DELETE: &str = "
        DELETE FROM address WHERE id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM json_each($1))";
    let (mut inserted, mut updated, mut deleted) = (Vec::new(), Vec::new(), Vec::new());
    for slot in slots {
        match (&slot.before, &slot.now) {
            (None, Some(now)) => {
                let (kind, account, standing, at, by) = columns(now);
                inserted.push(json!([now.id, slot.home.id, slot.local.as_str(), kind, account, standing, at, by]));
            }
            (Some(before), Some(now)) if columns(before) != columns(now) => {
                let (kind, account, standing, at, by) = columns(now);
                updated.push(json!([now.id, kind, account, standing, at, by]));
            }
            (Some(before), None) => deleted.push(json!([before.id])),
            _ => {}
        }
    }
    write_rows(tx, INSERT, &inserted).await?;
    write_rows(tx, UPDATE, &updated).await?;
    write_rows(tx, DELETE, &deleted).await
}

type Columns<'a> = (i64, Option<AddressId>, i64, Option<i64>, Option<&'a str>);

fn columns(held: &Held) -> Columns<'_> {
    let veto = held.veto.as_ref();
    let (at, by) = (veto.map(|veto| veto.since.as_millis()), veto.map(|veto| veto.by.as_str()));
    (kind_code(held.kind), account_code(held), standing_code(held.standing), at, by)
}

async fn write_claims(tx: &mut Tx, slots: &[&Slot], sources: &HashMap<Source, i64>) -> Result<(), StoreError> {
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
    for slot in slots {
        let Some(now) = &slot.now else { continue };
        let before = slot.before.as_ref().map(|held| held.claims.as_slice()).unwrap_or_default();
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
    let (kind, account) = match &claim.structure {
        Structure::Mailbox => (Kind::Mailbox, None),
        Structure::DistributionList => (Kind::List, None),
        Structure::AliasOf(local) => (Kind::Alias, Some(local.as_str())),
    };
    let missing_since = claim.missing_since.map(Timestamp::as_millis);
    let ClaimRecord { since, by, place, key, .. } = claim;
    json!([id, sources.get(&claim.source), kind_code(kind), account, since, by, place, key, missing_since])
}

/// The numbers of all sources that these rows name; new ones are given a number.
async fn source_ids(tx: &mut Tx, slots: &[&Slot]) -> Result<HashMap<Source, i64>, StoreError> {
    // Collected before the first wait: an iterator of closures that is held over one is not `Send` for the compiler.
    let held = slots.iter().flat_map(|slot| [&slot.before, &slot.now]).flatten();
    let sources: BTreeSet<&Source> = held.flat_map(|held| &held.claims).map(|claim| &claim.source).collect();
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
    tx.execute(insert, &[Bind::Text(&name)]).await?;
    let row = tx.row("SELECT id FROM claim_source WHERE name = $1", &[Bind::Text(&name)]).await?;
    row.ok_or_else(|| corrupt("claim_source", format!("{name:?} cannot be kept")))?.int(0)
}

/// Runs a bulk statement with these rows, unless there are none.
pub(super) async fn write_rows(tx: &mut Tx, sql: &'static str, rows: &[Value]) -> Result<(), StoreError> {
    if !rows.is_empty() {
        tx.execute(sql, &[Bind::Text(&to_json(rows)?)]).await?;
    }
    Ok(())
}

/// The rows of a bulk statement as text.
pub(super) fn to_json<T: serde::Serialize + ?Sized>(rows: &T) -> Result<String, StoreError> {
    serde_json::to_string(rows).map_err(|e| corrupt("address", e.to_string()))
}

pub(super) fn corrupt(table: &'static str, why: String) -> StoreError {
    StoreError::Corrupt { table, why }
}

pub(super) fn address_id(number: i64) -> Result<AddressId, StoreError> {
    u32::try_from(number).map(AddressId).map_err(|_| corrupt("address", format!("id {number}")))
}

fn account_code(held: &Held) -> Option<AddressId> {
    held.account.as_ref().map(|(id, _)| *id)
}

pub(super) fn kind_code(kind: Kind) -> i64 {
    match kind {
        Kind::Mailbox => 0,
        Kind::Alias => 1,
        Kind::List => 2,
    }
}

pub(super) fn kind_from(code: i64) -> Result<Kind, StoreError> {
    match code {
        0 => Ok(Kind::Mailbox),
        1 => Ok(Kind::Alias),
        2 => Ok(Kind::List),
        other => Err(corrupt("address", format!("kind {other}"))),
    }
}

fn standing_code(standing: Standing) -> i64 {
    match standing {
        Standing::Active => 0,
        Standing::SwitchedOff => 1,
        Standing::Vetoed => 2,
    }
}

pub(super) fn standing_from(code: i64) -> Result<Standing, StoreError> {
    match code {
        0 => Ok(Standing::Active),
        1 => Ok(Standing::SwitchedOff),
        2 => Ok(Standing::Vetoed),
        other => Err(corrupt("address", format!("standing {other}"))),
    }
}

/// Takes rows in hand.
pub(super) fn take_all(draft: &mut Draft, home: &Arc<Home>, rows: Vec<(LocalPart, Held)>) {
    for (local, held) in rows {
        draft.take(home, &local, Some(held));
    }
}
