//! Domains to and from the store. Knows SQL, not what a change to a domain means.

use super::codes::{domain_id, domain_name};
use super::domain_parts;
use super::outcome::ApplyError;
use crate::db::{Bind, Read, Row, Tx};
use crate::error::StoreError;
use crate::json_rows::to_json;
use crate::tenants::owners::{OPERATOR, insert_customer};
use doorlist_core::access::CustomerId;
use doorlist_core::address::{Address, DomainName};
use doorlist_core::change::{MailServer, NamedBy, ServerTls};
use doorlist_core::domain::{DomainId, Mode, SubAddressing};
use doorlist_core::list_change::{DomainRecord, ListCounts, ListDomain, Refusal};
use doorlist_core::time::Timestamp;
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

impl StoredDomain {
    /// The domain as its addresses know it.
    pub(super) fn list_domain(&self) -> ListDomain {
        ListDomain { id: self.id, name: self.name.clone() }
    }
}

/// The domain that a name or domain alias leads to.
pub(super) async fn id_of(from: &mut (impl Read + Send), name: &DomainName) -> Result<Option<DomainId>, StoreError> {
    const SQL: &str = "
        SELECT id FROM domain WHERE name = $1
        UNION ALL SELECT domain_id FROM domain_alias WHERE name = $1";
    let row = from.row(SQL, &[Bind::Text(name.as_str())]).await?;
    row.map(|row| domain_id(row.int(0)?)).transpose()
}

