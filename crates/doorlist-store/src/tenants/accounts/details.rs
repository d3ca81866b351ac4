//! What a page shows of each account and alias, read for all rows of a page at once. Must not know how they were found.

use crate::db::{Read, binds};
use crate::error::StoreError;
use crate::json_rows::{keys, unpack};
use crate::recipients::domain_name;
use crate::tenants::View;
use crate::tenants::table::Placed;
use doorlist_core::access::{CustomerId, Lineage, Permission, ResellerId};
use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::change::Source;
use doorlist_core::domain::DomainId;
use doorlist_core::list::AddressId;
use doorlist_core::time::Timestamp;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};

/// An email account with what is set for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    pub id: AddressId,
    pub local: LocalPart,
    pub domain: DomainId,
    pub domain_name: DomainName,
    pub is_list: bool,
    /// It takes mail; otherwise it was switched off.
    pub active: bool,
    /// Whoever said that it is there says so no more: it goes when the grace is over.
    pub missing: bool,
    /// A number that is kept for those who ask for it.
    pub priority: Option<i64>,
    /// Is told what its domain is told.
    pub use_domain_notifications: Option<bool>,
    /// The largest message that is taken for it, in octets.
    pub message_max: Option<u64>,
    /// The priority of its mail policy, kept for those who ask for it.
    pub policy_priority: Option<i64>,
    /// That its domain's mail policy holds for it; kept for those who ask for it.
    pub use_domain_policy: Option<bool>,
    pub contact: Option<u32>,
    /// Its aliases, as they were made.
    pub aliases: Vec<LocalPart>,
    /// Who says that it is there, strongest first.
    pub sources: Vec<Source>,
    /// When it came onto the list.
    pub created: Timestamp,
    pub updated: Timestamp,
}

impl AccountRow {
    pub fn address(&self) -> Address {
        Address::new(self.local.clone(), self.domain_name.clone())
    }
}

/// A further local part of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasRow {
    pub id: AddressId,
    pub local: LocalPart,
    pub account: AddressId,
    /// That account's local part.
    pub account_local: LocalPart,
    pub domain: DomainId,
    pub domain_name: DomainName,
    /// When it came onto the list.
    pub created: Timestamp,
    pub updated: Timestamp,
}

/// Owners, names and dates of a row, in the order of the statements below.
#[derive(Deserialize)]
struct PackedDetails(u32, String, u32, String, u32, u32, i64, i64, i64, i64, Option<u32>, Option<String>);

#[derive(Deserialize)]
struct PackedSetting(u32, Option<i64>, Option<i64>, Option<u64>, i64, Option<i64>, Option<i64>);

const ROWS: &str = "
    SELECT CAST(JSON_ROWS(a.id, a.local, d.id, d.name, c.id, c.reseller_id, a.kind, a.standing, a.created, a.updated,
                          a.account_id, p.local)) AS TEXT)
    FROM json_each($1) AS k CROSS JOIN address AS a
    JOIN domain AS d ON d.id = a.domain_id JOIN customer AS c ON c.id = d.customer_id
    LEFT JOIN address AS p ON p.id = a.account_id
    WHERE a.id = CAST(k.value ->> 0 AS BIGINT)";
const ALIASES: &str = "
    SELECT CAST(JSON_ROWS(a.account_id, a.id, a.local)) AS TEXT)
    FROM json_each($1) AS k CROSS JOIN address AS a
    WHERE a.account_id = CAST(k.value ->> 0 AS BIGINT) AND a.account_id IS NOT NULL AND a.standing <> 2";
const SOURCES: &str = "
    SELECT CAST(JSON_ROWS(c.address_id, s.name, c.missing_since)) AS TEXT)
    FROM json_each($1) AS k CROSS JOIN claim AS c JOIN claim_source AS s ON s.id = c.source_id
    WHERE c.address_id = CAST(k.value ->> 0 AS BIGINT)";
const SETTINGS: &str = "
    SELECT CAST(JSON_ROWS(s.address_id, s.priority, CASE WHEN s.use_domain_notifications THEN 1
                          WHEN NOT s.use_domain_notifications THEN 0 END, s.message_max, s.updated, s.policy_priority,
                          CASE WHEN s.use_domain_policy THEN 1 WHEN NOT s.use_domain_policy THEN 0 END)) AS TEXT)
    FROM json_each($1) AS k CROSS JOIN account_setting AS s WHERE s.address_id = CAST(k.value ->> 0 AS BIGINT)";
const CONTACTS: &str = "
    SELECT CAST(JSON_ROWS(t.address_id, t.id)) AS TEXT)
    FROM json_each($1) AS k CROSS JOIN contact AS t
    WHERE t.address_id = CAST(k.value ->> 0 AS BIGINT) AND t.address_id IS NOT NULL";

