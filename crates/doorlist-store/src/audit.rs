//! Who did what over HTTP: for each node a chain of entries, with what each tenant's entries take up, and where the chain
//! begins since its oldest part was taken out. Must not know what an entry says, nor how seals are made.

#[cfg(test)]
mod tests;

use crate::db::{Db, Read, Tx, binds, columns_of};
use crate::error::StoreError;
use crate::json_rows::to_json;
use crate::recipients::RecipientStore;
use doorlist_core::access::Scope;
use doorlist_core::time::Timestamp;
use serde_json::json;
use std::collections::BTreeMap;

/// Entries that one read gives at most.
pub const AUDIT_PAGE_MAX: u32 = 10_000;
/// Octets that an entry is taken to need beside its text: number, time, seal, index.
pub const AUDIT_LINE_OVERHEAD: u64 = 200;

/// The audit, in the store of the list. A clone is another handle on the same.
#[derive(Clone)]
pub struct Audit {
    db: Db,
}

/// An entry of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its number on its node, from 1.
    pub number: u64,
    pub time: Timestamp,
    /// What: one line of text.
    pub entry: String,
    pub seal: String,
    /// In whose share it counts; empty: the operator's.
    pub tenant: String,
}

impl AuditEntry {
    /// What it counts for in sizes.
    pub fn octets(&self) -> u64 {
        self.entry.len() as u64 + AUDIT_LINE_OVERHEAD
    }
}

/// The last entry that was taken out of a node's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditStart {
    pub number: u64,
    pub seal: String,
    /// What shows that the service itself took it out.
    pub mark: String,
}

/// What the entries of one tenant take up on one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSize {
    pub node: u16,
    /// Of whom; empty: the operator.
    pub tenant: String,
    pub octets: u64,
}

columns_of! {
    AuditEntry { number, time, entry, seal, tenant }
    AuditStart { number, seal, mark }
    AuditSize { node, tenant, octets }
}

impl Audit {
    /// The audit beside this list.
    pub fn of(recipients: &RecipientStore) -> Self {
        Self { db: recipients.db().clone() }
    }

    /// The last entry of a node's chain.
    pub async fn last(&self, node: u16) -> Result<Option<AuditEntry>, StoreError> {
        Ok(self.before(node, None, 1).await?.pop())
    }

    /// Entries of a node's chain before a number, newest first.
    pub async fn before(&self, node: u16, before: Option<u64>, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        const SQL: &str = "
            SELECT number, time, entry, hash, tenant FROM audit
            WHERE node = $1 AND number < $2 ORDER BY number DESC LIMIT $3";
        let binds = binds![node, before.unwrap_or(u64::MAX), limit.min(AUDIT_PAGE_MAX)];
        (&self.db).list(SQL, &binds).await
    }

    /// Entries of all nodes, newest first: before that one, which must be there still.
    pub async fn of_all_nodes(
        &self,
        before: Option<(u16, u64)>,
        limit: u32,
    ) -> Result<Vec<(u16, AuditEntry)>, StoreError> {
        const ALL: &str = "
            SELECT node, number, time, entry, hash, tenant FROM audit
            ORDER BY time DESC, node DESC, number DESC LIMIT $1";
        const BEFORE: &str = "
            SELECT node, number, time, entry, hash, tenant FROM audit
            WHERE (time, node, number) < ((SELECT b.time FROM audit AS b WHERE b.node = $2 AND b.number = $3), $2, $3)
            ORDER BY time DESC, node DESC, number DESC LIMIT $1";
        let limit = limit.min(AUDIT_PAGE_MAX);
        match before {
            None => (&self.db).list(ALL, &binds![limit]).await,
            Some((node, number)) => (&self.db).list(BEFORE, &binds![limit, node, number]).await,
        }
    }

    /// Entries of a node's chain behind a number, oldest first.
    pub async fn after(&self, node: u16, after: u64, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        const SQL: &str = "
            SELECT number, time, entry, hash, tenant FROM audit
            WHERE node = $1 AND number > $2 ORDER BY number LIMIT $3";
        (&self.db).list(SQL, &binds![node, after, limit.min(AUDIT_PAGE_MAX)]).await
    }

