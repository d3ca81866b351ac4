//! Parts of a push that comes in several: kept until all are there, forgotten if they never come. The outcome of a push
//! stays for a while as its part 0, so that a part that comes again is answered and not taken for a new beginning. Must
//! not know what a part holds.

use super::SourceBook;
use crate::db::{Bind, Read, Row, Tx};
use crate::error::StoreError;
use doorlist_core::address::DomainName;
use doorlist_core::time::Timestamp;

/// Pushes of one domain that may be begun and not ended; of more, the oldest are forgotten.
pub const PUSHES_OPEN_MAX: u32 = 4;
/// Octets of all parts of one push, as they are kept.
pub const PUSH_BYTES_MAX: u64 = 256 << 20;
/// Octets of all parts of all pushes of one customer's domains.
pub const PUSH_BYTES_OF_CUSTOMER_MAX: u64 = 1 << 30;

/// The place of the outcome; parts are numbered from 1.
const OUTCOME: i64 = 0;

const FORGET: &str = "
    DELETE FROM push_part WHERE (domain_id, push) IN (SELECT p.domain_id, p.push FROM push_part AS p
        GROUP BY p.domain_id, p.push HAVING MIN(p.time) < $1)";

/// One part of a push.
#[derive(Clone, Copy, Debug)]
pub struct PushPart<'a> {
    pub domain: &'a DomainName,
    /// Of which push: a word of the one who pushes.
    pub push: &'a str,
    /// Its number, counted from 1.
    pub part: u32,
    pub parts: u32,
    pub actor: &'a str,
    pub body: &'a str,
}

/// What became of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartKept {
    /// It is kept; so many are there now.
    Have(u32),
    /// The push was taken over before, with this outcome.
    Ended(String),
    /// Somebody else began this push.
    OfAnother,
    /// The push was begun with another number of parts.
    OtherCount(u32),
    /// This part came before and said something else.
    OtherContent,
    /// Beyond its limit: see [`PUSH_BYTES_MAX`].
    TooLarge,
    /// There is no such domain.
    NoDomain,
}

impl SourceBook {
    /// Keeps a part. Pushes that were begun before `forget` are forgotten.
    pub async fn keep_part(
        &self,
        part: &PushPart<'_>,
        now: Timestamp,
        forget: Timestamp,
    ) -> Result<PartKept, StoreError> {
        let mut tx = self.db.begin().await?;
        tx.execute(FORGET, &[Bind::Int(forget.as_millis())]).await?;
        let kept = keep(&mut tx, part, now).await?;
        tx.commit().await?;
        Ok(kept)
    }

    /// What the parts of a push say, in their order.
    pub async fn part_bodies(&self, domain: &DomainName, push: &str) -> Result<Vec<String>, StoreError> {
        const SQL: &str = "
            SELECT p.body FROM push_part AS p JOIN domain AS d ON d.id = p.domain_id
            WHERE d.name = $1 AND p.push = $2 AND p.part > 0 ORDER BY p.part";
        let mut db = &self.db;
        let rows = db.rows(SQL, &[Bind::Text(domain.as_str()), Bind::Text(push)]).await?;
        rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
    }

    /// Keeps the outcome of a push in the place of its parts (`outcome.part` is not looked at). Of a domain the last outcome
    /// is kept. With `supersedes` pushes that were begun before this one and are not complete are forgotten.
    ///
    /// # Errors
    /// When the store fails; the parts are still there then.
    pub async fn end_push(&self, outcome: &PushPart<'_>, supersedes: bool, now: Timestamp) -> Result<(), StoreError> {
        const OLDER: &str = "
            DELETE FROM push_part WHERE domain_id = $1 AND push IN (SELECT p.push FROM push_part AS p
                WHERE p.domain_id = $1 GROUP BY p.push
                HAVING MIN(p.part) > 0 AND MIN(p.time) < (SELECT MIN(o.time) FROM push_part AS o
                    WHERE o.domain_id = $1 AND o.push = $2))";
        const ENDED: &str = "DELETE FROM push_part WHERE domain_id = $1 AND (part = 0 OR push = $2)";
        let mut tx = self.db.begin().await?;
        let Some(id) = domain_for_update(&mut tx, outcome.domain).await? else { return tx.rollback().await };
        let which = [Bind::Int(id), Bind::Text(outcome.push)];
        if supersedes {
            tx.execute(OLDER, &which).await?;
        }
        tx.execute(ENDED, &which).await?;
        insert(&mut tx, id, OUTCOME, outcome, now).await?;
        tx.commit().await
    }

    /// Forgets pushes that were begun before this time, ended or not.
    pub async fn forget_pushes(&self, begun_before: Timestamp) -> Result<(), StoreError> {
        self.execute(FORGET, &[Bind::Int(begun_before.as_millis())]).await.map(drop)
    }

    /// Forgets the parts of one push, or with `None` of all of a domain that are not ended.
    ///
    /// # Errors
    /// When the store fails; they are forgotten later then.
    pub async fn forget_push(&self, domain: &DomainName, push: Option<&str>) -> Result<(), StoreError> {
        const SQL: &str = "
            DELETE FROM push_part WHERE domain_id IN (SELECT id FROM domain WHERE name = $1)
            AND ($2 = '' OR push = $2)
            AND NOT EXISTS (SELECT 1 FROM push_part AS o
                WHERE o.domain_id = push_part.domain_id AND o.push = push_part.push AND o.part = 0)";
        self.execute(SQL, &[Bind::Text(domain.as_str()), Bind::Text(push.unwrap_or_default())]).await.map(drop)
    }
}

