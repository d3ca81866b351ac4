//! Reading rows of the list, packed: the store puts ten thousand of them into one text, since fetching them one by one
//! costs more than all the rest. Knows SQL, not what a row means.

use super::codes::{address_id, kind_code, kind_from, standing_from};
use crate::db::{Read, Row, binds};
use crate::error::StoreError;
use crate::json_rows::{keys, unpack};
use doorlist_core::address::LocalPart;
use doorlist_core::change::{Source, Structure};
use doorlist_core::list::{AddressId, EntryKind, Standing};
use doorlist_core::list_change::{AddressState, ClaimRecord, ListDomain, VetoRecord, sort_claims};
use doorlist_core::time::Timestamp;
use serde::Deserialize;
use std::borrow::Cow;

/// A statement that reads rows of addresses with their claims as [`PackedColumns`], from the addresses that `$from` names `a`
/// under the condition `$when`.
macro_rules! packed_rows {
    ($from:literal, $when:literal) => {
        concat!(
            "
    SELECT CAST(JSON_ROWS(a.id, a.local, a.kind, a.account_id, p.local, a.standing, s.name, c.kind, c.account, c.since,
           a.vetoed_at, a.vetoed_by, c.actor, c.place, c.entry_key, c.missing_since)) AS TEXT)
    FROM ",
            $from,
            "
    LEFT JOIN address AS p ON p.id = a.account_id
    LEFT JOIN claim AS c ON c.address_id = a.id
    LEFT JOIN claim_source AS s ON s.id = c.source_id
    ",
            $when
        )
    };
}

const BY_NAME: &str = packed_rows!(
    "json_each($1) AS k CROSS JOIN address AS a",
    "WHERE a.domain_id = $2 AND a.local = CAST(k.value ->> 0 AS TEXT)"
);

const ALIASES_OF: &str = packed_rows!(
    "json_each($1) AS k CROSS JOIN address AS a",
    "WHERE a.account_id = CAST(k.value ->> 0 AS BIGINT) AND a.account_id IS NOT NULL"
);

const PAGE: &str = packed_rows!(
    "(SELECT id, local, kind, account_id, standing, vetoed_at, vetoed_by FROM address
          WHERE domain_id = $1 AND local > $2 AND ($3 < 0 OR kind = $3) ORDER BY local LIMIT $4) AS a",
    ""
);

/// One row of `packed_rows`, in that order. A text without escapes is not copied.
#[derive(Deserialize)]
struct PackedColumns<'a>(
    u32,
    #[serde(borrow)] Cow<'a, str>,
    i64,
    Option<u32>,
    #[serde(borrow)] Option<Cow<'a, str>>,
    i64,
    #[serde(borrow)] Option<Cow<'a, str>>,
    Option<i64>,
    #[serde(borrow)] Option<Cow<'a, str>>,
    Option<i64>,
    Option<i64>,
    #[serde(borrow)] Option<Cow<'a, str>>,
    #[serde(borrow)] Option<Cow<'a, str>>,
    #[serde(borrow)] Option<Cow<'a, str>>,
    #[serde(borrow)] Option<Cow<'a, str>>,
    Option<i64>,
);

/// The rows of these local parts of a domain, in byte order.
pub(super) async fn by_name(
    from: &mut (impl Read + Send),
    domain: &ListDomain,
    locals: &[&LocalPart],
) -> Result<Vec<(LocalPart, AddressState)>, StoreError> {
    gather(from.row(BY_NAME, &binds![&keys(locals)?, domain.id]).await?)
}

/// The rows of the aliases of these accounts, in byte order.
pub(super) async fn aliases_of(
    from: &mut (impl Read + Send),
    accounts: &[AddressId],
) -> Result<Vec<(LocalPart, AddressState)>, StoreError> {
    gather(from.row(ALIASES_OF, &binds![&keys(accounts)?]).await?)
}

/// Rows of a domain behind a local part, in byte order; of one kind only if it is given.
pub(super) async fn page(
    from: &mut (impl Read + Send),
    domain: &ListDomain,
    after: &str,
    kind: Option<EntryKind>,
    limit: usize,
) -> Result<Vec<(LocalPart, AddressState)>, StoreError> {
    let (kind, limit) = (kind.map_or(-1, kind_code), limit as u64);
    gather(from.row(PAGE, &binds![domain.id, after, kind, limit]).await?)
}

/// Puts the rows of one address together: a row comes once for each claim.
fn gather(row: Option<Row>) -> Result<Vec<(LocalPart, AddressState)>, StoreError> {
    let Some(row) = row else { return Ok(Vec::new()) };
    let mut rows: Vec<PackedColumns<'_>> = unpack(&row, "address")?;
    // Mostly so already; which of several aliases is first must not depend on the engine.
    rows.sort_by(|a, b| a.1.cmp(&b.1));
    let mut found: Vec<(LocalPart, AddressState)> = Vec::with_capacity(rows.len());
    for row in &rows {
        let id = address_id(row.0.into())?;
        if found.last().is_none_or(|(_, state)| state.id != id) {
            found.push((LocalPart::from_canonical(&row.1), state(row, id)?));
        }
        if let (Some((_, state)), Some(source)) = (found.last_mut(), &row.6) {
            state.claims.push(claim(row, source)?);
        }
    }
    for (_, state) in &mut found {
        sort_claims(&mut state.claims);
    }
    Ok(found)
}

fn state(row: &PackedColumns<'_>, id: AddressId) -> Result<AddressState, StoreError> {
    let account = match (row.3, &row.4) {
        (Some(account), Some(local)) => Some((AddressId(account), LocalPart::from_canonical(local))),
        _ => None,
    };
    let (kind, standing) = (kind_from(row.2)?, standing_from(row.5)?);
    let veto = match (standing, row.10) {
        (Standing::Vetoed, Some(at)) => {
            let by = row.11.as_deref().unwrap_or_default().to_owned();
            Some(VetoRecord { since: Timestamp::from_millis(at), by })
        }
        _ => None,
    };
    Ok(AddressState { id, kind, account, standing, claims: Vec::new(), veto })
}

fn claim(row: &PackedColumns<'_>, source: &str) -> Result<ClaimRecord, StoreError> {
    let source = Source::parse(source)
        .ok_or_else(|| StoreError::corrupt("claim_source", format!("unknown source {source:?}")))?;
    let structure = match (row.7.map_or(Ok(EntryKind::Mailbox), kind_from)?, &row.8) {
        (EntryKind::Mailbox, _) => Structure::Mailbox,
        (EntryKind::List, _) => Structure::DistributionList,
        (EntryKind::Alias, Some(account)) => Structure::AliasOf(LocalPart::from_canonical(account)),
        (EntryKind::Alias, None) => return Err(StoreError::corrupt("claim", "an alias of nobody".to_owned())),
    };
    let text = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
    Ok(ClaimRecord {
        source,
        structure,
        since: Timestamp::from_millis(row.9.unwrap_or(0)),
        by: text(&row.12).unwrap_or_default(),
        place: text(&row.13),
        key: text(&row.14),
        missing_since: row.15.map(Timestamp::from_millis),
    })
}