    /// Adds entries to a node's chain, all or none.
    ///
    /// # Errors
    /// When the store fails, or one of the numbers is taken.
    pub async fn append(&self, node: u16, entries: &[AuditEntry]) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO audit (node, number, time, entry, hash, tenant)
            SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS BIGINT),
                   CAST(value ->> 3 AS TEXT), CAST(value ->> 4 AS TEXT), CAST(value ->> 5 AS TEXT)
            FROM json_each($1)";
        let row = |it: &AuditEntry| json!([node, it.number, it.time.as_millis(), it.entry, it.seal, it.tenant]);
        let rows: Vec<_> = entries.iter().map(row).collect();
        let mut tx = self.db.begin().await?;
        tx.execute(SQL, &binds![&to_json(&rows)?]).await?;
        let mut sizes = BTreeMap::<&str, u64>::new();
        for entry in entries {
            *sizes.entry(&entry.tenant).or_default() += entry.octets();
        }
        for (tenant, octets) in sizes {
            grow(&mut tx, node, tenant, octets.cast_signed()).await?;
        }
        tx.commit().await
    }

    /// Where a node's chain begins; `None`: with its first entry.
    pub async fn start(&self, node: u16) -> Result<Option<AuditStart>, StoreError> {
        const SQL: &str = "SELECT number, seal, mark FROM audit_start WHERE node = $1";
        (&self.db).value(SQL, &binds![node]).await
    }

    /// Takes the entries up to `start` out of a node's chain, which begins behind it from then on. One short transaction:
    /// the caller does not take too many at a time.
    pub async fn take_out(&self, node: u16, start: &AuditStart) -> Result<(), StoreError> {
        const SIZES: &str = "
            SELECT tenant, CAST(SUM(OCTET_LENGTH(entry) + $3) AS BIGINT) FROM audit
            WHERE node = $1 AND number <= $2 GROUP BY tenant";
        const DELETE: &str = "DELETE FROM audit WHERE node = $1 AND number <= $2";
        const START: &str = "
            INSERT INTO audit_start (node, number, seal, mark) VALUES ($1, $2, $3, $4)
            ON CONFLICT (node) DO UPDATE SET number = excluded.number, seal = excluded.seal, mark = excluded.mark";
        let until = binds![node, start.number];
        let mut tx = self.db.begin().await?;
        let sizes = tx.rows(SIZES, &binds![node, start.number, AUDIT_LINE_OVERHEAD]).await?;
        for row in &sizes {
            grow(&mut tx, node, row.text(0)?, -row.int(1)?).await?;
        }
        tx.execute("DELETE FROM audit_size WHERE node = $1 AND octets <= 0", &until[..1]).await?;
        tx.execute(DELETE, &until).await?;
        tx.execute(START, &binds![node, start.number, &start.seal, &start.mark]).await?;
        tx.commit().await
    }

    /// Removes all of a node's chain, as if there never was one.
    pub async fn forget(&self, node: u16) -> Result<(), StoreError> {
        let node = binds![node];
        let mut tx = self.db.begin().await?;
        for sql in [
            "DELETE FROM audit WHERE node = $1",
            "DELETE FROM audit_size WHERE node = $1",
            "DELETE FROM audit_start WHERE node = $1",
        ] {
            tx.execute(sql, &node).await?;
        }
        tx.commit().await
    }

    /// What the entries of each tenant take up on each node.
    pub async fn sizes(&self) -> Result<Vec<AuditSize>, StoreError> {
        (&self.db).list("SELECT node, tenant, octets FROM audit_size", &[]).await
    }

    /// The number of the customer that owns a domain or an account; `None`: it is gone, or the scope is wider.
    pub async fn customer_of(&self, scope: Scope) -> Result<Option<u32>, StoreError> {
        const OF_DOMAIN: &str = "SELECT customer_id FROM domain WHERE id = $1";
        const OF_ACCOUNT: &str = "
            SELECT d.customer_id FROM address AS a JOIN domain AS d ON d.id = a.domain_id WHERE a.id = $1";
        let (sql, id) = match scope {
            Scope::Customer(id) => return Ok(Some(id.0)),
            Scope::Domain(id) => (OF_DOMAIN, id.0),
            Scope::Account(id) => (OF_ACCOUNT, id.0),
            Scope::All | Scope::Reseller(_) => return Ok(None),
        };
        (&self.db).value(sql, &binds![id]).await
    }
}

/// Counts a tenant's octets up or down.
async fn grow(tx: &mut Tx, node: u16, tenant: &str, octets: i64) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO audit_size (node, tenant, octets) VALUES ($1, $2, $3)
        ON CONFLICT (node, tenant) DO UPDATE SET octets = audit_size.octets + excluded.octets";
    tx.execute(SQL, &binds![node, tenant, octets]).await.map(drop)
}
