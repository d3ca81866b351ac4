//! A domain's aliases and mail servers into the store. Each has a number of its own that it keeps for as long as it is
//! there, since the API names it by that. Must not know what a change to a domain means.

use crate::db::{Read, Tx, binds, columns_of, word};
use crate::error::StoreError;
use crate::json_rows::{to_json, write_rows};
use crate::numbers::take_number;
use doorlist_core::change::MailServer;
use doorlist_core::domain::DomainId;
use doorlist_core::list_change::DomainRecord;
use doorlist_core::time::Timestamp;
use serde_json::json;
use std::collections::BTreeSet;

/// Writes the aliases that a domain has now.
pub(super) async fn write_aliases(
    tx: &mut Tx,
    (id, record): (DomainId, &DomainRecord),
    now: Timestamp,
) -> Result<(), StoreError> {
    const GONE: &str = "
        DELETE FROM domain_alias WHERE domain_id = $2 AND name NOT IN
        (SELECT CAST(value ->> 0 AS TEXT) FROM json_each($1))";
    const SWITCHED: &str = "
        UPDATE domain_alias SET active = NOT active, updated = $2
        FROM json_each($1) AS k
        WHERE name = CAST(k.value ->> 0 AS TEXT) AND active <> (CAST(k.value ->> 1 AS BIGINT) = 1)";
    const NEW: &str = "
        INSERT INTO domain_alias (name, domain_id, id, active, created, updated)
        SELECT CAST(value ->> 0 AS TEXT), CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS BIGINT),
               CAST(value ->> 3 AS BIGINT) = 1, CAST(value ->> 4 AS BIGINT), CAST(value ->> 4 AS BIGINT)
        FROM json_each($1)";
    let active = |name| i64::from(!record.aliases_off.contains(name));
    let wanted: Vec<_> = record.domain_aliases.iter().map(|name| json!([name, active(name)])).collect();
    let wanted = to_json(&wanted)?;
    tx.execute(GONE, &binds![&wanted, id]).await?;
    tx.execute(SWITCHED, &binds![&wanted, now]).await?;
    let there: Vec<String> = tx.list("SELECT name FROM domain_alias WHERE domain_id = $1", &binds![id]).await?;
    let there = BTreeSet::from_iter(there);
    let mut new = Vec::new();
    for name in record.domain_aliases.iter().filter(|name| !there.contains(name.as_str())) {
        let number = take_domain_number(tx).await?;
        new.push(json!([name, id, number, active(name), now]));
    }
    write_rows(tx, NEW, &new).await
}

/// Domains and their aliases share one row of numbers: some lists show both.
pub(super) async fn take_domain_number(tx: &mut Tx) -> Result<i64, StoreError> {
    let number = tx.value("SELECT next_domain FROM list_state WHERE id = 1", &[]).await?;
    tx.execute("UPDATE list_state SET next_domain = next_domain + 1 WHERE id = 1", &[]).await?;
    Ok(number.unwrap_or(1))
}

/// A server as it stands in the store.
struct Stored {
    id: u32,
    host: String,
    created: Timestamp,
    is_taken: bool,
}

columns_of! { Stored { id, host, created, is_taken } }

/// Writes the servers that a domain has now. A server of the same host stays the same; if one is left over, it is the one
/// whose host was changed.
pub(super) async fn write_servers(
    tx: &mut Tx,
    (id, record): (DomainId, &DomainRecord),
    now: Timestamp,
) -> Result<(), StoreError> {
    const STORED: &str = "SELECT id, host, created, FALSE FROM mail_server WHERE domain_id = $1 ORDER BY id";
    let mut stored: Vec<Stored> = tx.list(STORED, &binds![id]).await?;
    let servers = &record.servers;
    let mut kept: Vec<Option<(u32, Timestamp)>> =
        servers.iter().map(|server| take(&mut stored, Some(server))).collect();
    for place in kept.iter_mut().filter(|place| place.is_none()) {
        *place = take(&mut stored, None);
    }
    tx.execute("DELETE FROM mail_server WHERE domain_id = $1", &binds![id]).await?;
    for (place, (server, kept)) in (0i64..).zip(servers.iter().zip(kept)) {
        let (number, created) = match kept {
            Some(kept) => kept,
            None => (take_number(tx, "mail_server").await?, now),
        };
        insert_server(tx, (id, place), server, number, [created, now]).await?;
    }
    Ok(())
}

/// Number and date of the first server that nobody took yet: of this host, or any.
fn take(stored: &mut [Stored], of: Option<&MailServer>) -> Option<(u32, Timestamp)> {
    let fits = |it: &&mut Stored| !it.is_taken && of.is_none_or(|server| server.host == it.host);
    let found = stored.iter_mut().find(fits)?;
    found.is_taken = true;
    Some((found.id, found.created))
}

async fn insert_server(
    tx: &mut Tx,
    (domain, place): (DomainId, i64),
    server: &MailServer,
    id: u32,
    [created, updated]: [Timestamp; 2],
) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO mail_server (domain_id, place, host, port, preference, tls, xforward, id, created, updated, named_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let (tls, named_by) = (word(server.tls)?, word(server.named_by)?);
    let MailServer { host, port, preference, xforward, .. } = server;
    let binds = binds![domain, place, host, *port, *preference, &tls, *xforward, id, created, updated, &named_by];
    tx.execute(SQL, &binds).await?;
    Ok(())
}
