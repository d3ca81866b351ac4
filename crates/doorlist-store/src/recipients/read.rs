//! What people and scripts ask of the list, read from the store and not from memory: names, accounts, pages. Off the
//! path of mail. Must not change anything.

use super::codes::BATCH;
use super::domain_rows::{self, StoredDomain};
use super::handle::RecipientStore;
use super::packed;
use super::records::{
    AccountDetails, AccountFilter, AddressEntry, DomainDetails, DomainSummary, PAGE_MAX, WithoutMail,
};
use super::version::version;
use crate::db::{Read, binds};
use crate::error::StoreError;
use crate::last_mail::day_of;
use crate::tenants::pattern;
use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::domain::DomainId;
use doorlist_core::list::AddressId;
use doorlist_core::list_change::{AddressState, ListDomain};
use doorlist_core::time::Timestamp;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// A day of the days on which addresses get mail.
const DAY: Duration = Duration::from_hours(24);

impl RecipientStore {
    /// The store's version of the list; the one in memory may still be behind.
    pub async fn version(&self) -> Result<u64, StoreError> {
        version(self.db()).await
    }

    /// All domains, by name.
    pub async fn domains(&self) -> Result<Vec<DomainSummary>, StoreError> {
        let mut db = self.db();
        let mut summaries = Vec::new();
        for ids in domain_rows::all_ids(&mut db).await?.chunks(BATCH) {
            summaries.extend(domain_rows::load(&mut db, ids).await?.into_iter().map(summary));
        }
        Ok(summaries)
    }

    /// The domain with this name or domain alias.
    pub async fn domain(&self, name: &DomainName) -> Result<Option<DomainDetails>, StoreError> {
        Ok(self.stored_domain(name).await?.map(details))
    }

    /// Accounts of a domain with their aliases, in byte order of their local parts. Vetoed addresses are among them,
    /// unless accounts without mail are asked for.
    pub async fn accounts(&self, filter: &AccountFilter, now: Timestamp) -> Result<Vec<AccountDetails>, StoreError> {
        // An account is found by its own name and by those of its aliases. Texts are folded when they are stored.
        const SQL: &str = "
            SELECT a.local FROM address AS a
            WHERE a.domain_id = $1 AND a.local > $2 AND a.kind <> 1 AND (a.local LIKE $3 ESCAPE '\\' OR a.id IN
                (SELECT o.account_id FROM address AS o
                 WHERE o.domain_id = $1 AND o.account_id IS NOT NULL AND o.local LIKE $3 ESCAPE '\\'))
              AND ($5 = FALSE OR EXISTS
                (SELECT 1 FROM claim AS c JOIN claim_source AS s ON s.id = c.source_id
                 WHERE c.address_id = a.id AND s.name = 'learned'))
              AND ($6 IS NULL OR (a.standing <> 2 AND a.created < $7
                AND NOT EXISTS (SELECT 1 FROM address_mail AS m
                    WHERE m.domain_id = a.domain_id AND m.local = a.local AND m.accepted >= $6)
                AND NOT EXISTS (SELECT 1 FROM address AS o JOIN address_mail AS m
                    ON m.domain_id = o.domain_id AND m.local = o.local
                    WHERE o.account_id = a.id AND m.accepted >= $6)))
            ORDER BY a.local LIMIT $4";
        let Some(home) = self.list_domain(&filter.domain).await? else { return Ok(Vec::new()) };
        let pattern = filter.search.as_deref().map_or_else(|| "%".to_owned(), |text| pattern("%", text, "%"));
        let after = filter.after.as_ref().map_or("", LocalPart::as_str);
        let limit = filter.limit.min(PAGE_MAX);
        let (mailed_since, listed_before) = match filter.without_mail {
            None => (None, i64::MAX),
            Some(WithoutMail::Ever) => (Some(0), i64::MAX),
            Some(WithoutMail::ForDays(days)) => {
                let since = now - DAY * days;
                (Some(day_of(since)), since.as_millis())
            }
        };
        if mailed_since.is_some() {
            self.last_mail().write().await?;
        }
        let binds = binds![home.id, after, &pattern, limit, filter.auto_added, mailed_since, listed_before];
        let found: Vec<String> = self.db().list(SQL, &binds).await?;
        let locals: Vec<_> = found.iter().map(|local| LocalPart::from_canonical(local)).collect();
        self.with_aliases(&home, &locals).await
    }

    /// An address with the aliases that lead to it.
    pub async fn account(&self, address: &Address) -> Result<Option<AccountDetails>, StoreError> {
        let Some(home) = self.list_domain(address.domain()).await? else { return Ok(None) };
        Ok(self.with_aliases(&home, &[address.local().clone()]).await?.pop())
    }