/// What is there of a push.
struct Begun {
    have: u32,
    bytes: u64,
    actor: String,
    parts: u32,
}

impl Begun {
    fn speaks_against(&self, part: &PushPart<'_>) -> Option<PartKept> {
        if self.actor != part.actor {
            return Some(PartKept::OfAnother);
        }
        (self.parts != part.parts).then_some(PartKept::OtherCount(self.parts))
    }
}

async fn keep(tx: &mut Tx, part: &PushPart<'_>, now: Timestamp) -> Result<PartKept, StoreError> {
    let Some(domain) = domain_for_update(tx, part.domain).await? else { return Ok(PartKept::NoDomain) };
    let before = begun(tx, domain, part.push).await?;
    if let Some(no) = before.as_ref().and_then(|begun| begun.speaks_against(part)) {
        return Ok(no);
    }
    if let Some(outcome) = body_of(tx, domain, part.push, OUTCOME).await? {
        return Ok(PartKept::Ended(outcome));
    }
    let (have, bytes) = before.as_ref().map_or((0, 0), |begun| (begun.have, begun.bytes));
    match body_of(tx, domain, part.push, part.part.into()).await? {
        Some(body) if body == part.body => return Ok(PartKept::Have(have)),
        Some(_) => return Ok(PartKept::OtherContent),
        None => {}
    }
    if bytes + part.body.len() as u64 > PUSH_BYTES_MAX {
        return Ok(PartKept::TooLarge);
    }
    if before.is_none() {
        make_room(tx, domain).await?;
    }
    if bytes_of_customer(tx, domain).await? + part.body.len() as u64 > PUSH_BYTES_OF_CUSTOMER_MAX {
        return Ok(PartKept::TooLarge);
    }
    insert(tx, domain, part.part.into(), part, now).await?;
    Ok(PartKept::Have(have + 1))
}

async fn insert(tx: &mut Tx, domain: i64, number: i64, part: &PushPart<'_>, now: Timestamp) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO push_part (domain_id, push, part, parts, actor, time, body) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let binds = [
        Bind::Int(domain),
        Bind::Text(part.push),
        Bind::Int(number),
        Bind::Int(part.parts.into()),
        Bind::Text(part.actor),
        Bind::Int(now.as_millis()),
        Bind::Text(part.body),
    ];
    tx.execute(SQL, &binds).await.map(drop)
}

async fn begun(tx: &mut Tx, domain: i64, push: &str) -> Result<Option<Begun>, StoreError> {
    const SQL: &str = "
        SELECT COUNT(*), CAST(SUM(OCTET_LENGTH(body)) AS BIGINT), MIN(actor), MIN(parts) FROM push_part
        WHERE domain_id = $1 AND push = $2 HAVING COUNT(*) > 0";
    let read = |row: Row| {
        let wrong = |what: &str| StoreError::corrupt("push_part", what.to_owned());
        Ok(Begun {
            have: u32::try_from(row.int(0)?).map_err(|_| wrong("count"))?,
            bytes: row.int(1)?.unsigned_abs(),
            actor: row.text(2)?.to_owned(),
            parts: u32::try_from(row.int(3)?).map_err(|_| wrong("parts"))?,
        })
    };
    tx.row(SQL, &[Bind::Int(domain), Bind::Text(push)]).await?.map(read).transpose()
}

/// What all pushes of the domain's customer take up.
async fn bytes_of_customer(tx: &mut Tx, domain: i64) -> Result<u64, StoreError> {
    const SQL: &str = "
        SELECT CAST(COALESCE(SUM(OCTET_LENGTH(p.body)), 0) AS BIGINT)
        FROM domain AS own JOIN domain AS d ON d.customer_id = own.customer_id JOIN push_part AS p ON p.domain_id = d.id
        WHERE own.id = $1";
    let row = tx.row(SQL, &[Bind::Int(domain)]).await?;
    Ok(row.map_or(Ok(0), |row| row.int(0))?.unsigned_abs())
}

async fn body_of(tx: &mut Tx, domain: i64, push: &str, part: i64) -> Result<Option<String>, StoreError> {
    const SQL: &str = "SELECT body FROM push_part WHERE domain_id = $1 AND push = $2 AND part = $3";
    let row = tx.row(SQL, &[Bind::Int(domain), Bind::Text(push), Bind::Int(part)]).await?;
    row.map(|row| Ok(row.text(0)?.to_owned())).transpose()
}

/// Before one more push is begun: the oldest of those that are not ended go.
async fn make_room(tx: &mut Tx, domain: i64) -> Result<(), StoreError> {
    const SQL: &str = "
        DELETE FROM push_part WHERE domain_id = $1 AND push IN (SELECT p.push FROM push_part AS p
            WHERE p.domain_id = $1 GROUP BY p.push HAVING MIN(p.part) > 0
            ORDER BY MIN(p.time) DESC, p.push LIMIT 1000000 OFFSET $2)";
    let keep = i64::from(PUSHES_OPEN_MAX) - 1;
    tx.execute(SQL, &[Bind::Int(domain), Bind::Int(keep)]).await.map(drop)
}

/// The domain's number. Its row is locked, so that parts of a domain are counted one after the other.
async fn domain_for_update(tx: &mut Tx, name: &DomainName) -> Result<Option<i64>, StoreError> {
    let row = tx.row("SELECT id FROM domain WHERE name = $1 FOR UPDATE", &[Bind::Text(name.as_str())]).await?;
    row.map(|row| row.int(0)).transpose()
}
