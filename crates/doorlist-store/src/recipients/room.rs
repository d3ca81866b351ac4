//! How much one customer has at most: domains, and addresses on all of their lists; and how many names of sources a domain
//! has. Looked at in the transaction that writes, behind the lock that every change takes.

use super::outcome::ApplyError;
use crate::db::{Read, Tx, binds};
use crate::json_rows::to_json;
use crate::limits::{SOURCE_NAMES_MAX, SOURCE_NAMES_OF_ALL_MAX};
use doorlist_core::domain::DomainId;
use doorlist_core::list_change::Refusal;

/// Refuses a domain that was just written, if its customer has more than `max` with it.
pub(super) async fn for_domain(tx: &mut Tx, id: DomainId, max: u64) -> Result<(), ApplyError> {
    const COUNT: &str = "
        SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM domain AS o WHERE o.customer_id = c.id LIMIT $2) AS found), c.name
        FROM domain AS d JOIN customer AS c ON c.id = d.customer_id WHERE d.id = $1";
    let enough = i64::try_from(max).unwrap_or(i64::MAX).saturating_add(1);
    let Some(row) = tx.row(COUNT, &binds![id, enough]).await? else { return Ok(()) };
    if row.int(0)? < enough {
        return Ok(());
    }
    Err(Refusal::CustomerFull { customer: row.get(1)?, what: "domains".to_owned(), limit: max }.into())
}

/// Refuses what makes the lists of one customer longer than `max` in all. The counts of these domains are not written yet.
pub(super) async fn for_addresses(tx: &mut Tx, grown: Vec<(DomainId, i64)>, max: u64) -> Result<(), ApplyError> {
    const OVER: &str = "
        SELECT c.name FROM customer AS c JOIN (
            SELECT d.customer_id AS id, SUM(CAST(k.value ->> 1 AS BIGINT)) AS more FROM json_each($1) AS k
            JOIN domain AS d ON d.id = CAST(k.value ->> 0 AS BIGINT) GROUP BY d.customer_id) AS g ON g.id = c.id
        WHERE g.more + (SELECT SUM(o.mailboxes + o.aliases + o.lists + o.vetoed) FROM domain AS o
                        WHERE o.customer_id = c.id) > $2
        ORDER BY c.id LIMIT 1";
    if grown.is_empty() {
        return Ok(());
    }
    let Some(customer) = tx.value(OVER, &binds![&to_json(&grown)?, max]).await? else { return Ok(()) };
    Err(Refusal::CustomerFull { customer, what: "addresses".to_owned(), limit: max }.into())
}

/// Refuses a file whose source has a name that is new to its domain, if that has as many as it may have. A name counts
/// while there is a reading or a plan of it.
pub(super) async fn for_source_name(tx: &mut Tx, domain: &str, source: &str) -> Result<(), ApplyError> {
    const KNOWN: &str = "
        SELECT 1 FROM source_run WHERE domain_name = $1 AND source = $2
        UNION ALL SELECT 1 FROM plan WHERE domain_name = $1 AND source = $2 LIMIT 1";
    // From one name to the next along both indexes, however many rows each name has.
    const COUNT: &str = "
        WITH RECURSIVE
        run (name) AS (
            SELECT MIN(source) FROM source_run WHERE domain_name = $1
            UNION ALL
            SELECT (SELECT MIN(r.source) FROM source_run AS r WHERE r.domain_name = $1 AND r.source > run.name)
            FROM run WHERE run.name IS NOT NULL),
        planned (name) AS (
            SELECT MIN(source) FROM plan WHERE domain_name = $1
            UNION ALL
            SELECT (SELECT MIN(p.source) FROM plan AS p WHERE p.domain_name = $1 AND p.source > planned.name)
            FROM planned WHERE planned.name IS NOT NULL)
        SELECT COUNT(*) FROM (SELECT name FROM run UNION SELECT name FROM planned) AS names WHERE name IS NOT NULL";
    const NEW_TO_ALL: &str = "
        SELECT COALESCE(MAX(id), 0) FROM claim_source WHERE NOT EXISTS (SELECT 1 FROM claim_source WHERE name = $1)";
    if !source.starts_with("file:") || tx.row(KNOWN, &binds![domain, source]).await?.is_some() {
        return Ok(());
    }
    let names: Option<u32> = tx.value(COUNT, &binds![domain]).await?;
    let names_of_all: Option<u32> = tx.value(NEW_TO_ALL, &binds![source]).await?;
    let full = |of: &str, limit: u32| Refusal::SourceNamesFull { of: of.to_owned(), limit: limit.into() };
    if names >= Some(SOURCE_NAMES_MAX) {
        return Err(full(domain, SOURCE_NAMES_MAX).into());
    }
    if names_of_all >= Some(SOURCE_NAMES_OF_ALL_MAX) {
        return Err(full("all domains together", SOURCE_NAMES_OF_ALL_MAX).into());
    }
    Ok(())
}