impl View {
    /// These accounts, in this order; one that went meanwhile is left out.
    pub(super) async fn account_rows(&self, ids: &[u32]) -> Result<Vec<Placed<AccountRow>>, StoreError> {
        let keys = keys(ids)?;
        let mut aliases: HashMap<u32, Vec<LocalPart>> = HashMap::new();
        let mut of_accounts = self.packed::<(u32, u32, String)>(ALIASES, &keys).await?;
        of_accounts.sort_unstable_by_key(|(_, id, _)| *id);
        for (account, _, local) in of_accounts {
            aliases.entry(account).or_default().push(LocalPart::from_canonical(&local));
        }
        let mut sources: HashMap<u32, Vec<Source>> = HashMap::new();
        let mut present: HashSet<u32> = HashSet::new();
        for (address, name, missing_since) in self.packed::<(u32, String, Option<i64>)>(SOURCES, &keys).await? {
            let source =
                Source::parse(&name).ok_or_else(|| StoreError::corrupt("claim_source", format!("{name:?}")))?;
            sources.entry(address).or_default().push(source);
            if missing_since.is_none() {
                present.insert(address);
            }
        }
        let settings = self.packed::<PackedSetting>(SETTINGS, &keys).await?;
        let mut settings: HashMap<u32, PackedSetting> = settings.into_iter().map(|row| (row.0, row)).collect();
        let mut contacts = self.packed::<(u32, u32)>(CONTACTS, &keys).await?;
        // Of several, the first that was made.
        contacts.sort_by(|a, b| b.cmp(a));
        let contacts: HashMap<u32, u32> = contacts.into_iter().collect();
        let mut rows = HashMap::new();
        for row in self.packed::<PackedDetails>(ROWS, &keys).await?.into_iter().filter(|row| row.6 != 1 && row.7 != 2) {
            let (aliases, mut sources) =
                (aliases.remove(&row.0).unwrap_or_default(), sources.remove(&row.0).unwrap_or_default());
            sources.sort_by(|a, b| b.rank().cmp(&a.rank()).then_with(|| a.cmp(b)));
            let set = settings.remove(&row.0);
            let lineage = Lineage { account: Some(AddressId(row.0)), ..lineage(&row) };
            if !self.sees(&lineage) {
                continue;
            }
            let account = AccountRow {
                id: AddressId(row.0),
                local: LocalPart::from_canonical(&row.1),
                domain: DomainId(row.2),
                domain_name: domain_name(&row.3)?,
                is_list: row.6 == 2,
                active: row.7 == 0,
                missing: !present.contains(&row.0),
                priority: set.as_ref().and_then(|set| set.1),
                use_domain_notifications: set.as_ref().and_then(|set| set.2).map(|flag| flag == 1),
                message_max: set.as_ref().and_then(|set| set.3),
                policy_priority: set.as_ref().and_then(|set| set.5),
                use_domain_policy: set.as_ref().and_then(|set| set.6).map(|flag| flag == 1),
                contact: contacts.get(&row.0).copied(),
                aliases,
                sources,
                created: Timestamp::from_millis(row.8),
                updated: Timestamp::from_millis(row.9.max(set.map_or(0, |set| set.4))),
            };
            rows.insert(row.0, Placed { row: account, lineage });
        }
        Ok(ids.iter().filter_map(|id| rows.remove(id)).collect())
    }

    /// These aliases, in this order.
    pub(super) async fn alias_rows(&self, ids: &[u32]) -> Result<Vec<Placed<AliasRow>>, StoreError> {
        let mut rows = HashMap::new();
        for row in self.packed::<PackedDetails>(ROWS, &keys(ids)?).await?.into_iter().filter(|row| row.7 != 2) {
            let (Some(account), Some(account_local)) = (row.10, &row.11) else { continue };
            if !self.sees(&lineage(&row)) {
                continue;
            }
            let alias = AliasRow {
                id: AddressId(row.0),
                local: LocalPart::from_canonical(&row.1),
                account: AddressId(account),
                account_local: LocalPart::from_canonical(account_local),
                domain: DomainId(row.2),
                domain_name: domain_name(&row.3)?,
                created: Timestamp::from_millis(row.8),
                updated: Timestamp::from_millis(row.9),
            };
            rows.insert(row.0, Placed { lineage: lineage(&row), row: alias });
        }
        Ok(ids.iter().filter_map(|id| rows.remove(id)).collect())
    }

    /// A second wall: whatever chose the rows, those of others are not shown.
    fn sees(&self, lineage: &Lineage) -> bool {
        self.access().on(lineage) >= Permission::See
    }

    async fn packed<T: for<'a> Deserialize<'a>>(&self, sql: &'static str, keys: &str) -> Result<Vec<T>, StoreError> {
        let Some(row) = self.db().row(sql, &binds![keys]).await? else { return Ok(Vec::new()) };
        unpack(&row, "address")
    }
}

fn lineage(row: &PackedDetails) -> Lineage {
    Lineage {
        reseller: Some(ResellerId(row.5)),
        customer: Some(CustomerId(row.4)),
        domain: Some(DomainId(row.2)),
        account: None,
    }
}
