//! Writing the change log: for each row that a change touches, what was there before and after. Must not know what a
//! change means; who reads it is in `changes.rs`.

use super::codes::via_word;
use super::domain_rows::StoredDomain;
use crate::db::{Tx, binds};
use crate::error::StoreError;
use crate::json_rows::{to_json, write_rows};
use doorlist_core::change::Actor;
use doorlist_core::domain::DomainId;
use doorlist_core::list_change::{AddressState, Applied, CountDifference, DraftAddress, ListDomain};
use doorlist_core::time::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The log of one transaction.
pub(super) struct TransactionLog {
    change: u64,
    /// Under which its rows stand: the change's own number, or a plan's.
    batch: i64,
    /// New addresses of a plan's rows are numbered from here.
    first_address: i64,
    place: u64,
    rows: Vec<Value>,
    domains: BTreeMap<DomainId, CountDifference>,
}

impl TransactionLog {
    /// For the change with this number.
    pub(super) fn new(change: u64) -> Self {
        let batch = i64::try_from(change).unwrap_or(i64::MAX);
        Self { change, batch, first_address: 0, place: 0, rows: Vec::new(), domains: BTreeMap::new() }
    }

    /// The rows of this change were written before, as those of a plan, up to the place given.
    pub(super) fn adopt(
        &mut self,
        (batch, place): (i64, u64),
        first_address: i64,
        domains: BTreeMap<DomainId, CountDifference>,
    ) {
        (self.batch, self.place, self.first_address, self.domains) = (batch, place, first_address, domains);
    }

    /// The domains that it touches.
    pub(super) fn domains(&self) -> impl Iterator<Item = DomainId> {
        self.domains.keys().copied()
    }

    /// Domains that have more addresses than before, and how many more.
    pub(super) fn grown(&self) -> Vec<(DomainId, i64)> {
        let grown = self.domains.iter().map(|(id, difference)| (*id, difference.total()));
        grown.filter(|(_, more)| *more > 0).collect()
    }

    /// Notes an address that differs.
    pub(super) fn address(&mut self, address: &DraftAddress) -> Result<(), StoreError> {
        let DraftAddress { domain, local, before, now } = address;
        let difference = self.domains.entry(domain.id).or_default();
        if let Some(state) = before {
            difference.subtract(state.kind, state.standing);
        }
        if let Some(state) = now {
            difference.add(state.kind, state.standing);
        }
        let text = |state: &Option<AddressState>| state.as_ref().map(|state| to_json(&state.record())).transpose();
        let id = now.as_ref().or(before.as_ref()).map(|state| state.id);
        self.put(domain, json!(id), Some(local.as_str()), text(before)?, text(now)?);
        Ok(())
    }

    /// Notes a domain that differs.
    pub(super) fn domain(
        &mut self,
        before: Option<&StoredDomain>,
        now: Option<&StoredDomain>,
    ) -> Result<(), StoreError> {
        let Some(domain) = now.or(before) else { return Ok(()) };
        self.domains.entry(domain.id).or_default();
        let text = |domain: Option<&StoredDomain>| domain.map(|domain| to_json(&domain.record)).transpose();
        let of = ListDomain { id: domain.id, name: domain.name.clone() };
        self.put(&of, Value::Null, None, text(before)?, text(now)?);
        Ok(())
    }

    fn put(
        &mut self,
        domain: &ListDomain,
        id: Value,
        local: Option<&str>,
        before: Option<String>,
        after: Option<String>,
    ) {
        self.place += 1;
        self.rows.push(json!([self.batch, self.place, domain.id, domain.name, id, local, before, after]));
    }

    /// Writes the rows noted so far.
    pub(super) async fn write(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO change_row (batch, place, domain_id, domain_name, address_id, local, before, after)
            SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS BIGINT),
                   CAST(value ->> 3 AS TEXT), CAST(value ->> 4 AS BIGINT), CAST(value ->> 5 AS TEXT),
                   CAST(value ->> 6 AS TEXT), CAST(value ->> 7 AS TEXT)
            FROM json_each($1)";
        write_rows(tx, SQL, &std::mem::take(&mut self.rows)).await
    }

    /// Writes the change's own line, and on its domains their new counts and the version.
    pub(super) async fn finish(
        &mut self,
        tx: &mut Tx,
        applied: &Applied,
        actor: &Actor,
        summary: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const CHANGE: &str = "
            INSERT INTO change (id, time, actor, via, summary, added, changed, removed, domains, batch, first_address)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        const TOUCHED: &str = "
            INSERT INTO change_domain (domain_id, change_id)
            SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT) FROM json_each($1)";
        const COUNTS: &str = "
            UPDATE domain SET changed = CAST(value ->> 1 AS BIGINT),
                mailboxes = mailboxes + CAST(value ->> 2 AS BIGINT), aliases = aliases + CAST(value ->> 3 AS BIGINT),
                lists = lists + CAST(value ->> 4 AS BIGINT), vetoed = vetoed + CAST(value ->> 5 AS BIGINT)
            FROM json_each($1) WHERE domain.id = CAST(value ->> 0 AS BIGINT)";
        let (Actor { name, via }, batch) = (actor, self.batch);
        let Applied { added, changed, removed, domains, .. } = *applied;
        let (change, via, first) = (self.change, via_word(*via), self.first_address);
        let binds = binds![change, now, name, via, summary, added, changed, removed, domains, batch, first];
        tx.execute(CHANGE, &binds).await?;
        let rows: Vec<_> = self.domains.keys().map(|id| json!([id, self.change])).collect();
        write_rows(tx, TOUCHED, &rows).await?;
        let rows = self.domains.iter().map(|(id, difference)| {
            let [mailboxes, aliases, lists, vetoed] = difference.values();
            json!([id, self.change, mailboxes, aliases, lists, vetoed])
        });
        let rows: Vec<_> = rows.collect();
        write_rows(tx, COUNTS, &rows).await
    }
}
