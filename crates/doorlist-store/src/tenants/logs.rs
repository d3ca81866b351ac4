//! The change log and the plans as one caller sees them: of a change that touched a domain of somebody else, nothing.

use super::View;
use super::query::QueryValue;
use super::sight;
use super::table::Owners;
use crate::db::Built;
use crate::error::StoreError;
use crate::recipients::{ChangeEntry, PlanEntry, read_plans};
use doorlist_core::address::DomainName;
use doorlist_core::change::PlanId;

const OWNERS: Owners =
    Owners { reseller: Some("k.reseller_id"), customer: Some("k.id"), domain: Some("d.id"), account: None };

impl View {
    /// The change log, newest first: older than `before`, of one domain if it is given.
    pub async fn changes(
        &self,
        domain: Option<&DomainName>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<ChangeEntry>, StoreError> {
        if self.access().sees_all() {
            return self.tenants.recipients.changes(domain, before, limit).await;
        }
        let mut sql = Built::default();
        sql.push(
            "SELECT c.id, c.time, c.actor, c.via, c.summary, c.added, c.changed, c.removed, c.domains, c.rows_gone
             FROM change AS c WHERE c.id IN (
                SELECT t.change_id FROM domain AS d CROSS JOIN customer AS k CROSS JOIN change_domain AS t
                WHERE k.id = d.customer_id AND t.domain_id = d.id AND ",
        );
        sight::condition(&mut sql, self.access(), &OWNERS);
        only(&mut sql, domain);
        sql.push(" AND t.change_id < ").bind(number(before.unwrap_or(u64::MAX)));
        sql.push(
            ") AND NOT EXISTS (
                SELECT 1 FROM change_domain AS t LEFT JOIN domain AS d ON d.id = t.domain_id
                LEFT JOIN customer AS k ON k.id = d.customer_id
                WHERE t.change_id = c.id AND NOT (",
        );
        sight::condition(&mut sql, self.access(), &OWNERS);
        sql.push(")) ORDER BY c.id DESC LIMIT ").number(limit.into());
        self.db().built(&sql).await?.iter().map(|row| row.get(0)).collect()
    }

    /// Plans, newest first: older than `before`, of one domain if it is given. Those of several domains are the operator's.
    pub async fn plans(
        &self,
        domain: Option<&DomainName>,
        before: Option<PlanId>,
        limit: u32,
    ) -> Result<Vec<PlanEntry>, StoreError> {
        if self.access().sees_all() {
            return self.tenants.recipients.plans(domain, before, limit).await;
        }
        let mut sql = Built::default();
        sql.push(
            "SELECT id, domain_name, source, state, made, actor, via, summary, held, outcome, report, change_id FROM plan
             WHERE state <> 'staging' AND domain_id IN (
                SELECT d.id FROM domain AS d CROSS JOIN customer AS k WHERE k.id = d.customer_id AND ",
        );
        sight::condition(&mut sql, self.access(), &OWNERS);
        only(&mut sql, domain);
        sql.push(") AND id < ").bind(number(before.map_or(u64::MAX, |id| id.0)));
        sql.push(" ORDER BY id DESC LIMIT ").number(limit.into());
        read_plans(&self.db().built(&sql).await?)
    }
}

/// One domain, by its name or an alias.
fn only(sql: &mut Built, domain: Option<&DomainName>) {
    let Some(name) = domain else { return };
    sql.push(" AND (d.name = ").bind(QueryValue::Text(name.to_string()));
    sql.push(" OR d.id = (SELECT a.domain_id FROM domain_alias AS a WHERE a.name = ");
    sql.bind(QueryValue::Text(name.to_string())).push("))");
}

fn number(number: u64) -> QueryValue {
    QueryValue::Int(i64::try_from(number).unwrap_or(i64::MAX))
}