    /// All addresses of a domain, in byte order of their local parts.
    pub async fn addresses(
        &self,
        domain: &DomainName,
        after: Option<&LocalPart>,
        limit: u32,
    ) -> Result<Vec<AddressEntry>, StoreError> {
        let Some(home) = self.list_domain(domain).await? else { return Ok(Vec::new()) };
        let after = after.map_or("", LocalPart::as_str);
        let page = packed::page(&mut self.db(), &home, after, None, limit.min(PAGE_MAX) as usize).await?;
        Ok(page.into_iter().map(|(local, state)| entry(&home, local, &state)).collect())
    }

    /// Those of these local parts that are listed in a domain.
    pub async fn listed_among(
        &self,
        domain: &DomainName,
        locals: &[LocalPart],
    ) -> Result<HashSet<LocalPart>, StoreError> {
        let Some(home) = self.list_domain(domain).await? else { return Ok(HashSet::new()) };
        let mut listed = HashSet::new();
        for locals in locals.chunks(BATCH) {
            let found = packed::by_name(&mut self.db(), &home, &locals.iter().collect::<Vec<_>>()).await?;
            listed.extend(found.into_iter().filter(|(_, state)| state.is_listed()).map(|(local, _)| local));
        }
        Ok(listed)
    }

    /// Some mailboxes of a domain that are listed and not switched off, those that were listed first.
    pub async fn some_mailboxes(&self, domain: DomainId, limit: u32) -> Result<Vec<LocalPart>, StoreError> {
        const SQL: &str = "
            SELECT local FROM address
            WHERE domain_id = $1 AND kind = 0 AND kind <> 1 AND standing = 0 AND standing <> 2 ORDER BY id LIMIT $2";
        let found: Vec<String> = self.db().list(SQL, &binds![domain, limit]).await?;
        Ok(found.iter().map(|local| LocalPart::from_canonical(local)).collect())
    }

    /// The address of a row.
    pub async fn entry_of(&self, id: AddressId) -> Result<Option<AddressEntry>, StoreError> {
        const SQL: &str = "
            SELECT a.local, d.name FROM address AS a JOIN domain AS d ON d.id = a.domain_id WHERE a.id = $1";
        let found = self.db().value::<(String, DomainName)>(SQL, &binds![id]).await?;
        let Some((local, domain)) = found else { return Ok(None) };
        let address = Address::new(LocalPart::from_canonical(&local), domain);
        Ok(self.account(&address).await?.map(|account| account.entry))
    }

    async fn with_aliases(&self, home: &ListDomain, locals: &[LocalPart]) -> Result<Vec<AccountDetails>, StoreError> {
        let found = packed::by_name(&mut self.db(), home, &locals.iter().collect::<Vec<_>>()).await?;
        let ids: Vec<_> = found.iter().map(|(_, state)| state.id).collect();
        let mut aliases: HashMap<AddressId, Vec<LocalPart>> = HashMap::new();
        for (alias, state) in packed::aliases_of(&mut self.db(), &ids).await? {
            if let Some((account, _)) = state.account {
                aliases.entry(account).or_default().push(alias);
            }
        }
        let mailed = self.last_mail().of_addresses(home.id, locals).await?;
        let mut mailed: HashMap<_, _> = mailed.into_iter().map(|one| (one.local.clone(), one.into())).collect();
        let details = found.into_iter().map(|(local, state)| {
            let mut aliases = aliases.remove(&state.id).unwrap_or_default();
            aliases.sort();
            let mail = mailed.remove(&local);
            AccountDetails { entry: entry(home, local, &state), aliases, mail }
        });
        Ok(details.collect())
    }

    async fn list_domain(&self, name: &DomainName) -> Result<Option<ListDomain>, StoreError> {
        Ok(self.stored_domain(name).await?.map(|domain| domain.list_domain()))
    }

    async fn stored_domain(&self, name: &DomainName) -> Result<Option<StoredDomain>, StoreError> {
        domain_rows::find(&mut self.db(), name).await
    }
}

fn entry(home: &ListDomain, local: LocalPart, state: &AddressState) -> AddressEntry {
    AddressEntry { id: state.id, address: Address::new(local, home.name.clone()), record: state.record() }
}

fn summary(domain: StoredDomain) -> DomainSummary {
    let StoredDomain { id, name, counts, record, .. } = domain;
    let (customer, mode, active, hold) = (record.customer, record.mode, record.active, record.hold);
    DomainSummary { id, name, customer, mode, active, hold, counts }
}

fn details(domain: StoredDomain) -> DomainDetails {
    let (record, technical_contact) = (domain.record.clone(), domain.technical_contact.clone());
    DomainDetails {
        trial_end: domain.record.trial_end,
        summary: summary(domain),
        domain_aliases: record.domain_aliases,
        aliases_off: record.aliases_off,
        servers: record.servers,
        sub_addressing: record.sub_addressing,
        accept_abuse: record.accept_abuse,
        bounce_addresses: record.bounce_addresses,
        spam: record.spam,
        fall_back: record.fall_back,
        plus_refused: record.plus_refused,
        technical_contact,
    }
}