/// The domain that a name or domain alias leads to, as it stands.
pub(super) async fn find(from: &mut (impl Read + Send), name: &DomainName) -> Result<Option<StoredDomain>, StoreError> {
    let Some(id) = id_of(from, name).await? else { return Ok(None) };
    Ok(load(from, &[id]).await?.pop())
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
               d.changed, d.mailboxes, d.aliases, d.lists, d.vetoed,
               COALESCE((SELECT t.email FROM contact AS t WHERE t.domain_id = d.id AND t.is_technical
                         ORDER BY t.id LIMIT 1),
                        (SELECT t.email FROM contact AS t WHERE t.customer_id = c.id AND t.is_technical
                         ORDER BY t.id LIMIT 1)),
               d.delivery_port, d.message_max, d.customer_id
        FROM json_each($1) AS k CROSS JOIN domain AS d
        JOIN customer AS c ON c.id = d.customer_id
        WHERE d.id = CAST(k.value ->> 0 AS BIGINT)
        ORDER BY d.name";
    const ALIASES: &str = "
        SELECT a.domain_id, a.name, a.active FROM json_each($1) AS k CROSS JOIN domain_alias AS a
        WHERE a.domain_id = CAST(k.value ->> 0 AS BIGINT) ORDER BY a.name";
    const SERVERS: &str = "
        SELECT s.domain_id, s.host, s.port, s.preference, s.tls, s.xforward, s.named_by
        FROM json_each($1) AS k CROSS JOIN mail_server AS s
        WHERE s.domain_id = CAST(k.value ->> 0 AS BIGINT) ORDER BY s.domain_id, s.preference, s.place";
    let keys = to_json(&ids.iter().map(|id| [id.0]).collect::<Vec<_>>())?;
    let rows = from.rows(DOMAINS, &[Bind::Text(&keys)]).await?;
    let mut domains = rows.iter().map(stored).collect::<Result<Vec<_>, _>>()?;
    let places: HashMap<DomainId, usize> = domains.iter().enumerate().map(|(at, domain)| (domain.id, at)).collect();
    for row in from.rows(ALIASES, &[Bind::Text(&keys)]).await? {
        let place = places.get(&domain_id(row.int(0)?)?);
        if let Some(domain) = place.and_then(|at| domains.get_mut(*at)) {
            let name = domain_name(row.text(1)?)?;
            if !row.flag(2)? {
                domain.record.aliases_off.push(name.clone());
            }
            domain.record.domain_aliases.push(name);
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
        other => return Err(StoreError::corrupt("domain", format!("mode {other:?}"))),
    };
    let count = |at| Ok::<_, StoreError>(u64::try_from(row.int(at)?).unwrap_or(0));
    Ok(StoredDomain {
        id: domain_id(row.int(0)?)?,
        name: domain_name(row.text(1)?)?,
        changed: count(10)?,
        counts: ListCounts { mailboxes: count(11)?, aliases: count(12)?, lists: count(13)?, vetoed: count(14)? },
        record: DomainRecord {
            customer: row.text(2)?.to_owned(),
            customer_id: u32::try_from(row.int(18)?).ok().map(CustomerId),
            mode,
            active: row.flag(5)?,
            hold: row.flag(6)?,
            sub_addressing: SubAddressing { plus: row.flag(7)?, minus: row.flag(8)? },
            accept_abuse: row.flag(9)?,
            domain_aliases: Vec::new(),
            aliases_off: Vec::new(),
            servers: Vec::new(),
            delivery_port: u16::try_from(row.int(16)?).map_err(|e| StoreError::corrupt("domain", e.to_string()))?,
            message_max: row.int_or_null(17)?.map(i64::cast_unsigned),
        },
        // One that is no address is told nothing, and stops nothing.
        technical_contact: row.text_or_null(15)?.and_then(|email| email.parse::<Address>().ok()),
    })
}

fn server(row: &Row) -> Result<MailServer, StoreError> {
    let number = |at| u16::try_from(row.int(at)?).map_err(|e| StoreError::corrupt("mail_server", e.to_string()));
    Ok(MailServer {
        host: row.text(1)?.to_owned(),
        port: number(2)?,
        preference: number(3)?,
        tls: match row.text(4)? {
            "opportunistic" => ServerTls::Opportunistic,
            "required" => ServerTls::Required,
            "verify" => ServerTls::Verify,
            other => return Err(StoreError::corrupt("mail_server", format!("tls {other:?}"))),
        },
        xforward: row.flag(5)?,
        named_by: match row.text(6)? {
            "tenant" => NamedBy::Tenant,
            "operator" => NamedBy::Operator,
            "machine" => NamedBy::Machine,
            other => return Err(StoreError::corrupt("mail_server", format!("named_by {other:?}"))),
        },
    })
}

/// Writes a new domain.
pub(super) async fn insert(tx: &mut Tx, domain: &StoredDomain, now: Timestamp) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO domain (id, name, customer_id, mode, active, hold, plus, minus, accept_abuse, changed,
                            delivery_port, message_max, created, updated)
        VALUES ($1, $2, $3, 'setting_up', $4, $5, $6, $7, $8, 0, $9, $10, $11, $11)";
    let customer = customer_id(tx, &domain.record, now).await?;
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
        Bind::Int(record.delivery_port.into()),
        Bind::IntOrNull(record.message_max.map(u64::cast_signed)),
        Bind::Int(now.as_millis()),
    ];
    tx.execute(SQL, &binds).await?;
    domain_parts::write_aliases(tx, (domain.id, record), now).await?;
    domain_parts::write_servers(tx, (domain.id, record), now).await
}

/// Writes what a domain is now over what it was.
pub(super) async fn update(
    tx: &mut Tx,
    before: &StoredDomain,
    now: &StoredDomain,
    at: Timestamp,
) -> Result<(), StoreError> {
    const SQL: &str = "
        UPDATE domain SET mode = $2, soft_until = $3, active = $4, hold = $5, plus = $6, minus = $7, accept_abuse = $8,
                          delivery_port = $9, message_max = $10, updated = $11
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
        Bind::Int(record.delivery_port.into()),
        Bind::IntOrNull(record.message_max.map(u64::cast_signed)),
        Bind::Int(at.as_millis()),
    ];
    tx.execute(SQL, &binds).await?;
    if (&before.record.customer, before.record.customer_id) != (&record.customer, record.customer_id) {
        let customer = customer_id(tx, record, at).await?;
        let binds = [Bind::Int(now.id.0.into()), Bind::Int(customer)];
        tx.execute("UPDATE domain SET customer_id = $2 WHERE id = $1", &binds).await?;
    }
    let names = |record: &DomainRecord| (record.domain_aliases.clone(), record.aliases_off.clone());
    if names(&before.record) != names(record) {
        domain_parts::write_aliases(tx, (now.id, record), at).await?;
    }
    if before.record.servers != record.servers {
        domain_parts::write_servers(tx, (now.id, record), at).await?;
    }
    Ok(())
}

