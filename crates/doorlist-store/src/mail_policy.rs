//! Sender rules, written; and the policies of all domains and accounts, read into memory in bounded, packed pages. What a
//! rule means is the core's; how the table is shown and kept up is the directory's. Must not know who may write.

use crate::db::{Bind, Db, Read};
use crate::directory::{Directory, corrupt, to_json, unpack};
use crate::error::StoreError;
use crate::tenants::take_number;
use doorlist_core::domain::DomainId;
use doorlist_core::list::AddressId;
use doorlist_core::mail_policy::{AccountPolicy, DomainPolicy, PolicyTable};
use doorlist_core::sender_rules::{SenderPattern, SenderRules};
use doorlist_core::time::Timestamp;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Sender rules that one domain or one account has at most.
pub const SENDER_RULES_MAX: u32 = 10_000;
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

/// Why a rule was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleRefused {
    /// The owner has one for this sender already.
    #[error("a rule for this sender already exists")]
    Taken,
    /// It has [`SENDER_RULES_MAX`].
    #[error("the limit of {SENDER_RULES_MAX} sender rules is reached; remove some first")]
    Full,
    /// There is no such domain, or the address is no account.
    #[error("this domain or account does not exist")]
    NoOwner,
}

impl Directory {
    /// Adds a sender rule; gives its number. Mail is judged by it before this returns.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn add_sender_rule(
        &self,
        of: RuleOwner,
        sender: &SenderPattern,
        allow: bool,
        now: Timestamp,
    ) -> Result<Result<u32, RuleRefused>, StoreError> {
        const INSERT: &str = "
            INSERT INTO sender_rule (id, domain_id, address_id, sender, allow, created, updated)
            VALUES ($1, $2, $3, $4, $5, $6, $6)";
        let (domain, account, known, same) = match of {
            RuleOwner::Domain(id) => (
                Some(i64::from(id.0)),
                None,
                "SELECT (SELECT COUNT(*) FROM sender_rule WHERE domain_id = $1) FROM domain WHERE id = $1",
                "SELECT id FROM sender_rule WHERE domain_id = $1 AND sender = $2",
            ),
            RuleOwner::Account(id) => (
                None,
                Some(i64::from(id.0)),
                "SELECT (SELECT COUNT(*) FROM sender_rule WHERE address_id = $1) FROM address
                 WHERE id = $1 AND kind <> 1 AND standing <> 2",
                "SELECT id FROM sender_rule WHERE address_id = $1 AND sender = $2",
            ),
        };
        let owner = domain.or(account).unwrap_or_default();
        let sender = sender.to_string();
        // Its lock comes first and lets one writer count at a time.
        let mut tx = self.db().begin_policy().await?;
        let Some(row) = tx.row(known, &[Bind::Int(owner)]).await? else { return Ok(Err(RuleRefused::NoOwner)) };
        if tx.row(same, &[Bind::Int(owner), Bind::Text(&sender)]).await?.is_some() {
            return Ok(Err(RuleRefused::Taken));
        }
        if row.int(0)? >= SENDER_RULES_MAX.into() {
            return Ok(Err(RuleRefused::Full));
        }
        let id = take_number(&mut tx, "sender_rule").await?;
        let binds = [
            Bind::Int(id),
            Bind::IntOrNull(domain),
            Bind::IntOrNull(account),
            Bind::Text(&sender),
            Bind::Flag(allow),
            Bind::Int(now.as_millis()),
        ];
        tx.execute(INSERT, &binds).await?;
        tx.commit().await?;
        self.show_policies().await;
        Ok(Ok(u32::try_from(id).unwrap_or(u32::MAX)))
    }

    /// Writes whether a rule allows or blocks now; false if it is gone.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn put_sender_rule(&self, id: u32, allow: bool, now: Timestamp) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE sender_rule SET allow = $2, updated = $3 WHERE id = $1";
        let mut tx = self.db().begin_policy().await?;
        let binds = [Bind::Int(id.into()), Bind::Flag(allow), Bind::Int(now.as_millis())];
        let touched = tx.execute(SQL, &binds).await?;
        tx.commit().await?;
        self.show_policies().await;
        Ok(touched > 0)
    }

    /// Removes these rules; gives how many there were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove_sender_rules(&self, ids: &[u32]) -> Result<u64, StoreError> {
        const SQL: &str = "
            DELETE FROM sender_rule WHERE id IN (SELECT CAST(k.value ->> 0 AS BIGINT) FROM json_each($1) AS k)";
        let keys = to_json(&ids.iter().map(|id| [id]).collect::<Vec<_>>())?;
        let mut tx = self.db().begin_policy().await?;
        let removed = tx.execute(SQL, &[Bind::Text(&keys)]).await?;
        tx.commit().await?;
        self.show_policies().await;
        Ok(removed)
    }
}

