//! Domains to and from the store. Knows SQL, not what a change to a domain means.

use super::records::{DomainRecord, ListCounts};
use super::rows::{corrupt, to_json, write_rows};
use crate::db::{Bind, Read, Row, Tx};
use crate::error::StoreError;
use doorlist_core::address::{Address, DomainName};
use doorlist_core::change::{MailServer, ServerTls};
use doorlist_core::domain::{DomainId, Mode, SubAddressing};
use doorlist_core::time::Timestamp;
use serde_json::json;
use std::collections::HashMap;

/// A domain as it stands in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredDomain {
    pub(super) id: DomainId,
    pub(super) name: DomainName,
    /// The version of its last change.
    pub(super) changed: u64,
    pub(super) counts: ListCounts,
    pub(super) record: DomainRecord,
    pub(super) technical_contact: Option<Address>,
}

/// The domain that a name or domain alias leads to.
pub(super) async fn id_of(from: &mut (impl Read + Send), name: &DomainName) -> Result<Option<DomainId>, StoreError> {
    const SQL: &str = "
        SELECT id FROM domain WHERE name = $1
        UNION ALL SELECT domain_id FROM domain_alias WHERE name = $1";
    let row = from.row(SQL, &[Bind::Text(name.as_str())]).await?;
    row.map(|row| domain_id(row.int(0)?)).transpose()
}

/// All numbers of domains, ordered by name.
pub(super) async fn all_ids(from: &mut (impl Read + Send)) -> Result<Vec<DomainId>, StoreError> {
    let rows = from.rows("SELECT id FROM domain ORDER BY name", &[]).await?;
    rows.iter().map(|row| domain_id(row.int(0)?)).collect()
}

/// These domains, ordered by name; one that is gone is left out.
pub(super) async fn load(from: &mut (impl Read + Send), ids: &[DomainId]) -> Result<Vec<StoredDomain>, StoreError> {
    const DOMAINS: &str = "
        SELECT d.id, d.name, c.name, d.mode, d.soft_until, d.active, d.hold, d.plus, d.minus, d.accept_abuse,
               d.changed, d.mailboxes, d.aliases, d.lists, d.vetoed, t.address
        FROM json_each($1) AS k CROSS JOIN domain AS d
        JOIN customer AS c ON c.id = d.customer_id
        LEFT JOIN contact AS t ON t.customer_id = c.id AND t.kind = 'technical'
        WHERE d.id = CAST(k.value ->> 0 AS BIGINT)
        ORDER BY d.name";
    const ALIASES: &str = "
        SELECT a.domain_id, a.name FROM json_each($1) AS k CROSS JOIN domain_alias AS a
        WHERE a.domain_id = CAST(k.value ->> 0 AS BIGINT) ORDER BY a.name";
    const SERVERS: &str = "
        SELECT s.domain_id, s.host, s.port, s.preference, s.tls, s.xforward
        FROM json_each($1) AS k CROSS JOIN mail_server AS s
        WHERE s.domain_id = CAST(k.value ->> 0 AS BIGINT) ORDER BY s.domain_id, s.preference, s.place";
    let keys = to_json(&ids.iter().map(|id| [id.0]).collect::<Vec<_>>())?;
    let rows = from.rows(DOMAINS, &[Bind::Text(&keys)]).await?;
    let mut domains = rows.iter().map(stored).collect::<Result<Vec<_>, _>>()?;
    let places: HashMap<DomainId, usize> = domains.iter().enumerate().map(|(at, domain)| (domain.id, at)).collect();
    for row in from.rows(ALIASES, &[Bind::Text(&keys)]).await? {
        let place = places.get(&domain_id(row.int(0)?)?);
        if let Some(domain) = place.and_then(|at| domains.get_mut(*at)) {
            domain.record.domain_aliases.push(domain_name(row.text(1)?)?);
        }
    }
    for row in from.rows(SERVERS, &[Bind::Text(&keys)]).await? {
        let place = places.get(&domain_id(row.int(0)?)?);
        if let Some(domain) = place.and_then(|at| domains.get_mut(*at)) {
            domain.record.servers.push(server(&row)?);
        }
    }
    Ok(domains)
}

fn stored(row: &Row) -> Result<StoredDomain, StoreError> {
    let soft_until = row.int_or_null(4)?.map(Timestamp::from_millis);
    let mode = match row.text(3)? {
        "setting_up" => Mode::SettingUp,
        "enforce" => Mode::Enforce { soft_until },
        other => return Err(corrupt("domain", format!("mode {other:?}"))),
    };
    let count = |at| Ok::<_, StoreError>(u64::try_from(row.int(at)?).unwrap_or(0));
    let contact = row.text_or_null(15)?.map(str::parse::<Address>).transpose();
    Ok(StoredDomain {
        id: domain_id(row.int(0)?)?,
        name: domain_name(row.text(1)?)?,
        changed: count(10)?,
        counts: ListCounts { mailboxes: count(11)?, aliases: count(12)?, lists: count(13)?, vetoed: count(14)? },
        record: DomainRecord {
            customer: row.text(2)?.to_owned(),
            mode,
            active: row.flag(5)?,
            hold: row.flag(6)?,
            sub_addressing: SubAddressing { plus: row.flag(7)?, minus: row.flag(8)? },
            accept_abuse: row.flag(9)?,
            domain_aliases: Vec::new(),
            servers: Vec::new(),
        },
        technical_contact: contact.map_err(|e| corrupt("contact", e.to_string()))?,
    })
}

