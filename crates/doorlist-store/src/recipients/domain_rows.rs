//! Domains to and from the store. Knows SQL, not what a change to a domain means.

use super::domain_parts;
use super::outcome::ApplyError;
use super::removed_sources;
use crate::db::{Read, Row, SOFT_WHILE_EMPTY, Tx, binds};
use crate::error::StoreError;
use crate::json_rows::keys;
use crate::numbers::lock_numbers;
use crate::tenants::owners::{OPERATOR, insert_customer};
use crate::tenants::removed;
use doorlist_core::access::CustomerId;
use doorlist_core::address::{Address, DomainName};
use doorlist_core::change::MailServer;
use doorlist_core::domain::{BounceAddresses, DomainId, Mode, SubAddressing};
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
    from.value(SQL, &binds![name]).await
}

/// The domain that a name or domain alias leads to, as it stands.
pub(super) async fn find(from: &mut (impl Read + Send), name: &DomainName) -> Result<Option<StoredDomain>, StoreError> {
    let Some(id) = id_of(from, name).await? else { return Ok(None) };
    Ok(load(from, &[id]).await?.pop())
}

/// All numbers of domains, ordered by name.
pub(super) async fn all_ids(from: &mut (impl Read + Send)) -> Result<Vec<DomainId>, StoreError> {
    from.list("SELECT id FROM domain ORDER BY name", &[]).await
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
               d.delivery_port, d.message_max, d.customer_id, d.batv, d.srs, d.trial_end,
               d.spam, d.fall_back, d.plus_refused
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
    let keys = keys(ids)?;
    let rows = from.rows(DOMAINS, &binds![&keys]).await?;
    let mut domains = rows.iter().map(stored).collect::<Result<Vec<_>, _>>()?;
    let places: HashMap<DomainId, usize> = domains.iter().enumerate().map(|(at, domain)| (domain.id, at)).collect();
    for (id, (name, is_active)) in from.list::<(DomainId, (DomainName, bool))>(ALIASES, &binds![&keys]).await? {
        if let Some(domain) = places.get(&id).and_then(|at| domains.get_mut(*at)) {
            if !is_active {
                domain.record.aliases_off.push(name.clone());
            }
            domain.record.domain_aliases.push(name);
        }
    }
    for (id, server) in from.list::<(DomainId, MailServer)>(SERVERS, &binds![&keys]).await? {
        if let Some(domain) = places.get(&id).and_then(|at| domains.get_mut(*at)) {
            domain.record.servers.push(server);
        }
    }
    Ok(domains)
}

fn stored(row: &Row) -> Result<StoredDomain, StoreError> {
    Ok(StoredDomain {
        id: row.get(0)?,
        name: row.get(1)?,
        changed: row.get(10)?,
        counts: row.get(11)?,
        record: DomainRecord {
            customer: row.get(2)?,
            customer_id: Some(row.get(18)?),
            mode: row.get(3)?,
            trial_end: row.int_or_null(21)?.map(Timestamp::from_millis),
            active: row.get(5)?,
            hold: row.get(6)?,
            sub_addressing: row.get(7)?,
            accept_abuse: row.get(9)?,
            bounce_addresses: row.get(19)?,
            fall_back: row.get(23)?,
            plus_refused: row.get(24)?,
            domain_aliases: Vec::new(),
            aliases_off: Vec::new(),
            servers: Vec::new(),
            delivery_port: row.get(16)?,
            message_max: row.get(17)?,
            spam: row.get(22)?,
        },
        // One that is no address is told nothing, and stops nothing.
        technical_contact: row.text_or_null(15)?.and_then(|email| email.parse::<Address>().ok()),
    })
}