/// Everything that was set, and the count of changes that it shows at least.
pub(crate) async fn load(db: &Db) -> Result<(i64, PolicyTable), StoreError> {
    let counted = count(db).await?;
    let mut rules = read_rules(db).await?;
    let mut rules_of = |owner| Arc::new(rules.remove(&owner).unwrap_or_default().into_iter().collect::<SenderRules>());
    let mut table = PolicyTable::default();
    for (id, message_max, contact) in domains(db).await? {
        let rules = rules_of(RuleOwner::Domain(id));
        // A contact that is no address is told nothing, and stops nothing.
        let technical_contact = contact.and_then(|contact| contact.parse().ok());
        table.put_domain(id, DomainPolicy { rules, message_max, technical_contact });
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
    let row = db.row("SELECT policy FROM list_state WHERE id = 1", &[]).await?;
    row.ok_or_else(|| corrupt("list_state", "its row is gone".to_owned()))?.int(0)
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
        let keys = to_json(&ids.iter().map(|id| [id.0]).collect::<Vec<_>>())?;
        let Some(row) = db.row(SQL, &[Bind::Text(&keys)]).await? else { continue };
        let rows = unpack::<(u32, Option<u32>)>(&row, "address")?;
        aliases.extend(rows.into_iter().map(|(id, account)| (AddressId(id), account.map(AddressId))));
    }
    Ok(aliases)
}

type Rules = HashMap<RuleOwner, Vec<(SenderPattern, bool)>>;

async fn read_rules(mut db: &Db) -> Result<Rules, StoreError> {
    const SQL: &str = "
        SELECT CAST(JSON_ROWS(r.id, r.domain_id, r.address_id, r.sender, CASE WHEN r.allow THEN 1 ELSE 0 END)) AS TEXT)
        FROM (SELECT * FROM sender_rule WHERE id > $1 ORDER BY id LIMIT $2) AS r";
    type Packed = (i64, Option<u32>, Option<u32>, String, u8);
    let (mut rules, mut after) = (Rules::new(), 0);
    loop {
        let Some(row) = db.row(SQL, &[Bind::Int(after), Bind::Int(PAGE)]).await? else { return Ok(rules) };
        let page: Vec<Packed> = unpack(&row, "sender_rule")?;
        let Some(last) = page.iter().map(|rule| rule.0).max() else { return Ok(rules) };
        after = last;
        for (_, domain, account, sender, allow) in page {
            let owner = match (domain, account) {
                (Some(id), _) => RuleOwner::Domain(DomainId(id)),
                (None, Some(id)) => RuleOwner::Account(AddressId(id)),
                (None, None) => return Err(corrupt("sender_rule", "a rule of nobody".to_owned())),
            };
            let pattern = sender.parse().map_err(|_| corrupt("sender_rule", format!("sender {sender:?}")))?;
            rules.entry(owner).or_default().push((pattern, allow == 1));
        }
    }
}

/// Size limit and technical contact of every domain: its own contact, else its customer's.
async fn domains(mut db: &Db) -> Result<Vec<(DomainId, Option<u64>, Option<String>)>, StoreError> {
    const SQL: &str = "
        SELECT CAST(JSON_ROWS(x.id, x.message_max, x.contact)) AS TEXT) FROM (
            SELECT d.id, d.message_max,
                   COALESCE((SELECT t.email FROM contact AS t WHERE t.domain_id = d.id AND t.is_technical
                             ORDER BY t.id LIMIT 1),
                            (SELECT t.email FROM contact AS t WHERE t.customer_id = d.customer_id AND t.is_technical
                             ORDER BY t.id LIMIT 1)) AS contact
            FROM domain AS d WHERE d.id > $1 ORDER BY d.id LIMIT $2) AS x";
    type Packed = (u32, Option<u64>, Option<String>);
    let (mut domains, mut after) = (Vec::new(), 0);
    loop {
        let Some(row) = db.row(SQL, &[Bind::Int(after), Bind::Int(PAGE)]).await? else { return Ok(domains) };
        let page: Vec<Packed> = unpack(&row, "domain")?;
        let Some(last) = page.iter().map(|domain| domain.0).max() else { return Ok(domains) };
        after = last.into();
        domains.extend(page.into_iter().map(|(id, max, contact)| (DomainId(id), max, contact)));
    }
}

/// Size limits of accounts.
async fn limits(mut db: &Db) -> Result<HashMap<AddressId, u64>, StoreError> {
    const SQL: &str = "
        SELECT CAST(JSON_ROWS(s.address_id, s.message_max)) AS TEXT)
        FROM (SELECT address_id, message_max FROM account_setting
              WHERE address_id > $1 AND message_max IS NOT NULL ORDER BY address_id LIMIT $2) AS s";
    let (mut limits, mut after) = (HashMap::new(), 0);
    loop {
        let Some(row) = db.row(SQL, &[Bind::Int(after), Bind::Int(PAGE)]).await? else { return Ok(limits) };
        let page: Vec<(u32, u64)> = unpack(&row, "account_setting")?;
        let Some(last) = page.iter().map(|limit| limit.0).max() else { return Ok(limits) };
        after = last.into();
        limits.extend(page.into_iter().map(|(id, max)| (AddressId(id), max)));
    }
}