/// What goes by a domain's name and waits for its next file, plan or reading: a domain that somebody else adds later under
/// the same name must find nothing of it.
const BY_NAME: [&str; 3] = [
    "DELETE FROM upload_link WHERE domain_name = (SELECT name FROM domain WHERE id = $1)",
    "DELETE FROM source_run WHERE domain_name = (SELECT name FROM domain WHERE id = $1)",
    "UPDATE plan SET state = 'discarded' WHERE state = 'waiting' AND domain_id = $1",
];

/// Removes a domain whose addresses are gone already.
pub(super) async fn delete(tx: &mut Tx, id: DomainId) -> Result<(), StoreError> {
    let id = [Bind::Int(id.0.into())];
    tx.execute("DELETE FROM connection WHERE domain_id = $1", &id).await?;
    tx.execute("DELETE FROM domain_alias WHERE domain_id = $1", &id).await?;
    tx.execute("DELETE FROM mail_server WHERE domain_id = $1", &id).await?;
    for sql in BY_NAME {
        tx.execute(sql, &id).await?;
    }
    tx.execute("DELETE FROM domain WHERE id = $1", &id).await?;
    Ok(())
}

/// A domain that goes back to a customer goes to nobody who took that one's name since.
pub(super) async fn must_have_its_customer(
    tx: &mut Tx,
    name: &DomainName,
    before: Option<&DomainRecord>,
    after: &DomainRecord,
) -> Result<(), ApplyError> {
    let DomainRecord { customer, customer_id, .. } = after;
    let Some(CustomerId(id)) = *customer_id else { return Ok(()) };
    let stays = before.is_some_and(|before| before.customer_id == *customer_id);
    let is_there = tx.row("SELECT id FROM customer WHERE id = $1", &[Bind::Int(id.into())]).await?.is_some();
    if stays || is_there {
        return Ok(());
    }
    match tx.row("SELECT id FROM customer WHERE name = $1", &[Bind::Text(customer)]).await? {
        Some(_) => Err(Refusal::CustomerGone { name: name.clone(), customer: customer.clone() }.into()),
        None => Ok(()),
    }
}

/// The customer of this number, or else of this name; a new one is the operator's own.
async fn customer_id(tx: &mut Tx, record: &DomainRecord, now: Timestamp) -> Result<i64, StoreError> {
    const FIND: &str = "SELECT id FROM customer WHERE name = $1";
    if let Some(CustomerId(id)) = record.customer_id
        && tx.row("SELECT id FROM customer WHERE id = $1", &[Bind::Int(id.into())]).await?.is_some()
    {
        return Ok(id.into());
    }
    let name = &record.customer;
    if let Some(row) = tx.row(FIND, &[Bind::Text(name)]).await? {
        return row.int(0);
    }
    insert_customer(tx, OPERATOR, name, now).await
}

/// The number of the customer whose a domain is. A record that was made with a name alone does not have it.
pub(super) async fn owner(tx: &mut Tx, id: DomainId) -> Result<Option<CustomerId>, StoreError> {
    let row = tx.row("SELECT customer_id FROM domain WHERE id = $1", &[Bind::Int(id.0.into())]).await?;
    let number = row.map(|row| row.int(0)).transpose()?;
    Ok(number.and_then(|number| u32::try_from(number).ok()).map(CustomerId))
}