/// Writes a new domain.
pub(super) async fn insert(tx: &mut Tx, domain: &StoredDomain, now: Timestamp) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO domain (id, name, customer_id, mode, active, hold, plus, minus, accept_abuse, changed,
                            delivery_port, message_max, created, updated, batv, srs, spam, fall_back,
                            plus_refused)
        VALUES ($1, $2, $3, 'learn', $4, $5, $6, $7, $8, 0, $9, $10, $11, $11, $12, $13, $14, $15, $16)";
    let customer = customer_id(tx, &domain.record, now).await?;
    let StoredDomain { id, name, record, .. } = domain;
    let DomainRecord { active, hold, sub_addressing, accept_abuse: abuse, bounce_addresses, delivery_port, .. } =
        *record;
    let (SubAddressing { plus, minus }, BounceAddresses { batv, srs }) = (sub_addressing, bounce_addresses);
    let max = record.message_max.map(u64::cast_signed);
    let (spam, fall_back, plus_refused) = (record.spam.word(), record.fall_back, record.plus_refused);
    let binds = binds![
        *id,
        name,
        customer,
        active,
        hold,
        plus,
        minus,
        abuse,
        delivery_port,
        max,
        now,
        batv,
        srs,
        spam,
        fall_back,
        plus_refused
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
                          delivery_port = $9, message_max = $10, updated = $11, batv = $12, srs = $13, trial_end = $14,
                           spam = $15, fall_back = $16, plus_refused = $17
        WHERE id = $1";
    let record = &now.record;
    let (mode, soft_until) = match record.mode {
        Mode::Learn { until } => ("learn", until.map(Timestamp::as_millis)),
        Mode::Monitor => ("monitor", None),
        Mode::Enforce { empty: true, .. } => ("enforce", Some(SOFT_WHILE_EMPTY)),
        Mode::Enforce { soft_until, .. } => ("enforce", soft_until.map(Timestamp::as_millis)),
    };
    let DomainRecord { active, hold, sub_addressing, accept_abuse: abuse, bounce_addresses, delivery_port, .. } =
        *record;
    let (SubAddressing { plus, minus }, BounceAddresses { batv, srs }) = (sub_addressing, bounce_addresses);
    let max = record.message_max.map(u64::cast_signed);
    let end = record.trial_end.map(Timestamp::as_millis);
    let (spam, fall_back, plus_refused) = (record.spam.word(), record.fall_back, record.plus_refused);
    let binds = binds![
        now.id,
        mode,
        soft_until,
        active,
        hold,
        plus,
        minus,
        abuse,
        delivery_port,
        max,
        at,
        batv,
        srs,
        end,
        spam,
        fall_back,
        plus_refused
    ];
    tx.execute(SQL, &binds).await?;
    if (&before.record.customer, before.record.customer_id) != (&record.customer, record.customer_id) {
        let customer = customer_id(tx, record, at).await?;
        tx.execute("UPDATE domain SET customer_id = $2 WHERE id = $1", &binds![now.id, customer]).await?;
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

/// What goes with a domain whose addresses are gone already. Also what waits for its next file, plan or reading and goes by
/// its name: a domain that somebody else adds later under the same name must find nothing of it.
const DELETE: [&str; 7] = [
    "DELETE FROM connection WHERE domain_id = $1",
    "DELETE FROM domain_alias WHERE domain_id = $1",
    "DELETE FROM mail_server WHERE domain_id = $1",
    "DELETE FROM upload_link WHERE domain_name = (SELECT name FROM domain WHERE id = $1)",
    "DELETE FROM source_run WHERE domain_name = (SELECT name FROM domain WHERE id = $1)",
    "UPDATE plan SET state = 'discarded' WHERE state = 'waiting' AND domain_id = $1",
    "DELETE FROM domain WHERE id = $1",
];

/// Removes a domain whose addresses are gone already. Its directories come back if that is undone.
pub(super) async fn delete(tx: &mut Tx, id: DomainId, now: Timestamp) -> Result<(), StoreError> {
    removed_sources::keep(tx, id, now).await?;
    for sql in DELETE {
        tx.execute(sql, &binds![id]).await?;
    }
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
    let Some(id) = *customer_id else { return Ok(()) };
    let stays = before.is_some_and(|before| before.customer_id == *customer_id);
    let is_there = tx.row("SELECT id FROM customer WHERE id = $1", &binds![id]).await?.is_some();
    if stays || is_there {
        return Ok(());
    }
    match tx.row("SELECT id FROM customer WHERE name = $1", &binds![customer]).await? {
        Some(_) => Err(Refusal::CustomerGone { name: name.clone(), customer: customer.clone() }.into()),
        None => Ok(()),
    }
}

/// The customer of this number, which comes back if it was removed; or else of this name, a new one being the operator's
/// own.
async fn customer_id(tx: &mut Tx, record: &DomainRecord, now: Timestamp) -> Result<CustomerId, StoreError> {
    const FIND: &str = "SELECT id FROM customer WHERE name = $1";
    if let Some(id) = record.customer_id
        && tx.row("SELECT id FROM customer WHERE id = $1", &binds![id]).await?.is_some()
    {
        return Ok(id);
    }
    if let Some(id) = record.customer_id
        && removed::bring_back(tx, id, now).await?
    {
        return Ok(id);
    }
    lock_numbers(tx, "customer").await?;
    let name = &record.customer;
    match tx.value(FIND, &binds![name]).await? {
        Some(id) => Ok(id),
        None => insert_customer(tx, OPERATOR, name, now).await,
    }
}

/// The number of the customer whose a domain is. A record that was made with a name alone does not have it.
pub(super) async fn owner(tx: &mut Tx, id: DomainId) -> Result<Option<CustomerId>, StoreError> {
    tx.value("SELECT customer_id FROM domain WHERE id = $1", &binds![id]).await
}
