//! A domain's aliases and mail servers into the store. Each has a number of its own that it keeps for as long as it is
//! there, since the API names it by that. Must not know what a change to a domain means.

use crate::db::{Bind, Read, Tx};
use crate::error::StoreError;
use crate::json_rows::{to_json, write_rows};
use crate::numbers::take_number;
use doorlist_core::change::{MailServer, NamedBy, ServerTls};
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
    let domain = Bind::Int(id.0.into());
    let active = |name| i64::from(!record.aliases_off.contains(name));
    let wanted: Vec<_> = record.domain_aliases.iter().map(|name| json!([name, active(name)])).collect();
    let wanted = to_json(&wanted)?;
    tx.execute(GONE, &[Bind::Text(&wanted), domain]).await?;
    tx.execute(SWITCHED, &[Bind::Text(&wanted), Bind::Int(now.as_millis())]).await?;
    let rows = tx.rows("SELECT name FROM domain_alias WHERE domain_id = $1", &[domain]).await?;
    let there = rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect::<Result<BTreeSet<_>, StoreError>>()?;
    let mut new = Vec::new();
    for name in record.domain_aliases.iter().filter(|name| !there.contains(name.as_str())) {
        let number = take_domain_number(tx).await?;
        new.push(json!([name, id, number, active(name), now]));
    }
    write_rows(tx, NEW, &new).await
}

/// Domains and their aliases share one row of numbers: some lists show both.
pub(super) async fn take_domain_number(tx: &mut Tx) -> Result<i64, StoreError> {
    let row = tx.row("SELECT next_domain FROM list_state WHERE id = 1", &[]).await?;
    let number = row.map_or(Ok(1), |row| row.int(0))?;
    tx.execute("UPDATE list_state SET next_domain = next_domain + 1 WHERE id = 1", &[]).await?;
    Ok(number)
}

/// A server as it stands in the store.
struct Stored {
    id: i64,
    host: String,
    created: i64,
    is_taken: bool,
}

/// Writes the servers that a domain has now. A server of the same host stays the same; if one is left over, it is the one
/// whose host was changed.
pub(super) async fn write_servers(
    tx: &mut Tx,
    (id, record): (DomainId, &DomainRecord),
    now: Timestamp,
) -> Result<(), StoreError> {
    let id = Bind::Int(id.0.into());
    let rows = tx.rows("SELECT id, host, created FROM mail_server WHERE domain_id = $1 ORDER BY id", &[id]).await?;
    let stored = rows.iter().map(|row| {
        Ok(Stored { id: row.int(0)?, host: row.text(1)?.to_owned(), created: row.int(2)?, is_taken: false })
    });
    let mut stored = stored.collect::<Result<Vec<_>, StoreError>>()?;
    let servers = &record.servers;
    let mut kept: Vec<Option<(i64, i64)>> = servers.iter().map(|server| take(&mut stored, Some(server))).collect();
    for place in kept.iter_mut().filter(|place| place.is_none()) {
        *place = take(&mut stored, None);
    }
    tx.execute("DELETE FROM mail_server WHERE domain_id = $1", &[id]).await?;
    for (place, (server, kept)) in (0i64..).zip(servers.iter().zip(kept)) {
        let (number, created) = match kept {
            Some(kept) => kept,
            None => (take_number(tx, "mail_server").await?, now.as_millis()),
        };
        insert_server(tx, id, place, server, [number, created, now.as_millis()]).await?;
    }
    Ok(())
}

/// Number and date of the first server that nobody took yet: of this host, or any.
fn take(stored: &mut [Stored], of: Option<&MailServer>) -> Option<(i64, i64)> {
    let fits = |it: &&mut Stored| !it.is_taken && of.is_none_or(|server| server.host == it.host);
    let found = stored.iter_mut().find(fits)?;
    found.is_taken = true;
    Some((found.id, found.created))
}

async fn insert_server(
    tx: &mut Tx,
    domain: Bind<'_>,
    place: i64,
    server: &MailServer,
    [id, created, updated]: [i64; 3],
) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO mail_server (domain_id, place, host, port, preference, tls, xforward, id, created, updated, named_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let tls = match server.tls {
        ServerTls::Opportunistic => "opportunistic",
        ServerTls::Required => "required",
        ServerTls::Verify => "verify",
    };
    let named_by = match server.named_by {
        NamedBy::Tenant => "tenant",
        NamedBy::Operator => "operator",
        NamedBy::Machine => "machine",
    };
    let binds = [
        domain,
        Bind::Int(place),
        Bind::Text(&server.host),
        Bind::Int(server.port.into()),
        Bind::Int(server.preference.into()),
        Bind::Text(tls),
        Bind::Flag(server.xforward),
        Bind::Int(id),
        Bind::Int(created),
        Bind::Int(updated),
        Bind::Text(named_by),
    ];
    tx.execute(SQL, &binds).await?;
    Ok(())
}