fn server(row: &Row) -> Result<MailServer, StoreError> {
    let number = |at| u16::try_from(row.int(at)?).map_err(|e| corrupt("mail_server", e.to_string()));
    Ok(MailServer {
        host: row.text(1)?.to_owned(),
        port: number(2)?,
        preference: number(3)?,
        tls: match row.text(4)? {
            "opportunistic" => ServerTls::Opportunistic,
            "required" => ServerTls::Required,
            "verify" => ServerTls::Verify,
            other => return Err(corrupt("mail_server", format!("tls {other:?}"))),
        },
        xforward: row.flag(5)?,
    })
}

/// Writes a new domain.
pub(super) async fn insert(tx: &mut Tx, domain: &StoredDomain) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO domain (id, name, customer_id, mode, active, hold, plus, minus, accept_abuse, changed)
        VALUES ($1, $2, $3, 'setting_up', $4, $5, $6, $7, $8, 0)";
    let customer = customer_id(tx, &domain.record.customer).await?;
    let record = &domain.record;
    let binds = [
        Bind::Int(domain.id.0.into()),
        Bind::Text(domain.name.as_str()),
        Bind::Int(customer),
        Bind::Flag(record.active),
        Bind::Flag(record.hold),
        Bind::Flag(record.sub_addressing.plus),
        Bind::Flag(record.sub_addressing.minus),
        Bind::Flag(record.accept_abuse),
    ];
    tx.execute(SQL, &binds).await?;
    write_aliases(tx, domain).await?;
    write_servers(tx, domain).await
}

/// Writes what a domain is now over what it was.
pub(super) async fn update(tx: &mut Tx, before: &StoredDomain, now: &StoredDomain) -> Result<(), StoreError> {
    const SQL: &str = "
        UPDATE domain SET mode = $2, soft_until = $3, active = $4, hold = $5, plus = $6, minus = $7, accept_abuse = $8
        WHERE id = $1";
    let record = &now.record;
    let (mode, soft_until) = match record.mode {
        Mode::SettingUp => ("setting_up", None),
        Mode::Enforce { soft_until } => ("enforce", soft_until.map(Timestamp::as_millis)),
    };
    let binds = [
        Bind::Int(now.id.0.into()),
        Bind::Text(mode),
        Bind::IntOrNull(soft_until),
        Bind::Flag(record.active),
        Bind::Flag(record.hold),
        Bind::Flag(record.sub_addressing.plus),
        Bind::Flag(record.sub_addressing.minus),
        Bind::Flag(record.accept_abuse),
    ];
    tx.execute(SQL, &binds).await?;
    if before.record.domain_aliases != record.domain_aliases {
        write_aliases(tx, now).await?;
    }
    if before.record.servers != record.servers {
        write_servers(tx, now).await?;
    }
    Ok(())
}

/// Removes a domain whose addresses are gone already.
pub(super) async fn delete(tx: &mut Tx, id: DomainId) -> Result<(), StoreError> {
    let id = [Bind::Int(id.0.into())];
    tx.execute("DELETE FROM connection WHERE domain_id = $1", &id).await?;
    tx.execute("DELETE FROM domain_alias WHERE domain_id = $1", &id).await?;
    tx.execute("DELETE FROM mail_server WHERE domain_id = $1", &id).await?;
    tx.execute("DELETE FROM domain WHERE id = $1", &id).await?;
    Ok(())
}

async fn write_aliases(tx: &mut Tx, domain: &StoredDomain) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO domain_alias (name, domain_id)
        SELECT CAST(value ->> 0 AS TEXT), CAST(value ->> 1 AS BIGINT) FROM json_each($1)";
    tx.execute("DELETE FROM domain_alias WHERE domain_id = $1", &[Bind::Int(domain.id.0.into())]).await?;
    let rows: Vec<_> = domain.record.domain_aliases.iter().map(|name| json!([name, domain.id])).collect();
    write_rows(tx, SQL, &rows).await
}

async fn write_servers(tx: &mut Tx, domain: &StoredDomain) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO mail_server (domain_id, place, host, port, preference, tls, xforward)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let id = Bind::Int(domain.id.0.into());
    tx.execute("DELETE FROM mail_server WHERE domain_id = $1", &[id]).await?;
    for (place, server) in (0i64..).zip(&domain.record.servers) {
        let tls = match server.tls {
            ServerTls::Opportunistic => "opportunistic",
            ServerTls::Required => "required",
            ServerTls::Verify => "verify",
        };
        let binds = [
            id,
            Bind::Int(place),
            Bind::Text(&server.host),
            Bind::Int(server.port.into()),
            Bind::Int(server.preference.into()),
            Bind::Text(tls),
            Bind::Flag(server.xforward),
        ];
        tx.execute(SQL, &binds).await?;
    }
    Ok(())
}

/// The customer of this name under the operator, made if new.
async fn customer_id(tx: &mut Tx, name: &str) -> Result<i64, StoreError> {
    const INSERT: &str = "
        INSERT INTO customer (id, reseller_id, name) SELECT COALESCE(MAX(id), 0) + 1, 1, $1 FROM customer
        WHERE true ON CONFLICT (reseller_id, name) DO NOTHING";
    tx.execute(INSERT, &[Bind::Text(name)]).await?;
    let row = tx.row("SELECT id FROM customer WHERE reseller_id = 1 AND name = $1", &[Bind::Text(name)]).await?;
    row.ok_or_else(|| corrupt("customer", format!("{name:?} cannot be kept")))?.int(0)
}

pub(super) fn domain_id(number: i64) -> Result<DomainId, StoreError> {
    u32::try_from(number).map(DomainId).map_err(|_| corrupt("domain", format!("id {number}")))
}

pub(super) fn domain_name(text: &str) -> Result<DomainName, StoreError> {
    text.parse().map_err(|_| corrupt("domain", format!("name {text:?}")))
}
