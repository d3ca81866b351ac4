//! The policies of all domains and accounts, read into memory in bounded, packed pages. What a rule means is the core's; how
//! the table is shown and kept up is the directory's.

use crate::db::{Db, Read, binds};
use crate::error::StoreError;
use crate::json_rows::{keys, unpack};
use doorlist_core::domain::DomainId;
use doorlist_core::list::AddressId;
use doorlist_core::mail_policy::{AccountPolicy, DomainPolicy, PolicyTable, SpamTreatment};
use doorlist_core::sender_rules::{SenderPattern, SenderRules};
use serde::de::DeserializeOwned;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Rows that are packed into one text.
const PAGE: i64 = 10_000;

/// Whose rule it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RuleOwner {
    /// A domain's: for all of its recipients.
    Domain(DomainId),
    /// An account's: for it and its aliases.
    Account(AddressId),
}

/// Everything that was set, and the count of changes that it shows at least.
pub(crate) async fn load(db: &Db) -> Result<(i64, PolicyTable), StoreError> {
    let counted = count(db).await?;
    let mut rules = read_rules(db).await?;
    let mut rules_of = |owner| Arc::new(rules.remove(&owner).unwrap_or_default().into_iter().collect::<SenderRules>());
    let mut table = PolicyTable::default();
    for (id, message_max, spam, contact) in domains(db).await? {
        let rules = rules_of(RuleOwner::Domain(id));
        // A contact that is no address is told nothing, and stops nothing.
        let technical_contact = contact.and_then(|contact| contact.parse().ok());
        table.put_domain(id, DomainPolicy { rules, message_max, spam, technical_contact });
    }
    let mut limits = limits(db).await?;
    let mut accounts: HashSet<AddressId> = limits.keys().copied().collect();
    accounts.extend(rules.keys().filter_map(|owner| match owner {
        RuleOwner::Account(id) => Some(*id),
        RuleOwner::Domain(_) => None,
    }));
    for id in &accounts {
        let rules = rules.remove(&RuleOwner::Account(*id)).unwrap_or_default().into_iter().collect();
        table.put_account(*id, AccountPolicy { rules: Arc::new(rules), message_max: limits.remove(id) });
    }
    let ids: Vec<_> = accounts.into_iter().collect();
    for (id, account) in aliases_of(db, &ids).await? {
        table.put_alias(id, account);
    }
    Ok((counted, table))
}

/// The count of changes to policies.
pub(crate) async fn count(mut db: &Db) -> Result<i64, StoreError> {
    let count = db.value("SELECT policy FROM list_state WHERE id = 1", &[]).await?;
    count.ok_or_else(|| StoreError::corrupt("list_state", "its row is gone".to_owned()))
}

/// Whose aliases these addresses are, and which aliases these accounts have.
pub(crate) async fn aliases_of(
    mut db: &Db,
    ids: &[AddressId],
) -> Result<Vec<(AddressId, Option<AddressId>)>, StoreError> {
    const SQL: &str = "
        SELECT CAST(JSON_ROWS(x.id, x.account_id)) AS TEXT) FROM (
            SELECT a.id, a.account_id FROM json_each($1) AS k CROSS JOIN address AS a
            WHERE a.id = CAST(k.value ->> 0 AS BIGINT)
            UNION ALL
            SELECT a.id, a.account_id FROM json_each($1) AS k CROSS JOIN address AS a
            WHERE a.account_id = CAST(k.value ->> 0 AS BIGINT) AND a.account_id IS NOT NULL) AS x";
    let mut aliases = Vec::new();
    for ids in ids.chunks(PAGE as usize) {
        let Some(row) = db.row(SQL, &binds![&keys(ids)?]).await? else { continue };
        aliases.append(&mut unpack(&row, "address")?);
    }
    Ok(aliases)
}

type Rules = HashMap<RuleOwner, Vec<(SenderPattern, bool)>>;

async fn read_rules(db: &Db) -> Result<Rules, StoreError> {
    const SQL: &str = "
        SELECT CAST(JSON_ROWS(r.id, r.domain_id, r.address_id, r.sender, CASE WHEN r.allow THEN 1 ELSE 0 END)) AS TEXT)
        FROM (SELECT * FROM sender_rule WHERE id > $1 ORDER BY id LIMIT $2) AS r";
    type RuleColumns = (u32, Option<DomainId>, Option<AddressId>, String, u8);
    let mut rules = Rules::new();
    for (_, domain, account, sender, allow) in pages::<RuleColumns>(db, SQL, "sender_rule", |row| row.0).await? {
        let owner = match (domain, account) {
            (Some(id), _) => RuleOwner::Domain(id),
            (None, Some(id)) => RuleOwner::Account(id),
            (None, None) => return Err(StoreError::corrupt("sender_rule", "a rule of nobody".to_owned())),
        };
        let pattern = sender.parse().map_err(|_| StoreError::corrupt("sender_rule", format!("sender {sender:?}")))?;
        rules.entry(owner).or_default().push((pattern, allow == 1));
    }
    Ok(rules)
}

/// Size limit, treatment of spam and technical contact of every domain: its own contact, else its customer's.
async fn domains(db: &Db) -> Result<Vec<(DomainId, Option<u64>, SpamTreatment, Option<String>)>, StoreError> {
    const SQL: &str = "
        SELECT CAST(JSON_ROWS(x.id, x.message_max, x.spam, x.contact)) AS TEXT) FROM (
            SELECT d.id, d.message_max, d.spam,
                   COALESCE((SELECT t.email FROM contact AS t WHERE t.domain_id = d.id AND t.is_technical
                             ORDER BY t.id LIMIT 1),
                            (SELECT t.email FROM contact AS t WHERE t.customer_id = d.customer_id AND t.is_technical
                             ORDER BY t.id LIMIT 1)) AS contact
            FROM domain AS d WHERE d.id > $1 ORDER BY d.id LIMIT $2) AS x";
    pages(db, SQL, "domain", |row: &(DomainId, _, _, _)| row.0.0).await
}

/// Size limits of accounts.
async fn limits(db: &Db) -> Result<HashMap<AddressId, u64>, StoreError> {
    const SQL: &str = "
        SELECT CAST(JSON_ROWS(s.address_id, s.message_max)) AS TEXT)
        FROM (SELECT address_id, message_max FROM account_setting
              WHERE address_id > $1 AND message_max IS NOT NULL ORDER BY address_id LIMIT $2) AS s";
    Ok(pages(db, SQL, "account_setting", |row: &(AddressId, _)| row.0.0).await?.into_iter().collect())
}

/// All packed rows of a statement that reads `$2` of them behind the number `$1`.
async fn pages<T: DeserializeOwned>(
    mut db: &Db,
    sql: &'static str,
    table: &'static str,
    number: impl Fn(&T) -> u32,
) -> Result<Vec<T>, StoreError> {
    let (mut rows, mut after) = (Vec::new(), 0);
    loop {
        let Some(row) = db.row(sql, &binds![after, PAGE]).await? else { return Ok(rows) };
        let mut page: Vec<T> = unpack(&row, table)?;
        let Some(last) = page.iter().map(&number).max() else { return Ok(rows) };
        after = last;
        rows.append(&mut page);
    }
}
